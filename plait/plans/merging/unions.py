"""Files that are only added to: what both sides added, line by line or by the key of each line."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

_MOST_STEPS = 4_000_000
"""Pairs of lines that are compared at most: what differs more is no file that is only added to."""


def union_of_lines(base: bytes | None, ours: bytes, theirs: bytes) -> bytes | None:
    """Both sides' additions: ours before theirs where they are in one place, a beginning that they share once.

    `1` with `1 a` and `1 b` is `1 a b`. What one side changed or took away stays so where the other side left it alone;
    where both sides touched lines that there were, it is no file that is only added to, and there is no answer.

    Args:
        base: Nothing where both sides made the file; then what both have is what there was.
    """
    sides = [_Lines.of(content) for content in (base or b"", ours, theirs)]
    old, mine, other = (side.lines for side in sides)
    if base is None:
        if (common := _matched(mine, other)) is None:
            return None
        # Blank lines are all alike: taken for common, they would tear entries apart.
        old = [mine[at] for at in sorted(common) if mine[at].strip()]
    merged = _merged(old, mine, other)
    return None if merged is None else _written(merged, *sides)


def union_by_key(base: bytes | None, ours: bytes, theirs: bytes, key: str) -> bytes | None:
    """Lines of JSON objects, each the latest of its key; no answer where both sides changed one in different ways.

    Ours keep their order; what theirs added comes after what stands before it there.

    Args:
        base: Nothing where both sides made the file.
    """
    sides = [_Lines.of(content) for content in (base or b"", ours, theirs)]
    records = [_by_key(side.lines, key) for side in sides]
    old, mine, other = records
    if old is None or mine is None or other is None:
        return None
    kept: dict[str, bytes] = {}
    for name in dict.fromkeys((*mine, *other)):
        line = _latest(old.get(name), mine.get(name), other.get(name))
        if line is _BOTH_CHANGED:
            return None
        if isinstance(line, bytes):
            kept[name] = line
    order = _in_order([name for name in mine if name in kept], [name for name in other if name in kept])
    return _written([kept[name] for name in order], *sides)


@dataclass(frozen=True, slots=True)
class _Lines:
    """A text in lines without their ends."""

    lines: list[bytes]
    end: bytes
    closed: bool
    """Whether the last line has its end."""

    @classmethod
    def of(cls, content: bytes) -> "_Lines":
        end = b"\r\n" if b"\r\n" in content and content.count(b"\r\n") == content.count(b"\n") else b"\n"
        lines = content.split(end)
        closed = lines[-1] == b""
        return cls(lines[:-1] if closed else lines, end, closed)


def _written(lines: Sequence[bytes], base: _Lines, ours: _Lines, theirs: _Lines) -> bytes:
    """With the kind of line end that a side changed to; the last line has one unless both sides left it out."""
    end = theirs.end if not ours.lines or (ours.end == base.end and base.lines) else ours.end
    return end.join(lines) + (end if lines and (ours.closed or theirs.closed) else b"")


def _merged(old: list[bytes], mine: list[bytes], other: list[bytes]) -> list[bytes] | None:
    if (with_mine := _matched(old, mine)) is None or (with_other := _matched(old, other)) is None:
        return None
    merged: list[bytes] = []
    at = at_mine = at_other = 0
    for here in (*sorted(with_mine.keys() & with_other.keys()), len(old)):
        here_mine, here_other = with_mine.get(here, len(mine)), with_other.get(here, len(other))
        before, ours, theirs = old[at:here], mine[at_mine:here_mine], other[at_other:here_other]
        if ours in (before, theirs):
            merged += theirs
        elif theirs == before:
            merged += ours
        elif before:
            return None
        else:
            merged += _one_after_the_other(ours, theirs)
        merged += old[here : here + 1]
        at, at_mine, at_other = here + 1, here_mine + 1, here_other + 1
    return merged


def _one_after_the_other(ours: list[bytes], theirs: list[bytes]) -> list[bytes]:
    """`### Added`, `- a` and `### Added`, `- b` have one heading; an end that both have may close each of them."""
    shared = 0
    while shared < min(len(ours), len(theirs)) and ours[shared] == theirs[shared]:
        shared += 1
    return ours + theirs[shared:]


def _matched(old: Sequence[bytes], new: Sequence[bytes]) -> dict[int, int] | None:
    """Lines that both have: their place in `old` to that in `new`, both rising; nothing when it is too much to do."""
    start, end_old, end_new = 0, len(old), len(new)
    shorter = min(end_old, end_new)
    while start < shorter and old[start] == new[start]:
        start += 1
    while end_old > start and end_new > start and old[end_old - 1] == new[end_new - 1]:
        end_old, end_new = end_old - 1, end_new - 1
    if (end_old - start) * (end_new - start) > _MOST_STEPS:
        return None
    pairs = {place: place for place in range(start)}
    pairs |= {end_old + step: end_new + step for step in range(len(old) - end_old)}
    inner = SequenceMatcher(None, old[start:end_old], new[start:end_new], autojunk=False)
    for block in inner.get_matching_blocks():
        pairs |= {start + block.a + step: start + block.b + step for step in range(block.size)}
    return pairs


_BOTH_CHANGED = object()


def _latest(old: bytes | None, mine: bytes | None, other: bytes | None) -> object:
    if mine == old:
        return other
    if other in (old, mine) or (mine is not None and other is not None and _same(mine, other)):
        return mine
    return _BOTH_CHANGED


def _same(left: bytes, right: bytes) -> bool:
    """Whether two lines say the same in another spelling."""
    return _spelled(json.loads(left)) == _spelled(json.loads(right))


def _by_key(lines: Sequence[bytes], key: str) -> dict[str, bytes] | None:
    """Each line by its key; nothing where one has none, or two have the same."""
    records: dict[str, bytes] = {}
    for line in lines:
        try:
            record = json.loads(line)
            name = _spelled(record[key]) if isinstance(record, dict) and key in record else None
        except (ValueError, RecursionError):
            return None
        if name is None or name in records:
            return None
        records[name] = line
    return records


def _spelled(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _in_order(mine: Sequence[str], other: Sequence[str]) -> list[str]:
    """Our keys in our order, and what theirs added behind the common key that it follows there, after ours."""
    ours, theirs = set(mine), set(other)
    added: dict[str | None, list[str]] = {}
    common: str | None = None
    for name in other:
        if name in ours:
            common = name
        else:
            added.setdefault(common, []).append(name)
    order: list[str] = []
    common = None
    for name in mine:
        if name in theirs:
            order += added.pop(common, [])
            common = name
        order.append(name)
    return order + added.pop(common, [])
