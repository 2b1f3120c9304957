"""Bytes of a text file as lines, and back: encoding, mark of order, line ends and the last one are kept."""

import codecs
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from plait.plans.merging.three_way import GivesUp, settle


@dataclass(frozen=True, slots=True)
class Text:
    """A text file; its lines are without their ends."""

    lines: tuple[str, ...]
    line_end: str
    ends: bool
    """Whether the last line has its end."""
    marked: bool
    """Whether it begins with a byte order mark."""
    encoding: str


def read_text(content: bytes, encoding: str = "utf-8") -> Text:
    """Raises: GivesUp (line ends of several kinds, NUL), UnicodeDecodeError."""
    marked = content.startswith(codecs.BOM_UTF8)
    text = content.removeprefix(codecs.BOM_UTF8).decode(encoding)
    line_end = "\r\n" if "\r\n" in text else "\n"
    plain = text.replace("\r\n", "\n")
    if "\r" in plain or "\0" in plain or (line_end == "\r\n" and plain.count("\n") != text.count("\r\n")):
        raise GivesUp("line ends of several kinds, or NUL")
    ends = plain.endswith("\n") or not plain
    lines = plain.removesuffix("\n").split("\n") if plain else []
    return Text(tuple(lines), line_end, ends, marked, encoding)


def write_text(text: Text) -> bytes:
    """The bytes that `read_text` reads as this."""
    body = text.line_end.join(text.lines) + (text.line_end if text.ends and text.lines else "")
    return (codecs.BOM_UTF8 if text.marked else b"") + body.encode(text.encoding)


def merge_texts(
    base: Text, ours: Text, theirs: Text, merge: Callable[[Sequence[str], Sequence[str], Sequence[str]], Sequence[str]]
) -> Text:
    """Merge the lines by a function of three lists of them, and all else by what one side changed.

    Raises:
        GivesUp: both changed the line ends or the encoding, or the function gives up.
    """
    if not base.lines:
        base = ours if ours.lines else theirs
        lines = merge((), ours.lines, theirs.lines)
    else:
        lines = merge(base.lines, ours.lines, theirs.lines)
    return Text(
        tuple(lines),
        settle(base.line_end, ours.line_end, theirs.line_end, what="the line ends"),
        settle(base.ends, ours.ends, theirs.ends, what="the last line's end"),
        settle(base.marked, ours.marked, theirs.marked, what="the byte order mark"),
        settle(base.encoding, ours.encoding, theirs.encoding, what="the encoding"),
    )
