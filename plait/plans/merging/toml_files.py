"""TOML by table and key; lists that have an element a line grow as `BlockMerge._elements` says."""

import re
import tomllib
from collections.abc import Sequence
from dataclasses import replace

from plait.plans.merging.blocks import Block, BlockMerge, in_order_of_keys, list_kind, made_empty, plain_lines
from plait.plans.merging.data_checks import Data, Version, refuse_what_breaks
from plait.plans.merging.texts import merge_texts, read_text, write_text
from plait.plans.merging.three_way import GivesUp
from plait.plans.merging.trivia import above, head_comments, is_comment, without_trivia

# Each is linear in the length of a hostile line: no two parts beside each other match the same letters.
_HEADER = re.compile(r"\s*(\[\[?)([^\]#]+)\]\]?\s*(#.*)?\Z")
_PART = r"""(?:[A-Za-z0-9_\-]+|"[^"\\]*"|'[^']*')"""
_KEY = re.compile(rf"\s*({_PART}(?:\s*\.\s*{_PART})*)\s*=\s*")
_TOKEN = re.compile(r'"""|' + r"'''" + r"""|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[\[\]{}#\n]""")
_ELEMENT = re.compile(r"""(\s*(?:"(?:[^"\\]|\\.)*"|'[^']*'|[A-Za-z0-9_.+:\-]+|\{[^{}#]*\}))(?:\s*(,))?(\s*#.*|\s*)\Z""")
_IDENTITY = re.compile(r"\s*(?:name|id)\s*=(.*)\Z")


def _keys_before_tables(ours: Sequence[Block], theirs: Sequence[Block]) -> Sequence[Block]:
    """A key behind the head of a table would be the table's."""
    keys, tables = (
        [[block for block in side if (block.kind == "table") is is_table] for side in (ours, theirs)]
        for is_table in (False, True)
    )
    return (*in_order_of_keys(*keys), *in_order_of_keys(*tables))


_MERGE = BlockMerge(arrange=_keys_before_tables)


def merge_toml(base: bytes, ours: bytes, theirs: bytes) -> bytes:
    """Merge three versions of a TOML file.

    Raises:
        GivesUp: both changed one value, or a version is not understood.
        ValueError: it is not UTF-8.
    """
    old, mine, other = read_text(base), read_text(ours), read_text(theirs)
    merged = merge_texts(old, mine, other, _merge_lines)
    refuse_what_breaks(*(Version(text.lines, _strict("\n".join(text.lines))) for text in (old, mine, other, merged)))
    return write_text(merged)


def _strict(text: str) -> Data:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise GivesUp(str(error)) from None


def _merge_lines(base: Sequence[str], ours: Sequence[str], theirs: Sequence[str]) -> Sequence[str]:
    roots = [_read(lines) for lines in (base, ours, theirs)]
    if not base:
        roots[0] = (made_empty(roots[1][0]),)
    return plain_lines(_MERGE.merged(*roots))


def _read(lines: Sequence[str]) -> tuple[Block, ...]:
    _strict("\n".join(lines))
    head = head_comments(lines)
    blocks, end = _keys(lines, head, ("root",))
    tables: list[Block] = []
    while end < len(lines):
        start = _next_statement(lines, end)
        if start == len(lines):
            break
        header = _HEADER.match(lines[start])
        if not header:
            raise GivesUp("a header that is not understood")
        name = header[2].replace(" ", "").replace("\t", "")
        gap, lead = above(lines, end, start)
        children, stop = _keys(lines, start + 1, (name,))
        tables.append(
            Block((header[1], name, *_identity(header[1], children)), "table", gap, lead, (lines[start],), children)
        )
        end = stop
    root = Block("file", "file", 0, (), tuple(lines[:head]), (*blocks, *tables), tuple(lines[end:]))
    if plain_lines((root,)) != list(lines):
        raise GivesUp("lines that are not understood")
    return (root,)


def _identity(brackets: str, children: Sequence[Block]) -> tuple[str, ...]:
    """What tells one table of an array from the others."""
    if brackets == "[":
        return ()
    names = (match[1].strip() for child in children for match in [_IDENTITY.match(child.lines[0])] if match)
    return (next(names, ""),)


def _keys(lines: Sequence[str], begin: int, table: tuple[str, ...]) -> tuple[tuple[Block, ...], int]:
    """The keys up to the next table, and the line after the last of them."""
    blocks: list[Block] = []
    while True:
        start = _next_statement(lines, begin)
        if start == len(lines) or _HEADER.match(lines[start]):
            return tuple(blocks), begin
        key = _KEY.match(lines[start])
        if not key:
            raise GivesUp("a key that is not understood")
        end = _value_end(lines, start, key.end())
        gap, lead = above(lines, begin, start)
        blocks.append(_value((*table, key[1]), gap, lead, tuple(lines[start:end])))
        begin = end


def _next_statement(lines: Sequence[str], at: int) -> int:
    while at < len(lines) and (not lines[at].strip() or is_comment(lines[at])):
        at += 1
    return at


def _value_end(lines: Sequence[str], line: int, column: int) -> int:
    """The line after the value that begins here."""
    depth = 0
    while line < len(lines):
        token = _TOKEN.search(lines[line], column)
        if token is None or token[0] == "#":
            line, column = line + 1, 0
            if not depth:
                return line
        elif token[0] in ('"""', "'''"):
            line, column = _string_end(lines, line, token.end(), token[0])
        else:
            depth += (token[0] in "[{") - (token[0] in "]}")
            column = token.end()
    raise GivesUp("a value without an end")


def _string_end(lines: Sequence[str], line: int, column: int, quotes: str) -> tuple[int, int]:
    end = re.compile(quotes + "+" if quotes == "'''" else r'\\.|"""+')
    while line < len(lines):
        for match in end.finditer(lines[line], column):
            if match[0].startswith(quotes):
                return line, match.end()
        line, column = line + 1, 0
    raise GivesUp("a string without an end")


def _value(key: tuple[str, ...], gap: int, lead: tuple[str, ...], lines: tuple[str, ...]) -> Block:
    """A key with its value; with its elements, where it is a list that has one a line, a comma behind each."""
    whole = Block(key, "value", gap, lead, lines)
    if len(lines) < 3 or not re.search(r"=\s*\[\s*\Z", lines[0]) or lines[-1].strip() != "]":
        return whole
    last = without_trivia(lines, 0, len(lines) - 1)
    elements: list[Block] = []
    begin = 1
    for place in range(1, last):
        if not lines[place].strip() or is_comment(lines[place]):
            continue
        element = _ELEMENT.match(lines[place])
        if not element or (place < last - 1 and not element[2]):
            return whole
        space, above_it = above(lines, begin, place)
        elements.append(Block(element[1].strip(), "element", space, above_it, (element[1],), remark=element[3]))
        begin = place + 1
    closes_with_comma = bool(elements) and lines[begin - 1].startswith(f"{elements[-1].lines[0]},")
    written = Block(key, list_kind(key[-1]), gap, lead, lines[:1], tuple(elements), lines[begin:], separator=",")
    return replace(written, last_separator=closes_with_comma)
