"""Writes pictures and texts where they are wanted: into a file, whole or not at all, or onto standard output."""

import sys
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from plait.plans.errors import CallError, EnvironmentProblem
from plait.plans.wording import either
from plait.workspace.small_files import write_whole

F = TypeVar("F", bound=StrEnum)

_SHARP_UP_TO = 12_000_000
"""Pixels up to which a PNG has two for each of the picture, for dense screens."""
_MOST_PIXELS = 100_000_000
"""A renderer takes four bytes for each."""


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
        raise CallError(f"{output!r} does not say what to write", hint=f"end it with {either(sorted(endings))}")
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
