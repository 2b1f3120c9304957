"""The little Markdown that task specs need: lines with their ends, fences, headings, bullets."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+")
_FENCE = re.compile(r" {0,3}(?:(`{3,})[^`]*|(~{3,}).*)")
_HEADING = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*))?")
_BULLET = re.compile(r"( {0,3}(?:[-*+]|[0-9]{1,9}[.)])[ \t]+(?:\[[ xX]\][ \t]+)?)(.*\S)[ \t]*")
_RULE = re.compile(r" {0,3}([-*_])[ \t]*(?:\1[ \t]*){2,}")

DEEPEST = 6
"""Levels of headings that there are."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a file."""

    number: int
    """From 1."""
    text: str
    """Without its end."""
    fenced: bool = False
    """Whether it belongs to a block of code, its fences included."""


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading of the `#` kind."""

    level: int
    text: str
    column: int
    """Where its text begins, from 1."""


def split_lines(text: str) -> list[str]:
    """The lines with their ends (line feed, carriage return, or both): joined, they are the text again."""
    return _LINE.findall(text)


def line_end(line: str) -> str:
    """How a line ends; nothing for the last one of a file without a final newline."""
    return line[len(line.rstrip("\r\n")) :]


def numbered(lines: Iterable[str], *, first: int) -> Iterator[Line]:
    """Lines without their ends, with numbers from `first`, and with what is code marked as such."""
    fence = ""
    for number, line in enumerate(lines, first):
        text = line.rstrip("\r\n")
        fencing = _FENCE.fullmatch(text)
        marks = (fencing[1] or fencing[2]) if fencing else ""
        if fence:
            yield Line(number, text, fenced=True)
            if marks.startswith(fence) and not text.strip().strip(fence[0]):
                fence = ""
        else:
            fence = marks
            yield Line(number, text, fenced=bool(marks))


def heading_of(line: Line) -> Heading | None:
    """What a line says as a heading, if it is one."""
    heading = None if line.fenced else _HEADING.fullmatch(line.text)
    if not heading:
        return None
    words = _without_closing(heading[2] or "")
    return Heading(len(heading[1]), words, (heading.start(2) if words else heading.end(1)) + 1)


def _without_closing(words: str) -> str:
    """A heading's words without the `##` that may end it; by hand, since a pattern for it takes hours on blanks."""
    words = words.rstrip(" \t")
    before = words.rstrip("#")
    return before.rstrip(" \t") if not before or before[-1] in " \t" else words


def bullet_of(line: Line) -> tuple[int, str] | None:
    """Column and text of an entry of a list, its mark and its check box left out."""
    bullet = None if line.fenced or _RULE.fullmatch(line.text) else _BULLET.fullmatch(line.text)
    return (bullet.end(1) + 1, bullet[2]) if bullet else None
