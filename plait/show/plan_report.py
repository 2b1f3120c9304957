"""What a run is going to do and how long that will take, in Markdown, for the page it is watched from."""

from collections.abc import Sequence

from plait.advice.forecasts.forecast_record import Forecast
from plait.plans.tasks.expansion import PlannedTask
from plait.plans.wording import count, markdown, spell_roughly, spell_seconds, spell_share
from plait.show.run_report import table


def plan_markdown(
    feature: str,
    goal: str,
    tasks: Sequence[PlannedTask],
    *,
    forecast: Forecast | None = None,
    gantt_uri: str | None = None,
) -> str:
    """GitHub-flavoured Markdown without HTML; whatever titles and goals say, it stays text.

    Without a forecast the tasks are listed without times. `gantt_uri`: a `data:` address of the chart.
    """
    sections = [
        f"# {markdown(feature)}: {count(len(tasks), 'task')}",
        markdown(goal, 2000),
        "\n".join(_expected(forecast)) if forecast else "",
        f"![What is planned]({gantt_uri})" if gantt_uri else "",
        "\n".join(_tasks(tasks, forecast)),
    ]
    return "\n\n".join(filter(None, sections)) + "\n"


def _expected(made: Forecast) -> list[str]:
    likely = ""
    if made.ends:
        median, late = spell_roughly(made.ends.p50), spell_roughly(made.ends.p95)
        likely = f", half of the time within {median}, nearly always within {late}"
    return [
        f"**{spell_seconds(made.elapsed)}** as planned{likely}; lower bound {spell_seconds(made.bound.seconds)} "
        f"({markdown(made.bound.kind)}).",
        f"{spell_seconds(made.work)} of work for {count(made.agents, 'agent')}: speed-up {made.speed_up:.1f}, "
        f"efficiency {spell_share(made.efficiency)}. {markdown(made.bottleneck, 500)}",
    ]


def _tasks(tasks: Sequence[PlannedTask], made: Forecast | None) -> list[str]:
    """A table in the order of the plan; critical tasks are bold."""
    times = {task.id: task for task in made.tasks} if made else {}
    rows = []
    for task in tasks:
        expected = times.get(task.id)
        name = f"**{markdown(task.id)}**" if expected and expected.critical else markdown(task.id)
        told = (f"{markdown(source)} (information)" for source in task.information)
        needs = ", ".join([*(" or ".join(map(markdown, group)) for group in task.needs), *told])
        starts, ends = (spell_seconds(expected.start), spell_seconds(expected.end)) if expected else ("", "")
        rows.append((name, markdown(task.task.subject), markdown(task.role), needs, starts, ends))
    return table(("task", "what", "role", "needs", "starts", "ends"), rows)
