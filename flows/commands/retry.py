"""Try a task again that failed or was rejected: with all of its tries, from what has landed; its plan is run."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from plait.flows.commands.repo_option import RepositoryOfRun

if TYPE_CHECKING:  # pydantic is imported by the command itself
    from plait.flows.inputs.requests import Brief
    from plait.flows.retrying import Retrying

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
        list[str] | None, typer.Option(help="As of `plait run`; that of the task's run when absent (may be repeated).")
    ] = None,
    preflight: Annotated[bool, typer.Option("--preflight/--no-preflight", help="As of `plait run`.")] = True,
    server: Annotated[str | None, typer.Option(help="As of `plait run`.", metavar="URL|none")] = None,
    no_run: Annotated[
        bool, typer.Option("--no-run", help="Only prepare it: the next run of the plan tries it.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> None:
    """Prepare the retry, then run the plan: what has landed stays, and whatever else is not finished goes on too."""
    from plait.flows.retrying import find_retry, put_aside

    retrying = find_retry(run, task, repository=repo)
    brief, crew_file = (None, "") if no_run else _brief(retrying, task, plan, crew)  # with mistakes nothing is moved
    kept = put_aside(retrying)
    if brief is None:
        if json:
            from json import dumps

            typer.echo(dumps(retrying.record(kept), indent=2))
            return
        for ref in kept:
            typer.echo(f"what it made before is kept on {ref}")
        asked = " with --refresh" if retrying.refresh else ""
        typer.echo(f"the next run of {retrying.run.feature}{asked} tries {retrying.task} again")
        return
    from plait.flows.launching import Launch, launch

    wanted = Launch(
        brief=brief,
        repository=retrying.repository,
        base=retrying.base,
        crew=crew_file,
        refresh=retrying.refresh,
        preflight=preflight,
        server=server,
    )
    raise typer.Exit(launch(wanted, json=json))


def _brief(retrying: "Retrying", task: str, plan: Path | None, crew: list[str] | None) -> "tuple[Brief, str]":
    """The plan to run and the crew file, both without mistakes, and with an agent for the task.

    Raises:
        PlaitError: what is wrong with them.
    """
    from plait.flows.inputs.agents_here import require_agents
    from plait.flows.inputs.crew_option import given_brief
    from plait.plans.errors import CallError

    place = plan or retrying.plan
    if place is None:
        sentence = f"the plan of {retrying.run.run_id} is not there any more"
        raise CallError(sentence, hint="name it with --plan, or --no-run: the next `plait run PLAN` tries the task")
    words = retrying.crew if crew is None else crew
    brief, crew_file = given_brief(place, words, repository=retrying.repository)
    brief = retrying.of_its_feature(brief)
    if not retrying.refresh:  # which no plan has
        require_agents(brief, retrying.repository, (task,))
    return brief, str(crew_file or "")
