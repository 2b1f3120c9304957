"""Show the contracts of a feature: versions, who approved them, and what waits for a person."""

from typing import Annotated

import typer

from plait.flows.commands.repo_option import RepositoryOfRun

NAME = "contracts"
EXAMPLES = (
    "Examples: `plait contracts` · `plait contracts shopping-cart` · `plait contracts --json`\n\n"
    "Exit codes: 0 shown · 2 the call is wrong"
)


def command(
    run: Annotated[
        str | None,
        typer.Argument(
            help="A run's id (or its beginning) or a feature; the live or newest run when absent.", metavar="RUN"
        ),
    ] = None,
    repo: RepositoryOfRun = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> None:
    """List each version of each contract, oldest first."""
    from plait.flows.approving import agreed
    from plait.plans.wording import one_line

    listing = agreed(run, repository=repo)
    if json:
        import json as json_format

        typer.echo(json_format.dumps(listing, indent=2))
        return
    for row in listing["contracts"]:
        parts = [f"{row['id']} v{row['version']}", row["status"] + (f" by {row['by']}" if row["by"] else "")]
        parts += [f"written by {row['owner']}" if row["owner"] else "on base", (row["commit"] or "")[:10]]
        typer.echo(one_line("  ".join(filter(None, parts)), 1000))
        if row["status"] == "waiting":
            typer.echo(f"  look: git show {row['commit'][:10]}; then: plait approve {listing['feature']} {row['id']}")
    if not listing["contracts"]:
        typer.echo(f"{listing['feature']} has no contracts")
