"""The files of one checkout, as a model's tools reach them: by descriptors from its folder down, through no link.

Whoever works in the checkout at the same time (a command of the same model, a process that it left) may swap folders
and links at any moment. So no path is looked at and then opened: each part of it is opened below the one before.
"""

import os
import stat
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import PurePosixPath
from secrets import token_hex
from typing import Final

from plait.plans.errors import PlaitError

LARGEST_FILE: Final = 8 << 20
"""Bytes that are read, and that may be written."""
_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_LONGEST_PATH: Final = 4096


class FileRefused(PlaitError):
    """A path that leaves the checkout, or that is not what it was taken for; told to the model."""


class FileMissing(FileRefused):
    """There is nothing under this name."""


class PathDenied(FileRefused):
    """A path that no agent may use, whatever is there."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What a folder holds: `link` is where a symbolic one points to."""

    path: str
    kind: str
    size: int = 0
    link: str = ""


class CheckoutFiles:
    """Reads and writes below one folder, and nowhere else; nothing named `.git` is there for it."""

    def __init__(self, directory: str) -> None:
        self.directory = os.path.normpath(directory)
        self._names = (self.directory, os.path.realpath(directory))
        self._root = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def close(self) -> None:
        """Let go of the folder."""
        os.close(self._root)

    def parts_of(self, path: str) -> tuple[str, ...]:
        """The parts of a path below the checkout, the checkout itself having none.

        Raises:
            PathDenied: it is not below it, or in git's own folder.
        """
        if "\0" in path or len(path) > _LONGEST_PATH:
            raise FileRefused(f"{path[:80]!r} is no path")
        if path.startswith("/"):
            whole = PurePosixPath(path)
            name = next((name for name in self._names if whole.is_relative_to(name)), None)
            if name is None:
                raise PathDenied(f"{path} is outside the checkout: paths are relative to {self.directory}")
            path = str(whole.relative_to(name))
        parts = tuple(part for part in path.split("/") if part not in ("", "."))
        if ".." in parts:
            raise PathDenied(f"{path} has `..` in it: paths are relative to the checkout, and stay in it")
        if any(is_gits(part) for part in parts):
            raise PathDenied(f"{path} belongs to git, and is not for its agents")
        return parts

    def read(self, path: str) -> bytes:
        """All of a regular file.

        Raises:
            FileRefused: there is none, or it is too large.
        """
        with self._opened(path) as (file, status):
            if status.st_size > LARGEST_FILE:
                raise FileRefused(f"{path} has {status.st_size} bytes, which is too much to read: use a command")
            content = b""
            while piece := os.read(file, 1 << 20):  # it may grow meanwhile
                content += piece
                if len(content) > LARGEST_FILE:
                    raise FileRefused(f"{path} is too large to read: use a command")
            return content

    def write(self, path: str, content: bytes) -> None:
        """A new file in its place, with its folders; the old one, wherever else it is linked, stays as it was.

        Raises:
            FileRefused: something else than a regular file is there.
        """
        if len(content) > LARGEST_FILE:
            raise FileRefused(f"{len(content)} bytes are too much for one file")
        with self._explaining(path), self._folder_of(path, make=True) as (folder, name):
            mode = _mode_of(name, folder, path)
            fresh = f".plait-{token_hex(6)}"
            file = os.open(
                fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666, dir_fd=folder
            )
            try:
                with open(file, "wb") as stream:  # noqa: PTH123  (a descriptor)
                    stream.write(content)
                    if mode is not None:
                        os.fchmod(file, mode)
                os.replace(fresh, name, src_dir_fd=folder, dst_dir_fd=folder)
            except BaseException:
                with suppress(OSError):
                    os.unlink(fresh, dir_fd=folder)
                raise

    def list(self, path: str) -> list[Entry]:
        """What is in a folder, by name.

        Raises:
            FileRefused: it is none.
        """
        parts = self.parts_of(path)
        with self._explaining(path), self._folder(parts) as folder:
            return sorted(_entries(folder, "/".join(parts)), key=lambda entry: entry.path)

    def walk(self, path: str, *, passed: frozenset[str], deepest: int = 60) -> Iterator[Entry]:
        """All below a folder, or the file that it is; folders with a name in `passed` are left out."""
        parts = self.parts_of(path)
        if parts:
            with self._explaining(path), self._folder(parts[:-1]) as folder:
                status = os.stat(parts[-1], dir_fd=folder, follow_symlinks=False)
            if not stat.S_ISDIR(status.st_mode):
                yield Entry("/".join(parts), _kind(status.st_mode), status.st_size)
                return
        waiting = [("/".join(parts), 0)]
        while waiting:
            place, depth = waiting.pop()
            with suppress(FileRefused):  # it may have gone, or become a link, since it was listed
                entries = self.list(place)
                yield from entries
                folders = [
                    entry.path
                    for entry in entries
                    if entry.kind == "folder" and entry.path.rpartition("/")[2] not in passed and depth < deepest
                ]
                waiting += [(each, depth + 1) for each in reversed(folders)]

    @contextmanager
    def _opened(self, path: str) -> Iterator[tuple[int, os.stat_result]]:
        with self._explaining(path), self._folder_of(path, make=False) as (folder, name):
            file = os.open(name, _FILE, dir_fd=folder)
            try:
                status = os.fstat(file)
                if not stat.S_ISREG(status.st_mode):
                    raise FileRefused(f"{path} is a {_kind(status.st_mode)}, not a file")
                yield file, status
            finally:
                os.close(file)

    @contextmanager
    def _folder_of(self, path: str, *, make: bool) -> Iterator[tuple[int, str]]:
        parts = self.parts_of(path)
        if not parts:
            raise FileRefused("the checkout itself is a folder, not a file")
        with self._folder(parts[:-1], make=make) as folder:
            yield folder, parts[-1]

    @contextmanager
    def _folder(self, parts: tuple[str, ...], *, make: bool = False) -> Iterator[int]:
        here = os.dup(self._root)
        try:
            for part in parts:
                if make:
                    with suppress(FileExistsError):  # what is there is opened next
                        os.mkdir(part, dir_fd=here)
                inner = os.open(part, _DIRECTORY, dir_fd=here)
                os.close(here)
                here = inner
            yield here
        finally:
            os.close(here)

    @contextmanager
    def _explaining(self, path: str) -> Iterator[None]:
        """The system's refusal in words that a model can do something about."""
        try:
            yield
        except FileNotFoundError as problem:
            raise FileMissing(f"{path} is not there") from problem
        except IsADirectoryError as problem:
            raise FileRefused(f"{path} is a folder") from problem
        except OSError as problem:
            link = self._link_on(path)
            told = f"goes through a symbolic link ({link}): give the path that it leads to" if link else ""
            raise FileRefused(f"{path} {told or f'cannot be used: {os.strerror(problem.errno or 0)}'}") from problem

    def _link_on(self, path: str) -> str:
        """The first link on the way, with where it points to; only for words."""
        parts = self.parts_of(path)
        with suppress(OSError):
            for number, part in enumerate(parts):
                with self._folder(parts[:number]) as folder:
                    if stat.S_ISLNK(os.stat(part, dir_fd=folder, follow_symlinks=False).st_mode):
                        return f"{'/'.join(parts[: number + 1])} -> {os.readlink(part, dir_fd=folder)}"
        return ""


def is_gits(part: str) -> bool:
    """Whether a file system may take this name for `.git`: some ignore case, some characters that cannot be seen."""
    seen = "".join(
        letter for letter in unicodedata.normalize("NFKC", part) if unicodedata.category(letter) not in ("Cf", "Cc")
    )
    return seen.casefold().rstrip(". ") == ".git" or seen.casefold() == "git~1"


def _mode_of(name: str, folder: int, path: str) -> int | None:
    """The permissions of what is there, which its successor is given too."""
    try:
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(status.st_mode):
        raise FileRefused(f"{path} is a {_kind(status.st_mode)}, not a file")
    return stat.S_IMODE(status.st_mode) & 0o777


def _entries(folder: int, place: str) -> Iterator[Entry]:
    with os.scandir(folder) as listed:
        for entry in listed:
            if is_gits(entry.name):
                continue
            path = f"{place}/{entry.name}" if place else entry.name
            with suppress(OSError):
                status = entry.stat(follow_symlinks=False)
                kind = _kind(status.st_mode)
                link = os.readlink(entry.name, dir_fd=folder) if kind == "symbolic link" else ""
                yield Entry(path, kind, status.st_size, link)


def _kind(mode: int) -> str:
    kinds = {
        stat.S_IFREG: "file",
        stat.S_IFDIR: "folder",
        stat.S_IFLNK: "symbolic link",
        stat.S_IFIFO: "pipe",
        stat.S_IFSOCK: "socket",
    }
    return kinds.get(stat.S_IFMT(mode), "device")
