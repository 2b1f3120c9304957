"""YAML by key, where keys and elements have a line each; lists grow as `BlockMerge` says, those of steps do not.

Anchors, aliases, tags, several documents and keys that are given twice are left to others.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import yaml

from plait.plans.language.documents import LOADER
from plait.plans.merging.blocks import (
    STEPS,
    Block,
    BlockMerge,
    Key,
    in_order_of_keys,
    list_kind,
    made_empty,
    plain_lines,
)
from plait.plans.merging.data_checks import Data, Version, refuse_what_breaks
from plait.plans.merging.texts import merge_texts, read_text, write_text
from plait.plans.merging.three_way import GivesUp
from plait.plans.merging.trivia import above, with_inner_comments, without_trivia

_MOST_EVENTS, _DEEPEST = 50_000, 40
_OTHER_BREAKS = re.compile("[\x85\u2028\u2029\ufeff]")
_IDENTITIES = ("id", "name", "repo", "key")
_MERGE = BlockMerge(arrange=in_order_of_keys)


def merge_yaml(base: bytes, ours: bytes, theirs: bytes) -> bytes:
    """Merge three versions of a YAML file.

    Raises:
        GivesUp: both changed one value, or a version is not understood.
        ValueError: it is not UTF-8.
    """
    old, mine, other = read_text(base), read_text(ours), read_text(theirs)
    merged = merge_texts(old, mine, other, _merge_lines)
    refuse_what_breaks(*(_version(text.lines) for text in (old, mine, other, merged)))
    return write_text(merged)


def _version(lines: Sequence[str]) -> Version:
    return Version(lines, _composed("\n".join((*lines, ""))).data if lines else None)


def _merge_lines(base: Sequence[str], ours: Sequence[str], theirs: Sequence[str]) -> Sequence[str]:
    if not (ours and theirs):
        raise GivesUp("one side is empty")
    roots = [_read(lines) for lines in (base, ours, theirs) if lines]
    if not base:
        roots.insert(0, (made_empty(roots[0][0]),))
    old, mine, other = roots
    return plain_lines(_MERGE.merged(old, mine, other))


def _read(lines: Sequence[str]) -> tuple[Block, ...]:
    if any(_OTHER_BREAKS.search(line) for line in lines):
        raise GivesUp("line ends that only YAML knows, or a mark in the middle")
    node = _composed("\n".join((*lines, "")))
    if node.kind not in ("map", "list") or node.is_flow or any(re.search(r"[|>]\d?\+", line) for line in lines):
        raise GivesUp("no mapping or list, or a text whose blank lines count")
    head = 0
    while head < min(node.line, len(lines)) and re.match(r"#|---", lines[head]):
        head += 1
    cut = _Cutter(lines).children(node, head, len(lines))
    if cut is None:
        raise GivesUp("keys that share a line")
    kind = "file" if node.kind == "map" else STEPS
    root = Block(kind, kind, 0, (), tuple(lines[:head]), *cut)
    if plain_lines((root,)) != list(lines):
        raise GivesUp("lines that are not understood")
    return (root,)


@dataclass(frozen=True, slots=True)
class _Node:
    line: int
    column: int
    kind: str
    """`map`, `list` or `value`."""
    text: str = ""
    is_flow: bool = False
    children: "tuple[tuple[_Node | None, _Node], ...]" = ()
    """Key (none of an element) and value."""

    @property
    def data(self) -> Data:
        """What it says, all values as text."""
        if self.kind == "map":
            return {key.text: value.data for key, value in self.children if key}
        return [value.data for _, value in self.children] if self.kind == "list" else self.text


def _composed(text: str) -> _Node:
    """Raises: GivesUp."""
    try:
        events = list(islice(yaml.parse(text, Loader=LOADER), _MOST_EVENTS))
    except (yaml.YAMLError, OverflowError, AttributeError, IndexError, KeyError):
        raise GivesUp("is not valid YAML") from None
    if len(events) == _MOST_EVENTS or sum(isinstance(event, yaml.DocumentStartEvent) for event in events) != 1:
        raise GivesUp("too large, or not one document")
    if any(getattr(event, "anchor", None) or getattr(event, "tag", None) for event in events):
        raise GivesUp("anchors, aliases or tags")
    if any(isinstance(event, yaml.DocumentEndEvent) and event.explicit for event in events):
        raise GivesUp("an end of the document")
    return _node(iter(events[2:-2]), 0)


def _node(events: Iterator[Any], depth: int) -> _Node:
    event = next(events)
    return _node_of(event, events, depth)


def _node_of(event: Any, events: Iterator[Any], depth: int) -> _Node:
    line, column = event.start_mark.line, event.start_mark.column
    if depth > _DEEPEST:
        raise GivesUp("deeper than anybody writes by hand")
    if isinstance(event, yaml.ScalarEvent):
        return _Node(line, column, "value", event.value)
    is_flow = bool(event.flow_style)
    children: list[tuple[_Node | None, _Node]] = []
    if isinstance(event, yaml.SequenceStartEvent):
        while not isinstance(inner := next(events), yaml.SequenceEndEvent):
            children.append((None, _node_of(inner, events, depth + 1)))
        return _Node(line, column, "list", "", is_flow, tuple(children))
    names = set()
    while not isinstance(inner := next(events), yaml.MappingEndEvent):
        key = _node_of(inner, events, depth + 1)
        if key.kind != "value" or key.text in names or key.text == "<<":
            raise GivesUp("a key that is given twice, is no text, or merges")
        names.add(key.text)
        children.append((key, _node(events, depth + 1)))
    return _Node(line, column, "map", "", is_flow, tuple(children))


class _Cutter:
    """Cuts the lines of a file."""

    def __init__(self, lines: Sequence[str]) -> None:
        self.lines = lines

    def children(self, node: _Node, begin: int, end: int) -> tuple[tuple[Block, ...], tuple[str, ...]] | None:
        """The entries of a block, and the lines behind the last; nothing where one shares a line with another."""
        starts = [(key or value).line for key, value in node.children]
        indent = " " * node.column
        for start in starts:
            line = self.lines[start] if start < len(self.lines) else ""
            if not line.startswith(indent) or line[node.column : node.column + 1].isspace():
                return None
            if node.kind == "list" and not line[node.column :].startswith(("- ", "-\t")):
                return None
        if len(set(starts)) != len(starts) or sorted(starts) != starts or not starts or starts[0] < begin:
            return None
        blocks = []
        for (key, value), start, after in zip(node.children, starts, [*starts[1:], end], strict=True):
            stop = with_inner_comments(self.lines, without_trivia(self.lines, start, after), indent, after)
            gap, lead = above(self.lines, begin, start)
            if key is not None:
                blocks.append(self._entry(key, value, gap, lead, start, stop))
            else:
                blocks.append(self._element(value, gap, lead, start, stop))
            begin = stop
        return tuple(blocks), tuple(self.lines[begin:end])

    def _entry(self, key: _Node, value: _Node, gap: int, lead: tuple[str, ...], start: int, stop: int) -> Block:
        kind = "map" if value.kind == "map" else list_kind(key.text)
        if value.kind != "value" and not value.is_flow and value.line > start:
            head = without_trivia(self.lines, start, value.line)
            cut = self.children(value, head, stop)
            if cut is not None and head == start + 1:
                return Block(key.text, kind, gap, lead, tuple(self.lines[start:head]), *cut)
        return Block(key.text, "value", gap, lead, tuple(self.lines[start:stop]))

    def _element(self, value: _Node, gap: int, lead: tuple[str, ...], start: int, stop: int) -> Block:
        """A mapping is known by its first key, if that says which one it is; any other element by its text."""
        lines = tuple(self.lines[start:stop])
        text: Key = tuple(line.strip() for line in lines) if len(lines) > 1 else lines[0].strip().removeprefix("- ")
        (key, named), *rest = value.children or ((None, value),)
        is_block = value.kind == "map" and not value.is_flow and value.line == start and rest
        if is_block and key is not None and key.text in _IDENTITIES and (named.kind, named.line) == ("value", start):
            others = _Node(rest[0][1].line, value.column, "map", children=tuple(rest))
            if cut := self.children(others, start + 1, stop):
                return Block((key.text, named.text), "map", gap, lead, lines[:1], *cut)
        return Block(text, "value", gap, lead, lines)
