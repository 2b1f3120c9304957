"""Print the report of a run: what landed, what did not and why, and the figures."""

from typing import TYPE_CHECKING, Annotated

import typer

from plait.flows.commands.repo_option import RepositoryOfRun

if TYPE_CHECKING:  # pydantic is imported by the command itself
    from plait.flows.runs import KnownRun
    from plait.plans.tasks.outcomes import FeatureOutcome

NAME = "report"
EXAMPLES = (
    "Examples: `plait report` · `plait report shopping-cart` · `plait report --markdown > report.md` · "
    "`plait report --json`"
)


def command(
    run: Annotated[
        str | None,
        typer.Argument(
            help="A run's id (or its beginning) or a feature; the newest run that did something when absent.",
            metavar="RUN",
        ),
    ] = None,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="The Markdown of the Prefect page, Gantt included.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
    repo: RepositoryOfRun = None,
) -> None:
    """Print a run's report."""
    from plait.flows.recording.kept_expectations import kept_forecast
    from plait.flows.run_listing import last_with_work
    from plait.flows.runs import run_meant, seen_from_here, worktree_of
    from plait.flows.terminal.text_layout import for_reading
    from plait.show.insight import insights
    from plait.show.metrics import measure
    from plait.show.outcome_json import report_json
    from plait.show.run_report import report_text

    meant = run_meant(run, repository=repo)
    known = meant if run and meant.run_id.startswith(run) and run != meant.feature else last_with_work(meant)
    if known is not meant:
        typer.echo(f"run {meant.run_id} found nothing to do; this is the report of {known.run_id}", err=True)
    outcome = known.shown_outcome()
    if json:
        metrics = measure(outcome)
        typer.echo(report_json(outcome, metrics, insights(outcome, metrics, kept_forecast(known.directory))))
    elif markdown:
        typer.echo(_written(known))
    else:
        place = seen_from_here(worktree_of(known.repository))
        lines = report_text(outcome, measure(outcome), kept_forecast(known.directory), repository=place)
        for line in for_reading(lines):
            typer.echo(line)
        _show_chart(known, outcome)


def _written(known: "KnownRun") -> str:
    """The Markdown that the run left.

    Raises:
        CallError: it has left none, or none that can be read.
    """
    from plait.plans.errors import CallError
    from plait.workspace.small_files import read_plain_file

    written = known.directory / "report.md"
    if not written.exists():
        raise CallError(f"run {known.run_id} is not over", hint="see `plait status`")
    try:
        return read_plain_file(written)
    except (OSError, ValueError) as problem:
        raise CallError(f"the report of {known.run_id} cannot be read: {problem}", hint="see `plait report`") from None


MOST_LANES = 40
"""Tasks up to which a chart in the terminal helps more than it hides."""


def _show_chart(known: "KnownRun", outcome: "FeatureOutcome") -> None:
    """The Gantt below the report, beside the forecast that the run started with."""
    from plait.flows.recording.kept_expectations import kept_forecast
    from plait.flows.terminal.printing import show_lines, terminal_width
    from plait.show.pictures.chart import chart_of
    from plait.show.pictures.text_gantt import text_gantt

    if any(task.started_at for task in outcome.tasks) and len(outcome.tasks) <= MOST_LANES:
        typer.echo("")
        chart = chart_of("what ran when", outcome=outcome, forecast=kept_forecast(known.directory))
        show_lines(text_gantt(chart, width=terminal_width()))
        typer.echo("")
    picture = known.directory / "gantt.svg"
    if picture.exists():
        typer.echo(f"Gantt: {picture}")
