"""Finds what a picture is asked of: a plan file, a folder of specs, or a run of this machine."""

from collections.abc import Sequence
from pathlib import Path

from plait.flows.inputs.agents_around import around_plan
from plait.flows.inputs.given_files import STANDARD_INPUT
from plait.flows.inputs.requests import Brief, read_brief, read_crew_file, read_given_plan
from plait.flows.recording.kept_expectations import kept_forecast, kept_graph
from plait.flows.runs import KnownRun, run_meant
from plait.plans.errors import CallError
from plait.show.pictures.chart import Chart, chart_of
from plait.show.pictures.plan_graph import PlanGraph, plan_graph
from plait.workspace.places import is_file, is_folder

_PLANS = (".yaml", ".yml", ".md")


def chart_for(wanted: str | None, *, crew: Sequence[str], repository: Path | None, grouped: bool) -> Chart:
    """The forecast of a plan, or a run beside the forecast that it started with.

    Raises:
        CallError: there is no such plan or run, or the run has left nothing yet.
        PlanError: every mistake of the plan at once.
    """
    source = _find(wanted, repository)
    if isinstance(source, Path):
        return _chart_of_plan(source, crew=crew, repository=repository or Path(), grouped=grouped)
    outcome = source.shown_outcome()
    title = f"{outcome.feature}: run {source.run_id}"
    return chart_of(title, outcome=outcome, forecast=kept_forecast(source.directory), grouped=grouped)


def _chart_of_plan(plan: Path, *, crew: Sequence[str], repository: Path, grouped: bool) -> Chart:
    from plait.flows.forecasting import bundling_of, forecast_of
    from plait.flows.inputs.crew_option import read_crew_option
    from plait.flows.past_durations import history_of

    option = read_crew_option(crew)
    brief = _read(plan, option.file)
    slots = option.slots_for(brief.crew.slots_of(task.role for task in brief.expansion.tasks))
    history = history_of(repository)
    brief = bundling_of(brief, slots_override=slots, history=history).brief
    made = forecast_of(brief, slots_override=slots, history=history, what_if=False)
    return chart_of(f"{brief.plan.feature}: forecast", forecast=made, grouped=grouped)


def graph_for(wanted: str | None, *, crew: Path | None, repository: Path | None = None) -> PlanGraph:
    """The graph of a plan, or of a run with what has come of its tasks.

    Raises:
        CallError: there is no such plan or run, or the run kept no graph.
        PlanError: every mistake of the plan at once.
    """
    source = _find(wanted, repository)
    if isinstance(source, Path):
        brief = _read(source, crew)
        return plan_graph(brief.plan.feature, brief.expansion.tasks)
    graph, outcome = kept_graph(source.directory), source.outcome()
    if graph is None:
        raise CallError(f"run {source.run_id} has kept no graph", hint="name its plan file: `plait graph PLAN`")
    return graph.with_states({task.id: task.state.value for task in outcome.tasks} if outcome else {})


def _read(plan: Path, crew: Path | None) -> Brief:
    given = read_crew_file(crew) if crew else None
    folder, around = (crew or plan).resolve().parent, around_plan(plan)
    return read_brief(read_given_plan(plan), source=str(plan), crew=given, folder=folder, around=around)


def _find(wanted: str | None, repository: Path | None) -> Path | KnownRun:
    """A plan when it is `-`, a file, or looks like one; else a run, and a folder only where no run is called so."""
    if wanted is None:
        return run_meant(None, repository=repository)
    path = Path(wanted)
    if path == STANDARD_INPUT or is_file(path) or "/" in wanted or path.suffix in _PLANS:
        return path
    try:
        return run_meant(wanted, repository=repository)
    except CallError as problem:
        if is_folder(path):
            return path
        raise CallError(f"there is no plan file and no run {wanted!r}", hint=problem.hint) from None
