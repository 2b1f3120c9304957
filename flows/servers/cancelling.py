"""Ends runs that a worker carries out: one the way Prefect's page does, or all of a server that is about to stop."""

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import UUID

from plait.flows.runs import known_runs
from plait.flows.servers.standing import client_environment
from plait.plans.errors import EnvironmentProblem


def cancel_deployed_run(flow_run: str, api_url: str) -> None:
    """Ask the server to cancel a deployment's run.

    Raises:
        EnvironmentProblem: the server cannot be reached, or does not let us in.
    """
    if os.environ.get("PREFECT_API_URL") != api_url:  # the run's own server, whatever this shell talks to
        known = client_environment()
        os.environ.update(known if known and known["PREFECT_API_URL"] == api_url else {"PREFECT_API_URL": api_url})
    from prefect.client.orchestration import get_client
    from prefect.client.schemas import OrchestrationResult
    from prefect.states import Cancelling

    from plait.flows.servers.reaching import require_reachable

    require_reachable(os.environ["PREFECT_API_URL"])
    with get_client(sync_client=True) as client:
        answer: OrchestrationResult[Any] = client.set_flow_run_state(
            UUID(flow_run), Cancelling(message="cancelled by `plait cancel`")
        )
    if answer.state is None:
        raise EnvironmentProblem(f"the Prefect server did not cancel the run: {answer.details}")


def stop_runs(home: Path, api_url: str, *, patience: float, say: Callable[[str], None]) -> None:
    """Tell the worker's runs of a server to end, and wait until each has kept what its agents made.

    A run that was started from a shell is its owner's: it goes on without the server, and that is said.

    Args:
        patience: Seconds to wait for all of them together.
        say: Told each run.
    """
    live = [run for run in known_runs(home) if run.alive and run.api_url == api_url]
    for run in live:
        if run.deployed:
            say(f"stopping run {run.run_id}; what its agents made is kept")
            with suppress(ProcessLookupError):
                os.kill(run.pid, signal.SIGTERM)
        else:
            say(f"run {run.run_id} goes on in its terminal, without the server (`plait cancel {run.run_id}` ends it)")
    until = time.monotonic() + patience
    while any(run.alive for run in live if run.deployed) and time.monotonic() < until:
        time.sleep(0.1)
