"""Shows what a run would do, in dispatch order and with forecast times, without Prefect, agents or git."""

import json as json_format
import sys
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

from plait.advice.forecasts.forecast_record import Forecast, TaskForecast
from plait.flows.forecasting import Bundling, bundling_of, forecast_of
from plait.flows.inputs.filled_presets import shown_presets
from plait.flows.inputs.requests import Brief
from plait.flows.past_durations import history_of
from plait.flows.terminal.text_layout import rough_time
from plait.plans.errors import PlaitError
from plait.plans.language.durations import format_duration
from plait.plans.names import agent_branch, integration_branch
from plait.plans.wording import count
from plait.show.forecast_json import bundle_records
from plait.workspace.places import has_fetched, is_folder


def show_dry_run(
    brief: Brief, chosen: tuple[str, ...], *, json: bool, repository: Path | None = None, base: str | None = None
) -> None:
    """Forecast the run and print its schedule; the history of the repository corrects the durations.

    Raises:
        CallError: the repository has no such base.
    """
    place, wanted = repository or Path(), base or brief.plan.base
    brief, presets = shown_presets(brief, place)
    if wanted is not None or has_fetched(place):  # else nothing is to be said, and git takes 0.1 s to import
        presets = (*presets, *_told_of_base(place, wanted))
    history = () if repository is None else history_of(repository)
    bundling = bundling_of(brief, chosen=chosen, history=history)
    brief = bundling.brief
    made = forecast_of(brief, chosen=bundling.chosen, history=history, what_if=False)
    order = sorted(made.tasks, key=lambda task: (task.start, task.end))
    if json:
        sys.stdout.write(_record(brief, made, order, bundling, presets))
    else:
        sys.stdout.write(_text(brief, made, order) + (f"  {bundling.told}\n" if bundling.bundles else ""))
    if not json:
        for line in presets:
            sys.stderr.write(f"note: {line}\n")
        for line in (*brief.expansion.notices, *(f"not carried out yet: {key}" for key in brief.expansion.unsupported)):
            sys.stderr.write(f"warning: {line}\n")


def _told_of_base(place: Path, wanted: str | None) -> tuple[str, ...]:
    from plait.workspace.bases import base_around

    with suppress(PlaitError) if wanted is None else nullcontext():
        found = base_around(place, wanted) if is_folder(place) else None
        return found.told if found else ()
    return ()


def _record(
    brief: Brief, made: Forecast, order: list[TaskForecast], bundling: Bundling, presets: tuple[str, ...]
) -> str:
    """One JSON object; times in seconds from the start."""
    record: dict[str, Any] = {
        "dry_run": True,
        "feature": brief.plan.feature,
        "branch": integration_branch(brief.plan.feature),
        "elapsed_seconds": made.elapsed,
        "bound_seconds": made.bound.seconds,
        "p50_seconds": made.ends.p50 if made.ends else None,
        "p95_seconds": made.ends.p95 if made.ends else None,
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
        "bundles": bundle_records(bundling.bundles),
        "unsupported": list(brief.expansion.unsupported),
        **({"presets": list(presets)} if presets else {}),
    }
    return json_format.dumps(record, indent=2) + "\n"


def _needs(brief: Brief, order: list[TaskForecast]) -> list[list[list[str]]]:
    needs = {task.id: [list(group) for group in task.needs] for task in brief.expansion.tasks}
    return [needs[task.id] for task in order]


def _text(brief: Brief, made: Forecast, order: list[TaskForecast]) -> str:
    feature, shown = brief.plan.feature, {task.id for task in order}
    size = sum(max(1, len(task.members)) for task in brief.expansion.tasks if task.id in shown)
    width = max((len(task.id) for task in order), default=4)
    roles = max((len(task.role) for task in order), default=4)
    lines = [f"{feature}: {count(size, 'task')} onto {integration_branch(feature)}; nothing runs (--dry-run)", ""]
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
    return "\n".join(lines) + "\n"
