"""Cancel a live run: its agents end within seconds, and what they made is kept."""

import os
import signal
import time
from typing import Annotated

import typer

NAME = "cancel"
EXAMPLES = "Examples: `plait cancel` · `plait cancel shopping-cart`"


def command(
    run: Annotated[
        str | None,
        typer.Argument(help="A run's id (or its beginning) or a feature; the live run when absent.", metavar="RUN"),
    ] = None,
    wait: Annotated[float, typer.Option(help="Seconds to wait for its end.")] = 15.0,
) -> None:
    """Ask a run to stop and wait until it has."""
    from plait.flows.runs import find_run
    from plait.plans.errors import CallError, EnvironmentProblem
    from plait.workspace.home import plait_home

    found = find_run(plait_home(), run)
    if not found.alive:
        raise CallError(f"run {found.run_id} is not running", hint="`plait status` says how it ended")
    if found.deployed and found.flow_run and found.api_url:
        from plait.flows.servers.cancelling import cancel_deployed_run

        cancel_deployed_run(found.flow_run, found.api_url)
    else:
        _interrupt(found.pid)
    deadline = time.monotonic() + wait
    while found.alive and time.monotonic() < deadline:
        time.sleep(0.1)
    if found.alive:
        raise EnvironmentProblem(
            f"run {found.run_id} has not ended after {wait:g} s", hint=f"see `plait status`, or kill {found.pid}"
        )
    typer.echo(f"cancelled {found.run_id}; what its agents made is kept")


def _interrupt(pid: int) -> None:
    """Press Ctrl-C for whoever sits before it.

    Raises:
        EnvironmentProblem: it is another user's.
    """
    from plait.plans.errors import EnvironmentProblem

    try:
        os.kill(pid, signal.SIGINT)
    except ProcessLookupError:
        return  # it has ended by itself meanwhile
    except PermissionError:
        raise EnvironmentProblem(f"process {pid} belongs to another user", hint="ask them, or use sudo") from None
