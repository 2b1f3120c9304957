"""A shim as plait holds it: the pipe whose end stops it, and the answers that it sends."""

import json
import os
import select
import threading
import time
from dataclasses import dataclass
from typing import Protocol

from plait.workspace.output import Listener

PATIENCE = 4.0
"""Seconds that a shim may take longer than the grace period; then it is taken for stopped by its own program."""
CAUSES = ("exited", "signalled", "timeout", "stalled", "cancelled", "flooded", "memory", "log")


class ShimProcess(Protocol):
    """What a handle needs of the process at its end."""

    def poll(self) -> int | None: ...
    def kill(self) -> None: ...


@dataclass(frozen=True, slots=True)
class ShimAnswer:
    """What a shim reported: an `error` number where the program did not start, else how it ended."""

    cause: str = "lost"
    status: int | None = None
    killed: int = 0
    survivors: int = 0
    problem: int = 0
    """The error number of writing the log, when that is the cause."""
    error: int = 0
    what: str = ""
    """What the error is about: `directory` or `exec`."""


LOST = ShimAnswer()


class ShimHandle:
    """One running shim.

    A program of the same user can write among the answers (by /proc), so they are data, the last counts, and only once
    the shim itself has ended well.
    """

    def __init__(self, process: ShimProcess, *, control: int, answers: int, grace: float) -> None:
        self.process, self.answers, self.grace = process, answers, grace
        self.pid: int | None = None
        self.answer: ShimAnswer | None = None
        self.began = time.monotonic()
        self.deadline = float("inf")
        self._control: int | None = control
        self._text = b""
        self._closed = False

    def send(self, order: bytes) -> None:
        """Give the shim its order; one that is gone already is noticed by its end."""
        try:
            while order and self._control is not None:
                order = order[os.write(self._control, order) :]
        except BrokenPipeError:
            return

    def close(self) -> None:
        """Listen no more."""
        os.close(self.answers)

    def limit(self, timeout: float | None) -> None:
        """Do not rely on the shim for a timeout: a program of the same user may have stopped it."""
        if timeout is not None:
            self.deadline = min(self.deadline, time.monotonic() + timeout + self.grace + PATIENCE)

    def let_go(self) -> None:
        """Have everything ended; a shim that does not come to an end is killed in time."""
        if self._control is not None:
            control, self._control = self._control, None
            os.close(control)
            self.limit(0)

    def follow(self, *, stop: threading.Event | None = None, listener: Listener | None = None) -> None:
        """Until the shim has ended, or is given up."""
        while not self._closed and self.process.poll() is None:
            if stop is not None and stop.is_set():
                self.let_go()
            if time.monotonic() > self.deadline:
                self.process.kill()
            self.hear(self._pause(stop, listener))
            if listener is not None:
                listener.look(now=time.monotonic())
        self.hear(0)
        if listener is not None:
            listener.look(now=float("inf"))

    def _pause(self, stop: threading.Event | None, listener: Listener | None) -> float:
        """Seconds until something may have to be done, should the shim say nothing."""
        longest = 1.0 if listener is None else listener.interval
        if stop is not None and self._control is not None:
            longest = min(longest, 0.1)
        return max(0.0, min(longest, self.deadline - time.monotonic()))

    def hear(self, seconds: float) -> None:
        """Take what the shim says, or its end; waits for at most `seconds`."""
        ears = select.poll()
        ears.register(self.answers, select.POLLIN)
        if self._closed or not ears.poll(seconds * 1000 + (seconds > 0)):
            return
        text = os.read(self.answers, 1 << 16)
        self._closed = not text
        *lines, self._text = (self._text + text).split(b"\n")
        self._text = self._text[:4096]
        for line in lines:
            self._take(line)

    def _take(self, line: bytes) -> None:
        told = _parsed(line)
        if "pid" in told:
            self.pid = self.pid or told["pid"]
        elif "error" in told:
            self.answer = ShimAnswer(error=told["error"] or 0, what="directory" if b'"directory"' in line else "exec")
        elif cause := next((cause for cause in CAUSES if f'"cause": "{cause}"'.encode() in line), None):
            killed, survivors, problem = (told.get(name) or 0 for name in ("killed", "survivors", "problem"))
            self.answer = ShimAnswer(cause, told.get("status"), killed, survivors, problem)
            self.deadline = min(self.deadline, time.monotonic() + 1)


def _parsed(line: bytes) -> dict[str, int | None]:
    """The numbers of one answer; nothing when it is not one."""
    try:
        told = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(told, dict):
        return {}
    return {name: value for name, value in told.items() if value is None or type(value) is int}
