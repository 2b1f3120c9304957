"""Show where a run stands: beside it while it goes on, or after it."""

from typing import TYPE_CHECKING, Annotated

import typer

from plait.flows.commands.repo_option import RepositoryOfRun

if TYPE_CHECKING:  # pydantic is imported by the command itself
    from plait.flows.runs import KnownRun
    from plait.plans.tasks.outcomes import FeatureOutcome

NAME = "status"
EXAMPLES = (
    "Examples: `plait status` · `plait status shopping-cart` · `plait status --json` · `plait status --watch` · "
    "`plait status --all` · "
    "`plait status --repo ../shop`"
)
PIPED_WIDTH = 1000
"""Columns where there is no terminal: whoever reads on gets the whole of every line."""


WATCH_SECONDS = 0.5
"""How often a watched run is looked at."""


def command(
    run: Annotated[
        str | None,
        typer.Argument(
            help="A run's id (or its beginning) or a feature; the live or newest run when absent.", metavar="RUN"
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
    every: Annotated[bool, typer.Option("--all", help="List all runs, newest first.")] = False,
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Go on showing it until the run ends; Ctrl-C ends only the watching.")
    ] = False,
    repo: RepositoryOfRun = None,
) -> None:
    """Show a run's tasks and batches."""
    from plait.flows.runs import known_runs, run_meant
    from plait.plans.errors import CallError
    from plait.show.outcome_json import status_json
    from plait.workspace.home import kept_home

    if watch and (json or every):
        raise CallError("--watch draws one run again and again; --json and --all tell once")
    if every:
        _list(known_runs(kept_home()), json=json)
        return
    known = run_meant(run, repository=repo)
    if watch:
        _watch(known)
        return
    outcome = known.shown_outcome()
    if json:
        typer.echo(status_json(outcome, known.progress()))
        return
    from rich.console import Console

    from plait.flows.terminal.sheet import status_table

    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=PIPED_WIDTH)
    progress = known.progress()
    active = progress.active if progress else ()
    console.print(status_table(outcome, eta=progress.eta if progress else None, active=active))


def _watch(known: "KnownRun") -> None:
    """The table again and again: in place on a terminal, in a pipe whenever a task or a batch stands otherwise."""
    import time
    from contextlib import suppress

    from rich.console import Console
    from rich.live import Live

    from plait.flows.terminal.sheet import Sheet

    console = Console(highlight=False)
    if console.is_terminal:
        with suppress(KeyboardInterrupt), Live(console=console, auto_refresh=False) as live:
            while True:
                alive, progress = known.alive, known.progress()
                lines = {agent.task: agent.last_line for agent in progress.active} if progress else {}
                height = console.height if alive else None
                active = progress.active if progress and alive else ()
                sheet = Sheet(known.shown_outcome(), lines, known.eta(), height=height, active=active)
                live.update(sheet, refresh=True)
                if not alive:
                    return
                time.sleep(WATCH_SECONDS)
    console, shown = Console(highlight=False, width=PIPED_WIDTH), None
    with suppress(KeyboardInterrupt):
        while True:
            alive, outcome = known.alive, known.shown_outcome()
            stands = [outcome.state, *(task.state for task in outcome.tasks), *(row.state for row in outcome.batches)]
            if stands != shown:
                console.print(Sheet(outcome, {}, known.eta()))
                console.print("")
            shown = stands
            if not alive:
                return
            time.sleep(WATCH_SECONDS)


def _outcome_of(known: "KnownRun") -> "FeatureOutcome | None":
    """Where a run stands; nothing where its journal cannot be read, which hides no other run."""
    from plait.plans.errors import CallError

    try:
        return known.outcome()
    except CallError:
        return None


def _list(runs: "list[KnownRun]", *, json: bool) -> None:
    """One line for each run, or one JSON object with them all."""
    rows = [(known, _outcome_of(known)) for known in runs]
    if json:
        from json import dumps

        listed = [
            {
                "run_id": known.run_id,
                "feature": known.feature,
                "state": outcome.state.value if outcome else None,
                "repository": known.repository,
                "started_at": outcome.started_at.isoformat(timespec="milliseconds") if outcome else None,
            }
            for known, outcome in rows
        ]
        typer.echo(dumps({"runs": listed}, indent=2))
        return
    for known, outcome in rows:
        typer.echo(f"{known.run_id:40} {outcome.state.value if outcome else 'unknown':10} {known.feature}")
