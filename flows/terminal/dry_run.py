"""Shows what a run would still have to do, in dispatch order and with forecast times, without Prefect or agents."""

import json as json_format
import sys
from collections.abc import Collection, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plait.advice.forecasts.costing import CostForecast
from plait.advice.forecasts.forecast_record import Forecast, TaskForecast
from plait.flows.costs import costs_of
from plait.flows.forecasting import bundling_of, forecast_of
from plait.flows.inputs.filled_presets import shown_presets
from plait.flows.inputs.requests import Brief
from plait.flows.past_durations import history_of
from plait.flows.terminal.text_layout import rough_time
from plait.plans.errors import PlaitError
from plait.plans.language.durations import format_duration
from plait.plans.names import agent_branch, integration_branch
from plait.plans.tasks.base_standing import base_words
from plait.plans.tasks.expansion import PlannedTask
from plait.plans.wording import count
from plait.show.forecast_json import bundle_records, cost_record
from plait.workspace.home import plait_home
from plait.workspace.places import has_fetched, is_folder, may_have_refs

if TYPE_CHECKING:  # SQLModel comes with it
    from plait.store.records import RoleDuration


@dataclass(frozen=True, slots=True)
class DryRun:
    """What `plait run --dry-run` was asked for, beside the plan."""

    repository: Path
    base: str | None = None
    only: tuple[str, ...] = ()
    fresh: bool = False
    refresh: bool = False


@dataclass(frozen=True, slots=True)
class _Ahead:
    """What would be done."""

    brief: Brief
    """With its bundles."""
    chosen: tuple[str, ...]
    """The tasks that are still to do."""
    bundles: tuple[PlannedTask, ...]
    notes: tuple[str, ...] = ()
    finished: tuple[str, ...] = ()
    """Tasks that earlier runs finished, which are not done again."""
    presets: tuple[str, ...] = ()
    """What presets stand for here."""
    bundled: str = ""
    """A sentence on bundles that would be made."""


def show_dry_run(brief: Brief, chosen: tuple[str, ...], asked: DryRun, *, json: bool) -> None:
    """Forecast what a run would still have to do, and print its schedule; the repository's history corrects durations.

    Raises:
        CallError: the repository has no such base, or what is asked for cannot begin.
    """
    history = history_of(asked.repository)
    has_begun = may_have_refs(asked.repository, f"refs/heads/feature/{brief.plan.feature}")
    looks = has_begun or asked.refresh  # else nothing is finished, and git takes 0.1 s to import
    ahead = _left(brief, asked) if looks else _everything(brief, chosen, asked, history)
    brief = ahead.brief
    made = forecast_of(brief, chosen=ahead.chosen, history=history, what_if=False) if ahead.chosen else None
    cost = costs_of(brief, repository=asked.repository, chosen=ahead.chosen) if ahead.chosen else None
    order = sorted(made.tasks, key=lambda task: (task.start, task.end)) if made else []
    if json:
        sys.stdout.write(_record(ahead, made, order, cost))
        return
    sys.stdout.write(_text(ahead, made, order, cost))
    for line in (*ahead.presets, *ahead.notes):
        sys.stderr.write(f"note: {line}\n")
    for line in (*brief.expansion.notices, *(f"not carried out yet: {key}" for key in brief.expansion.unsupported)):
        sys.stderr.write(f"warning: {line}\n")


def _everything(brief: Brief, chosen: tuple[str, ...], asked: DryRun, history: "Sequence[RoleDuration]") -> _Ahead:
    """All of a plan that has not begun."""
    place, wanted = asked.repository, asked.base or brief.plan.base
    brief, presets = shown_presets(brief, place)
    # Else nothing is to be said, and git takes 0.1 s to import.
    notes = _told_of_base(place, wanted) if wanted is not None or has_fetched(place) else ()
    made = bundling_of(brief, chosen=chosen, history=history)
    return _Ahead(made.brief, made.chosen, made.bundles, notes, presets=presets, bundled=made.told)


def _left(brief: Brief, asked: DryRun) -> _Ahead:
    """What earlier runs have left to do, and what becomes of base.

    Raises:
        CallError: the run could not begin.
    """
    from plait.flows.running.outset import outset_of, start_of
    from plait.flows.running.refreshing import told_of_taking_in
    from plait.workspace.control import open_control

    control = open_control(asked.repository, home=plait_home())
    start = start_of(control, brief, asked.base, fresh=asked.fresh)
    outset = outset_of(control, brief, start, only=asked.only)
    if asked.refresh:
        of_base = told_of_taking_in(control, brief.plan.feature, start.base, start.standing, fresh=start.fresh)
    else:
        of_base = base_words(start.standing)
    tasks = [task for task in outset.brief.expansion.tasks if task.id in outset.chosen]
    again = ["what earlier runs finished is put aside, and done again"] if start.fresh and outset.reuse.outdated else []
    return _Ahead(
        outset.brief,
        outset.ahead,
        tuple(task for task in tasks if task.members and task.id in outset.ahead),
        (*start.told, *outset.notices, *again, *filter(None, [of_base])),
        tuple(task.id for task in tasks if task.id not in outset.ahead),
    )


def _told_of_base(place: Path, wanted: str | None) -> tuple[str, ...]:
    from plait.workspace.bases import base_around

    with suppress(PlaitError) if wanted is None else nullcontext():
        found = base_around(place, wanted) if is_folder(place) else None
        return found.told if found else ()
    return ()


def _record(ahead: _Ahead, made: Forecast | None, order: list[TaskForecast], cost: CostForecast | None) -> str:
    """One JSON object; times in seconds from the start."""
    brief, ends = ahead.brief, made.ends if made else None
    record: dict[str, Any] = {
        "dry_run": True,
        "feature": brief.plan.feature,
        "branch": integration_branch(brief.plan.feature),
        "elapsed_seconds": made.elapsed if made else 0.0,
        "bound_seconds": made.bound.seconds if made else 0.0,
        "p50_seconds": ends.p50 if ends else None,
        "p95_seconds": ends.p95 if ends else None,
        "cost": cost_record(cost) if cost else None,
        "tasks": [
            {
                "id": task.id,
                "role": task.role,
                "needs": needs,
                "start_seconds": task.start,
                "end_seconds": task.end,
                "branch": agent_branch(brief.plan.feature, task.role, task.id),
            }
            for task, needs in zip(order, _needs(brief, order), strict=True)
        ],
        "finished": list(ahead.finished),
        "bundles": bundle_records(ahead.bundles),
        "unsupported": list(brief.expansion.unsupported),
        "notes": list(ahead.notes),
        **({"presets": list(ahead.presets)} if ahead.presets else {}),
    }
    return json_format.dumps(record, indent=2) + "\n"


def _needs(brief: Brief, order: list[TaskForecast]) -> list[list[list[str]]]:
    needs = {task.id: [list(group) for group in task.needs] for task in brief.expansion.tasks}
    return [needs[task.id] for task in order]


def _text(ahead: _Ahead, made: Forecast | None, order: list[TaskForecast], cost: CostForecast | None) -> str:
    brief, feature = ahead.brief, ahead.brief.plan.feature
    size, done = _size(brief, ahead.chosen), _size(brief, ahead.finished)
    finished = f", {done} finished by earlier runs" if done else ""
    width = max((len(task.id) for task in order), default=4)
    roles = max((len(task.role) for task in order), default=4)
    tasks = f"{count(size, 'task')} onto {integration_branch(feature)}"
    lines = [f"{feature}: {tasks}{finished}; nothing runs (--dry-run)", ""]
    if made is None:
        return "\n".join([lines[0], "  no task is left to do"]) + "\n"
    lines.append(f"  {'task':{width}}  {'role':{roles}}  {'starts':>8}  {'ends':>8}  needs")
    for task, groups in zip(order, _needs(brief, order), strict=True):
        needs = ", ".join(" or ".join(group) for group in groups)
        times = f"{format_duration(round(task.start)):>8}  {format_duration(round(task.end)):>8}"
        lines.append(f"  {task.id:{width}}  {task.role:{roles}}  {times}  {needs}".rstrip())
    least = f"lower bound {format_duration(round(made.bound.seconds))} ({made.bound.kind})"
    lines += ["", f"  planned: {format_duration(round(made.elapsed))}, {least}"]
    if made.ends:
        likely = f"{rough_time(made.ends.p50)} (P50) to {rough_time(made.ends.p95)} (P95)"
        lines.append(f"  likely: {likely} of {made.samples} simulated runs; more by `plait forecast`")
    if cost and cost.told:
        lines.append(f"  cost: {cost.told}")
    if ahead.bundled:
        lines.append(f"  {ahead.bundled}")
    return "\n".join(lines) + "\n"


def _size(brief: Brief, tasks: Collection[str]) -> int:
    """How many of the plan's tasks they are, those of bundles one by one."""
    return sum(max(1, len(task.members)) for task in brief.expansion.tasks if task.id in tasks)
