"""What Prefect and the loop cost: 1,000 no-op tasks, on SQLite and on PostgreSQL, plait's loop beside plain Prefect.

Run it with `python -m benchmarks.overhead`. Each way is a process of its own against a server of its own.
"""

import gc
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from benchmarks.measuring import show
from benchmarks.postgres import postgres_programs, server_on_postgres

COUNT = 1000
ROUNDS = 6
"""Even: which way goes first alternates, as the server gets slower with all that it has kept."""
PAUSE_SECONDS = 6.0
SLOTS = 16


def main() -> None:
    """Measure both ways on both databases, or, with `--here`, on the server of the environment."""
    if "--here" in sys.argv:
        sys.stdout.write(json.dumps(measure()))
        return
    databases = ["SQLite", *(["PostgreSQL"] if postgres_programs() else [])]
    if len(databases) == 1:
        sys.stderr.write("no PostgreSQL here, so SQLite alone (Debian: apt-get install postgresql)\n")
    rows = []
    for database in databases:
        with tempfile.TemporaryDirectory(prefix="plait-bench-") as folder, server(database, Path(folder)) as variables:
            figures = in_fresh_process(variables)
        for way, (tasks, flow) in figures.items():
            ratio = flow / figures["plain Prefect"][1]
            rows.append(
                {
                    "database": database,
                    "how": way,
                    "ms a task": tasks / COUNT * 1000,
                    "whole flow s": flow,
                    "whole flow / plain": ratio,
                }
            )
    what = "first submit to last result, and the flow to its final state"
    show("overhead", f"Overhead: {COUNT} no-op tasks, {SLOTS} slots; {what}; median of {ROUNDS} turns each", rows)


def in_fresh_process(variables: dict[str, str]) -> dict[str, list[float]]:
    """Both ways, in turn, in a process that has this environment when it imports Prefect."""
    command = [sys.executable, "-m", "benchmarks.overhead", "--here"]
    done = subprocess.run(command, env={**os.environ, **variables}, stdout=subprocess.PIPE, text=True, check=True)
    said = json.loads(done.stdout.strip().splitlines()[-1])
    assert isinstance(said, dict)
    return said


@contextmanager
def server(database: str, folder: Path) -> Iterator[dict[str, str]]:
    """An embedded server on a database: the environment of its clients."""
    from plait.flows.servers.embedded import embedded_server, server_environment

    os.environ["PLAIT_HOME"] = str(folder)
    if database == "SQLite":
        with embedded_server(folder) as address:
            yield server_environment(address)
        return
    programs = postgres_programs()
    if programs is None:
        raise SystemExit("there is no PostgreSQL")
    with server_on_postgres(programs, folder) as url:
        yield {
            "PREFECT_API_URL": url,
            "PREFECT_HOME": str(folder),
            "PREFECT_LOGGING_LEVEL": "ERROR",
        }


def measure() -> dict[str, list[float]]:
    """By way: seconds from the first submit to the last result, and of the whole flow; medians."""
    from prefect import flow, task
    from prefect.cache_policies import NO_CACHE
    from prefect.task_runners import ThreadPoolTaskRunner

    from benchmarks.bare_loop import bare_workshop, run_bare
    from plait.flows.servers.client import without_heartbeats

    times: list[float] = []

    @task(task_run_name="{name}", cache_policy=NO_CACHE, persist_result=False)
    def named(name: str) -> None:
        """Do nothing, under a name by which a person finds it on the page."""

    @flow(task_runner=ThreadPoolTaskRunner(max_workers=SLOTS))
    def plain() -> None:
        began = time.monotonic()
        futures = [named.submit(str(number)) for number in range(COUNT)]
        for future in futures:
            future.wait()
        times.append(time.monotonic() - began)

    @flow(task_runner=ThreadPoolTaskRunner(max_workers=256))
    def ours() -> None:
        needs: dict[str, tuple[tuple[str, ...], ...]] = {str(number): () for number in range(COUNT)}
        began = time.monotonic()
        run_bare(
            shop,
            place / f"run-{began}",
            needs,
            slots=SLOTS,
            seconds=1.0,
            submit=lambda name, _after: named.submit(name),
        )
        times.append(time.monotonic() - began)

    gc.collect()
    gc.freeze()  # as `plait run` does after its imports; for both
    took: dict[str, list[tuple[float, float]]] = {"plain Prefect": [], "plait": []}
    ways = [("plain Prefect", plain), ("plait", ours)]
    with tempfile.TemporaryDirectory(prefix="plait-bench-") as folder, bare_workshop(Path(folder)) as shop:
        place = Path(folder)
        for _ in range(ROUNDS):
            for way, run in ways:
                with without_heartbeats():  # the thread that sends them adds up to a second of chance to a flow's end
                    began = time.monotonic()
                    run()
                    took[way].append((times[-1], time.monotonic() - began))
                time.sleep(PAUSE_SECONDS)  # the server still writes down what the last turn left
            ways.reverse()
    return {way: [median(one[0] for one in rounds), median(one[1] for one in rounds)] for way, rounds in took.items()}


if __name__ == "__main__":
    main()
