"""Print the JSON Schema of plans, for editors; `--crew` prints the one of crew files."""

from typing import Annotated

import typer

NAME = "schema"
EXAMPLES = (
    "Example: `plait schema > plan.schema.json`, then begin a plan with "
    "`# yaml-language-server: $schema=plan.schema.json`"
)


def command(crew: Annotated[bool, typer.Option("--crew", help="The schema of crew files instead.")] = False) -> None:
    """Print a JSON Schema."""
    import json

    from plait.plans.language.json_schema import crew_schema, plan_schema

    typer.echo(json.dumps(crew_schema() if crew else plan_schema(), indent=2))
