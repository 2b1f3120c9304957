"""When a run that goes on will end, from where it stands and what it has taught."""

from random import Random

from plait.advice.forecasts.estimating import Durations
from plait.advice.forecasts.forecast import Band
from plait.advice.forecasts.sampling import Sampler, band_of
from plait.advice.forecasts.verifying import Landing
from plait.advice.simulation import play
from plait.plans.schedule import job_states
from plait.plans.schedule.dispatch import Dispatcher

_EFFORT = 10_000
"""Jobs that are played in all: some 20 ms, since a run asks every few seconds."""
_FEWEST = 30
_DONE_BY_AHEAD = 10
"""How many jobs that are over cost as much as one that is played."""
_AHEAD = (job_states.PENDING, job_states.READY, job_states.RUNNING)


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
