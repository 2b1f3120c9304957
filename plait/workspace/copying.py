"""What set-up commands created in a checkout: found, kept, and copied into another checkout with its paths mended."""

import contextlib
import fcntl
import glob
import json
import os
import re
import shutil
import stat
import sys
import time
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from secrets import token_hex

from plait.workspace.deleting import delete_tree
from plait.workspace.starting import NO_SPACE, explaining

Listing = dict[str, tuple[int, int, int, int]]
"""Path from the root → kind and mode, size, last change in nanoseconds, inode."""

_TEXT = 1 << 20
"""Bytes up to which a file may be a text that names its checkout: scripts of a virtual environment, CMakeCache."""
_STALE = 86400
"""Seconds after which a half-made entry belongs to a process that was killed."""


def list_tree(directory: Path) -> Listing:
    """All below a checkout but its `.git`; links are not followed."""
    listing = {}
    for path, entry in _walk(directory):
        status = entry.stat(follow_symlinks=False)
        # Time of change, not of modification: a program can set the latter as it likes.
        listing[path] = (status.st_mode, status.st_size, status.st_ctime_ns, status.st_ino)
    return listing


def matching_files(directory: Path, patterns: tuple[str, ...]) -> dict[str, bool]:
    """Sorted paths that match one of the patterns (`fnmatch` on the whole path), and whether each is a regular file."""
    matches = {}
    for path, entry in _walk(directory):
        if not entry.is_dir(follow_symlinks=False) and any(fnmatchcase(path, pattern) for pattern in patterns):
            matches[path] = entry.is_file(follow_symlinks=False)
    return dict(sorted(matches.items()))


def keep_created(directory: Path, before: Listing, entry: Path) -> bool:
    """Copy what is new since `before` to a cache entry, which is there whole or not at all.

    Returns:
        False where nothing is kept: something older was changed or deleted, it is no plain file, or there is no space.
    """
    after = list_tree(directory)
    if any(_was_changed(marks, after.get(path)) for path, marks in before.items()):
        return False
    created = {path: marks[0] for path, marks in after.items() if path not in before}
    if any(not _is_plain(mode) or _leads_elsewhere(path, mode) for path, mode in created.items()):
        return False
    half = entry.with_name(f".half-{token_hex(8)}")
    try:
        _delete_stale(entry.parent)
        _copy_all(created, directory, half / "files")
        spellings = _spellings(directory)
        mended = [path for path, mode in created.items() if stat.S_ISREG(mode) and _names(directory / path, spellings)]
        manifest = {"directory": spellings, "created": created, "mended": mended}
        (half / "manifest.json").write_text(json.dumps(manifest))
        half.rename(entry)
    except OSError:  # a full disk, or another was first; the set-up itself has succeeded
        with contextlib.suppress(OSError):
            delete_tree(half)
        return False
    return True


def copy_back(entry: Path, directory: Path) -> bool:
    """Copy a cache entry into a checkout; absolute paths of the checkout that it was made in become those of this one.

    Returns:
        False, and nothing is changed, where there is no (whole) entry or something is in the way.

    Raises:
        DiskFull: no space; what was copied is deleted again.
    """
    try:
        manifest = json.loads((entry / "manifest.json").read_text())
        created, mended = manifest["created"], manifest["mended"]
        moved = dict(zip(manifest["directory"], _spellings(directory), strict=True))
    except (OSError, ValueError, KeyError):
        return False
    roots = [path for path in created if path.rpartition("/")[0] not in created]
    if not all(_is_free(directory, path) for path in roots):
        return False
    try:
        _copy_all(created, entry / "files", directory)
        for path in mended:
            _mend_file(directory / path, moved)
        for path, mode in created.items():
            if stat.S_ISLNK(mode):
                _mend_link(directory / path, moved)
        os.utime(entry)  # cleaning up begins with what was not used for longest
    except OSError as problem:
        for path in roots:
            delete_tree(directory / path)
        if problem.errno in NO_SPACE:
            with explaining(f"cannot copy the set-up into {directory}"):
                raise
        return False  # such as an entry that is just being cleaned up
    return True


def _walk(directory: Path) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Paths and entries below a checkout but its `.git`, each directory before what is in it."""
    waiting = [""]
    while waiting:
        parent = waiting.pop()
        with os.scandir(directory / parent) as entries:
            for entry in entries:
                path = f"{parent}/{entry.name}" if parent else entry.name
                if path == ".git":
                    continue
                yield path, entry
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(path)


def _was_changed(before: tuple[int, ...], after: tuple[int, ...] | None) -> bool:
    if after is not None and stat.S_ISDIR(before[0]):
        return before[0] != after[0]  # its time changes with each new file in it
    return before != after


def _is_plain(mode: int) -> bool:
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode)


def _leads_elsewhere(path: str, mode: int) -> bool:
    """Whether it is the `.git` file of a submodule or a worktree: its repository lies in the checkout's own `.git`."""
    return stat.S_ISREG(mode) and path.rpartition("/")[2] == ".git"


def _is_free(directory: Path, path: str) -> bool:
    """Whether `path` can be made: nothing is there, and the way to it leads through no link that the repository has."""
    place = directory
    for part in Path(path).parts[:-1]:
        place /= part
        if place.is_symlink() or not place.is_dir():
            return False
    return not os.path.lexists(directory / path)


def _copy_all(created: dict[str, int], source: Path, target: Path) -> None:
    """Copy files, links and directories, each with its mode and, but for directories, its times."""
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path, mode in created.items():
        if stat.S_ISDIR(mode):
            (target / path).mkdir(parents=True)
        else:
            (target / path).parent.mkdir(parents=True, exist_ok=True)
            _copy_file(source / path, target / path)
    for path, mode in reversed(created.items()):
        if stat.S_ISDIR(mode):
            (target / path).chmod(stat.S_IMODE(mode))


def _copy_file(source: Path, target: Path) -> None:
    if source.is_symlink():
        target.symlink_to(source.readlink())
        return
    with (
        open(os.open(source, os.O_RDONLY | os.O_NOFOLLOW), "rb", buffering=0) as read,  # noqa: PTH123  (a descriptor)
        target.open("xb") as written,
    ):
        if not _clone(read.fileno(), written.fileno()):
            shutil.copyfileobj(read, written, 1 << 20)
            written.flush()
        status = os.fstat(read.fileno())
        os.fchmod(written.fileno(), stat.S_IMODE(status.st_mode))
        os.utime(written.fileno(), ns=(status.st_atime_ns, status.st_mtime_ns))


def _clone(read: int, written: int) -> bool:
    """Share the blocks of a file, where the file system can (btrfs, xfs): ioctl_ficlone(2), cp's `--reflink`."""
    if not sys.platform.startswith("linux"):
        return False
    ficlone = 0x40049409
    try:
        fcntl.ioctl(written, ficlone, read)
    except OSError:
        return False
    return True


def _spellings(directory: Path) -> list[str]:
    """How programs write a checkout's path: as it was given, and without links (`/tmp` is one on macOS)."""
    return [os.fspath(directory.absolute()), os.fspath(directory.resolve())]


def _pattern(paths: Iterable[str]) -> re.Pattern[bytes]:
    """One of the paths itself, the longer first, but not the beginning of another name."""
    choices = b"|".join(re.escape(os.fsencode(path)) for path in sorted(paths, key=len, reverse=True))
    return re.compile(b"(?:" + choices + rb")(?![\w.-])")


def _names(file: Path, spellings: list[str]) -> bool:
    """Whether a text names its checkout."""
    if file.stat().st_size > _TEXT:
        return False
    text = file.read_bytes()
    return b"\0" not in text[:8192] and _pattern(spellings).search(text) is not None


def _mend_file(file: Path, moved: dict[str, str]) -> None:
    """Replace paths; what Python compiled from the old text (told by second and size) is deleted."""
    mode = stat.S_IMODE(file.stat().st_mode)
    file.chmod(mode | stat.S_IWUSR | stat.S_IRUSR)
    file.write_bytes(_pattern(moved).sub(lambda m: os.fsencode(moved[os.fsdecode(m[0])]), file.read_bytes()))
    file.chmod(mode)
    if file.suffix == ".py":
        for compiled in (file.parent / "__pycache__").glob(f"{glob.escape(file.stem)}.*.pyc"):
            compiled.unlink()


def _mend_link(link: Path, moved: dict[str, str]) -> None:
    target = os.fspath(link.readlink())
    for before, after in moved.items():
        if target == before or target.startswith(before + os.sep):
            link.unlink()
            link.symlink_to(after + target[len(before) :])
            return


def _delete_stale(cache: Path) -> None:
    for half in cache.glob(".half-*"):
        if half.stat().st_mtime < time.time() - _STALE:
            delete_tree(half)
