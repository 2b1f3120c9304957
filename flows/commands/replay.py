"""Play the journal of a run through the machine that decided it, and print the outcome that comes of it."""

from typing import Annotated

import typer

from plait.flows.commands.repo_option import RepositoryOfRun

NAME = "replay"
EXAMPLES = "Examples: `plait replay` · `plait replay shopping-cart --json`"


def command(
    run: Annotated[
        str | None,
        typer.Argument(help="A run's id (or its beginning) or a feature; the live or newest run when absent."),
    ] = None,
    repo: RepositoryOfRun = None,
    json: Annotated[bool, typer.Option("--json", help="As `plait run --json` prints it.")] = False,
) -> None:
    """Nothing is started or changed: what the run heard is heard again."""
    from plait.flows.journal_file import kept_journal
    from plait.flows.runs import run_meant, seen_from_here, worktree_of
    from plait.flows.terminal.text_layout import for_reading
    from plait.plans.errors import CallError
    from plait.show.metrics import measure
    from plait.show.outcome_json import outcome_json
    from plait.show.run_report import report_text

    found = run_meant(run, repository=repo)
    journal = kept_journal(found.directory)
    if journal is None:
        raise CallError(
            f"run {found.run_id} has left no journal",
            hint="it has not begun yet" if found.alive else "it never began, or a plait of before the journal wrote it",
        )
    outcome = found.played(journal)
    if json:
        typer.echo(outcome_json(outcome))
        return
    place = seen_from_here(worktree_of(found.repository))
    for line in for_reading(report_text(outcome, measure(outcome), None, repository=place)):
        typer.echo(line)
