"""A program for tests: one run beside an embedded server; `python -m tests.flows.embedded_run HOME [wait]`.

It prints a line of JSON with what it saw, and with `wait` stays until it is killed.
"""

import json
import os
import sys
import time
from pathlib import Path

from plait.flows.servers.client import without_heartbeats
from plait.flows.servers.embedded import ServerAddress, embedded_server, reap_servers, server_environment
from plait.flows.servers.probing import status_of


def main() -> None:
    home = Path(sys.argv[1])
    steps: list[str] = []
    reaped = reap_servers(home)
    with embedded_server(home, on_step=steps.append, meanwhile=prepare) as address:
        print(json.dumps({"steps": steps, "reaped": reaped, **run_tiny(), **look(address)}), flush=True)
        while "wait" in sys.argv:
            time.sleep(0.1)


def prepare(address: ServerAddress) -> None:
    os.environ.update(server_environment(address))
    import prefect

    assert prefect.__version__


def run_tiny() -> dict[str, object]:
    from tests.flows.tiny import tiny

    with without_heartbeats():
        result = tiny(4)
    return {"doubled": result["doubled"]}


def look(address: ServerAddress) -> dict[str, object]:
    """What the server knows two seconds later, and what it tells a stranger."""
    from prefect.client.orchestration import get_client

    until = time.monotonic() + 10
    with get_client(sync_client=True) as client:
        while not (runs := client.read_task_runs()) and time.monotonic() < until:
            time.sleep(0.1)
        states = {run.name.split("-")[0]: run.state_name for run in runs}
    stored = "".join(path.read_text() for path in (address.directory / "results").iterdir())
    return {
        "task_runs": states,
        "stranger": status_of(address.url, "/admin/version"),
        "friend": status_of(address.url, "/admin/version", auth=address.auth),
        "json_results": '"type":"json"' in stored,
        "log": (address.directory / "prefect.log").exists(),
        "server": json.loads((address.directory / "server.json").read_text()),
        "directory": str(address.directory),
    }


if __name__ == "__main__":
    main()
