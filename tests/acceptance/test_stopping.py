"""Stop and go on: Ctrl-C, cancel, kill -9, two runs at once."""

import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.acceptance.conftest import WritePlan
from tests.support.agents import wait_until
from tests.support.command import Running, plait, processes_with
from tests.support.repositories import files_of, git

pytestmark = pytest.mark.slow

MARK = f"plait-test-sleeper-{os.getpid()}-"
"""Of this process alone: others run the same tests beside it."""


def slow_plan(write_plan: WritePlan, work: Path) -> Path:
    """QUICK finishes at once and counts its runs; SLOW needs it and sleeps, with a stubborn child, unless hurried."""
    return write_plan(
        f"""
        feature: long
        goal: Take a while.
        tasks:
          - {{id: QUICK, run: "echo once >> {work}/quick; echo x > quick.txt"}}
          - id: SLOW
            needs: [QUICK]
            run: |
              echo begun > slow.txt
              touch {work}/begun
              (setsid sh -c 'trap "" TERM; : {MARK}; sleep 300; sleep 300' &)
              [ -f {work}/hurry ] || sleep 300
        """
    )


@pytest.mark.parametrize("how", ["SIGINT", "SIGTERM", "cancel"])
def test_a_stopped_run_ends_all_processes_and_keeps_the_work(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str], tmp_path: Path, how: str
) -> None:
    plan = slow_plan(write_plan, tmp_path)
    running = Running("run", str(plan), "--json", cwd=repository, env=prefect_server)
    running.wait_until((tmp_path / "begun").exists)

    cancel = None
    if how == "cancel":
        cancel = Running("cancel", cwd=repository)
    else:
        running.signal(signal.Signals[how])
    ended = running.end()

    assert not processes_with(MARK)
    assert cancel is None or cancel.end().status == 0
    assert ended.status == 130, ended.stderr
    assert ended.data["state"] == "cancelled"
    states = {task["id"]: task["state"] for task in ended.data["tasks"]}
    assert states["SLOW"] == "cancelled"
    (salvage,) = ended.data["salvage"]
    assert files_of(repository, salvage)["slow.txt"] == "begun"
    assert git(repository, "rev-parse", "feature/long/agent/command/QUICK")


def test_signals_that_its_caller_ignores_do_not_stop_a_run_and_cancel_does(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str], tmp_path: Path
) -> None:
    plan = slow_plan(write_plan, tmp_path)
    running = Running("run", str(plan), "--json", cwd=repository, env=prefect_server, ignoring=("HUP", "INT"))
    running.wait_until((tmp_path / "begun").exists)

    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGINT):
        running.signal(number)
    status = plait("status", "--json", cwd=repository)
    cancel = plait("cancel", cwd=repository)
    ended = running.end()

    assert status.data["state"] == "running"
    assert cancel.status == 0, cancel.stderr
    assert ended.status == 130, ended.stderr
    assert not processes_with(MARK)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who sent a signal")
def test_a_job_of_a_script_is_stopped_by_whoever_names_it(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str], tmp_path: Path
) -> None:
    plan = slow_plan(write_plan, tmp_path)
    running = Running("run", str(plan), "--json", cwd=repository, env=prefect_server, ignoring=("INT", "QUIT"))
    running.wait_until((tmp_path / "begun").exists)

    running.signal(signal.SIGINT)
    ended = running.end()

    assert ended.status == 130, ended.stderr
    assert ended.data["state"] == "cancelled"
    assert not processes_with(MARK)


def test_after_kill_9_finished_work_is_not_done_again_and_the_same_lands(
    repository: Path, write_plan: WritePlan, tmp_path: Path
) -> None:
    plan = slow_plan(write_plan, tmp_path)
    running = Running("run", str(plan), "--json", cwd=repository)
    running.wait_until((tmp_path / "begun").exists)

    running.signal(signal.SIGKILL)
    running.process.wait()
    assert wait_until(lambda: not (processes_with(MARK) or processes_with(str(tmp_path / "plait-home"))))
    status = plait("status", cwd=repository)
    (tmp_path / "hurry").touch()
    again = plait("run", str(plan), "--json", cwd=repository)

    assert "killed" in status.stdout or "failed" in status.stdout
    assert again.status == 0, again.stderr
    assert (tmp_path / "quick").read_text() == "once\n"
    assert [task["state"] for task in again.data["tasks"]] == ["landed", "landed"]
    assert set(files_of(repository, "feature/long/integration")) >= {"quick.txt", "slow.txt"}
    assert "what it had of SLOW is on feature/long/salvage/command/SLOW/1" in again.stderr
    assert "slow.txt" in files_of(repository, "feature/long/salvage/command/SLOW/1")


def test_a_second_live_run_of_a_feature_is_refused_with_the_firsts_id(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str], tmp_path: Path
) -> None:
    plan = slow_plan(write_plan, tmp_path)
    running = Running("run", str(plan), "--json", cwd=repository, env=prefect_server)
    running.wait_until((tmp_path / "begun").exists)

    second = plait("run", str(plan), cwd=repository, env=prefect_server)
    status = plait("status", "--json", cwd=repository)
    running.signal(signal.SIGINT)
    first = running.end()

    assert second.status == 2
    assert second.stderr.startswith("error:"), "it is refused before anything is started for it"
    assert first.data["run_id"] in second.stderr
    assert status.data["state"] == "running"


def test_two_features_of_one_repository_run_at_the_same_time(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    text = "feature: {0}\ngoal: g\ntasks:\n  - {{id: A, run: 'sleep 1; echo {0} > {0}.txt'}}\n"
    plans = [write_plan(text.format(name), f"{name}.yaml") for name in ("left", "right")]

    both = [Running("run", str(plan), "--json", cwd=repository, env=prefect_server) for plan in plans]
    ended = [one.end() for one in both]

    assert [one.status for one in ended] == [0, 0], [one.stderr for one in ended]
    assert "left.txt" in files_of(repository, "feature/left/integration")
    assert "right.txt" in files_of(repository, "feature/right/integration")


def test_a_person_who_moves_the_feature_branch_meanwhile_loses_nothing(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str], tmp_path: Path
) -> None:
    plan = write_plan(
        f"""
        feature: shared
        goal: Share a branch.
        tasks:
          - {{id: A, run: "echo a > a.txt"}}
        integration:
          verify: ["test -f {tmp_path}/moved || {{ touch {tmp_path}/verifying; sleep 2; }}"]
        """
    )
    running = Running("run", str(plan), "--json", cwd=repository, env=prefect_server)
    running.wait_until((tmp_path / "verifying").exists)
    tree = git(repository, "rev-parse", "main^{tree}")
    theirs = git(repository, "commit-tree", tree, "-p", "main", "-m", "by hand")
    git(repository, "update-ref", "refs/heads/feature/shared/integration", theirs)
    (tmp_path / "moved").touch()

    ended = running.end()

    assert ended.status == 0, ended.stderr
    git(repository, "merge-base", "--is-ancestor", theirs, "feature/shared/integration")
    assert "a.txt" in files_of(repository, "feature/shared/integration")
