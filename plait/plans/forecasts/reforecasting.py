"""When a run that goes on will end, from where it stands and what it has taught."""

from plait.plans.forecasts.estimating import Durations
from plait.plans.forecasts.forecast import Band
from plait.plans.forecasts.sampling import Sampler, band_of
from plait.plans.schedule import board
from plait.plans.schedule.dispatch import Dispatcher
from plait.plans.schedule.simulation import play

_EFFORT = 10_000
"""Jobs that are played in all: some 20 ms, since a run asks every few seconds."""
_FEWEST = 30


def reforecast(
    dispatcher: Dispatcher, *, now: float, durations: Durations, seed: int, budget: int = 200
) -> Band | None:
    """When the last task of a run will end, on the clock of `now`; nothing once nothing is left that would start.

    Give a copy of the run's dispatcher, and `durations` that have learned from the tasks that this run has finished
    (`Durations.learning`). Tasks that run take longer than they have run by now. At most `budget` runs are simulated,
    fewer for large plans: about 20 ms for any.
    """
    run = dispatcher.board
    jobs = dispatcher.layout.jobs
    ahead = sum(state in (board.PENDING, board.READY, board.RUNNING) for state in run.state)
    if dispatcher.is_over:
        return None
    running = {place: max(0.0, now - run.started[place]) for place, at in enumerate(run.state) if at == board.RUNNING}
    samples = min(budget, max(_FEWEST, _EFFORT // max(1, ahead)))
    sampler = Sampler(jobs, durations, running=running)
    return band_of([max(now, *play(run.copy(), own, now=now)[1]) for own in sampler.draw(samples, seed)])
