"""Keeps what a run was expected to be, from its start: its forecast and its graph, for charts of it."""

import logging
from collections.abc import Mapping

from plait.advice.forecasts.forecast_record import FORECAST_FILE, forecast_json
from plait.flows.forecasting import forecast_of
from plait.flows.inputs.requests import Brief
from plait.flows.past_durations import history_of
from plait.flows.recording.artifacts import publish_plan
from plait.flows.running.session import Session
from plait.flows.servers.client import is_embedded
from plait.show.pictures.chart import chart_of
from plait.show.pictures.gantt_svg import gantt_uri
from plait.show.pictures.plan_graph import GRAPH_FILE, graph_json, plan_graph
from plait.show.plan_report import plan_markdown
from plait.workspace.small_files import write_whole

_LOG = logging.getLogger("prefect.plait")
_EFFORT = 60_000
"""Jobs that are simulated in all, a tenth of a second or two: no agent should wait for a forecast."""
_MOST_SAMPLES = 300
_FEWEST_SAMPLES = 20


def keep_expectations(session: Session, brief: Brief, *, urgency: Mapping[str, float] | None = None) -> None:
    """Write `graph.json` and, where the plan or the history says how long tasks take, `forecast.json`.

    Both are on the Prefect page, too, where there is one. No trouble with them ends a run.
    """
    directory, finished = session.shop.directory, session.reuse.finished
    try:
        tasks = [task for task in brief.expansion.tasks if task.id in session.chosen]
        write_whole(directory / GRAPH_FILE, graph_json(plan_graph(brief.plan.feature, tasks)))
        made, ahead = None, [task for task in tasks if task.id not in finished]
        history = history_of(session.shop.control.common_dir)
        if ahead and (history or any(task.task.duration for task in ahead)):
            samples = max(_FEWEST_SAMPLES, min(_MOST_SAMPLES, _EFFORT // len(ahead)))
            chosen = [task.id for task in ahead]
            made = forecast_of(brief, chosen=chosen, history=history, samples=samples, what_if=False, urgency=urgency)
            write_whole(directory / FORECAST_FILE, forecast_json(made))
        if not is_embedded():  # whose page nobody can open before the run is over
            chart = gantt_uri(chart_of(brief.plan.feature, forecast=made)) if made else None
            text = plan_markdown(brief.plan.feature, brief.plan.goal, tasks, forecast=made, gantt_uri=chart)
            publish_plan(brief.plan.feature, text)
    except Exception:
        _LOG.warning("the forecast of run %s could not be kept", session.shop.run_id, exc_info=True)
