"""Put plait's blocks, work pool, deployments and role limits onto a Prefect server that is there."""

import typer

NAME = "deploy"
EXAMPLES = (
    "Example: `PREFECT_API_URL=http://prefect.example:4200/api plait deploy`\n\n"
    "Without PREFECT_API_URL it is the server of `plait up`. A worker is started with "
    "`prefect worker start --pool plait` where plait is installed."
)


def command() -> None:
    """Register everything."""
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
    typer.echo(f"On {url}:")
    for thing in made:
        typer.echo(f"  {thing}")
    typer.echo(f"\nNext: prefect worker start --pool {POOL}, then run {DEPLOYMENTS[0].name} on the page.")
