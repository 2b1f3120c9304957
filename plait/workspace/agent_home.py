"""The HOME of an agent program: its settings written anew for each try, a borrowed login, and no link followed.

What agents do in their HOME is theirs. So a file is put there past whatever an earlier try has left in its place: a
link that leads out of it would else have plait write, or copy a login, where the agent could not.
"""

import json
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from secrets import token_hex

from plait.workspace.deleting import delete_tree
from plait.workspace.small_files import read_plain_file

_LARGEST_LOGIN = 1 << 20


def make_home(home: Path) -> None:
    """Make a folder that only this user can look into; one that is there is kept."""
    home.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        home.mkdir(mode=0o700)
    if home.is_symlink() or not home.is_dir():
        home.unlink()
        home.mkdir(mode=0o700)


def put_private_file(folder: Path, name: str, content: str) -> Path:
    """Write a file below a folder of ours, readable by this user alone; links on the way are removed, not followed.

    Args:
        name: From the folder, such as `.claude/settings.json`.
    """
    *inner, last = PurePosixPath(name).parts
    here = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for part in inner:
            deeper = _opened_folder(part, here)
            os.close(here)
            here = deeper
        unfinished = f".{token_hex(8)}.new"
        handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600, dir_fd=here)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(content)
        if _is_folder(last, here):
            delete_tree(folder / name)
        os.replace(unfinished, last, src_dir_fd=here, dst_dir_fd=here)
    finally:
        os.close(here)
    return folder / name


@contextmanager
def borrowed_login(home: Path, files: Sequence[str], *, owner: Path, gives_back: bool) -> Iterator[tuple[str, ...]]:
    """Copies of the owner's login files in an agent's HOME, as long as the block lasts: those that there are.

    Args:
        gives_back: Whether a login that the program has renewed meanwhile goes to its owner, as the old one may be
            worth nothing then. Not out of a sandbox: an agent in it could put anybody's login there.
    """
    lent = {name: text for name in files if (text := _read_login(owner / name)) is not None}
    try:
        for name, text in lent.items():
            put_private_file(home, name, text)
        yield tuple(lent)
    finally:
        for name, text in lent.items():
            copy = _read_login(home / name) if _is_inside(home, name) else None
            if gives_back and copy is not None and copy != text and _is_alike(copy, text):
                _give_back(owner / name, copy, lent=text)
            put_private_file(home, name, "")
            with suppress(OSError):
                (home / name).unlink()


def _give_back(place: Path, renewed: str, *, lent: str) -> None:
    """Unless it was renewed by somebody else, too. A login that is a link stays one."""
    with suppress(OSError):
        if _read_login(place) == lent:
            put_private_file(place.resolve().parent, place.resolve().name, renewed)


def _is_alike(renewed: str, lent: str) -> bool:
    """Whether both are JSON objects with the same keys: a half-written file is no login."""
    try:
        new, old = json.loads(renewed), json.loads(lent)
    except (ValueError, RecursionError):
        return False
    return isinstance(new, dict) and isinstance(old, dict) and new.keys() == old.keys()


def _read_login(place: Path) -> str | None:
    try:
        return read_plain_file(place.resolve(), most=_LARGEST_LOGIN)
    except (OSError, ValueError, RuntimeError):  # RuntimeError: a circle of links
        return None


def _is_inside(home: Path, name: str) -> bool:
    """Whether no part of the way is a link: an agent could have its program's login read from elsewhere."""
    place = home
    for part in PurePosixPath(name).parts:
        place /= part
        if place.is_symlink():
            return False
    return True


def _opened_folder(name: str, here: int) -> int:
    """A folder in the open one, made where it is missing; what is there and none is removed."""
    with suppress(FileExistsError):
        os.mkdir(name, 0o700, dir_fd=here)
    if not _is_folder(name, here):
        os.unlink(name, dir_fd=here)
        os.mkdir(name, 0o700, dir_fd=here)
    return os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=here)


def _is_folder(name: str, here: int) -> bool:
    try:
        return stat.S_ISDIR(os.lstat(name, dir_fd=here).st_mode)
    except FileNotFoundError:
        return False
