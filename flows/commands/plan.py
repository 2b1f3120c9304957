"""Let an architect write a plan for a goal, look at it, and run it."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:  # pydantic and YAML are imported by the command itself
    from plait.flows.planning import Planned, Reach

NAME = "plan"
EXAMPLES = (
    "Examples: `plait plan 'People fill a cart and see what it costs'` · "
    "`plait plan 'Move the API to v2' --crew crew.yaml -o v2.yaml` · `plait plan 'Fix the flaky tests' --yes`\n\n"
    "Exit codes: 0 it is written (and ran, where you agreed) · 1 it ran, and not all landed, or `--yes` does not cover "
    "what it names · 2 the call is wrong · 3 the architect gives no plan that can be run"
)


def command(
    goal: Annotated[str, typer.Argument(help="What is to be so in the end, in words.", metavar="GOAL")],
    repo: Annotated[Path, typer.Option(help="A clone, or any directory in it.")] = Path(),
    base: Annotated[str | None, typer.Option(help="What the architect reads; the branch checked out.")] = None,
    crew: Annotated[Path | None, typer.Option(help="A crew file: who there is.")] = None,
    role: Annotated[str, typer.Option(help="The role of the crew that writes the plan.")] = "architect",
    rounds: Annotated[
        int, typer.Option(help="How often it may write it, with what was found each time.", min=1, max=10)
    ] = 3,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The file to write; never over one that is there.", metavar="FILE")
    ] = Path("plan.yaml"),
    force: Annotated[bool, typer.Option("--force", help="Write over it all the same.")] = False,
    json: Annotated[
        bool, typer.Option("--json", help="One JSON object on standard output; nothing is run without --yes.")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Run it at once, unless it says itself who works and with what.")
    ] = False,
) -> None:
    """Write a plan for a goal; it runs once you agree."""
    from plait.flows.inputs.requests import read_crew_file
    from plait.flows.planning import Wish, planned, reaches_of
    from plait.plans.errors import CallError

    if not goal.strip():
        raise CallError("which goal?", "such as `plait plan 'People fill a cart and see what it costs'`")
    if output.exists() and not force:
        raise CallError(f"there is a {output} already", "name another file by -o, or say --force")
    if output.is_dir() or not output.absolute().parent.is_dir():
        raise CallError(f"{output} cannot be written: it has to be a file in a folder that is there")
    given, folder = read_crew_file(crew) if crew else None, (crew or output).resolve().parent
    wish = Wish(goal, repo, base, given, folder, role, rounds, str(output))
    made = planned(wish, tell=lambda line: typer.echo(line, err=True))
    _write(output, made.text, force=force)
    reaches = reaches_of(made.text)
    run = _command_line(output, crew, repo, base)
    if json:
        typer.echo(_record(output, made, reaches, repo, run))
    else:
        _show(output, made, reaches, repo, crew)
    if _agreed(reaches, yes=yes, json=json, run=run):
        from plait.flows.commands.run import command as run_command

        run_command(output, repo=repo, base=base, crew=[str(crew)] if crew else None, json=False, yes=yes, quiet=json)


def _write(output: Path, text: str, *, force: bool) -> None:
    from plait.plans.errors import CallError

    try:
        with output.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text if text.endswith("\n") else f"{text}\n")
    except FileExistsError:
        raise CallError(f"there is a {output} by now", "name another file by -o, or say --force") from None
    except OSError as problem:
        raise CallError(f"{output} cannot be written: {problem.strerror}") from problem


def _show(output: Path, made: "Planned", reaches: tuple["Reach", ...], repo: Path, crew: Path | None) -> None:
    """Tasks, their graph, what it will take, what is still found, and all that the plan gets executed."""
    from plait.flows.forecasting import forecast_of
    from plait.flows.past_durations import history_of
    from plait.flows.picturing import graph_for
    from plait.flows.terminal.forecast_view import show_forecast
    from plait.flows.terminal.printing import show_lines, terminal_width
    from plait.show.pictures.graph_text import graph_lines

    show_lines(graph_lines(graph_for(str(output), crew=crew, repository=None).reduced(), width=terminal_width()))
    typer.echo("")
    show_forecast(made.brief, forecast_of(made.brief, history=history_of(repo)), None)
    for line in made.findings:
        typer.echo(line)
    if reaches:
        typer.echo("\nThe plan names these itself. Look at them before you agree:")
    for reach in reaches:
        typer.echo(f"  {reach.path}: {reach.what}")
    times = "" if made.rounds == 1 else f", after {made.rounds} rounds"
    typer.echo(f"\nwritten to {output}{times}")


def _agreed(reaches: tuple["Reach", ...], *, yes: bool, json: bool, run: str) -> bool:
    """Whether a person agrees to run it; who works with what, nobody has agreed to that has not seen it."""
    unseen = [reach.path for reach in reaches if reach.is_of_crew]
    if yes and unseen:
        typer.echo(f"not run: it says itself who works and with what ({', '.join(unseen[:5])}).", err=True)
        typer.echo(f"next: look at it, then {run}", err=True)
        raise typer.Exit(1)
    if yes:
        return True
    if not json and sys.stdin.isatty() and sys.stdout.isatty() and typer.confirm("Run it now?", default=False):
        return True
    typer.echo(f"next: {run}", err=json)
    return False


def _command_line(output: Path, crew: Path | None, repo: Path, base: str | None) -> str:
    import shlex

    words = ["plait", "run", str(output), *(["--crew", str(crew)] if crew else [])]
    words += [*(["--repo", str(repo)] if repo != Path() else []), *(["--base", base] if base else [])]
    return shlex.join(words)


def _record(output: Path, made: "Planned", reaches: tuple["Reach", ...], repo: Path, run: str) -> str:
    import json

    from plait.flows.forecasting import forecast_of
    from plait.flows.past_durations import history_of
    from plait.show.forecast_json import forecast_record

    tasks = made.brief.expansion.tasks
    record = {
        "plan": str(output),
        "feature": made.brief.plan.feature,
        "rounds": made.rounds,
        "tasks": [
            {"id": task.id, "role": task.role, "title": task.task.title, "needs": [list(group) for group in task.needs]}
            for task in tasks
        ],
        "findings": list(made.findings),
        "names": [{"path": reach.path, "value": reach.what, "crew": reach.is_of_crew} for reach in reaches],
        "forecast": forecast_record(forecast_of(made.brief, history=history_of(repo))),
        "next": run,
    }
    return json.dumps(record, indent=2)
