"""The time of a run: the machine's clock, which others may set, made into one that goes on whatever they do."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

_SET_BACK = 1.0
"""Seconds that the clock may stay behind before it counts as set back: it is also slowed down, to be put right."""


@dataclass(slots=True)
class RunClock:
    """Seconds since the epoch, as the clock says; while that is set back, they go on from where they were.

    A run that waited for the clock to catch up would look at nothing for that long: no batch would come due, no answer
    of a person be read. Set forward, or after the machine has slept, it is the clock's own time: a quota ends by that.
    """

    wall: Callable[[], float] = time.time
    steady: Callable[[], float] = time.monotonic
    """Seconds that nobody sets."""
    _now: float = 0.0
    _ahead: float = field(default=0.0)
    """How far it is before the clock, since that was set back."""
    _read_at: float | None = None

    def now(self) -> float:
        """The time; never before what was told last."""
        wall, steady = self.wall(), self.steady()
        expected = self._now + (steady - self._read_at if self._read_at is not None else 0.0)
        if self._ahead:
            self._ahead = max(0.0, expected - wall)
        elif wall < expected - _SET_BACK:
            self._ahead = expected - wall
        self._now, self._read_at = max(self._now, wall + self._ahead), steady
        return self._now
