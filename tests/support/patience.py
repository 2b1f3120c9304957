"""Lets a test fail that would hang; how long anything takes, no test asserts."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def patience(seconds: float = 60) -> Iterator[None]:
    """End what is done inside after that long, which only what hangs reaches; in the main thread alone."""

    def give_up(_number: int, _frame: FrameType | None) -> None:
        raise AssertionError(f"it was not over within {seconds:g} s: it hangs")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
