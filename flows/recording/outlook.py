"""Says during a run when it will end, from where it stands and what it has taught."""

from dataclasses import dataclass
from datetime import UTC, datetime
from math import inf

from flows.running.book import Book
from plait.plans.forecasts.estimating import Durations, Finished
from plait.plans.forecasts.reforecasting import reforecast
from plait.plans.schedule.dispatch import Dispatcher
from plait.plans.tasks.outcomes import TaskState
from plait.plans.telling.progress import Eta

SOONEST = 1.0
"""Seconds between two forecasts however much happens: one takes 20 to 50 ms of the loop that starts agents."""
LATEST = 5.0
"""Seconds after which it is renewed although nothing has happened: that nothing has ended says something, too."""

_FINISHED = (TaskState.DONE, TaskState.LANDED, TaskState.HELD)


@dataclass(slots=True)
class Outlook:
    """Keeps a book's ETA true."""

    book: Book
    dispatcher: Dispatcher
    durations: Durations
    """What was known before this run."""
    _made_at: float = -inf
    _dispatches: int = -1
    _made: int = 0

    def look(self, now: float) -> None:
        """Renew the ETA when something has ended since, or some time has passed; `now` is the dispatcher's clock."""
        dispatches = sum(len(entry.spans) for entry in self.book.entries.values())
        if now - self._made_at < (SOONEST if dispatches != self._dispatches else LATEST):
            return
        self._made_at, self._dispatches = now, dispatches
        durations = self.durations.learning(self._finished())
        self._made += 1
        band = reforecast(self.dispatcher.copy(), now=now, durations=durations, seed=self._made)
        self.book.eta = (
            None
            if band is None
            else Eta(
                at=datetime.now(UTC),
                p10_seconds=band.p10 - now,
                p50_seconds=band.p50 - now,
                p80_seconds=band.p80 - now,
                p90_seconds=band.p90 - now,
            )
        )

    def _finished(self) -> list[Finished]:
        """What this run's finished tasks took, the first dispatch of each: a repair is another kind of work."""
        return [
            Finished(
                role=entry.planned.role,
                planned=entry.planned.task.duration.likely if entry.planned.task.duration else None,
                actual=(entry.spans[0].ended_at - entry.spans[0].started_at).total_seconds(),
            )
            for entry in self.book.in_state(*_FINISHED)
            if entry.spans
        ]
