"""What the kernel says of processes: when one was born, what it has started, who carries a tag."""

import os
import signal
import time
from collections.abc import Container, Iterable
from functools import cache
from pathlib import Path

TAG = "PLAIT_PROCESS"
"""The variable by which a program's processes are found when its shim is lost."""

_PROC = Path("/proc")
_AFTER_NAME = 2
"""Where the fields after the program's name begin: the name may hold spaces and brackets."""


def birth(pid: int) -> str | None:
    """When a process was born (boot and clock ticks since), or nothing when it is gone, dead, or there is no /proc.

    A process number is used again soon; together with its birth it is not.
    """
    fields = _stat(pid)
    if not fields or fields[0] in "ZX":
        return None
    return f"{_boot()}-{fields[21 - _AFTER_NAME]}"


def ignores(pid: int, number: int) -> bool:
    """Whether a process ignores a signal; never where there is no /proc to tell."""
    fields = _stat(pid)
    return bool(fields) and bool(int(fields[32 - _AFTER_NAME]) >> (number - 1) & 1)


def family(pid: int) -> list[int]:
    """A process and all that descends from it now; just itself where there is no /proc."""
    children: dict[int, list[int]] = {}
    for other in _numbers():
        if fields := _stat(other):
            children.setdefault(int(fields[1]), []).append(other)
    members = [pid]
    for member in members:
        members += children.get(member, ())
    return members


def tagged(tag: str) -> list[int]:
    """Living processes of this user that were started with `PLAIT_PROCESS=tag`; nothing where there is no /proc."""
    mark = f"{TAG}={tag}".encode()
    return [pid for pid in _numbers() if pid != os.getpid() and mark in _environment(pid) and birth(pid) is not None]


def sweep(tag: str, group: int | None, *, patience: float = 3.0) -> tuple[int, int]:
    """Kill what carries a tag, with the process groups it has made, until nothing is found any more.

    Args:
        group: The process group to kill where there is no /proc to find a tag in.
        patience: Seconds after which it stops trying.

    Returns:
        How many were met, and how many were left at the end.
    """
    until, met = time.monotonic() + patience, set[int]()
    if group is not None and not _PROC.is_dir():
        send(-group, signal.SIGKILL)
    while (left := tagged(tag)) and time.monotonic() < until:
        met.update(left)
        kill(left, groups_of=met)
    return len(met), len(left)


def kill(pids: Iterable[int], *, groups_of: Container[int]) -> None:
    """Kill processes, each with its whole group (which no fork slips through) if one of `groups_of` leads that."""
    for pid in pids:
        try:
            if (group := os.getpgid(pid)) in groups_of:
                os.killpg(group, signal.SIGKILL)
            os.kill(pid, signal.SIGKILL)
        except OSError:  # it has ended, or is somebody else's
            continue


def send(target: int, number: int) -> bool:
    """Send a signal to a process, or to a group by its negative number; False when there is nobody to get it."""
    try:
        os.kill(target, number)
    except OSError:
        return False
    return True


def _numbers() -> Iterable[int]:
    if not _PROC.is_dir():
        return ()
    return [int(name) for name in os.listdir(_PROC) if name.isdecimal()]  # noqa: PTH208  (three times as fast)


def _stat(pid: int) -> list[str]:
    try:
        text = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return []
    return text[text.rindex(b")") + 2 :].decode("ascii", "replace").split()


def _environment(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []


@cache
def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text()[:8]
    except OSError:
        return "boot"
