"""Says during a run when it will end, from where it stands and what it has taught."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from math import inf

from plait.advice.forecasts.estimating import Durations, FinishedTask
from plait.advice.forecasts.reforecasting import Landing, Verified, reforecast, verification_lengths
from plait.flows.running.watching import LiveRun, Watcher
from plait.plans.run.standings import Standings
from plait.plans.run.statuses import moment
from plait.plans.schedule.dispatch import Dispatcher
from plait.plans.tasks.outcomes import BatchOutcome
from plait.plans.tasks.states import TaskState
from plait.show.progress import Eta
from plait.show.task_states import States

SOONEST = 1.0
"""Seconds between two forecasts however much happens: one takes 20 to 50 ms of the loop that starts agents."""
LATEST = 5.0
"""Seconds after which it is renewed although nothing has happened: that nothing has ended says something, too."""

_FINISHED = (TaskState.DONE, TaskState.LANDED, TaskState.HELD)
_AHEAD = (TaskState.PENDING, TaskState.READY, TaskState.RUNNING)


@dataclass(slots=True)
class Outlook(Watcher):
    """Keeps a run's ETA true.

    What waits for a person counts as if the answer came now: when it comes, no forecast knows.
    """

    live: LiveRun
    durations: Durations
    """What was known before this run."""
    verifications: tuple[float, ...] = ()
    """Seconds that verifications took in earlier runs; this run's own count as soon as there is one."""
    _made_at: float = -inf
    _seen: tuple[object, ...] = ()
    _made: int = 0

    def ticked(self, now: float) -> None:
        """Renew the ETA when something has ended since, or some time has passed; `now` in seconds since the epoch."""
        seen = tuple(self._what_has_happened())
        if now - self._made_at < (SOONEST if seen != self._seen else LATEST):
            return
        self._made_at, self._seen = now, seen
        durations = self.durations.learning(self._finished())
        self._made += 1
        band = reforecast(self._freed(now), now=now, durations=durations, seed=self._made, landing=self._landing(now))
        self.live.eta = (
            None
            if band is None
            else Eta(
                at=moment(now),
                p10_seconds=band.p10 - now,
                p50_seconds=band.p50 - now,
                p80_seconds=band.p80 - now,
                p90_seconds=band.p90 - now,
            )
        )

    def _what_has_happened(self) -> Iterator[object]:
        run = self._run
        yield sum(len(standing.spans) for standing in run.tasks.values())
        yield from ((batch.id, batch.ended_at) for batch in run.batches)
        yield from ((asked.contract, asked.answered_at) for asked in run.approvals)
        yield run.paused_at

    def _freed(self, now: float) -> Dispatcher:
        """The dispatcher as if nothing were held back: for a person's answer, another's draft, a batch."""
        freed = self._run.dispatcher.copy()
        held = [job.id for job in freed.layout.jobs if freed.state_of(job.id) is TaskState.HELD]
        for task in held if TaskState.HELD in freed.counts else ():
            freed.release(task, now=now)
        return freed

    def _landing(self, now: float) -> Landing | None:
        """What is still to be verified; nothing where nobody knows how long that takes, or all of it is over."""
        ended = [Verified(_seconds(batch), batch.verifications) for batch in self._run.batches]
        lengths = verification_lengths(ended) or self.verifications
        begun = next((batch.started_at for batch in self._run.batches if not batch.ended_at), None)
        more = self._is_more_than_what_began(begun)
        if not lengths or not (begun or more):
            return None
        running = now - begun.timestamp() if begun else None
        return Landing(lengths, running=running, more=more)

    def _is_more_than_what_began(self, begun: datetime | None) -> bool:
        """Whether a batch has to come after the one that began then, if one did."""
        states, run = States(self._run), self._run
        if states.in_state(*_AHEAD) or any(asked.answered_at is None for asked in run.approvals):
            return True
        done = (run.tasks[facts.id].spans for facts in states.in_state(TaskState.DONE))
        return any(begun is None or (spans and spans[-1].ended_at > begun) for spans in done)

    def _finished(self) -> list[FinishedTask]:
        """What this run's finished tasks took, the first dispatch of each: a repair is another kind of work."""
        run, finished = self._run, []
        for facts in States(run).in_state(*_FINISHED):
            past = run.manifest.past.get(facts.id)
            spans = run.tasks[facts.id].spans[len(past.spans) if past else 0 :]
            if spans:
                actual = (spans[0].ended_at - spans[0].started_at).total_seconds()
                finished.append(FinishedTask(role=facts.role, planned=facts.planned_seconds, actual=actual))
        return finished

    @property
    def _run(self) -> Standings:
        return self.live.standings


def _seconds(batch: BatchOutcome) -> float:
    return (batch.ended_at - batch.started_at).total_seconds() if batch.ended_at and batch.started_at else 0.0
