"""Run a plan: agents work in parallel, tested batches land on the feature branch, a report says what happened."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:  # pydantic and YAML are imported by the command itself
    from plait.flows.inputs.requests import Brief

NAME = "run"
EXAMPLES = (
    "Examples: `plait run plan.yaml` · `plait run plan.yaml --dry-run` · "
    "`plait run plan.yaml --crew crew.yaml --only TASK-1 --only TASK-2` · "
    "`plait run plan.yaml --json > result.json` · `plait run plan.yaml --server none`\n\n"
    "Exit codes: 0 all landed · 1 something failed or was held back · 2 the plan or the call is wrong · "
    "3 the environment is · 130 cancelled"
)


def command(
    plan: Annotated[
        Path,
        typer.Argument(
            help="The plan file, a folder of task specs, or - for standard input.", metavar="PLAN", show_default=False
        ),
    ],
    repo: Annotated[Path, typer.Option(help="A clone, or any directory in it.")] = Path(),
    base: Annotated[
        str | None,
        typer.Option(
            help="What to start from: a branch, origin/main, a tag, a commit; the plan's, else the branch checked out."
        ),
    ] = None,
    crew: Annotated[
        list[str] | None,
        typer.Option(help="A crew file, or agents by role, such as backend=3,frontend=2 (may be repeated)."),
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option(help="Run only this task (may be repeated).", metavar="TASK")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would happen and when; nothing runs.")] = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Start over; old branches are kept below refs/plait/old/.")
    ] = False,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Take base in first as it is now: merged, verified, landed.")
    ] = False,
    land: Annotated[
        Literal["never", "approve", "auto"] | None,
        typer.Option(
            help="Whether the feature goes onto base: never, by `plait land`, or by itself once it is complete; "
            "the plan's `integration.land` when absent.",
            show_default=False,
        ),
    ] = None,
    edition: Annotated[
        str | None,
        typer.Option(
            help="The day that {date} in the feature's name stands for, or an edition's whole name; "
            "today, or that of an edition that was killed.",
            metavar="DATE",
            show_default=False,
        ),
    ] = None,
    improve: Annotated[
        float,
        typer.Option(
            help="Search for a better order for so many seconds first; taken only when simulated runs gain by it.",
            metavar="SECONDS",
            min=0,
            max=600,
        ),
    ] = 0.0,
    preflight: Annotated[
        bool,
        typer.Option(
            "--preflight/--no-preflight",
            help="Try set-ups, and the programs that checks name, before anything starts.",
        ),
    ] = True,
    server: Annotated[
        str | None,
        typer.Option(
            help="A Prefect API to run on, or none for one of the run's own; when absent PREFECT_API_URL, your Prefect "
            "profile's, that of `plait up`, or its own, whichever is there first.",
            metavar="URL|none",
        ),
    ] = None,
    notify: Annotated[
        str | None,
        typer.Option(
            help="A shell command for the end of the run and when a person is asked; facts as JSON on its standard "
            "input, and as PLAIT_EVENT, PLAIT_STATE, …; else PLAIT_NOTIFY.",
            metavar="COMMAND",
        ),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="One JSON object on standard output, and nothing else there.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Answer yes to every question.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only the end.")] = False,
) -> None:
    """Carry out a plan."""
    from plait.flows.inputs.crew_option import given_brief
    from plait.flows.inputs.requests import landing, narrow
    from plait.flows.terminal.plan_notices import mistakes_told

    with mistakes_told(json=json):
        brief, crew_file = given_brief(plan, crew or (), repository=repo, base=base)
    brief = _edition(brief, edition, repository=repo, fresh=fresh)
    brief = landing(brief, land) if land else brief
    chosen = narrow(brief.expansion, tuple(only or ()))
    if not quiet:
        from plait.flows.terminal.plan_notices import say_findings

        say_findings(brief)
    if dry_run:
        from plait.flows.terminal.dry_run import DryRun, show_dry_run

        asked = DryRun(repo, base, only=tuple(only or ()), fresh=fresh, refresh=refresh)
        show_dry_run(brief, chosen, asked, json=json)
        return
    if fresh and not yes:
        _ask(f"Start {brief.plan.feature} over? What earlier runs finished is put aside, not deleted.")
    from plait.flows.launching import Launch, launch

    wanted = Launch(
        brief=brief,
        repository=repo,
        base=base,
        crew=str(crew_file or ""),
        only=tuple(only or ()),
        fresh=fresh,
        refresh=refresh,
        yes=yes,
        improve=improve,
        preflight=preflight,
        server=server,
        notify=notify,
    )
    raise typer.Exit(launch(wanted, json=json, quiet=quiet))


def _edition(brief: "Brief", day: str | None, *, repository: Path, fresh: bool) -> "Brief":
    """The plan as the edition that is meant: of a day that was named, the one that was killed, or today's."""
    if not brief.template and day is None:
        return brief
    from plait.flows.inputs.editions import killed_edition, named_edition
    from plait.flows.runs import runs_around

    if day is not None:
        return brief.as_edition(named_edition(brief.template, day))
    killed = None if fresh else killed_edition(brief.template, runs_around(repository))
    return brief.as_edition(killed) if killed else brief


def _ask(question: str) -> None:
    """Ask on a terminal, beside any `--json`; without one the answer is yes, since nobody could give another."""
    import sys

    if sys.stdin.isatty() and not typer.confirm(question, default=True, err=True):
        from plait.plans.errors import CancelledCall

        raise CancelledCall
