"""Processes as the kernel has them: killed with or without their children, and looked for when none may be left."""

import os
import signal
import time
from contextlib import suppress
from multiprocessing.process import BaseProcess
from pathlib import Path

PERSON = "PLAIT_STORM_PERSON"
"""The variable that a person's own git carries: it may outlive a run."""


def kill(process: BaseProcess, *, with_children: bool) -> None:
    """End a process of `multiprocessing` by `kill_family`, and wait for it."""
    assert process.pid is not None
    kill_family(process.pid, with_children=with_children)
    process.join()


def kill_family(pid: int, *, with_children: bool) -> None:
    """SIGKILL; git and shims run in sessions of their own, so they outlive plait unless they are killed by number."""
    members = [pid]
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGSTOP)
    if with_children:
        for member in members:
            members += children(member)
    for member in members:
        with suppress(ProcessLookupError):
            os.kill(member, signal.SIGKILL)


def children(pid: int) -> list[int]:
    """The processes that this one started and that are still its own."""
    born = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = status.read_text(errors="replace").rpartition(")")[2].split()
            if int(fields[1]) == pid and fields[0] != "Z":
                born.append(int(status.parent.name))
    return born


def survivors(folder: Path, *, patience: float = 15.0) -> list[str]:
    """What still runs for a site after that long: processes that work in it or were told of it, a person's excepted."""
    until = time.monotonic() + patience
    while (left := _working_for(str(folder))) and time.monotonic() < until:
        time.sleep(0.05)
    return left


def _working_for(folder: str) -> list[str]:
    mark, left = folder.encode(), []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        with suppress(OSError):
            line, environment = (entry / "cmdline").read_bytes(), (entry / "environ").read_bytes()
            place = os.fsencode((entry / "cwd").readlink())
            if PERSON.encode() not in environment and any(mark in text for text in (line, environment, place)):
                left.append(f"{entry.name}: {line.replace(bytes(1), b' ').decode(errors='replace')[:200]}")
    return left
