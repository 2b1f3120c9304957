"""JSON by key, for files with a key or an element a line, as tools write them; what shares a line is one value.

Keys that both sides added at one place stand in order where each side's do. For lists see `BlockMerge._elements`.
"""

import json
import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from plait.plans.merging.blocks import LIST, Block, BlockMerge, in_order_of_keys, list_kind, plain_lines
from plait.plans.merging.data_checks import Data, Version, refuse_what_breaks
from plait.plans.merging.texts import merge_texts, read_text, write_text
from plait.plans.merging.three_way import GivesUp

_DEEPEST = 60
_SPACE = re.compile(r"[ \t\n]*")
_DECODER = json.JSONDecoder()
_MERGE = BlockMerge(arrange=in_order_of_keys)


def merge_json(base: bytes, ours: bytes, theirs: bytes) -> bytes:
    """Merge three versions of a JSON file.

    Raises:
        GivesUp: both changed one value, a key occurs twice, it is no strict JSON.
        ValueError: it is not UTF-8.
    """
    old, mine, other = read_text(base), read_text(ours), read_text(theirs)
    merged = merge_texts(old, mine, other, _merge_lines)
    said = (
        _strict("\n".join(text.lines)) if text.lines or text is merged else None for text in (old, mine, other, merged)
    )
    refuse_what_breaks(*(Version((), data) for data in said))
    return write_text(merged)


def _merge_lines(base: Sequence[str], ours: Sequence[str], theirs: Sequence[str]) -> Sequence[str]:
    roots = [_read(lines) if lines else () for lines in (base, ours, theirs)]
    return plain_lines(_MERGE.merged(*roots))


def _read(lines: Sequence[str]) -> tuple[Block, ...]:
    text = "\n".join(lines)
    _strict(text)
    start = _after_space(text, 0)
    block = _Reader(tuple(lines)).block("root", start, _scan(text, start, 0), text.count("\n", 0, start))
    return (replace(block, lines=(*lines[: text.count("\n", 0, start)], *block.lines)),)


def _strict(text: str) -> Data:
    """Raises: GivesUp."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) != len(pairs):
            raise GivesUp("a key occurs twice")
        return dict(pairs)

    def refuse(word: str) -> Any:
        raise GivesUp(f"{word} is no JSON")

    try:
        return json.loads(text, object_pairs_hook=unique, parse_constant=refuse)
    except ValueError as error:
        raise GivesUp(str(error)) from None


@dataclass(frozen=True, slots=True)
class _Node:
    """A value, from its first character to the one after its last."""

    start: int
    end: int
    kind: str
    children: "tuple[tuple[str, int, _Node], ...]" = ()
    """Key (of an element: its text), where the key or element begins, value."""


def _scan(text: str, at: int, depth: int) -> _Node:
    """The value that begins here; the text is known to be JSON."""
    if depth > _DEEPEST:
        raise GivesUp("deeper than anybody writes by hand")
    opening = text[at]
    if opening not in "{[":
        return _Node(at, _DECODER.raw_decode(text, at)[1], "value")
    start, children = at, []
    at = _after_space(text, at + 1)
    while text[at] not in "}]":
        begins, key = at, ""
        if opening == "{":
            key, at = _DECODER.raw_decode(text, at)
            at = _after_space(text, _after_space(text, at) + 1)
        value = _scan(text, at, depth + 1)
        children.append((key if opening == "{" else text[value.start : value.end], begins, value))
        at = _after_space(text, value.end)
        at = _after_space(text, at + 1) if text[at] == "," else at
    return _Node(start, at + 1, "map" if opening == "{" else LIST, tuple(children))


def _after_space(text: str, at: int) -> int:
    space = _SPACE.match(text, at)
    return space.end() if space else at


class _Reader:
    """Makes blocks of nodes."""

    def __init__(self, lines: tuple[str, ...]) -> None:
        self.lines = lines
        self.starts = [0]
        for line in lines:
            self.starts.append(self.starts[-1] + len(line) + 1)

    def place(self, at: int) -> tuple[int, int]:
        """Line and column."""
        line = bisect_right(self.starts, at) - 1
        return line, at - self.starts[line]

    def block(self, key: str, begins: int, node: _Node, first_free: int) -> Block:
        """The block of a value whose key or itself begins at `begins`; lines from `first_free` on are its own."""
        line, _ = self.place(begins)
        last, end = self.place(node.end)
        whole = (*self.lines[line:last], self.lines[last][:end]) if last > line else (self.lines[line][:end],)
        gap = line - first_free
        children = self._children(node)
        if children is None:
            return Block(key, "value", gap, (), whole)
        head = self.lines[line : self.place(node.start)[0] + 1]
        closing = self.lines[last - self._empty_before(last) : last]
        kind = "map" if node.kind == "map" else list_kind(key)
        return Block(key, kind, gap, (), head, children, (*closing, self.lines[last][:end]), separator=",")

    def _empty_before(self, line: int) -> int:
        count = 0
        while not self.lines[line - 1 - count].strip():
            count += 1
        return count

    def _children(self, node: _Node) -> tuple[Block, ...] | None:
        """Nothing where something shares a line with something else."""
        if not node.children:
            return None
        previous, column = self.place(node.start)
        if self.lines[previous][column + 1 :].strip():
            return None
        blocks = []
        for key, begins, value in node.children:
            line, column = self.place(begins)
            if line <= previous or self.lines[line][:column].strip():
                return None
            last, column = self.place(value.end)
            if self.lines[last][column:].rstrip() not in ("", ","):
                return None
            blocks.append(self.block(key, begins, value, previous + 1))
            previous = last
        last, column = self.place(node.end)
        return tuple(blocks) if last > previous and not self.lines[last][: column - 1].strip() else None
