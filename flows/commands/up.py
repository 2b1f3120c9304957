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
    from plait.flows.servers.choosing import choose_server
    from plait.flows.servers.local_server import bring_up

    before = choose_server(None)  # this process talks to the new server from then on
    up = bring_up(host=host, port=port, exposed=exposed, say=lambda text: typer.echo(f"… {text}", err=True))
    typer.echo("It runs already." if up.was_there else "It runs, and goes on when this terminal is closed.")
    for made in up.made:
        typer.echo(f"  {made}")
    typer.echo(f"\nPage      {up.page}   it asks for a password: the whole line in")
    typer.echo(f"Password  {up.password_file}")
    for note in up.notes:
        typer.echo(f"note: {note}")
    is_found = before.url is None or before.url.rstrip("/") == up.url
    if not is_found:
        typer.echo(f"note: from this shell `plait run` goes to {before.url} ({before.why})")
    typer.echo("\nNext: on the page, Deployments, deliver-feature, Run. Or from a shell", nl=False)
    typer.echo(
        ", where it is found by itself:\n  plait run PLAN" if is_found else f":\n  plait run --server {up.url} PLAN"
    )
    typer.echo("And to end it: plait down")
