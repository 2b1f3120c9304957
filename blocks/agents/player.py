"""The program that a scripted agent really is: plays steps in its working directory, with the standard library alone.

Started as `python -I -S player.py steps.json`, so that its hangs, floods and children are those of a real process.
Paths must stay below the working directory and are never followed through a symbolic link.
"""

import json
import os
import signal
import stat
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, NoReturn

REFUSED = 2
"""Exit status when a step cannot be played as it is written."""

USAGE = ".usage"
"""What the name of the file of steps ends with where it is that of what was used up."""

ANSWER = ".answer"
"""The same of the file of what it says to whoever asks it."""

CHILD_LIFETIME = 600.0
"""Seconds after which a child that nobody killed ends by itself."""


class RefusedStepError(Exception):
    """A step that leaves the checkout, or that does not fit what is in it."""


def main(path: str) -> None:
    """Play the steps of one JSON file, saying its lines: the last one at the end, the others before.

    What it used up it writes beside that file, a line for each time.
    """
    with open(path, encoding="utf-8") as file:  # noqa: PTH123 (pathlib would be half of the start-up time)
        entry = json.load(file)
    lines = entry["say"]
    for line in lines[:-1]:
        say(line)
    for number, step in enumerate(entry["steps"], start=1):
        (verb,) = step
        try:
            STEPS[verb](step[verb])
        except (RefusedStepError, OSError) as problem:
            end(REFUSED, f"step {number} ({verb}): {problem}")
    for line in lines[-1:]:
        say(line)


def say(line: str) -> None:
    """Print a line at once."""
    print(line, flush=True)  # noqa: T201


def write(step: dict[str, str]) -> None:
    """Make a file, or all of it anew."""
    put(step["path"], step["text"].encode(), os.O_TRUNC)


def append(step: dict[str, str]) -> None:
    """Add to the end of a file, or make it."""
    put(step["path"], step["text"].encode(), os.O_APPEND)


def resolve(step: dict[str, str]) -> None:
    """Replace all of a file that is there."""
    read(step["path"])
    write(step)


def replace(step: dict[str, str]) -> None:
    """Put `new` where `old` is, which must be in the file exactly once."""
    text, old = read(step["path"]), step["old"].encode()
    if (count := text.count(old)) != 1:
        raise RefusedStepError(f"{step['old']!r} is in {step['path']} {count} times, not once")
    put(step["path"], text.replace(old, step["new"].encode()), os.O_TRUNC)


def delete(path: str) -> None:
    """Delete a file or a symbolic link."""
    with place(path) as (folder, name):
        os.unlink(name, dir_fd=folder)


def chmod(step: dict[str, Any]) -> None:
    """Set a file's permission bits."""
    with opened(step["path"], os.O_RDONLY) as file:
        os.fchmod(file, step["mode"])


def symlink(step: dict[str, str]) -> None:
    """Make a symbolic link; where it points to is not checked, for agents do not check it either."""
    with place(step["path"], make=True) as (folder, name):
        os.symlink(step["to"], name, dir_fd=folder)


def run(argv: list[str]) -> None:
    """Run a program here; `python` is the one that plays."""
    program = sys.executable if argv[0] in ("python", "python3") else argv[0]
    sys.stdout.flush()
    child = os.posix_spawnp(program, [program, *argv[1:]], os.environ)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status != 0:
        end(status if status > 0 else 128 - status, f"{argv[0]} ended with {status}")


def flood(size: int | None) -> None:
    """Print so many bytes, or print for ever."""
    line = b"all work and no play makes jack a dull boy".ljust(79, b".") + b"\n"
    block = line * 800
    left = size
    while left is None or left > 0:
        part = block if left is None else block[:left]
        sys.stdout.buffer.write(part)
        if left is not None:
            left -= len(part)
    sys.stdout.buffer.flush()


def hang(_: object) -> NoReturn:
    """Do nothing, say nothing, never end."""
    while True:
        signal.pause()


def children(count: int) -> None:
    """Leave processes behind: forked twice, in sessions of their own, deaf to polite signals."""
    pids = [_leave_child() for _ in range(count)]
    say("left running: " + " ".join(map(str, pids)))


def usage(step: dict[str, Any]) -> None:
    """Tell what a model would have used up, where whoever started this looks for it."""
    with open(sys.argv[1] + USAGE, "a", encoding="utf-8") as file:  # noqa: PTH123
        file.write(json.dumps(step) + "\n")


def answer(text: str) -> None:
    """Say something to whoever asks, where that looks for it."""
    with open(sys.argv[1] + ANSWER, "w", encoding="utf-8") as file:  # noqa: PTH123
        file.write(text)


def fail(step: dict[str, Any]) -> None:
    """End with a status, and say why."""
    end(step["status"], step["say"])


STEPS: dict[str, Callable[[Any], None]] = {
    "say": say,
    "write": write,
    "append": append,
    "replace": replace,
    "resolve": resolve,
    "delete": delete,
    "chmod": chmod,
    "symlink": symlink,
    "sleep": time.sleep,
    "run": run,
    "flood": flood,
    "hang": hang,
    "children": children,
    "usage": usage,
    "answer": answer,
    "fail": fail,
}


def end(status: int, line: str) -> NoReturn:
    """End here, with the reason as the last line."""
    if line:
        say(line)
    sys.stdout.flush()
    os._exit(status)


@contextmanager
def place(path: str, *, make: bool = False) -> Iterator[tuple[int, str]]:
    """The open folder that holds `path`, and its name there; no part of the way may be a symbolic link."""
    *folders, name = path.split("/")
    if not name or any(part in ("", ".", "..") for part in (*folders, name)):
        raise RefusedStepError(f"{path!r} is not a path below the checkout")
    here = os.open(".", os.O_RDONLY | os.O_DIRECTORY)
    try:
        for part in folders:
            if make:
                _make_folder(part, here)
            inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=here)
            os.close(here)
            here = inner
        yield here, name
    finally:
        os.close(here)


@contextmanager
def opened(path: str, flags: int) -> Iterator[int]:
    """A regular file of the checkout, opened; a symbolic link, pipe or device is refused."""
    with place(path, make=bool(flags & os.O_CREAT)) as (folder, name):
        file = os.open(name, flags | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666, dir_fd=folder)
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise RefusedStepError(f"{path} is no regular file")
        yield file
    finally:
        os.close(file)


def read(path: str) -> bytes:
    """All of a file."""
    with opened(path, os.O_RDONLY) as file, open(file, "rb", closefd=False) as stream:
        return stream.read()


def put(path: str, content: bytes, how: int) -> None:
    """Write a file, opened with `how` beside the flags that make it."""
    flags = os.O_WRONLY | os.O_CREAT | how
    with opened(path, flags) as file, open(file, "wb", closefd=False) as stream:
        stream.write(content)


def _make_folder(name: str, here: int) -> None:
    with suppress(FileExistsError):  # what is there is opened next, and refused when it is no folder
        os.mkdir(name, dir_fd=here)


def _leave_child() -> int:
    """The process id of a grandchild that has already set itself up."""
    reader, writer = os.pipe()
    if (child := os.fork()) == 0:
        os.setsid()
        if os.fork() == 0:
            _live_on(writer)
        os._exit(0)
    os.waitpid(child, 0)
    os.close(writer)
    pid = int(os.read(reader, 32))
    os.close(reader)
    return pid


def _live_on(writer: int) -> NoReturn:
    for polite in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(polite, signal.SIG_IGN)
    os.write(writer, str(os.getpid()).encode())
    os.close(writer)
    time.sleep(CHILD_LIFETIME)
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1])
