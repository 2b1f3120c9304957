"""What a terminal is given: the colours of what an agent printed and no other escapes, `?` for letters it has not."""

import io
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO

from plait.workspace.output import plain

_COLOUR = re.compile(r"(\x1b\[[0-9;:]*m)")
_RESET = "\x1b[0m"
LONGEST_LINE = 65536
"""Bytes after which a line that does not end is shown in parts."""


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
        yield lambda chunk: _write(stream, chunk)
        return
    colours = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    held = b""

    def show(chunk: bytes) -> None:
        nonlocal held
        held += chunk
        # Whole lines: neither a character nor an escape sequence is cut in two.
        end = max(held.rfind(b"\n"), held.rfind(b"\r")) + 1 or (len(held) if len(held) > LONGEST_LINE else 0)
        ready, held = held[:end], held[end:]
        _write(stream, coloured(ready.decode("utf-8", "replace"), colours=colours).encode())

    try:
        yield show
    finally:
        if held:
            show(b"\n")


def forgive_encoding() -> None:
    """Print `?` for what the encoding of the terminal does not have, such as Latin-1, in place of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _write(stream: BinaryIO, data: bytes) -> None:
    stream.write(data)
    stream.flush()
