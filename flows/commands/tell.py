"""Leave a note for the agent of a task: its next try or repair order gets it, as yours, in its prompt."""

from typing import Annotated

import typer

from plait.flows.commands.repo_option import RepositoryOfRun

NAME = "tell"
EXAMPLES = (
    "Examples: `plait tell TASK-2 'prices are in cents'` · `plait tell TASK-2 - < note.txt` · "
    "`plait tell TASK-2` (what waits) · `plait tell TASK-2 --forget`\n\n"
    "Several notes are told together, oldest first. An agent that is at work cannot hear."
)


def command(
    task: Annotated[str, typer.Argument(help="The task's id.", metavar="TASK", show_default=False)],
    note: Annotated[
        str | None,
        typer.Argument(
            help="What to say; - for standard input; the waiting notes are shown when absent.", metavar="NOTE"
        ),
    ] = None,
    run: Annotated[str | None, typer.Option(help="A run's id or feature; the live or newest run when absent.")] = None,
    repo: RepositoryOfRun = None,
    forget: Annotated[bool, typer.Option("--forget", help="Drop the notes that nobody has been told yet.")] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> None:
    """Leave, show or drop notes."""
    import sys
    from dataclasses import asdict
    from json import dumps

    from plait.flows.telling import notes_to, tell
    from plait.plans.errors import CallError
    from plait.plans.wording import count, one_line

    if note is not None:
        if forget:
            raise CallError("--forget drops notes, and takes none")
        told = tell(run, task, sys.stdin.read(20_000) if note == "-" else note, repository=repo)
        waits = f"{count(int(str(told['waiting'])), 'note')} for {task}"
        typer.echo(dumps(told, indent=2) if json else f"{waits}: {told['told_when']}")
        return
    notes = notes_to(run, task, forget=forget, repository=repo)
    if json:
        typer.echo(dumps({"task": task, "notes": [asdict(row) for row in notes], "dropped": forget}, indent=2))
        return
    for row in notes:
        typer.echo(one_line(f"{row.at} {row.by}: {row.text}", 4000))
    if forget:
        typer.echo(f"dropped {count(len(notes), 'note')} for {task}")
    elif not notes:
        typer.echo(f"no note waits for {task}", err=True)
