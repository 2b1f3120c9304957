"""Puts pictures where they are wanted: a file, whole or not at all, or the terminal as far as it can show them."""

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from plait.plans.errors import CallError, EnvironmentProblem
from plait.plans.phrases import listed
from plait.plans.pictures.cells import Line, Piece, in_ascii, without_colour
from plait.workspace.files import write_whole

F = TypeVar("F", bound=StrEnum)

_PIPED_WIDTH = 100
"""Columns where nobody says how many there are."""
_SIGNS = "█▀▄▓─┤┊●→←·…"
_SHARP_UP_TO = 12_000_000
"""Pixels up to which a PNG has two for each of the picture, for dense screens."""
_MOST_PIXELS = 100_000_000
"""A renderer takes four bytes for each."""


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


def format_of(form: F | None, output: str | None, endings: Mapping[str, F], *, otherwise: F) -> F:
    """What was asked for, or what the file's name says; where both say nothing and there is no file, `otherwise`.

    Raises:
        CallError: the name says something else, or nothing.
    """
    if output in (None, "-"):
        return form or otherwise
    named = endings.get(Path(str(output)).suffix.lower())
    if form and named not in (None, form):
        raise CallError(f"--format {form} does not go into {output!r}", hint="leave one of them out")
    if not form and not named:
        raise CallError(f"{output!r} does not say what to write", hint=f"end it with {listed(sorted(endings), 'or')}")
    return form or named or otherwise


def write_png(target: str, svg: str, *, size: tuple[int, int]) -> None:
    """Write the picture in pixels; `-` is standard output.

    Args:
        size: Its width and height as SVG.

    Raises:
        CallError: it is too large for a PNG, or the place cannot be written, or is a terminal.
        EnvironmentProblem: the library for it is not installed.
    """
    if target == "-" and sys.stdout.isatty():
        raise CallError("a terminal cannot show a PNG", hint="name a file with `-o`, or send it into a pipe")
    _write(target, png_of(svg, size=size))


def write_text(target: str, text: str) -> None:
    """Write a file whole or not at all, in UTF-8; `-` is standard output.

    Raises:
        CallError: the place cannot be written.
    """
    _write(target, text.encode("utf-8"))


def png_of(svg: str, *, size: tuple[int, int]) -> bytes:
    """The picture in pixels, with the fonts of this machine.

    Raises:
        CallError: it would be larger than memory likes.
        EnvironmentProblem: the library is not installed.
    """
    width, height = size
    if width * height > _MOST_PIXELS:
        raise CallError(f"a picture of {width} x {height} pixels is too large for a PNG", hint="write it as .svg")
    try:
        from resvg_py import svg_to_bytes
    except ImportError:
        hint = "pip install resvg-py into plait's environment, or write it as .svg"
        raise EnvironmentProblem("PNG pictures need the library resvg_py, which is not installed", hint=hint) from None
    return svg_to_bytes(svg_string=svg, zoom=2 if width * height * 4 <= _SHARP_UP_TO else 1)


def _write(target: str, data: bytes) -> None:
    if target == "-":
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.flush()
        return
    try:
        there = Path(target).resolve()
        if there.exists() and not there.is_file():
            there.write_bytes(data)  # a device or a pipe: nothing could take its place
            return
        write_whole(there, data)
    except OSError as problem:
        raise CallError(f"cannot write {target}: {problem.strerror}") from None
