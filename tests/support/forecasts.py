"""Builders of forecasts and of runs that went nearly so: a small cart, and plans of any size."""

import random
from collections.abc import Mapping, Sequence
from datetime import timedelta

from plait.advice.forecasts.estimating import Durations, FinishedTask
from plait.advice.forecasts.forecast_record import Forecast
from plait.advice.forecasts.plan_forecast import forecast
from plait.advice.simulation import simulate
from plait.plans.language.durations import Estimate
from plait.plans.schedule.dispatch import Dispatcher, Job
from plait.plans.tasks.outcomes import BatchOutcome, FeatureOutcome, RunState, TaskOutcome
from plait.plans.tasks.states import TaskState
from tests.support.outcomes import START, a_batch, at

HOUR = 3600.0
Schedule = Mapping[str, tuple[float, float]]

CART = (
    Job("CART-MODEL", "architect", 2 * HOUR),
    Job("CART-API", "backend", 6 * HOUR, (("CART-MODEL",),)),
    Job("CART-PAGE", "frontend", 5 * HOUR, (("CART-MODEL",),)),
    Job("EVENTS", "backend", 4 * HOUR, (("CART-MODEL",),)),
    Job("CART-TESTS", "qa", 4 * HOUR, (("CART-MODEL",),)),
    Job("PRICES", "backend", 3 * HOUR),
    Job("END-TO-END", "qa", 2 * HOUR, (("CART-API",), ("CART-PAGE",), ("EVENTS",), ("CART-TESTS",))),
)
CART_SLOTS = {"architect": 1, "backend": 2, "frontend": 1, "qa": 1}


def many_jobs(tasks: int, *, seed: int = 1) -> tuple[Job, ...]:
    """A plan of that size in five roles, layered like a real one."""
    draw = random.Random(seed)  # noqa: S311 - of no secret
    roles = ("architect", "backend", "frontend", "qa", "devops")
    jobs: list[Job] = []
    for number in range(tasks):
        reach = range(max(0, number - 14), number)
        needs = tuple(
            (f"TASK-{one:03}",) for one in sorted(draw.sample(reach, min(len(reach), draw.choice((0, 1, 2)))))
        )
        jobs.append(Job(f"TASK-{number:03}", draw.choice(roles), draw.choice((1, 2, 3, 5)) * HOUR, needs))
    return tuple(jobs)


def slots_of(jobs: Sequence[Job]) -> dict[str, int]:
    return {job.role: 3 for job in jobs}


def a_forecast(jobs: Sequence[Job] = CART, slots: Mapping[str, int] = CART_SLOTS, *, samples: int = 60) -> Forecast:
    """What the dispatcher makes of it, when tasks take 0.7 to 1.5 times what is expected, as some have before."""
    estimates = {job.id: Estimate(0.7 * job.seconds, job.seconds, 1.5 * job.seconds) for job in jobs}
    before = [FinishedTask(role, HOUR, HOUR * share) for role in slots for share in (0.8, 0.9, 1.0, 1.1, 1.3) * 5]
    known = Durations(estimates).learning(before)
    return forecast(jobs, slots=slots, durations=known, samples=samples, what_if=False)


def a_run(jobs: Sequence[Job] = CART, slots: Mapping[str, int] = CART_SLOTS, *, seed: int = 3) -> FeatureOutcome:
    """A run that took other times than were expected; one task needed two tries, the last batch landed all."""
    times = _drawn(jobs, slots, seed)
    elapsed = max(end for _, end in times.values()) + 0.2 * HOUR
    tasks = tuple(_worked(job, *times[job.id], tries=2 if at_ == 2 else 1) for at_, job in enumerate(jobs))
    return FeatureOutcome(
        run_id="run-0001",
        feature="shopping-cart",
        state=RunState.COMPLETED,
        branch="feature/shopping-cart/integration",
        commit="d" * 40,
        started_at=START,
        ended_at=at(elapsed),
        elapsed_seconds=elapsed,
        bound_seconds=elapsed * 0.9,
        tasks=tasks,
        batches=_batches([job.id for job in jobs], elapsed),
    )


def _batches(ids: Sequence[str], elapsed: float) -> tuple[BatchOutcome, ...]:
    half = len(ids) // 2
    return (
        a_batch("batch-1", started_at=at(elapsed * 0.6), ended_at=at(elapsed * 0.63), landed=tuple(ids[:half])),
        a_batch("batch-2", started_at=at(elapsed * 0.97), ended_at=at(elapsed), landed=tuple(ids[half:])),
    )


def _worked(job: Job, start: float, end: float, *, tries: int) -> TaskOutcome:
    return TaskOutcome(
        id=job.id,
        role=job.role,
        agent=f"{job.role}-1",
        state=TaskState.LANDED,
        started_at=START + timedelta(seconds=start),
        ended_at=START + timedelta(seconds=end),
        tries=tries,
        commit="c" * 40,
    )


def _played(jobs: Sequence[Job], slots: Mapping[str, int], seconds: Mapping[str, float] | None = None) -> Schedule:
    return simulate(Dispatcher(jobs, slots=slots), seconds or {job.id: job.seconds for job in jobs})


def _drawn(jobs: Sequence[Job], slots: Mapping[str, int], seed: int) -> Schedule:
    draw = random.Random(seed)  # noqa: S311 - of no secret
    return _played(jobs, slots, {job.id: job.seconds * draw.triangular(0.6, 1.8, 0.95) for job in jobs})
