"""`plait up`, `down` and `deploy` alone: the whole command line needs more than servers."""

import sys

import typer

from plait.flows.commands import deploy, down, up
from plait.plans.errors import PlaitError

app = typer.Typer()
for module in (up, down, deploy):
    app.command(name=module.NAME)(module.command)

if __name__ == "__main__":
    try:
        app()
    except PlaitError as problem:
        sys.stderr.write(f"{problem}\n{problem.hint}\n")
        sys.exit(int(problem.exit_code))
