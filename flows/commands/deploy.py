"""Put plait's blocks, deployments and limits onto a Prefect server that is there, or a plan of yours on a schedule."""

from typing import Annotated

import typer

NAME = "deploy"
EXAMPLES = (
    "Examples: `PREFECT_API_URL=http://prefect.example:4200/api plait deploy` · "
    "`plait deploy --plan plans/nightly.yaml --schedule '0 2 * * *' --timezone Europe/Berlin`\n\n"
    "With --plan the plan becomes a deployment of its own, named as its feature, beside the others. With --schedule a "
    "worker runs it at those times; `feature: nightly-{date}` makes each of these runs a feature of its own.\n\n"
    "The server is the first that there is: PREFECT_API_URL, your Prefect profile's, that of `plait up`, which has a "
    "worker. Elsewhere a worker is started with `prefect worker start --pool plait` where plait is installed."
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

    from plait.flows.servers.choosing import choose_server
    from plait.flows.servers.local_server import has_worker
    from plait.flows.servers.probing import require_reachable
    from plait.flows.servers.settings import talk_to
    from plait.plans.errors import EnvironmentProblem

    choice = choose_server(None)
    if choice.url is None:
        why = f"that of `plait up` cannot be used: {choice.trouble}; " if choice.trouble else ""
        raise EnvironmentProblem("there is no Prefect server to deploy to", f"{why}set PREFECT_API_URL, or `plait up`")
    talk_to(choice.settings)
    url = os.environ["PREFECT_API_URL"]
    require_reachable(url)

    from plait.flows.servers.deploying import DEPLOYMENTS, POOL, register_everything

    own = None
    if plan:  # refused before anything is changed
        from plait.flows.scheduling import PlanDeployment, deploy_plan, planned_deployment

        wanted = PlanDeployment(plan, repo, schedule, timezone, name, crew, base, store)
        own = planned_deployment(wanted, say=lambda text: typer.echo(f"warning: {text}", err=True))
    made = register_everything(on_step=lambda text: typer.echo(f"… {text}", err=True))
    made += deploy_plan(own) if own else ()
    typer.echo(f"On {url} ({choice.why}):")
    for thing in made:
        typer.echo(f"  {thing}")
    started = f"run {own.name if own else DEPLOYMENTS[0].name} on the page"
    first = "" if has_worker(url) else f"prefect worker start --pool {POOL}, then "
    typer.echo(f"\nNext: {first}{started}{', or wait for its schedule' * bool(schedule)}.")


def _require_plan(plan: str, **given: str) -> None:
    from plait.plans.errors import CallError

    if not plan and any(given.values()):
        options = ", ".join(f"--{name}" for name, value in given.items() if value)
        raise CallError(f"{options}: of which plan?", hint="--plan plans/nightly.yaml")
    if given["timezone"] and not given["schedule"]:
        raise CallError("--timezone is that of a --schedule", hint="--schedule '0 2 * * *'")
