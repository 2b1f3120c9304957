"""Reads files that were left behind, of which nobody knows who has been at them since: plain ones, of bounded size."""

import json
import os
import stat
from pathlib import Path
from typing import Any

LARGEST = 64 * 1024 * 1024
"""Bytes of one file: more than 10,000 tasks with all that can be said of them."""


def read_left(file: Path, *, most: int = LARGEST) -> str:
    """The text of a plain file; a link is not followed, and a named pipe not waited for.

    Raises:
        OSError: it is not there, is something else, or cannot be read.
        ValueError: it is larger than `most` bytes, or not UTF-8.
    """
    handle = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as opened:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(f"{file} is not a plain file")
        content = opened.read(most + 1)
    if len(content) > most:
        raise ValueError(f"{file} has more than {most} bytes")
    return content.decode("utf-8")


def read_left_object(file: Path) -> dict[str, Any]:
    """The JSON object in such a file.

    Raises:
        OSError: it cannot be read.
        ValueError: it holds something else.
    """
    try:
        said = json.loads(read_left(file))
    except RecursionError:
        raise ValueError(f"{file} is nested too deep") from None
    if not isinstance(said, dict):
        raise ValueError(f"{file} holds no JSON object")  # noqa: TRY004  it is the file's value, and no call's
    return said
