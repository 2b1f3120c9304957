"""List the runs of this repository, newest first: when, feature, state, what landed, what it cost."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from plait.flows.commands.repo_option import RepositoryOfRun

if TYPE_CHECKING:  # pydantic is imported by the command itself
    from plait.flows.run_listing import ListedRun

NAME = "runs"
EXAMPLES = (
    "Examples: `plait runs` · `plait runs shopping-cart` · `plait runs --all` (of all repositories) · "
    "`plait runs --last 5 --json`"
)


def command(
    feature: Annotated[
        str | None, typer.Argument(help="Only the runs of this feature.", metavar="FEATURE", show_default=False)
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Of all repositories.")] = False,
    repo: RepositoryOfRun = None,
    last: Annotated[int, typer.Option("--last", min=1, help="How many, from the newest on.")] = 20,
    json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> None:
    """List runs."""
    from plait.flows.run_listing import listed_runs
    from plait.plans.errors import CallError

    if every and repo:
        raise CallError("--all and --repo say opposite things")
    rows, more = listed_runs(feature, every=every, repository=repo, last=last)
    if json:
        from json import dumps

        typer.echo(dumps({"runs": [row.record() for row in rows], "more": more}, indent=2))
        return
    from plait.plans.wording import one_line

    if rows:
        _show(rows, every=every)
    if not rows:
        of_it = f" that is called {one_line(feature)}" if feature else ""
        where = " there" if repo else "" if every else " where you stand (`plait runs --all`: of all repositories)"
        typer.echo(f"there is no run of plait{of_it}{where}", err=True)
    if more:
        typer.echo(f"and {more} older ones (`plait runs --last {last + more}`)", err=True)


def _show(rows: "list[ListedRun]", *, every: bool) -> None:
    from plait.flows.terminal.printing import show_lines, terminal_width
    from plait.flows.terminal.text_layout import Column, table_lines
    from plait.plans.wording import one_line
    from plait.show.pictures.cells import Piece

    columns: list[Any] = [Column("started"), Column("run"), Column("state"), Column("landed", right=True)]
    columns += [Column("took", right=True, spare=1), Column("cost", right=True, spare=2)]
    columns += [Column("repository", spare=3)] * every
    lines = [tuple((Piece(one_line(cell)),) for cell in row.cells()[: len(columns)]) for row in rows]
    show_lines(table_lines(columns, lines, width=terminal_width()))
