"""What a brief's plan will probably take: its tasks as jobs, and how long they take."""

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from plait.advice.forecasts.bundle_search import Bundle, ChosenBundles, bundles_sentence, choose_bundles
from plait.advice.forecasts.estimating import BundleEstimate, Durations, FinishedTask
from plait.advice.forecasts.forecast_record import Forecast
from plait.advice.forecasts.plan_forecast import forecast, is_better_order
from plait.flows.inputs.requests import Brief
from plait.plans.journal.manifest import facts_of, job_of
from plait.plans.language.crew import Crew, merge_crews
from plait.plans.schedule.jobs import Job
from plait.plans.tasks.bundling import (
    bundle_name,
    bundle_of,
    bursts_of,
    estimate_of,
    in_bundles,
    parted_by_needers,
    with_bundles,
)
from plait.plans.tasks.expansion import PlannedTask

if TYPE_CHECKING:
    from plait.advice.forecasts.sizing import Sizing
    from plait.store.records import RoleDuration

MOST_SAMPLES = 1000
FEWEST_SAMPLES = 30
_EFFORT = 100_000
_MOST_EFFORT = 300_000
"""Jobs that are simulated in all, unless the caller says how many runs: a tenth of a second, half a second for 300."""


@dataclass(frozen=True, slots=True)
class ImprovedOrder:
    """What a search for a better order of dispatch found."""

    urgency: Mapping[str, float] | None
    """By task; nothing when the rule's own order is as good in simulation."""
    elapsed: float
    """Seconds at expected durations, as are the rule's."""
    rule_elapsed: float
    evaluations: int


def jobs_of(brief: Brief, chosen: Collection[str] = ()) -> tuple[tuple[Job, ...], dict[str, int]]:
    """The chosen tasks (all, when none are named) as dispatch sees them, and the slots of their roles.

    Needs on tasks that are not chosen are left out.
    """
    chosen = frozenset(chosen)
    tasks = [task for task in brief.expansion.tasks if not chosen or task.id in chosen]
    known = frozenset(task.id for task in tasks)
    facts = (facts_of(task, brief.crew) for task in tasks)
    # What a task waits to read is a need here: nobody fails in a forecast.
    jobs = tuple(job_of(replace(task, needs=task.waits_for, information=()), known=known) for task in facts)
    return jobs, brief.crew.slots_of(task.role for task in tasks)


def durations_of(brief: Brief, history: "Sequence[RoleDuration]" = ()) -> Durations:
    """What the plan and the history of its repository say of how long its tasks take."""
    estimates = {task.id: task.task.duration for task in brief.expansion.tasks}
    bundles = {task.id: _bundled(task, brief.crew) for task in brief.expansion.tasks if task.members}
    return Durations(estimates, bundles=bundles).learning(
        FinishedTask(role=one.role, planned=one.planned_seconds, actual=one.actual_seconds) for one in history
    )


def _bundled(task: PlannedTask, crew: Crew) -> BundleEstimate:
    return BundleEstimate(tuple(map(estimate_of, task.members)), crew.role(task.role).start_up or 0.0)


@dataclass(frozen=True, slots=True)
class Bundling:
    """A brief in which small tasks are bundled, where simulated runs end sooner by that."""

    brief: Brief
    bundles: tuple[PlannedTask, ...]
    """Those that were made; there may be more, which earlier runs have finished."""
    sharing: ChosenBundles
    chosen: tuple[str, ...]
    """The tasks that were chosen, bundles in place of their members."""

    @property
    def told(self) -> str:
        """A sentence on the bundles that were made; empty without any."""
        return bundles_sentence(self.bundles, saved=self.sharing.saved_p50) if self.bundles else ""


def bundling_of(
    brief: Brief,
    *,
    chosen: Collection[str] = (),
    alone: Collection[str] = (),
    slots_override: Mapping[str, int] | None = None,
    history: "Sequence[RoleDuration]" = (),
) -> Bundling:
    """Bundle small tasks of roles with a `start_up`; the same plan, crew and history give the same bundles.

    `alone`: tasks that are left as they are.
    """
    everything = [task.id for task in brief.expansion.tasks]
    chosen = tuple(chosen) or tuple(everything)
    bursts = bursts_of(brief.expansion, brief.crew, alone={*alone, *set(everything).difference(chosen)})
    if not bursts:
        return Bundling(brief, (), ChosenBundles(), chosen)
    jobs, slots = jobs_of(brief, chosen)
    sharing = choose_bundles(
        jobs,
        (bursts, parted_by_needers(bursts, brief.expansion.tasks)),
        slots=slots | dict(slots_override or {}),
        resources=brief.plan.resources,
        durations=durations_of(brief, history),
    )
    bundles = tuple(_bundles(brief, sharing.bundles))
    bundled = replace(brief, expansion=with_bundles(brief.expansion, bundles))
    return Bundling(bundled, bundles, sharing, in_bundles(chosen, bundles))


def _bundles(brief: Brief, parts: Sequence[Bundle]) -> Iterator[PlannedTask]:
    task_of = {task.id: task for task in brief.expansion.tasks}
    taken = set(task_of)
    for part in parts:
        members = [task_of[task] for task in part.tasks]
        name = bundle_name(members, taken)
        taken.add(name)
        yield bundle_of(members, brief.crew, name=name)


def forecast_of(
    brief: Brief,
    *,
    chosen: Collection[str] = (),
    slots_override: Mapping[str, int] | None = None,
    history: "Sequence[RoleDuration]" = (),
    samples: int | None = None,
    seed: int = 0,
    what_if: bool = True,
    urgency: Mapping[str, float] | None = None,
) -> Forecast:
    """The forecast of a brief; without `samples`, 1000 for up to 100 tasks, 300 for up to 1000, fewer beyond."""
    jobs, slots = jobs_of(brief, chosen)
    return forecast(
        jobs,
        slots=slots | dict(slots_override or {}),
        resources=brief.plan.resources,
        durations=durations_of(brief, history),
        samples=_affordable(len(jobs)) if samples is None else samples,
        seed=seed,
        urgency=urgency,
        what_if=what_if,
    )


def sizing_of(
    brief: Brief,
    *,
    chosen: Collection[str] = (),
    agents: int | None = None,
    limits: Mapping[str, int] | None = None,
    history: "Sequence[RoleDuration]" = (),
    samples: int | None = None,
    seed: int = 0,
) -> "Sizing":
    """The crew that a brief's plan is worth, of at most `agents` in all and `limits` by role.

    Raises:
        CallError: the plan has more roles than that.
    """
    from plait.advice.forecasts.sizing import size_crew

    jobs, _ = jobs_of(brief, chosen)
    return size_crew(
        jobs,
        resources=brief.plan.resources,
        durations=durations_of(brief, history),
        agents=agents,
        limits=limits,
        samples=_affordable(len(jobs)) if samples is None else samples,
        seed=seed,
    )


def limits_of(given: Crew | None, slots: Mapping[str, int]) -> dict[str, int]:
    """The most agents by role: what a crew file gives, and over it the counts of the call."""
    crew = merge_crews(Crew(), given)
    return {name: crew.role(name).slots for name in (given.roles if given else ())} | dict(slots)


def _affordable(tasks: int) -> int:
    few = min(300, _MOST_EFFORT // tasks)
    return max(FEWEST_SAMPLES, few, min(MOST_SAMPLES, _EFFORT // tasks))


def improved_order(
    brief: Brief,
    *,
    seconds: float,
    chosen: Collection[str] = (),
    slots_override: Mapping[str, int] | None = None,
    history: "Sequence[RoleDuration]" = (),
    seed: int = 0,
    clock: Callable[[], float] = time.monotonic,
) -> ImprovedOrder:
    """Search for `seconds` for a better order of dispatch; it is taken only when it also wins on drawn durations.

    `clock`: in seconds; infinity ends the search.
    """
    from plait.advice.orders.order_search import improve

    jobs, roles = jobs_of(brief, chosen)
    slots, resources = roles | dict(slots_override or {}), brief.plan.resources
    durations = durations_of(brief, history)
    found = improve(
        durations.corrected(jobs), slots=slots, resources=resources, seconds=seconds, seed=seed, clock=clock
    )
    better = is_better_order(
        jobs, found.urgency, slots=slots, resources=resources, durations=durations, samples=200, seed=seed
    )
    return ImprovedOrder(found.urgency if better else None, found.elapsed, found.rule_elapsed, found.evaluations)
