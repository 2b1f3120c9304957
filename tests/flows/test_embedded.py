"""The Prefect API of one run: it comes up, answers its own run only, and does not outlive it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from plait.flows.servers.embedded import ServerAddress, embedded_server, reap_servers
from plait.plans.errors import EnvironmentProblem
from plait.workspace.process import is_alive, start_daemon, started_at, stop_process

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One state directory for the module: only its first server has to make the tables."""
    return tmp_path_factory.mktemp("home with a space")


def run_beside_a_server(home: Path) -> dict[str, Any]:
    argv = [sys.executable, "-m", "tests.flows.embedded_run", str(home)]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=180, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def gone(server: dict[str, Any], within: float) -> bool:
    until = time.monotonic() + within
    while is_alive(server["pid"], server["started"]) and time.monotonic() < until:
        time.sleep(0.05)
    return not is_alive(server["pid"], server["started"])


@pytest.mark.slow
def test_a_run_has_a_server_of_its_own_and_leaves_nothing(home: Path) -> None:
    first = run_beside_a_server(home)
    assert "once" in first["steps"][0]
    second = run_beside_a_server(home)
    assert second["steps"] == ["starting Prefect"]
    for said in (first, second):
        assert (said["doubled"], said["task_runs"]) == ("8", {"double": "Completed"})
        assert (said["stranger"], said["friend"]) == (401, 200)
        assert said["json_results"]
        assert said["log"]
        assert gone(said["server"], within=0)
        assert not Path(said["directory"]).exists()


@pytest.mark.slow
def test_a_killed_run_takes_its_server_along_and_the_next_one_clears_up(home: Path) -> None:
    argv = [sys.executable, "-m", "tests.flows.embedded_run", str(home), "wait"]
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        said = json.loads(run.stdout.readline())
        assert not gone(said["server"], within=0)
        assert reap_servers(home) == 0
        assert not gone(said["server"], within=0), "a living run was robbed of its server"
        run.send_signal(signal.SIGKILL)
    assert gone(said["server"], within=5)
    directory = Path(said["directory"])
    assert (directory / "prefect.db").exists()
    reap_servers(home)
    assert not (directory / "prefect.db").exists()
    assert (directory / "server.log").exists(), "its log tells why"


@pytest.fixture
def orphan(tmp_path: Path) -> Iterator[tuple[Path, int, str]]:
    """A server whose run is gone: home, number and birth."""
    directory = tmp_path / "prefect" / "embedded" / "1-a"
    directory.mkdir(parents=True)
    server = start_daemon(
        ["sleep", "60"], directory=tmp_path, environment=os.environ, log=tmp_path / "log", die_with_parent=False
    )
    record = {"pid": server.pid, "started": server.started, "owner_pid": os.getpid(), "owner_started": "before"}
    (directory / "server.json").write_text(json.dumps(record))
    yield tmp_path, server.pid, server.started
    stop_process(server.pid, server.started, 1)


def test_a_server_without_its_run_is_stopped(orphan: tuple[Path, int, str]) -> None:
    home, pid, started = orphan
    assert reap_servers(home) == 1
    assert not is_alive(pid, started)
    assert reap_servers(home) == 0


def test_a_number_that_somebody_else_has_now_is_not_stopped(tmp_path: Path) -> None:
    directory = tmp_path / "prefect" / "embedded" / "1-a"
    directory.mkdir(parents=True)
    ours = {"pid": os.getpid(), "started": "before", "owner_pid": 1, "owner_started": "before"}
    (directory / "server.json").write_text(json.dumps(ours))
    assert reap_servers(tmp_path) == 0
    assert started_at(os.getpid())


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 1}'])
def test_a_record_that_cannot_be_read_stops_nothing(tmp_path: Path, text: str) -> None:
    directory = tmp_path / "prefect" / "embedded" / "1-a"
    directory.mkdir(parents=True)
    (directory / "server.json").write_text(text)
    assert reap_servers(tmp_path) == 0


def test_an_interrupted_start_leaves_nothing(tmp_path: Path) -> None:
    def interrupt(_address: ServerAddress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), embedded_server(tmp_path, meanwhile=interrupt):
        pass
    assert list((tmp_path / "prefect" / "embedded").iterdir()) == []


def test_what_was_killed_before_it_had_a_server_is_cleared(tmp_path: Path) -> None:
    old, young = (tmp_path / "prefect" / "embedded" / name for name in ("1-a", "2-b"))
    old.mkdir(parents=True)
    young.mkdir()
    (old / "logging.yml").touch()
    os.utime(old, (time.time() - 600, time.time() - 600))
    reap_servers(tmp_path)
    assert list(old.parent.iterdir()) == [young], "one that is just starting was taken away"


def test_a_server_that_cannot_start_says_where_its_log_is(tmp_path: Path) -> None:
    (tmp_path / "prefect" / version("prefect") / "template.db").mkdir(parents=True)
    with (
        pytest.raises(EnvironmentProblem, match=r"ended as it started: .*template") as problem,
        embedded_server(tmp_path),
    ):
        pass
    assert "server.log" in str(problem.value.hint)
    assert list(tmp_path.glob("prefect/embedded/*/server.log"))


def test_asking_for_a_server_does_not_import_prefect() -> None:
    modules = "client, embedded, local_server, probing"
    code = f"import sys; from plait.flows.servers import {modules}; print('prefect' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_what_launches_a_run_loads_no_prefect_before_the_server_is_known() -> None:
    """Prefect reads its settings as it is imported: where it logs, and on which server a run is."""
    code = "import sys, plait.flows.launching; print('prefect' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "False\n"
