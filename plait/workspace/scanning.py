"""What lies in a checkout, counted by lstat alone: no file is opened, no link followed, no git asked."""

import os
import stat
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from plait.plans.paths import is_git_directory

ROOT = "."
_READ_BY_GIT = frozenset((".gitignore", ".gitattributes", ".gitmodules"))
_READ_BY_GIT_BYTES = 1_000_000
_LONGEST_PATH = 4000
"""Bytes; the kernel takes 4,096."""


@dataclass(frozen=True, slots=True)
class HarvestLimits:
    """How much of what may be committed in one piece of work."""

    file_bytes: int = 50_000_000
    total_bytes: int = 500_000_000
    new_files: int = 20_000
    depth: int = 64
    entries: int = 1_000_000
    """Files and directories that are looked at, ignored ones too."""


LIMITS = HarvestLimits()


@dataclass(frozen=True, slots=True)
class Odd:
    """Something that cannot be committed, and why."""

    path: str
    reason: str

    def __str__(self) -> str:
        return f"{shown(self.path)}: {self.reason}"


@dataclass(slots=True)
class Survey:
    """All that was seen below a directory, its own `.git` left out."""

    files: dict[str, int] = field(default_factory=dict)
    """Paths of regular files with their apparent size in bytes: a sparse file counts in full."""
    links: dict[str, str] = field(default_factory=dict)
    """Paths of symbolic links with what they point to."""
    directories: set[str] = field(default_factory=set)
    odd: list[Odd] = field(default_factory=list)
    unsafe: list[Odd] = field(default_factory=list)
    """What git must not run beside: ignore or attribute files that would block it or fill its memory, no directory."""
    repositories: list[str] = field(default_factory=list)
    """Directories that git would take for a bare repository."""


def survey(directory: Path, limits: HarvestLimits) -> Survey:
    """Walk a directory without recursion, down to the depth that is allowed."""
    seen = Survey()
    if not stat.S_ISDIR(directory.lstat().st_mode if os.path.lexists(directory) else 0):
        seen.unsafe.append(Odd(ROOT, "the checkout itself is no longer a directory"))
        return seen
    counted, pending = 0, [("", 1)]
    while pending:
        above, depth = pending.pop()
        try:
            with os.scandir(f"{directory}/{above}") as entries:
                some = islice(entries, limits.entries - counted + 2)  # one that is too many, and a `.git`
                here = [entry for entry in some if above or entry.name != ".git"]
        except OSError as error:
            (seen.odd if above else seen.unsafe).append(Odd(above or ROOT, f"cannot be read ({error.strerror})"))
            continue
        counted += len(here)
        if counted > limits.entries:
            seen.odd.append(Odd(ROOT, f"more than {limits.entries:,} files and directories in the checkout"))
            break
        if _is_bare_repository(entry.name for entry in here):
            seen.repositories.append(above)
        for entry in here:
            path = f"{above}/{entry.name}" if above else entry.name
            if _may_be_git(entry.name) and is_git_directory(entry.name):
                seen.odd.append(Odd(path, "a nested repository, or a name that some file systems take for .git"))
            elif entry.is_dir(follow_symlinks=False):
                _descend(seen, pending, path, depth, limits)
            else:
                _note(seen, path, entry)
    return seen


def _may_be_git(name: str) -> bool:
    """A cheap look before the exact one."""
    return not name.isascii() or "git" in name.lower()


def _descend(seen: Survey, pending: list[tuple[str, int]], path: str, depth: int, limits: HarvestLimits) -> None:
    seen.directories.add(path)
    if depth >= limits.depth:
        seen.odd.append(Odd(path, f"directories deeper than {limits.depth}"))
    elif len(os.fsencode(path)) > _LONGEST_PATH:
        seen.odd.append(Odd(path, f"a path longer than {_LONGEST_PATH} bytes"))
    else:
        pending.append((path, depth + 1))


def _note(seen: Survey, path: str, entry: os.DirEntry[str]) -> None:
    """Sort one entry that is not a directory into the survey."""
    try:
        status = entry.stat(follow_symlinks=False)
        target = os.readlink(entry.path) if stat.S_ISLNK(status.st_mode) else None  # noqa: PTH115
    except OSError as error:
        seen.odd.append(Odd(path, f"cannot be read ({error.strerror})"))
        return
    regular = stat.S_ISREG(status.st_mode)
    if entry.name in _READ_BY_GIT and target is None and (not regular or status.st_size > _READ_BY_GIT_BYTES):
        seen.unsafe.append(Odd(path, f"not a regular file of at most {_READ_BY_GIT_BYTES:,} bytes, and git reads it"))
    elif target is not None:
        seen.links[path] = target
    elif regular:
        seen.files[path] = status.st_size
    else:
        seen.odd.append(Odd(path, f"{_nature(status.st_mode)}, not a file"))


def odd_links(seen: Survey, paths: Iterable[str]) -> list[Odd]:
    """The symbolic links among `paths` that could lead out of the tree."""
    reason = "a symbolic link that leaves the repository (to {})"
    return [
        Odd(path, reason.format(shown(seen.links[path])))
        for path in paths
        if path in seen.links and _leaves(path, seen.links[path])
    ]


def _leaves(path: str, target: str) -> bool:
    """Whether a link may lead above the root.

    `..` is taken only at the front, where it means real directories: behind a name it could go up from where another
    link leads.
    """
    parts = [part for part in target.split("/") if part not in ("", ".")]
    up = next((at for at, part in enumerate(parts) if part != ".."), len(parts))
    if target.startswith("/") or not parts or up > path.count("/"):
        return True
    return ".." in parts[up:] or any(is_git_directory(part) for part in parts)


def bare_repositories(seen: Survey, paths: Iterable[str]) -> list[Odd]:
    """Directories with the look of a bare repository that hold one of `paths`."""
    if not seen.repositories:
        return []
    inside = {parent for path in paths for parent in _above(path)}
    reason = "looks like a bare repository: git run in it would obey its configuration"
    return [Odd(directory or ROOT, reason) for directory in seen.repositories if directory in inside]


def _above(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:end]) for end in range(len(parts))]


def excess(
    sizes: Mapping[str, int], new: Iterable[str], limits: HarvestLimits, *, pointers: Collection[str] = ()
) -> list[Odd]:
    """What is too large or too many among the files to commit.

    Args:
        sizes: Bytes of each file to commit.
        new: Those that were not there before.
        pointers: Those that git has a pointer of alone: each may be as large as all together.
    """
    large = [
        Odd(path, f"{size:,} bytes, more than the {limits.file_bytes:,} allowed for a file")
        for path, size in sizes.items()
        if size > limits.file_bytes and path not in pointers
    ]
    total, count = sum(sizes.values()), sum(1 for _ in new)
    if total > limits.total_bytes:
        large.append(Odd(ROOT, f"{total:,} bytes to commit, more than the {limits.total_bytes:,} allowed"))
    if count > limits.new_files:
        large.append(Odd(ROOT, f"{count:,} new files, more than the {limits.new_files:,} allowed"))
    return large


def shown(path: str) -> str:
    """A path for people and logs: control characters and odd bytes escaped."""
    return path if path.isprintable() else ascii(path)[1:-1]


def _is_bare_repository(names: Iterable[str]) -> bool:
    held = {name.casefold() for name in names}
    return "head" in held and ({"objects", "refs"} <= held or "commondir" in held)


def _nature(mode: int) -> str:
    kinds = {
        stat.S_ISFIFO: "a named pipe",
        stat.S_ISSOCK: "a socket",
        stat.S_ISBLK: "a device",
        stat.S_ISCHR: "a device",
    }
    return next((name for test, name in kinds.items() if test(mode)), "something odd")
