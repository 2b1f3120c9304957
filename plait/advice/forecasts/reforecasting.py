"""When a run that goes on will end, from where it stands and what it has taught."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from random import Random
from statistics import median

from plait.advice.forecasts.estimating import Durations
from plait.advice.forecasts.forecast_record import Band
from plait.advice.forecasts.sampling import Sampler, band_of
from plait.advice.simulation import play
from plait.plans.schedule import job_states
from plait.plans.schedule.dispatch import Dispatcher

_LATE = 0.5
"""Of one more verification, how much is left on average while a batch takes longer than one: it is searching."""

_EFFORT = 10_000
"""Jobs that are played in all: some 20 ms, since a run asks every few seconds."""
_FEWEST = 30
_DONE_BY_AHEAD = 10
"""How many jobs that are over cost as much as one that is played."""
_AHEAD = (job_states.PENDING, job_states.READY, job_states.RUNNING)


@dataclass(frozen=True, slots=True)
class Verified:
    """A batch that is over."""

    seconds: float
    """From its start to its end: merging, verifying, landing."""
    verifications: int
    """Those that ran; what was answered from memory does not count."""


def verification_lengths(batches: Iterable[Verified]) -> tuple[float, ...]:
    """What one verification took in each batch that had any, in seconds; of searches only where there is nothing else.

    A search runs several at once, so its mean says too little.
    """
    ran = [batch for batch in batches if batch.verifications > 0 and batch.seconds > 0]
    single = [batch for batch in ran if batch.verifications == 1]
    return tuple(batch.seconds / batch.verifications for batch in single or ran)


def usual_verification(lengths: Sequence[float]) -> float | None:
    """The median in seconds; nothing where none is known."""
    return median(lengths) if lengths else None


@dataclass(frozen=True, slots=True)
class Landing:
    """What verification is still to come in a run."""

    lengths: tuple[float, ...]
    """What verifications took, in seconds: at least one."""
    running: float | None = None
    """Seconds that the batch in work has taken so far."""
    more: bool = True
    """Whether another one comes after it, and after the last task."""

    def end(self, last: float, *, now: float, random: Random) -> float:
        """When the run is over if its last task ends at `last`, with lengths drawn from those that are known."""
        end = max(last, now)
        if self.running is not None:
            end = max(end, now + _left(random.choice(self.lengths), self.running))
        return end + random.choice(self.lengths) if self.more else end


def _left(length: float, gone: float) -> float:
    return length - gone if gone < length else _LATE * length


def reforecast(
    dispatcher: Dispatcher,
    *,
    now: float,
    durations: Durations,
    seed: int,
    budget: int = 200,
    landing: Landing | None = None,
) -> Band | None:
    """When a run will end, on the clock of `now`; nothing once nothing is left that would start, or be verified.

    Give a copy of the run's dispatcher, and `durations` that have learned from the tasks that this run has finished
    (`Durations.learning`). Tasks that run take longer than they have run by now. At most `budget` runs are simulated,
    fewer for large plans: about 20 ms for any. Without `landing` the run ends with its last task.
    """
    ends = _last_ends(dispatcher, now=now, durations=durations, seed=seed, budget=budget)
    if landing is not None:
        random = Random(seed)  # noqa: S311  a simulation
        ends = [landing.end(last, now=now, random=random) for last in ends or [now] * budget]
    return band_of(ends) if ends else None


def _last_ends(dispatcher: Dispatcher, *, now: float, durations: Durations, seed: int, budget: int) -> list[float]:
    """When the last task ends, in each simulated run; nothing once no task is left."""
    if dispatcher.is_over:
        return []
    run, jobs = dispatcher.states, dispatcher.layout.jobs
    ahead = [place for place, state in enumerate(run.state) if state in _AHEAD]
    running = {
        number: max(0.0, now - run.started[place])
        for number, place in enumerate(ahead)
        if run.state[place] == job_states.RUNNING
    }
    samples = min(budget, max(_FEWEST, _EFFORT // max(1, len(ahead), len(jobs) // _DONE_BY_AHEAD)))
    sampler = Sampler([jobs[place] for place in ahead], durations, running=running)
    seconds, ends = [0.0] * len(jobs), []
    for drawn in sampler.draw(samples, seed):
        for place, own in zip(ahead, drawn, strict=True):
            seconds[place] = own
        ends.append(max(now, *play(run.copy(), seconds, now=now)[1]))
    return ends
