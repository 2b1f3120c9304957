"""Stop the worker and the server that `plait up` started; what is finished stays, and a stopped run can go on later."""

import typer

NAME = "down"
EXAMPLES = "Example: `plait down`"


def command() -> None:
    """Stop them."""
    from plait.flows.servers.local_server import bring_down

    stopped = bring_down(say=lambda text: typer.echo(f"… {text}", err=True))
    typer.echo(f"Stopped: {', '.join(stopped)}." if stopped else "Nothing runs.")
