"""Asks about places that somebody else named: what may not be entered, or can be no name, is not there.

`Path.is_file` and its kin raise for these, before Python 3.14, which a traceback made of a closed folder on PATH.
"""

import os
from contextlib import suppress
from pathlib import Path


def is_file(path: str | Path) -> bool:
    """Whether there is such a file, as far as we may see."""
    return os.path.isfile(path)  # noqa: PTH113


def is_folder(path: str | Path) -> bool:
    """Whether there is such a folder, as far as we may see."""
    return os.path.isdir(path)  # noqa: PTH112


def is_there(path: str | Path) -> bool:
    """Whether there is anything of that name, as far as we may see."""
    return os.path.exists(path)  # noqa: PTH110


def has_fetched(place: Path) -> bool:
    """Whether the repository around a directory may have fetched branches, told without git; no where there is none."""
    return may_have_refs(place, "refs/remotes")


def may_have_refs(place: Path, below: str) -> bool:
    """Whether the repository around a directory may have such refs, as `refs/remotes`; told without git."""
    with suppress(OSError):
        start = place.absolute()
        git = next((folder / ".git" for folder in (start, *start.parents) if is_there(folder / ".git")), None)
        if git is None or not is_folder(git):
            return git is not None  # a linked worktree: its branches are elsewhere
        packed = git / "packed-refs"
        name = f" {below}/".encode()
        return is_there(git / below) or (is_file(packed) and name in packed.read_bytes())
    return False
