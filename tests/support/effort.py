"""What work costs, in calls of functions: the same on every machine, and whatever else runs on it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Effort:
    """The calls that were made so far."""

    def __init__(self) -> None:
        self.calls = 0


@contextmanager
def effort(*, most: int) -> Iterator[Effort]:
    """Fail as soon as what is done inside makes more than `most` calls of functions, Python's and C's.

    In place of seconds, which say more about the machine than about the work.
    """
    spent, before = Effort(), sys.getprofile()

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        if event in {"call", "c_call"}:
            spent.calls += 1
            if spent.calls > most:
                sys.setprofile(before)
                raise AssertionError(f"more than {most} calls")

    sys.setprofile(count)
    try:
        yield spent
    finally:
        sys.setprofile(before)
