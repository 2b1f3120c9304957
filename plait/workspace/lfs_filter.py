"""Git LFS as git asks for it, without git-lfs: files become pointers, pointers become the files that the store has.

Run by git as `python -I -S lfs_filter.py STORAGE`, one process for each git command that meets a path with `filter=lfs`
(gitattributes, long running filter process). It needs no network and no configuration: what the store lacks stays a
pointer. Imports nothing of plait, and starts in tens of milliseconds.
"""

import hashlib
import os
import re
import stat
import sys
from collections.abc import Iterator
from secrets import token_hex
from typing import BinaryIO

MOST_OF_A_POINTER = 1024
"""Bytes; the specification says that a pointer is shorter."""
_PACKET = 65516
_POINTER = re.compile(
    rb"version https://(?:git-lfs\.github\.com|hawser\.github\.com)/spec/v1\n"
    rb"(?:ext-[0-9]-\S+ \S+\n)*oid sha256:([0-9a-f]{64})\nsize ([0-9]{1,19})\n?"
)
_EXTENDED = re.compile(rb"\next-[0-9]")


def pointer_to(content: bytes) -> tuple[str, int] | None:
    """The object and the size that a pointer names; nothing where it is no pointer."""
    match = _POINTER.fullmatch(content) if len(content) < MOST_OF_A_POINTER else None
    return (match[1].decode(), int(match[2])) if match else None


def place_of(storage: str, oid: str) -> str:
    """Where an LFS store has an object."""
    return os.path.join(storage, "objects", oid[:2], oid[2:4], oid)  # noqa: PTH118


def is_there(storage: str, oid: str, size: int) -> bool:
    """Whether a store has an object, whole."""
    try:
        return os.stat(place_of(storage, oid)).st_size == size  # noqa: PTH116
    except OSError:
        return False


def cleaned(storage: str, content: bytes) -> bytes:
    """The pointer to a content, which is in the store from then on; a pointer, and an empty file, stay as they are.

    Raises:
        OSError: the store cannot be written.
    """
    if not content or pointer_to(content):
        return content
    oid = hashlib.sha256(content).hexdigest()
    if not is_there(storage, oid, len(content)):
        _keep(place_of(storage, oid), content)
    return b"version https://git-lfs.github.com/spec/v1\noid sha256:%b\nsize %d\n" % (oid.encode(), len(content))


def smudged(storage: str, content: bytes) -> bytes:
    """The file that a pointer names, if the store has it and no extension is needed to read it; else the same again."""
    named = pointer_to(content)
    if named is None or _EXTENDED.search(content) or not is_there(storage, *named):
        return content
    try:
        with open(place_of(storage, named[0]), "rb") as file:  # noqa: PTH123
            return file.read()
    except OSError:
        return content


def _keep(place: str, content: bytes) -> None:
    """Whole or not at all, and for all who may read the folder that the store is in: a group may share it."""
    folder = os.path.dirname(place)  # noqa: PTH120
    mode = _folder(folder)
    unfinished = os.path.join(folder, f".{token_hex(8)}.new")  # noqa: PTH118
    try:
        with open(unfinished, "xb") as file:  # noqa: PTH123
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            os.fchmod(file.fileno(), mode & 0o666)
        os.rename(unfinished, place)  # noqa: PTH104
    except BaseException:
        if os.path.lexists(unfinished):
            os.unlink(unfinished)  # noqa: PTH108
        raise


def _folder(path: str) -> int:
    """Make a folder where it is missing, each new one with the mode of the one above; gives its mode."""
    try:
        return stat.S_IMODE(os.stat(path).st_mode)  # noqa: PTH116
    except FileNotFoundError:
        mode = _folder(os.path.dirname(path))  # noqa: PTH120
    try:
        os.mkdir(path)  # noqa: PTH102
        os.chmod(path, mode)  # noqa: PTH101
    except FileExistsError:  # somebody else was quicker
        pass
    return mode


def _packet(source: BinaryIO) -> bytes | None:
    """The next packet; nothing is a flush. At the end of the input: EOFError."""
    head = source.read(4)
    if len(head) < 4:
        raise EOFError
    size = int(head, 16)
    return source.read(size - 4) if size else None


def _packets(source: BinaryIO) -> Iterator[bytes]:
    """All packets up to the next flush."""
    while (packet := _packet(source)) is not None:
        yield packet


def _answer(target: BinaryIO, *lines: bytes) -> None:
    target.writelines(b"%04x%b\n" % (len(line) + 5, line) for line in lines)
    target.write(b"0000")


def serve(storage: str, source: BinaryIO, target: BinaryIO) -> None:
    """Speak the protocol until git has no more files."""
    list(_packets(source))
    _answer(target, b"git-filter-server", b"version=2")
    target.flush()
    list(_packets(source))
    _answer(target, b"capability=clean", b"capability=smudge")
    target.flush()
    try:
        while True:
            asked = dict(line.rstrip(b"\n").split(b"=", 1) for line in _packets(source))
            content = b"".join(_packets(source))
            _serve_one(storage, asked[b"command"], content, target)
            target.flush()
    except EOFError:
        return


def _serve_one(storage: str, command: bytes, content: bytes, target: BinaryIO) -> None:
    try:
        made = cleaned(storage, content) if command == b"clean" else smudged(storage, content)
    except OSError as problem:
        sys.stderr.write(f"error: the LFS store {storage}: {problem.strerror}\n")
        _answer(target, b"status=error")
        return
    _answer(target, b"status=success")
    for start in range(0, len(made), _PACKET):
        part = made[start : start + _PACKET]
        target.write(b"%04x%b" % (len(part) + 4, part))
    target.write(b"00000000")


if __name__ == "__main__":
    serve(sys.argv[1], sys.stdin.buffer, sys.stdout.buffer)
