"""A Feature Store block that is named when the flow is started: histories are kept there, and read there."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from plait.blocks import FeatureStore
from plait.flows.past_durations import history_address, history_in
from plait.store.engine import open_store
from plait.store.history import recent_runs
from tests.support.databases import a_postgres_database, a_postgres_server
from tests.support.servers import talking_to

PLAN = "feature: kept\ngoal: g\ntasks:\n  - {id: HELLO, run: echo hello > hello.txt}\n"
CALL = """
import json, sys
from plait.flows.feature import deliver_feature
for _ in range(int(sys.argv[4])):
    state = deliver_feature(sys.argv[1], sys.argv[2], store=sys.argv[3], options={"fresh": True}, return_state=True)
    print(json.dumps({"type": state.type.value, "message": state.message}))
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/team.db"
    else:
        with a_postgres_server() as server, a_postgres_database(server) as url:
            yield url


def save(address: str, server: Mapping[str, str]) -> None:
    with talking_to(server):
        FeatureStore(url=address).save("team", overwrite=True)


def delivered(repository: Path, store: str, server: Mapping[str, str], *, times: int = 1) -> list[dict[str, Any]]:
    """How runs end that are started as a worker starts them, in a process that has read nothing."""
    argv = [sys.executable, "-c", CALL, PLAN, str(repository), store, str(times)]
    done = subprocess.run(argv, env={**os.environ, **server}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


@pytest.mark.slow
def test_the_history_of_a_run_is_in_the_store_that_it_names(
    repository: Path, address: str, prefect_server: Mapping[str, str], hermetic: Path
) -> None:
    save(address, prefect_server)

    ends = delivered(repository, "team", prefect_server, times=2)

    assert [end["type"] for end in ends] == ["COMPLETED"] * 2, ends
    with open_store(address) as store:
        assert [run.feature for run in recent_runs(store)] == ["kept", "kept"]
    assert not (hermetic / "plait.db").exists()
    # Only a history says how long a task without a duration takes: the second run has read what the first had written.
    assert len([*hermetic.glob("runs/kept-*")]) == 2
    assert len([*hermetic.glob("runs/kept-*/forecast.json")]) == 1


@pytest.mark.slow
def test_a_store_that_cannot_be_used_ends_the_run_with_a_readable_reason_before_anything_is_done(
    repository: Path, prefect_server: Mapping[str, str], hermetic: Path
) -> None:
    save("mysql://me:secret@host/plait", prefect_server)

    (unknown,) = delivered(repository, "nobody", prefect_server)
    (foreign,) = delivered(repository, "team", prefect_server)

    assert unknown["type"] == foreign["type"] == "FAILED"
    assert unknown["message"].startswith("there is no Feature Store block named 'nobody'\nHint: make it on the page")
    assert foreign["message"].startswith("a store on 'mysql' is not possible, only SQLite and PostgreSQL")
    assert "secret" not in foreign["message"]
    assert not (hermetic / "runs").exists()


def test_a_named_store_goes_before_that_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAIT_STORE_URL", "sqlite:////usual.db")
    with history_in("sqlite:////named.db"):
        assert history_address() == "sqlite:////named.db"
    with history_in(None):
        assert history_address() == "sqlite:////usual.db"
