"""Pause a feature: what runs finishes, and nothing new starts until it is resumed."""

from typing import Annotated

import typer

from plait.flows.commands.repo_option import RepositoryOfRun

NAME = "pause"
EXAMPLES = "Examples: `plait pause` · `plait pause shopping-cart`"


def command(
    run: Annotated[
        str | None,
        typer.Argument(help="A run's id (or its beginning) or a feature; the live or newest run when absent."),
    ] = None,
    repo: RepositoryOfRun = None,
) -> None:
    """Agents at work and batches in work finish; a live run sees it within a second, a killed one stays paused."""
    from plait.flows.pausing import pause

    typer.echo(pause(run, repository=repo))
