"""Small files: those that anybody may have changed are read with bounds, ours are written whole or not at all."""

import json
import os
import stat
from pathlib import Path
from secrets import token_hex
from typing import Any

LARGEST = 64 * 1024 * 1024
"""Bytes of one file: more than 10,000 tasks with all that can be said of them."""


def read_plain_file(file: Path, *, most: int = LARGEST, errors: str = "strict") -> str:
    """The text of a file that was left behind, of which nobody knows who has been at it since.

    A link is not followed, and a named pipe not waited for.

    Raises:
        OSError: it is not there, is no plain file, or cannot be read.
        ValueError: it is larger than `most` bytes, or not UTF-8.
    """
    handle = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as opened:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(f"{file} is not a plain file")
        content = opened.read(most + 1)
    if len(content) > most:
        raise ValueError(f"{file} has more than {most} bytes")
    return content.decode("utf-8", errors)


def read_json_object(file: Path) -> dict[str, Any]:
    """The JSON object in such a file.

    Raises:
        OSError: it cannot be read.
        ValueError: it holds something else.
    """
    try:
        value = json.loads(read_plain_file(file))
    except RecursionError:
        raise ValueError(f"{file} is nested too deep") from None
    if not isinstance(value, dict):
        raise ValueError(f"{file} holds no JSON object")  # noqa: TRY004  it is the file's value, and no call's
    return value


def write_whole(file: Path, content: str | bytes) -> None:
    """Write a file whole or not at all: whoever reads it meanwhile, or after a kill, sees the old one or the new one.

    Text is written in UTF-8. Threads and processes may write the same file: the last one stays.

    Raises:
        OSError: its folder is not there, or it cannot be written; the old one stays.
    """
    unfinished = file.with_name(f".{token_hex(8)}.new")
    try:
        unfinished.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
        unfinished.replace(file)
    finally:
        unfinished.unlink(missing_ok=True)
