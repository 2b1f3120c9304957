"""Start a Prefect server, a worker and plait's deployments on this machine; what runs already is left alone."""

from typing import Annotated

import typer

NAME = "up"
EXAMPLES = (
    "Examples: `plait up` · `plait up --port 4201`\n\nIt goes on until `plait down`, whatever happens to the terminal."
)


def command(
    port: Annotated[int, typer.Option(help="Port of the page and the API.", min=1, max=65535)] = 4200,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    exposed: Annotated[
        bool, typer.Option("--exposed", help="Listen on an address that other machines can reach.")
    ] = False,
) -> None:
    """Bring it up and say where it is."""
    from plait.flows.servers.local_server import bring_up

    up = bring_up(host=host, port=port, exposed=exposed, say=lambda text: typer.echo(f"… {text}", err=True))
    typer.echo("It runs already." if up.was_there else "It runs, and goes on when this terminal is closed.")
    for made in up.made:
        typer.echo(f"  {made}")
    typer.echo(f"\nPage      {up.page}   it asks for a password: the whole line in")
    typer.echo(f"Password  {up.password_file}")
    for note in up.notes:
        typer.echo(f"note: {note}")
    typer.echo("\nNext: on the page, Deployments, deliver-feature, Run. Or from a shell, where it is found by itself:")
    typer.echo("  plait run PLAN\nAnd to end it: plait down")
