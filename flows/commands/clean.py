"""Delete what finished features leave: branches that landed, salvage, checkouts, old run folders. Shows them first."""

from typing import Annotated

import typer

from plait.flows.commands.repo_option import RepositoryOfRun

NAME = "clean"
EXAMPLES = (
    "Examples: `plait clean` (shows what would go) · `plait clean --yes` · `plait clean --older-than 2d --yes` · "
    "`plait clean --json`\n\n"
    "Of a feature that has landed as a whole the agents' branches and the salvage go, the feature branch stays; of its "
    "runs the newest stay. Nothing of a live run, and nothing that plait cannot show to be its own."
)


def command(
    older_than: Annotated[
        str, typer.Option("--older-than", help="Only what ended at least so long ago.", metavar="DURATION")
    ] = "14d",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Delete it.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show it, as without --yes.")] = False,
    repo: RepositoryOfRun = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> None:
    """Show, or delete with --yes, what nobody needs any more."""
    from plait.flows.cleaning import delete_leftovers, find_leftovers
    from plait.plans.errors import CallError
    from plait.plans.language.durations import parse_duration
    from plait.plans.wording import count, one_line

    try:
        older = parse_duration(older_than) if older_than.strip() != "0" else 0.0
    except ValueError as problem:
        raise CallError(f"--older-than {problem}") from None
    leftovers = find_leftovers(repo, older=older)
    deletes = yes and not dry_run
    gone, kept = delete_leftovers(leftovers) if deletes else (leftovers.found, ())
    kept = (*leftovers.kept, *kept)
    if json:
        from json import dumps

        told = [thing.record() for thing in gone]
        typer.echo(dumps({"deleted": deletes, "things": told, "kept": list(kept)}, indent=2))
        return
    for thing in gone:
        name = thing.name if thing.kind == "branch" else f"{thing.kind} {thing.name}"
        typer.echo(one_line(f"{'deleted' if deletes else 'would delete'} {name}: it {thing.why}", 1000))
    for sentence in kept:
        typer.echo(one_line(f"kept: {sentence}", 1000), err=True)
    if not gone:
        typer.echo("nothing to delete")
    elif not deletes:
        typer.echo(f"{count(len(gone), 'thing')} would go: `plait clean --yes` deletes them")
