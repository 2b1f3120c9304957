"""Write a first plan and crew for this repository and the agent programs that are here."""

from pathlib import Path
from typing import Annotated

import typer

NAME = "init"
EXAMPLES = (
    "Examples: `plait init` · `plait init --dry-run` · `plait init --feature first-steps --force`\n\n"
    "`plait new` writes a plan by a way to cut the work, for a repository that has a crew.\n\n"
    "Exit codes: 0 written · 2 the call is wrong, there are such files, or no repository"
)


def command(
    folder: Annotated[
        Path, typer.Argument(help="Where to write plan.yaml and crew.yaml, in a repository.", metavar="FOLDER")
    ] = Path(),
    feature: Annotated[str, typer.Option(help="The feature's name.", metavar="NAME")] = "first-steps",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be written, and write nothing.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Write over files that are there.")] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> None:
    """Write a first plan and crew."""
    from plait.flows.first_steps import CREW, PLAN, first_steps
    from plait.plans.errors import CallError
    from plait.plans.names import check_slug
    from plait.workspace.places import is_folder

    if not is_folder(folder):
        raise CallError(f"there is no folder {folder}")
    try:
        check_slug(feature)
    except ValueError as problem:
        raise CallError(f"a feature cannot be called so: {problem}", hint="such as first-steps") from None
    steps = first_steps(folder, feature=feature)
    if not dry_run:
        steps.write(force=force)
    if json:
        from json import dumps

        typer.echo(dumps(steps.record(written=not dry_run), indent=2))
        return
    for line in steps.lines:
        typer.echo(f"found: {line}")
    for trouble in steps.troubles:
        typer.echo(f"note: {trouble}", err=True)
    for name, text in ((PLAN, steps.plan), (CREW, steps.crew)):
        typer.echo(f"\n--- {folder / name}\n{text}" if dry_run else f"wrote {folder / name}", nl=not dry_run)
    typer.echo("next:")
    for step in steps.next_steps:
        typer.echo(f"  {step}")
