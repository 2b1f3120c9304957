"""Take a feature that has landed back out of its base branch: one commit, verified, after which it can run again."""

from pathlib import Path
from typing import Annotated

import typer

NAME = "undo"
EXAMPLES = (
    "Examples: `plait undo shopping-cart` · `plait undo shopping-cart --dry-run`\n\n"
    "History is kept: it is one commit more, with `Plait-Undone`, by which a later run knows that all is to be done "
    "anew. Exit codes: 0 it is out · 1 it is not, and why is told · 2 the call is wrong · 3 the environment is"
)


def command(
    feature: Annotated[str, typer.Argument(help="The feature's name.", metavar="FEATURE", show_default=False)],
    repo: Annotated[Path, typer.Option(help="A clone, or any directory in it.")] = Path(),
    onto: Annotated[
        str | None, typer.Option(help="The branch that it is on; the one that the feature began on when absent.")
    ] = None,
    local: Annotated[
        bool, typer.Option("--local", help="On the local branch, also where it follows a remote's.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen; nothing is moved.")] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> None:
    """Take a landed feature back out of its base branch."""
    from plait.flows import landing as steps
    from plait.show.base_lines import told_of_base

    outcome = steps.undo_feature(feature, repo, onto=onto, local=local, dry_run=dry_run)
    typer.echo(outcome.model_dump_json(indent=2) if json else "\n".join(told_of_base(outcome)))
    raise typer.Exit(steps.exit_code_of(outcome))
