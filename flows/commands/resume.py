"""Let a paused feature go on."""

from typing import Annotated

import typer

from plait.flows.commands.repo_option import RepositoryOfRun

NAME = "resume"
EXAMPLES = "Examples: `plait resume` · `plait resume shopping-cart`"


def command(
    run: Annotated[
        str | None,
        typer.Argument(help="A run's id (or its beginning) or a feature; the live or newest run when absent."),
    ] = None,
    repo: RepositoryOfRun = None,
) -> None:
    """A live run goes on within a second; one that was ended goes on when the plan is run again."""
    from plait.flows.pausing import resume

    typer.echo(resume(run, repository=repo))
