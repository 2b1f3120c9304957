"""A full disk and a server that goes away in the middle: one clear paragraph, exit 3, and it goes on afterwards."""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from prefect.exceptions import ObjectNotFound

from plait.flows.running.breaking import explained
from plait.plans.errors import CallError, EnvironmentProblem, ExitCode
from tests.acceptance.conftest import WritePlan
from tests.flows.up_server import UpServer, free_port
from tests.support.command import Running, plait, processes_with
from tests.support.repositories import files_of, git

MARK = f"plait-test-sleeper-of-a-server-{os.getpid()}-"
"""Of this process alone: others run the same tests beside it."""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 400 MB that can be filled, where we may mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400m", "tmpfs", str(place)], check=False)
    if mounted.returncode:
        pytest.skip("needs the right to mount a small disk")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(file: Path) -> None:
    """Write until there is no room."""
    with suppress(OSError), file.open("wb", buffering=0) as growing:
        while growing.write(b"\0" * 65536):
            pass


@pytest.mark.slow
def test_a_disk_that_fills_ends_the_run_with_one_paragraph_and_it_goes_on_with_room(
    repository: Path, write_plan: WritePlan, small_disk: Path, tmp_path: Path
) -> None:
    home, filler, begun = small_disk / "home", small_disk / "filler", tmp_path / "begun"
    plan = write_plan(
        f"""
        feature: full
        goal: Fill the disk.
        tasks:
          - {{id: OK, run: echo ok > ok.txt}}
          - {{id: WAIT, needs: [OK], run: "touch {begun}; sleep 2; echo x > x.txt", retries: 0}}
        """
    )
    running = Running("run", str(plan), "--json", cwd=repository, env={"PLAIT_HOME": str(home)})
    running.wait_until(begun.exists)
    fill(filler)

    ended = running.end()

    assert ended.status == ExitCode.BAD_ENVIRONMENT, ended.stderr
    assert [task["id"] for task in ended.data["tasks"]] == ["OK", "WAIT"], "not one JSON object"
    assert ended.stderr.count("cannot write the progress") <= 1
    assert "Traceback" not in ended.stderr
    assert "Logging error" not in ended.stderr
    *_, error, hint = ended.stderr.strip().splitlines()
    assert error.startswith("error: the run broke: no space left")
    assert hint.startswith("  hint: free some space")
    filler.unlink()
    again = plait("run", str(plan), cwd=repository, env={"PLAIT_HOME": str(home)})
    assert again.status == 0, again.stderr
    assert set(files_of(repository, "feature/full/integration")) >= {"ok.txt", "x.txt"}


def test_a_disk_that_is_full_already_is_told_before_a_server_is_started(
    repository: Path, write_plan: WritePlan, small_disk: Path
) -> None:
    plan = write_plan("feature: full\ngoal: g\ntasks: [{id: A, run: echo x > x.txt}]\n")
    with (small_disk / "filler").open("wb") as filler:
        os.posix_fallocate(filler.fileno(), 0, 300 * 1024 * 1024)

    ended = plait("run", str(plan), cwd=repository, env={"PLAIT_HOME": str(small_disk / "home")})

    assert ended.status == ExitCode.BAD_ENVIRONMENT
    assert "MB are needed" in ended.stderr
    assert "starting Prefect" not in ended.stderr + ended.stdout
    assert not (small_disk / "home" / "prefect").exists()


@pytest.mark.slow
def test_down_ends_the_runs_of_the_worker_and_keeps_what_their_agents_made(
    repository: Path, tmp_path: Path, hermetic: Path
) -> None:
    begun = tmp_path / "begun"
    run = f"echo half > half.txt; touch {begun}; (setsid sh -c 'trap : TERM; : {MARK}; sleep 99; sleep 99' &); sleep 99"
    (repository / "plan.yaml").write_text(
        f"feature: long\ngoal: g\ntasks:\n  - id: A\n    run: |\n      {run}\n", encoding="utf-8"
    )
    server = UpServer(hermetic, free_port())
    came = server.plait("up", "--port", str(server.port))
    try:
        assert came.returncode == 0, came.stderr
        start(server, repository)
        until = time.monotonic() + 60
        while not begun.exists() and time.monotonic() < until:
            time.sleep(0.1)
        assert begun.exists(), (server.directory / "worker.log").read_text()
    finally:
        went = server.plait("down")

    assert went.returncode == 0, went.stderr
    assert "what its agents made is kept" in went.stderr
    assert processes_with(MARK) == []
    status = plait("status", "--json", cwd=repository).data
    assert status["state"] == "cancelled"
    (salvage,) = status["salvage"]
    assert files_of(repository, salvage)["half.txt"] == "half"
    assert git(repository, "branch", "--show-current") == "main"


def start(server: UpServer, repository: Path) -> None:
    """Start a feature as the page does."""
    from prefect.client.orchestration import get_client

    with server.asked(), get_client(sync_client=True) as client:
        deployment = client.read_deployment_by_name("deliver-feature/deliver-feature")
        parameters = {"plan": "plan.yaml", "repository": str(repository)}
        client.create_flow_run_from_deployment(deployment.id, parameters=parameters)


def test_what_broke_is_told_by_its_cause(hermetic: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    lost = explained(httpx.ConnectError("[Errno 111] Connection refused"))
    full = explained(OSError(28, "No space left on device", "/some/file"))
    deleted = explained(ObjectNotFound(Exception("404")))
    ours, users = ValueError("a bug"), CallError("a call")

    assert isinstance(deleted, EnvironmentProblem)
    assert "somebody has deleted it there" in str(deleted)
    assert isinstance(lost, EnvironmentProblem)
    assert "the Prefect server at http://127.0.0.1:9/api was lost" in str(lost)
    assert "goes on with the rest" in (lost.hint or "")
    assert isinstance(full, EnvironmentProblem)
    assert "/some/file" in str(full)
    assert explained(ours) is ours
    assert explained(users) is users
    assert [path.name for path in hermetic.iterdir()] == ["version"], "the trial of the disk leaves nothing"
