"""Approve what waits for a person, a contract or the work of a task, or send it back to whoever made it."""

from typing import Annotated

import typer

from plait.flows.commands.repo_option import RepositoryOfRun

NAME = "approve"
EXAMPLES = (
    "Examples: `plait approve shopping-cart cart-api` · "
    "`plait approve shopping-cart cart-api --reject 'prices have no currency'` · "
    "`plait approve shopping-cart CART`\n\n"
    "Exit codes: 0 your answer is kept · 2 the call is wrong, or there is nothing to answer"
)


def command(
    run: Annotated[
        str, typer.Argument(help="A run's id (or its beginning) or a feature.", metavar="RUN", show_default=False)
    ],
    named: Annotated[
        str,
        typer.Argument(
            help="The contract's name, or the task's whose work its reviewer has not approved.",
            metavar="CONTRACT|TASK",
            show_default=False,
        ),
    ],
    reject: Annotated[
        str | None, typer.Option(help="Send it back instead, with what is wrong with it.", metavar="REASON")
    ] = None,
    repo: RepositoryOfRun = None,
) -> None:
    """Record your answer: a live run sees it within a second, a killed one when it is run again."""
    from plait.flows.approving import approve

    typer.echo(approve(run, named, rejected=reject, repository=repo))
