"""Put plait's blocks, deployments and limits onto a Prefect server that is there, or a plan of yours on a schedule."""

from typing import Annotated

import typer

NAME = "deploy"
EXAMPLES = (
    "Examples: `PREFECT_API_URL=http://prefect.example:4200/api plait deploy` · "
    "`plait deploy --plan plans/nightly.yaml --schedule '0 2 * * *' --timezone Europe/Berlin`\n\n"
    "With --plan the plan becomes a deployment of its own, named as its feature, beside the others. With --schedule a "
    "worker runs it at those times; `feature: nightly-{date}` makes each of these runs a feature of its own.\n\n"
    "Without PREFECT_API_URL it is the server of `plait up`. A worker is started with "
    "`prefect worker start --pool plait` where plait is installed."
)


def command(
    plan: Annotated[
        str, typer.Option(help="A plan to deploy: a file, or a folder of task specs.", metavar="PLAN")
    ] = "",
    repo: Annotated[
        str, typer.Option(help="Its repository: a clone on the worker's machine, or a Feature Repository block.")
    ] = ".",
    schedule: Annotated[
        str,
        typer.Option(help="When it runs by itself, as cron has it: '0 2 * * *' is every night at two.", metavar="CRON"),
    ] = "",
    timezone: Annotated[
        str, typer.Option(help="The time zone of the schedule, such as Europe/Berlin; this machine's.", metavar="ZONE")
    ] = "",
    name: Annotated[str, typer.Option(help="The deployment's name; the feature's.")] = "",
    crew: Annotated[str, typer.Option(help="An Agent Crew block, or a crew file in the repository.")] = "",
    base: Annotated[str, typer.Option(help="Branch to start from; the plan's, else the one checked out.")] = "",
    store: Annotated[str, typer.Option(help="A Feature Store block, for the history of runs.")] = "",
) -> None:
    """Register everything, or one plan."""
    _require_plan(plan, schedule=schedule, timezone=timezone, name=name, crew=crew, base=base, store=store)
    import os

    from plait.flows.servers.local_server import client_environment
    from plait.flows.servers.probing import require_reachable
    from plait.flows.servers.settings import talk_to
    from plait.plans.errors import EnvironmentProblem

    if not os.environ.get("PREFECT_API_URL"):
        known = client_environment()
        if known is None:
            raise EnvironmentProblem("there is no Prefect server to deploy to", "set PREFECT_API_URL, or `plait up`")
        talk_to(known)
    else:
        talk_to({})
    url = os.environ["PREFECT_API_URL"]
    require_reachable(url)

    from plait.flows.servers.deploying import DEPLOYMENTS, POOL, register_everything

    made = register_everything(on_step=lambda text: typer.echo(f"… {text}", err=True))
    started = DEPLOYMENTS[0].name
    if plan:
        from plait.flows.scheduling import PlanDeployment, deploy_plan

        wanted = PlanDeployment(plan, repo, schedule, timezone, name, crew, base, store)
        own = deploy_plan(wanted, say=lambda text: typer.echo(f"warning: {text}", err=True))
        made, started = (*made, *own.made), own.name
    typer.echo(f"On {url}:")
    for thing in made:
        typer.echo(f"  {thing}")
    typer.echo(f"\nNext: prefect worker start --pool {POOL}, then run {started} on the page.")


def _require_plan(plan: str, **given: str) -> None:
    from plait.plans.errors import CallError

    if not plan and any(given.values()):
        options = ", ".join(f"--{name}" for name, value in given.items() if value)
        raise CallError(f"{options}: of which plan?", hint="--plan plans/nightly.yaml")
    if given["timezone"] and not given["schedule"]:
        raise CallError("--timezone is that of a --schedule", hint="--schedule '0 2 * * *'")
