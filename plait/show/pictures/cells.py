"""Text in the cells of a terminal: how wide it is, and how it is cut and filled to a width."""

import unicodedata
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Piece:
    """Words in one look."""

    words: str
    colour: str = ""
    """`#RRGGBB`, or one that the terminal has a name for (`red`); nothing for its own."""
    behind: str = ""
    """The colour of the background."""
    bold: bool = False
    dim: bool = False


Line = tuple[Piece, ...]
"""One line of a terminal."""


def cells(words: str) -> int:
    """How many columns a terminal gives the words."""
    return sum(_cells_of(sign) for sign in words)


def cut(words: str, room: int) -> str:
    """As much of it as `room` columns hold, with an ellipsis where something is missing."""
    if cells(words) <= room:
        return words
    kept, left = "", room - 1
    for sign in words:
        left -= _cells_of(sign)
        if left < 0:
            break
        kept += sign
    return kept.rstrip() + "…" if room > 0 else ""


def cut_inside(words: str, room: int) -> str:
    """As `cut`, but what is missing is missed inside: long names of one kind differ at their ends."""
    if cells(words) <= room:
        return words
    kept, left = len(words), int(room * 0.4)
    while kept and (left := left - _cells_of(words[kept - 1])) >= 0:
        kept -= 1
    return cut(words[:kept], room - cells(words[kept:])) + words[kept:]


def filled(words: str, room: int) -> str:
    """Exactly `room` columns: cut, or filled with blanks."""
    short = cut(words, room)
    return short + " " * (room - cells(short))


def without_colour(line: Line) -> Line:
    """The same for a terminal that shows none: an upper half on a coloured ground becomes a whole block."""
    return tuple(replace(piece, words=piece.words.replace("▀", "█")) if piece.behind else piece for piece in line)


def in_ascii(line: Line) -> Line:
    """The same for a terminal that has nothing else; the width stays."""
    return tuple(replace(piece, words="".join(map(_ascii, piece.words))) for piece in without_colour(line))


def _ascii(sign: str) -> str:
    if sign.isascii():
        return sign
    return _ASCII.get(sign, "?" * _cells_of(sign))


_ASCII = {
    **{
        "█": "#",
        "▀": "=",
        "▄": "-",
        "▌": "#",
        "▐": "#",
        "▓": "+",
        "▒": "%",
        "░": ".",
        "─": "-",
        "┤": "|",
        "│": "|",
        "┊": ":",
    },
    **{"●": "*", "◆": "*", "·": "-", "…": "~", "×": "x", "→": ">", "←": "<", "–": "-"},
    **{"━": "=", "╌": ".", "−": "-", "±": "~"},
}


def _cells_of(sign: str) -> int:
    if unicodedata.combining(sign):
        return 0
    return 2 if unicodedata.east_asian_width(sign) in "WF" else 1
