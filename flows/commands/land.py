"""Bring a finished feature onto its base branch: built where base is now, verified again, moved once."""

from pathlib import Path
from typing import Annotated

import typer

NAME = "land"
EXAMPLES = (
    "Examples: `plait land shopping-cart` · `plait land shopping-cart --dry-run` · "
    "`plait land shopping-cart --squash`\n\n"
    "A base that follows a remote's branch is moved there, by lease; your checkouts are never touched. "
    "Exit codes: 0 it is there · 1 it is not, and why is told · 2 the call is wrong · 3 the environment is"
)


def command(
    feature: Annotated[str, typer.Argument(help="The feature's name.", metavar="FEATURE", show_default=False)],
    repo: Annotated[Path, typer.Option(help="A clone, or any directory in it.")] = Path(),
    squash: Annotated[bool, typer.Option("--squash", help="As one commit that names all of its tasks.")] = False,
    merge: Annotated[bool, typer.Option("--merge", help="By a merge commit.")] = False,
    ff_only: Annotated[
        bool, typer.Option("--ff-only", help="As it is, or not at all where base has moved on.")
    ] = False,
    pull_request: Annotated[
        bool, typer.Option("--pull-request", help="Push the feature branch and ask the remote's people to take it.")
    ] = False,
    onto: Annotated[
        str | None, typer.Option(help="The branch to land on; the one that the feature began on when absent.")
    ] = None,
    local: Annotated[
        bool, typer.Option("--local", help="On the local branch, also where it follows a remote's.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen; nothing is moved.")] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> None:
    """Bring a feature onto its base branch."""
    from plait.flows import landing as steps
    from plait.plans.errors import CallError
    from plait.show.base_lines import told_of_base

    ways = [way for way, chosen in (("squash", squash), ("merge", merge), ("fast-forward", ff_only)) if chosen]
    ways += ["pull-request"] if pull_request else []
    if len(ways) > 1:
        raise CallError("--squash, --merge, --ff-only and --pull-request are four ways, and it can go one")
    if pull_request and dry_run:
        raise CallError("a pull request has no dry run")
    call = steps.LandCall(
        feature,
        repo,
        way=next(iter(ways), None),
        strictly=ff_only,
        onto=onto,
        local=local,
        dry_run=dry_run,
        request=pull_request,
    )
    outcome = steps.land_feature(call)
    typer.echo(outcome.model_dump_json(indent=2) if json else "\n".join(told_of_base(outcome)))
    raise typer.Exit(steps.exit_code_of(outcome))
