"""Try a task again that failed or was rejected: with all of its tries, from what has landed; its plan is run."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from plait.flows.commands.repo_option import RepositoryOfRun

if TYPE_CHECKING:  # pydantic is imported by the command itself
    from plait.flows.inputs.requests import Brief

NAME = "retry"
EXAMPLES = (
    "Examples: `plait retry TASK-2` · `plait retry TASK-2 --no-run` (the next `plait run PLAN` tries it) · "
    "`plait retry TASK-2 --plan plan.yaml --crew crew.yaml`\n\n"
    "What it made before is kept below refs/plait/old/. Exit codes: as of `plait run`"
)


def command(
    task: Annotated[str, typer.Argument(help="The task's id.", metavar="TASK", show_default=False)],
    run: Annotated[str | None, typer.Option(help="A run's id or feature; the newest run when absent.")] = None,
    repo: RepositoryOfRun = None,
    plan: Annotated[
        Path | None, typer.Option(help="The plan to run; that of the task's run when absent.", metavar="PLAN")
    ] = None,
    crew: Annotated[
        list[str] | None, typer.Option(help="As of `plait run`, where that run had one (may be repeated).")
    ] = None,
    no_run: Annotated[
        bool, typer.Option("--no-run", help="Only prepare it: the next run of the plan tries it.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> None:
    """Prepare the retry, then run the plan: what has landed stays, and whatever else is not finished goes on too."""
    from plait.flows.launching import Launch, launch
    from plait.flows.retrying import plan_of_feature, prepare_retry
    from plait.plans.errors import CallError

    brief = None if no_run or plan is None else _brief(plan, crew)  # a plan with mistakes puts nothing aside
    retrying = prepare_retry(run, task, repository=repo, brief=brief[0] if brief else None)
    if no_run:
        if json:
            from json import dumps

            typer.echo(dumps(retrying.record(), indent=2))
            return
        for ref in retrying.put_aside:
            typer.echo(f"what it made before is kept on {ref}")
        asked = " with --refresh" if retrying.refresh else ""
        typer.echo(f"the next run of {retrying.run.feature}{asked} tries {retrying.task} again")
        return
    if brief is None:
        if retrying.plan is None:
            sentence = f"the next run tries {retrying.task} again, but the plan of {retrying.run.run_id} is not there"
            raise CallError(sentence, hint="plait run PLAN, or name it with --plan")
        brief = _brief(retrying.plan, crew)
    found, crew_file = brief
    found = plan_of_feature(found, retrying.run.feature)
    wanted = Launch(brief=found, repository=retrying.repository, crew=crew_file, refresh=retrying.refresh)
    raise typer.Exit(launch(wanted, json=json))


def _brief(plan: Path, crew: list[str] | None) -> "tuple[Brief, str]":
    from plait.flows.inputs.crew_option import given_brief

    brief, crew_file = given_brief(plan, crew or ())
    return brief, str(crew_file or "")
