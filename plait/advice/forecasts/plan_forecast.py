"""Says what a plan will probably take, by playing the dispatcher that runs it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import islice

from plait.advice.bounds import lower_bound
from plait.advice.forecasts.bottleneck import Means, bottleneck_of
from plait.advice.forecasts.estimating import Durations
from plait.advice.forecasts.forecast_record import Band, Forecast, RoleForecast, TaskForecast
from plait.advice.forecasts.sampling import Sampler, band_of
from plait.advice.forecasts.trials import Trials, Variants
from plait.advice.simulation import Schedule, play, schedule_of
from plait.plans.schedule.dispatch import Dispatcher
from plait.plans.schedule.jobs import Job, roles_of
from plait.plans.schedule.need_graph import Timing

_EFFORT = 60_000
"""Jobs that the what-if table plays in all, beside one schedule for each variant: a tenth of a second or so."""
_MOST_DRAWS = 100
_FEWEST_DRAWS = 10
_HAIR = 1e-6
"""Seconds below which a difference is rounding."""


def forecast(
    jobs: Sequence[Job],
    *,
    slots: Mapping[str, int],
    resources: Mapping[str, int] | None = None,
    durations: Durations | None = None,
    samples: int = 300,
    seed: int = 0,
    urgency: Mapping[str, float] | None = None,
    what_if: bool = True,
) -> Forecast:
    """Schedule, limits, and how sure they are; the same for the same arguments.

    The jobs are dispatched in the order that their own seconds (or `urgency`, by id) give, as a run does, and take
    the time that `durations` says. `samples` runs are simulated: 0 leaves out all bands; 300 tell P50 to
    2-3 % and P95 to 3-7 %, the less the larger the plan. Raises `CallError` where no dispatcher takes plan
    and crew.
    """
    known, resources = durations or Durations(), resources or {}
    dispatcher = Dispatcher(jobs, slots=slots, resources=resources, urgency=urgency)
    expected = known.expected(jobs)
    schedule = schedule_of(dispatcher, expected)
    draws = list(Sampler(jobs, known).draw(samples, seed)) if samples and jobs else []
    ends = [play(dispatcher.states.copy(), seconds)[1] for seconds in draws]
    made = _forecast(dispatcher, schedule, slots=slots, resources=resources, ends=ends)
    made = replace(made, learned=known.learned(jobs))
    if not what_if or not jobs:
        return made
    trials = Trials(jobs, resources=resources, urgency=urgency, expected=expected)
    variants = Variants(trials, slots, draws=_few(draws, jobs))
    made = replace(made, what_if=variants.table(elapsed=made.elapsed, p50=made.ends.p50 if made.ends else None))
    means = Means(slots, resources, _gains(made, slots))
    advice = bottleneck_of(schedule, made.bound, critical_path=made.critical_path, means=means)
    return replace(made, bottleneck=advice)


def is_better_order(
    jobs: Sequence[Job],
    urgency: Mapping[str, float],
    *,
    slots: Mapping[str, int],
    resources: Mapping[str, int] | None = None,
    durations: Durations | None = None,
    samples: int = 200,
    seed: int = 0,
) -> bool:
    """Whether runs in this order end sooner in the mean than in the rule's, on the same drawn durations."""
    rule = Dispatcher(jobs, slots=slots, resources=resources)
    other = Dispatcher(jobs, slots=slots, resources=resources, urgency=urgency)
    saved = 0.0
    for seconds in Sampler(jobs, durations or Durations()).draw(samples, seed):
        saved += max(play(rule.states.copy(), seconds)[1]) - max(play(other.states.copy(), seconds)[1])
    return saved > _HAIR * samples


def _few(draws: Sequence[Sequence[float]], jobs: Sequence[Job]) -> list[Sequence[float]]:
    """As many of the draws as the what-if table has time for; none of large plans, rather than too few."""
    variants = 2 * len({role for job in jobs for role in (job.role, *job.fallback)}) + 1
    affordable = min(_MOST_DRAWS, _EFFORT // (variants * len(jobs)))
    return list(islice(draws, affordable if affordable >= _FEWEST_DRAWS else 0))


def _forecast(
    dispatcher: Dispatcher,
    schedule: Schedule,
    *,
    slots: Mapping[str, int],
    resources: Mapping[str, int],
    ends: Sequence[Sequence[float]],
) -> Forecast:
    timing = Timing(dispatcher.layout.graph, schedule.seconds)
    bound = lower_bound(schedule.lasting, slots, resources)
    agents, elapsed = schedule.agents, schedule.elapsed
    return Forecast(
        elapsed=elapsed,
        work=schedule.work,
        speed_up=schedule.work / elapsed if elapsed else 1.0,
        efficiency=schedule.work / (agents * elapsed) if elapsed else 1.0,
        agents=agents,
        bound=bound,
        bound_ratio=elapsed / bound.seconds if bound.seconds else 1.0,
        critical_path=timing.critical_path,
        tasks=_tasks(schedule, timing, ends),
        roles=_roles(schedule, slots),
        bottleneck=bottleneck_of(schedule, bound, critical_path=timing.critical_path, means=Means(slots, resources)),
        ends=band_of([max(run) for run in ends]) if ends else None,
        samples=len(ends),
    )


def _gains(made: Forecast, slots: Mapping[str, int]) -> dict[str, float]:
    """By role, how much sooner the plan ends with one more agent: as expected, or in the median."""
    gains: dict[str, float] = {}
    for variant in made.what_if:
        if variant.slots > slots[variant.role]:
            median = made.ends.p50 - variant.p50 if made.ends and variant.p50 is not None else 0.0
            gains[variant.role] = max(made.elapsed - variant.elapsed, median)
    return gains


def _tasks(schedule: Schedule, timing: Timing, ends: Sequence[Sequence[float]]) -> tuple[TaskForecast, ...]:
    slack = list(timing.slack.values())
    bands: list[Band | None] = [band_of(own) for own in zip(*ends, strict=True)] if ends else [None] * len(slack)
    return tuple(
        TaskForecast(
            id=job.id,
            role=job.role,
            agent=f"{schedule.roles[place]}-{schedule.instances[place][0]}",
            start=schedule.starts[place],
            end=schedule.ends[place],
            slack=slack[place],
            critical=slack[place] < _HAIR,
            waits=schedule.wait(place),
            ends=bands[place],
        )
        for place, job in enumerate(schedule.jobs)
    )


def _roles(schedule: Schedule, slots: Mapping[str, int]) -> tuple[RoleForecast, ...]:
    """In the order in which the plan first names them, then those that only help out."""
    work = dict.fromkeys(roles_of(schedule.jobs, slots), 0.0)
    waiting = dict(work)
    for place, job in enumerate(schedule.jobs):
        work[schedule.roles[place]] += job.units * schedule.seconds[place]
        waiting[job.role] += schedule.wait(place)
    return tuple(
        RoleForecast(
            role=role,
            slots=slots[role],
            work=own,
            busy=own / (slots[role] * schedule.elapsed) if schedule.elapsed else 0.0,
            waiting=waiting[role],
        )
        for role, own in work.items()
    )
