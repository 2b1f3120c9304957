"""See it work: a small shop in Python, a shopping-cart plan, scripted agents, an embedded Prefect."""

from pathlib import Path
from typing import Annotated

import typer

NAME = "demo"
EXAMPLES = "Examples: `plait demo` · `plait demo --directory ./shop`"


def command(
    directory: Annotated[
        Path | None, typer.Option(help="Where to make the shop; PLAIT_HOME/demo/shop when absent.")
    ] = None,
) -> None:
    """Make the shop and run its plan."""
    from plait.flows.demo_shop import run_demo

    raise typer.Exit(run_demo(directory))
