"""The signals that stop a run, and who may send them: what its caller ignores stays ignored."""

import _thread
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from types import FrameType

_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_LOOK = 0.2
"""Seconds after which the thread that waits for a signal sees that the run is over."""


@contextmanager
def stopped_by_signals(stop: threading.Event, begun: threading.Event) -> Iterator[None]:
    """Ctrl-C stops the run and keeps the work; a second one does not wait for that, nor the first before it begins.

    A signal that whoever started us ignores stays ignored, as `nohup` wants it.
    """

    def on_signal(number: int, _frame: FrameType | None) -> None:
        # Prefect sends itself the SIGTERM again that it got during the flow: only Ctrl-C means more the second time.
        if not begun.is_set() or (stop.is_set() and number == signal.SIGINT):
            raise KeyboardInterrupt
        stop.set()

    is_job = _is_job_of_a_script()
    heard = [number for number in _STOPPING if not _is_ignored(number) or (number == signal.SIGINT and is_job)]
    with _interrupts_of_programs() if is_job else nullcontext():
        before = {number: signal.signal(number, on_signal) for number in heard}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _is_ignored(number: int) -> bool:
    return signal.getsignal(number) is signal.SIG_IGN


def _is_job_of_a_script() -> bool:
    """Whether a script has started us with `&`: a shell without job control ignores these two for what it starts so.

    macOS tells nobody who sent a signal: there it stays ignored.
    """
    return _is_ignored(signal.SIGINT) and _is_ignored(signal.SIGQUIT) and sys.platform == "linux"


@contextmanager
def _interrupts_of_programs() -> Iterator[None]:
    """Let SIGINT through where a program has sent it, as `kill -INT` does, and not where a terminal has.

    The shell means Ctrl-C, which all jobs of a terminal get; whoever names the process means the run. Only waiting for
    a signal that all threads block tells the two apart; agents' own processes begin with none blocked.
    """
    over = threading.Event()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    waiting = threading.Thread(target=_pass_on, args=(over,), name="plait-interrupts", daemon=True)
    waiting.start()
    try:
        yield
    finally:
        over.set()
        waiting.join()
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _pass_on(over: threading.Event) -> None:
    while not over.is_set():
        heard = signal.sigtimedwait({signal.SIGINT}, _LOOK)
        if heard is not None and heard.si_code <= 0:  # SI_USER, SI_QUEUE, SI_TKILL; the kernel's own are above
            _thread.interrupt_main(signal.SIGINT)
