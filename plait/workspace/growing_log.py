"""A log read while a program still writes it: each piece once, in order, and never more than one piece in memory."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_PIECE = 1 << 18


class GrowingLog:
    """Reads on from where it was; what was in the file before is passed over."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._at = 0
        with suppress(OSError):
            self._at = log.stat(follow_symlinks=False).st_size

    def pieces(self) -> Iterator[bytes]:
        """What has come since; nothing when the program has put something else in the log's place."""
        try:
            handle = os.open(self._log, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            return
        with open(handle, "rb", buffering=0) as file:  # noqa: PTH123  (a descriptor)
            while True:
                try:
                    file.seek(self._at)
                    piece = file.read(_PIECE)
                except OSError:  # a pipe in its place
                    return
                if not piece:
                    return
                self._at += len(piece)
                yield piece
