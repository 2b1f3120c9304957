"""Deleting what an agent may have built: very deep, read-only, oddly named, full of links out of it."""

import atexit
import contextlib
import os
import queue
import stat
import threading
from functools import cache
from pathlib import Path
from secrets import token_hex

TRASH = ".plait-trash"
"""The folder beside a directory in which that waits to be deleted."""

_AT_EXIT = 2.0
"""Seconds that the end of the program waits for deletions; who knows the trash deletes the rest another time."""


def delete_tree(path: Path) -> None:
    """Delete a file or a directory with all in it, if it is there; links are deleted, never followed.

    No recursion, three open directories at most, no long paths: each sub-directory that is not empty is moved up
    into `path` first. Nothing may be at work in it.

    Raises:
        OSError: something could not be deleted (another user's, a mount); the rest was.
    """
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        return
    top = _opened(os.fspath(path), None)
    try:
        problems = _empty(top)
    finally:
        os.close(top)
    if problems:
        raise problems[0]
    with contextlib.suppress(FileNotFoundError):
        path.rmdir()


def delete_later(path: Path) -> None:
    """Take a directory out of the way at once, by renaming, and delete it in the background.

    Raises:
        OSError: it could not be renamed, as when its parent may not be written.
    """
    trash = path.parent / TRASH
    trash.mkdir(mode=0o700, exist_ok=True)
    away = trash / token_hex(8)
    try:
        path.rename(away)
    except FileNotFoundError:
        return
    except PermissionError:  # a read-only directory cannot be moved to another parent
        path.chmod(0o700, follow_symlinks=True)
        path.rename(away)
    _waiting().put(away)


def _empty(top: int) -> list[OSError]:
    """Delete all in an open directory; gives what could not be deleted."""
    problems: list[OSError] = []
    prefix, moved = f".{token_hex(8)}.", 0
    waiting = _delete_files(top, problems)
    while waiting:
        name = waiting.pop()
        try:
            inner = _opened(name, top)
        except OSError as problem:
            _note(problem, problems)
            continue
        try:
            for child in _delete_files(inner, problems):
                _make_movable(child, inner)
                os.rename(child, f"{prefix}{moved}", src_dir_fd=inner, dst_dir_fd=top)
                waiting.append(f"{prefix}{moved}")
                moved += 1
            os.rmdir(name, dir_fd=top)
        except OSError as problem:
            _note(problem, problems)
        finally:
            os.close(inner)
    return problems


def _delete_files(directory: int, problems: list[OSError]) -> list[str]:
    """Delete files, links and empty directories; gives the names of the directories that are left."""
    left = []
    with os.scandir(directory) as entries:
        names = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    for name, is_directory in names:
        try:
            if not is_directory:
                os.unlink(name, dir_fd=directory)
            else:
                os.rmdir(name, dir_fd=directory)
        except OSError as problem:
            if is_directory:
                left.append(name)
            else:
                _note(problem, problems)
    return left


def _note(problem: OSError, problems: list[OSError]) -> None:
    """What is gone already was deleted by another process that empties the same trash."""
    if not isinstance(problem, FileNotFoundError):
        problems.append(problem)


def _opened(name: str, parent: int | None) -> int:
    """A directory opened for reading and writing in it, never through a link."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        descriptor = os.open(name, flags, dir_fd=parent)
    except PermissionError:
        os.chmod(name, stat.S_IRWXU, dir_fd=parent)
        descriptor = os.open(name, flags, dir_fd=parent)
    if stat.S_IMODE(os.fstat(descriptor).st_mode) & stat.S_IRWXU != stat.S_IRWXU:
        os.fchmod(descriptor, stat.S_IRWXU)
    return descriptor


def _make_movable(name: str, parent: int) -> None:
    """Moving a directory changes its `..`, for which it has to be writable."""
    os.close(_opened(name, parent))


@cache
def _waiting() -> "queue.Queue[Path]":
    """The queue of the one thread that deletes; begun with the first deletion."""
    waiting: queue.Queue[Path] = queue.Queue()
    threading.Thread(target=_delete_for_ever, args=(waiting,), name="plait-deleting", daemon=True).start()
    atexit.register(_wait_for, waiting)
    return waiting


def _delete_for_ever(waiting: "queue.Queue[Path]") -> None:
    while True:
        path = waiting.get()
        with contextlib.suppress(OSError):  # it stays in the trash, which is deleted as a whole at the end of a run
            delete_tree(path)
        waiting.task_done()


def _wait_for(waiting: "queue.Queue[Path]") -> None:
    """`Queue.join` with an end."""
    with waiting.all_tasks_done:
        waiting.all_tasks_done.wait_for(lambda: not waiting.unfinished_tasks, _AT_EXIT)
