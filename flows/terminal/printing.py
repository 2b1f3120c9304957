"""What goes to the terminal: lines in colour where there is any; of what an agent printed no escapes but colours."""

import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import BinaryIO

from plait.show.pictures.cells import Line, Piece, in_ascii, without_colour
from plait.workspace.output import plain

_PIPED_WIDTH = 100
"""Columns where nobody says how many there are."""
_SIGNS = "█▀▄▓─┤┊●→←·…"
_COLOUR = re.compile(r"(\x1b\[[0-9;:]*m)")
_RESET = "\x1b[0m"
LONGEST_LINE = 65536
"""Bytes after which a line that does not end is shown in parts."""


def terminal_width() -> int:
    """Columns of the terminal, or what COLUMNS says."""
    return shutil.get_terminal_size((_PIPED_WIDTH, 24)).columns


def show_lines(lines: Sequence[Line]) -> None:
    """Print lines in colour where there is any, in ASCII where the encoding has nothing else.

    A pipe gets no colour unless FORCE_COLOR is set, and nothing does under NO_COLOR.
    """
    shown = list(lines) if _can_encode() else [in_ascii(line) for line in lines]
    if not sys.stdout.isatty() and not os.environ.get("FORCE_COLOR"):
        sys.stdout.write(plain_text([without_colour(line) for line in shown]))
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, markup=False, emoji=False)
    if console.no_color or console.color_system is None:
        shown = [without_colour(line) for line in shown]
    for line in shown:
        console.print(Text.assemble(*((piece.words, _style(piece)) for piece in line)), soft_wrap=True)


def plain_text(lines: Sequence[Line]) -> str:
    """The words alone."""
    return "".join("".join(piece.words for piece in line).rstrip() + "\n" for line in lines)


def _style(piece: Piece) -> str:
    words = ["bold"] * piece.bold + ["dim"] * piece.dim + [piece.colour] * bool(piece.colour)
    return " ".join([*words, *(["on", piece.behind] if piece.behind else [])])


def _can_encode() -> bool:
    try:
        _SIGNS.encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def coloured(text: str, *, colours: bool = True) -> str:
    """Text whose escape sequences set colours and styles at most; none at all without `colours`.

    What moves the cursor, clears the screen, sets the title, makes links or writes to the clipboard goes.
    """
    parts = _COLOUR.split(text)
    shown = "".join((part if colours else "") if place % 2 else plain(part) for place, part in enumerate(parts))
    return shown + _RESET if colours and len(parts) > 1 else shown


@contextmanager
def copy_to(stream: BinaryIO) -> Iterator[Callable[[bytes], None]]:
    """Gives a function that writes a log piece by piece: cleaned on a terminal, else every byte as it is."""
    if not stream.isatty():
        yield lambda chunk: _send(stream, chunk)
        return
    colours = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    held = b""

    def show(chunk: bytes) -> None:
        nonlocal held
        held += chunk
        # Whole lines: neither a character nor an escape sequence is cut in two.
        end = max(held.rfind(b"\n"), held.rfind(b"\r")) + 1 or (len(held) if len(held) > LONGEST_LINE else 0)
        ready, held = held[:end], held[end:]
        _send(stream, coloured(ready.decode("utf-8", "replace"), colours=colours).encode())

    try:
        yield show
    finally:
        if held:
            show(b"\n")


def _send(stream: BinaryIO, data: bytes) -> None:
    stream.write(data)
    stream.flush()
