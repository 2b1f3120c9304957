"""The one door to processes: each program runs under a shim that ends it, and all that it started, in any case."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from secrets import token_hex
from typing import Literal

from plait.workspace import shim, starting
from plait.workspace.output import Listener, read_tail
from plait.workspace.shim_handle import LOST, PATIENCE, ShimHandle
from plait.workspace.starting import UNLIMITED, Inside, Limits
from plait.workspace.survivors import TAG, birth, family, kill, send, sweep

__all__ = [
    "UNLIMITED",
    "Daemon",
    "Ended",
    "Inside",
    "Limits",
    "is_alive",
    "run_quick",
    "run_supervised",
    "start_daemon",
    "started_at",
    "stop_process",
]

Cause = Literal["exited", "signalled", "timeout", "stalled", "cancelled", "flooded", "memory", "lost"]

TIMED_OUT = 124
"""What `run_quick` says of a program that took too long, as timeout(1) does."""

_LOADER = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
"""All that a Python needs of our environment to start; the shim passes nothing on."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended; nothing that it started is left when `survivors` is 0."""

    status: int | None
    """Its exit status, or the signal that ended it as a negative number; nothing when lost."""
    cause: Cause
    """Why: the first that happened. `lost`: the program, or somebody, killed its shim."""
    tail: str
    """The last 8 KiB it printed, without escape sequences and control characters."""
    output: Path
    """Its whole output, standard output and standard error together."""
    output_bytes: int
    """How much of what it printed is in the log; what was in the file before is not counted."""
    seconds: float
    killed: int
    """Processes that it had left behind, or that had to be ended with it; itself not counted."""
    survivors: int = 0
    """Processes that could not be killed: another user's, or waiting for a dead disk."""

    @property
    def ok(self) -> bool:
        """Whether it ended by itself, with status 0."""
        return self.cause == "exited" and self.status == 0


def run_supervised(
    argv: Sequence[str],
    *,
    directory: Path,
    environment: Mapping[str, str],
    output: Path,
    stdin: bytes | None = None,
    limits: Limits = UNLIMITED,
    stop: threading.Event | None = None,
    on_line: Callable[[str], None] | None = None,
    inside: Inside | None = None,
) -> Ended:
    """Run a program to its end and leave nothing of it behind; blocks, and may be called from many threads at once.

    No secret that this process or the program's environment shows to be one gets into the log (`redacting.py`).

    When plait itself dies, even by SIGKILL, the program and all it started end within `limits.grace` and a second.

    Args:
        argv: The program, looked up on the PATH of `environment`, and its arguments.
        directory: Where it runs.
        environment: All of its variables; `PLAIT_PROCESS` is added.
        output: The log; appended to, created with its directories when missing.
        stdin: What it may read, and need not; nothing when absent.
        limits: When to end it.
        stop: When set, the program is ended (cause `cancelled`): all is gone after `limits.grace` and half a second.
        on_line: Told the last line printed (cleaned, at most 200 characters), five times a second, by this thread.
        inside: What runs in it, where `argv` is a sandbox's (`sandbox.confined`).

    Raises:
        CallError: there is no program in `argv`, or a NUL character in it or in the environment.
        EnvironmentProblem: the program or the directory is not there, or no process can be started.
        DiskFull: no space for its log or its input; the program has been ended.
    """
    tag = f"{os.getpid()}-{token_hex(8)}"
    with starting.open_log(output) as log, starting.open_input(stdin) as source:
        before, began = os.fstat(log).st_size, time.monotonic()
        order = starting.packed_order(argv, directory, {**environment, TAG: tag}, log, limits, inside)
        with _running_shim(order, tag, streams=(source, log), grace=limits.grace) as handle:
            handle.limit(limits.timeout)
            handle.follow(stop=stop, listener=Listener(output, before, on_line) if on_line else None)
        seconds, printed = time.monotonic() - began, os.fstat(log).st_size - before
    answer = handle.answer or LOST
    starting.raise_problem(answer, inside.program if inside else argv[0], directory, output)
    cause = "cancelled" if answer.cause == "lost" and stop is not None and stop.is_set() else answer.cause
    return Ended(
        status=answer.status,
        cause=cause,  # type: ignore[arg-type]  # `log` was raised just now, the others are the same words
        tail=read_tail(output, before),
        output=output,
        output_bytes=printed,
        seconds=seconds,
        killed=answer.killed,
        survivors=answer.survivors,
    )


@contextmanager
def _running_shim(order: bytes, tag: str, *, streams: tuple[int, int], grace: float) -> Iterator[ShimHandle]:
    """A running shim; whatever happens inside, after it nothing that the program started is left."""
    process, handle = _start_shim(order, tag, streams=streams, grace=grace)
    try:
        yield handle
    finally:
        handle.let_go()
        handle.follow()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        handle.close()
        if process.returncode != 0 or handle.answer is None:
            # Killed by its own program, or by us because its program had stopped it.
            killed, survivors = sweep(tag, handle.pid)
            handle.answer = replace(LOST, killed=killed, survivors=survivors)


def _start_shim(
    order: bytes, tag: str, *, streams: tuple[int, int], grace: float
) -> tuple[subprocess.Popen[bytes], ShimHandle]:
    """Start a shim and send it its order; `streams` are what its program reads, and the log."""
    source, log = streams
    with (
        starting.explaining("cannot start a process"),
        starting.two_pipes() as (order_end, control, answers, answers_end),
    ):
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", shim.__file__, str(order_end), tag],
            stdin=source,
            stdout=answers_end,
            stderr=log,
            env={name: os.environ[name] for name in _LOADER if name in os.environ},
            cwd="/",
            start_new_session=True,
            pass_fds=(order_end, log),
        )
    handle = ShimHandle(process, control=control, answers=answers, grace=grace)
    handle.send(order)
    return process, handle


@dataclass(frozen=True, slots=True)
class Daemon:
    """A process that goes on beside plait: a Prefect server, a worker. Its number alone is soon somebody else's."""

    pid: int
    started: str
    """When it was born, as `is_alive` compares it; empty when it had ended before that could be seen."""

    def stop(self, grace: float = 5.0) -> bool:
        """End it with all it started; see `stop_process`."""
        return stop_process(self.pid, self.started, grace)


_daemons: dict[int, tuple[subprocess.Popen[bytes], ShimHandle | None]] = {}
"""Those of this process: a child that nobody waits for stays a zombie, and a shim is held until it has ended."""


def start_daemon(
    argv: Sequence[str], *, directory: Path, environment: Mapping[str, str], log: Path, die_with_parent: bool
) -> Daemon:
    """Start a program that goes on by itself, in a session of its own, its output appended to `log` without a limit.

    Args:
        argv: As `run_supervised`, like `directory` and `environment`.
        die_with_parent: End it, and all it started, when this process ends in whatever way; else it outlives plait.

    Raises:
        EnvironmentProblem: as `run_supervised`.
    """
    with starting.open_log(log) as sink, starting.open_input(None) as source:
        order = starting.packed_order(argv, directory, environment, sink, starting.DAEMON)
        tag = f"daemon:{Path(argv[0]).name}"
        if die_with_parent:
            process, handle = _start_shim(order, tag, streams=(source, sink), grace=starting.DAEMON.grace)
            handle.hear(10)
            starting.raise_problem(handle.answer or LOST, argv[0], directory, log)
            _daemons[process.pid] = process, handle
        else:
            process = _start_alone(argv, directory, environment, source, sink)
            _daemons[process.pid] = process, None
    return Daemon(process.pid, started_at(process.pid) or "")


def _start_alone(
    argv: Sequence[str], directory: Path, environment: Mapping[str, str], source: int, sink: int
) -> subprocess.Popen[bytes]:
    program = starting.find_program(argv[0], directory, environment)
    with starting.explaining(f"cannot run {argv[0]}"):
        return subprocess.Popen(
            list(argv),
            executable=program,
            cwd=directory,
            env=dict(environment),
            stdin=source,
            stdout=sink,
            stderr=sink,
            start_new_session=True,
        )


def started_at(pid: int) -> str | None:
    """When a process was born, in words that only compare; nothing when it is gone or a zombie."""
    if pid in _daemons and _daemons[pid][0].poll() is not None:
        _, handle = _daemons.pop(pid)
        if handle is not None:
            handle.let_go()
            handle.close()
    if Path("/proc/self/stat").exists():
        return birth(pid)
    status, text = run_quick(("ps", "-o", "stat=,lstart=", "-p", str(pid)), directory=Path("/"), environment=os.environ)
    state, _, born = text.strip().partition(" ")
    return born.strip() if status == 0 and not state.startswith("Z") else None


def is_alive(pid: int, started: str) -> bool:
    """Whether this very process still runs, and not another that got its number."""
    return bool(started) and started_at(pid) == started


def stop_process(pid: int, started: str, grace: float) -> bool:
    """End a process with all that descends from it: SIGTERM, up to `grace` seconds, SIGKILL.

    Returns:
        Whether all are gone; at once where the process was gone before.
    """
    if not is_alive(pid, started):
        return True
    # Before the signal: what it starts is not found any more once it is gone itself, and may take longer to end.
    known = {pid: started} | _born(family(pid))
    send(-pid if os.getpgid(pid) == pid else pid, signal.SIGTERM)
    now = time.monotonic()
    term, end = now + grace, now + grace + 3
    while time.monotonic() < end:
        if is_alive(pid, started):
            known |= _born(family(pid))
        alive = [member for member, born in known.items() if is_alive(member, born)]
        if not alive:
            return True
        if time.monotonic() >= term:
            kill(alive, groups_of=known)
        time.sleep(0.05)
    return False


def _born(pids: Iterable[int]) -> dict[int, str]:
    """Those of the processes that live, with their births."""
    return {pid: born for pid in pids if (born := started_at(pid))}


def run_quick(
    argv: Sequence[str], *, directory: Path, environment: Mapping[str, str], timeout: float = 10.0
) -> tuple[int, str]:
    """Run a small probe, such as `claude --version`; it may take `timeout` seconds.

    Returns:
        Its exit status (124: it took too long) and the first 64 KiB that it printed.

    Raises:
        EnvironmentProblem: as `run_supervised`.
    """
    with tempfile.TemporaryFile() as printed, starting.open_input(None) as source:
        process = _start_alone(argv, directory, environment, source, printed.fileno())
        try:
            status = process.wait(timeout)
        except subprocess.TimeoutExpired:
            status = TIMED_OUT
        finally:
            send(-process.pid, signal.SIGKILL)
            process.wait()
        printed.seek(0)
        return status, printed.read(1 << 16).decode("utf-8", "replace")
