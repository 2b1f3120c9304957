"""Cancel a live run: its agents end within seconds, and what they made is kept."""

import os
import signal
import time
from typing import Annotated, Any
from uuid import UUID

import typer

from plait.flows.commands.repo_option import RepositoryOfRun

NAME = "cancel"
EXAMPLES = "Examples: `plait cancel` · `plait cancel shopping-cart`"


def command(
    run: Annotated[
        str | None,
        typer.Argument(help="A run's id (or its beginning) or a feature; the live run when absent.", metavar="RUN"),
    ] = None,
    repo: RepositoryOfRun = None,
    wait: Annotated[float, typer.Option(help="Seconds to wait for its end.")] = 15.0,
) -> None:
    """Ask a run to stop and wait until it has."""
    from plait.flows.runs import run_meant
    from plait.plans.errors import CallError, EnvironmentProblem

    known = run_meant(run, repository=repo)
    if not known.alive:
        raise CallError(f"run {known.run_id} is not running", hint="`plait status` says how it ended")
    if known.deployed and known.flow_run and known.api_url:
        _cancel_on_server(known.flow_run, known.api_url)
    else:
        _interrupt(known.pid)
    deadline = time.monotonic() + wait
    while known.alive and time.monotonic() < deadline:
        time.sleep(0.1)
    if known.alive:
        raise EnvironmentProblem(
            f"run {known.run_id} has not ended after {wait:g} s", hint=f"see `plait status`, or kill {known.pid}"
        )
    typer.echo(f"cancelled {known.run_id}; what its agents made is kept")


def _interrupt(pid: int) -> None:
    """Press Ctrl-C for whoever sits before it; what a script starts in the background ignores that, but no SIGTERM.

    Raises:
        EnvironmentProblem: it is another user's.
    """
    from plait.plans.errors import EnvironmentProblem
    from plait.workspace.survivors import ignores

    try:
        os.kill(pid, signal.SIGTERM if ignores(pid, signal.SIGINT) else signal.SIGINT)
    except ProcessLookupError:
        return  # it has ended by itself meanwhile
    except PermissionError:
        raise EnvironmentProblem(f"process {pid} belongs to another user", hint="ask them, or use sudo") from None


def _cancel_on_server(flow_run: str, api_url: str) -> None:
    """Ask the server to cancel a deployment's run.

    Raises:
        EnvironmentProblem: the server cannot be reached, or does not let us in.
    """
    from plait.flows.servers.choosing import settings_for
    from plait.flows.servers.probing import require_reachable
    from plait.flows.servers.settings import talk_to
    from plait.plans.errors import EnvironmentProblem

    talk_to(settings_for(api_url))  # the run's own server, whatever this shell talks to
    from prefect.client.orchestration import get_client
    from prefect.client.schemas import OrchestrationResult
    from prefect.states import Cancelling

    require_reachable(os.environ["PREFECT_API_URL"])
    with get_client(sync_client=True) as client:
        answer: OrchestrationResult[Any] = client.set_flow_run_state(
            UUID(flow_run), Cancelling(message="cancelled by `plait cancel`")
        )
    if answer.state is None:
        raise EnvironmentProblem(f"the Prefect server did not cancel the run: {answer.details}")
