"""Agents whose accounts refuse them: a run waits, goes on with others, ends in time, and can be ended at once."""

import json
import os
import re
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.conftest import WritePlan
from tests.support.command import Running, plait
from tests.support.repositories import files_of

pytestmark = pytest.mark.slow

THREE = "".join(
    f"  - {{id: {name}, role: dev, prompt: do it, owns: [{name}.txt], verify: ['true']}}\n" for name in "ABC"
)


@pytest.fixture
def agent(tmp_path: Path) -> Path:
    """A program that counts its starts, and then does what the file `does` beside it says."""
    program = tmp_path / "agent.sh"
    program.write_text(f"#!/bin/sh\necho $PLAIT_TASK >> {tmp_path}/starts\n. {tmp_path}/does\n")
    program.chmod(0o755)
    return program


def crew(agent: Path, *more: str) -> str:
    return f"crew:\n  quota_wait: 1h\n  dev: {{slots: 2, backend: command, command: [{agent}], {', '.join(more)}}}\n"


def starts(agent: Path) -> list[str]:
    return agent.with_name("starts").read_text().split() if agent.with_name("starts").exists() else []


def progress(home: Path) -> dict[str, Any]:
    """What the live run says of itself; runs that were killed are older."""
    records = sorted((home / "runs").glob("f-*/progress.json"), key=lambda file: file.stat().st_mtime)
    return json.loads(records[-1].read_text()) if records else {"resting": [], "active": []}


def does(agent: Path, script: str) -> None:
    agent.with_name("does").write_text(script)


def test_after_a_quota_has_ended_nothing_starts_and_cancel_works_at_once(
    repository: Path, write_plan: WritePlan, agent: Path, prefect_server: Mapping[str, str], hermetic: Path
) -> None:
    does(agent, "echo 'Claude AI usage limit reached|1764450000'; exit 1")
    plan = write_plan(f"feature: f\n{crew(agent)}tasks:\n{THREE}")
    running = Running("run", str(plan), "--json", cwd=repository, env=prefect_server)
    running.wait_until(lambda: bool(progress(hermetic)["resting"]))
    time.sleep(3)
    status, record = plait("status", cwd=repository), plait("status", "--json", cwd=repository).data

    running.signal(signal.SIGTERM)
    ended = running.end()

    assert 1 <= len(starts(agent)) <= 2
    assert "dev: no quota left, tried again at" in status.stdout
    (rest,) = record["progress"]["resting"]
    assert (rest["roles"], rest["kind"]) == (["dev"], "quota")
    assert rest["gives_up_at"] is not None
    assert ended.status == 130
    assert {task["tries"] for task in ended.data["tasks"]} == {0}


def test_a_run_goes_on_by_itself_at_the_time_that_is_named_and_lands(
    repository: Path, write_plan: WritePlan, agent: Path, prefect_server: Mapping[str, str], hermetic: Path
) -> None:
    again = agent.with_name("again")
    words = '\'{"type":"result","is_error":true,"api_error_status":429,"result":"try again in 6 s"}\''
    does(agent, f"[ -e {again} ] && {{ echo x > $PLAIT_TASK.txt; exit 0; }}; echo {words}; exit 1")
    plan = write_plan(f"feature: f\n{crew(agent)}tasks:\n{THREE}")
    running = Running("run", str(plan), "--json", cwd=repository, env=prefect_server)
    running.wait_until(lambda: bool(progress(hermetic)["resting"]))
    again.touch()
    ended = running.end()

    assert ended.status == 0, ended.stderr
    assert ended.data["state"] == "completed"
    assert len(starts(agent)) <= 5
    assert {task["tries"] for task in ended.data["tasks"]} == {1}
    waited = plait("report", "--json", cwd=repository).data["metrics"]["account_seconds"]
    assert 4 < waited < ended.data["elapsed_seconds"]
    assert "waiting for an account" in plait("report", cwd=repository).stdout


def test_a_run_that_only_waits_ends_in_part_when_it_has_waited_long_enough(
    repository: Path, write_plan: WritePlan, agent: Path, prefect_server: Mapping[str, str]
) -> None:
    does(agent, "echo 'Invalid API key · Please run /login'; exit 1")
    text = crew(agent).replace("1h", "4s")
    plan = write_plan(f"feature: f\n{text}tasks:\n  - {{id: R, run: echo r > r.txt}}\n{THREE}")
    ended = plait("run", str(plan), "--json", cwd=repository, env=prefect_server)

    assert (ended.status, ended.data["state"]) == (1, "partial")
    assert "the account of dev (not logged in: Invalid API key · Please run /login)" in ended.data["reason"]
    assert "log in with the agent program" in ended.data["reason"]
    assert len(starts(agent)) <= 2


def test_what_a_role_says_of_its_own_program_pauses_it_and_another_role_takes_over(
    repository: Path, write_plan: WritePlan, agent: Path, prefect_server: Mapping[str, str]
) -> None:
    does(agent, "echo 'acme: The PURSE is empty'; exit 0")
    more = 'pause_on: ["(a+)+$", "purse is (empty|lost)"], fallback: [aid]'
    aid = "  aid: {backend: command, command: [sh, -c, 'echo x > $PLAIT_TASK.txt']}\n"
    plan = write_plan(f"feature: f\n{crew(agent, more)}{aid}tasks:\n{THREE}")
    ended = plait("run", str(plan), "--json", cwd=repository, env=prefect_server)

    assert ended.status == 0, ended.stderr
    assert {task["agent"] for task in ended.data["tasks"]} == {"aid-1"}
    assert len(starts(agent)) <= 2
    assert set("ABC") == {name[0] for name in files_of(repository, "feature/f/integration") if name[0] in "ABC"}


def test_a_killed_run_that_is_taken_up_still_waits(
    repository: Path, write_plan: WritePlan, agent: Path, prefect_server: Mapping[str, str], hermetic: Path
) -> None:
    does(agent, 'echo "You\'ve hit your limit · resets in 2 hours"; exit 1')
    plan = write_plan(f"feature: f\n{crew(agent)}tasks:\n{THREE}")
    first = Running("run", str(plan), cwd=repository, env=prefect_server)
    first.wait_until(lambda: bool(progress(hermetic)["resting"]))
    first.signal(signal.SIGKILL)
    first.end()
    before = len(starts(agent))

    second = Running("run", str(plan), cwd=repository, env=prefect_server)
    second.wait_until(lambda: len(list((hermetic / "runs").glob("f-*/progress.json"))) == 2)
    time.sleep(3)
    status = plait("status", cwd=repository)
    second.signal(signal.SIGTERM)
    second.end()

    assert len(starts(agent)) == before
    assert "dev: no quota left, tried again at" in status.stdout


def test_a_program_that_cannot_work_at_all_is_not_started_for_every_try_of_every_task(
    repository: Path, write_plan: WritePlan, agent: Path, prefect_server: Mapping[str, str]
) -> None:
    does(agent, "echo 'fatal: model foo does not exist'; exit 1")
    plan = write_plan(f"feature: f\n{crew(agent)}tasks:\n  - {{id: R, role: dev, run: echo r > r.txt}}\n{THREE}")
    ended = plait("run", str(plan), "--json", cwd=repository, env=prefect_server)

    assert (ended.status, ended.data["state"]) == (1, "partial")
    assert len(starts(agent)) < 5
    assert "dev was stopped" in ended.data["reason"]
    assert "model foo does not exist" in ended.data["reason"]


def test_who_is_silent_and_late_is_named(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str], hermetic: Path
) -> None:
    text = f"feature: f\ntasks: [{{id: A, duration: 2s, run: sleep 3{os.getpid() % 100:02}0}}]\n"
    running = Running("run", str(write_plan(text)), cwd=repository, env=prefect_server)
    running.wait_until(lambda: any(one["silent_seconds"] > 31 for one in progress(hermetic)["active"]), seconds=90)
    status = plait("status", cwd=repository)
    running.signal(signal.SIGTERM)
    ended = running.end()

    assert "A (command-1): silent for 3" in status.stdout
    assert re.search(r"A \(command-1\): silent for (29|3\d) s, at work for 1\d times its estimate", ended.stderr), (
        ended.stderr
    )
    assert "times its estimate of 2 s; `plait logs A -f`" in status.stdout


def test_what_an_account_has_said_of_its_time_holds_for_the_runs_of_other_features(
    repository: Path, write_plan: WritePlan, agent: Path, prefect_server: Mapping[str, str]
) -> None:
    does(agent, f"echo 'Claude AI usage limit reached|{int(time.time()) + 3 * 86_400}'; exit 1")
    short = crew(agent).replace("quota_wait: 1h", "quota_wait: 0s")
    first = plait(
        "run", str(write_plan(f"feature: f\n{short}tasks:\n{THREE}")), "--json", cwd=repository, env=prefect_server
    )
    begun = len(starts(agent))

    second = plait(
        "run", str(write_plan(f"feature: g\n{short}tasks:\n{THREE}")), "--json", cwd=repository, env=prefect_server
    )

    assert (first.status, begun) == (1, 2)
    assert (second.status, len(starts(agent))) == (1, begun), "the other feature starts nobody"
    assert "completed" not in {first.data["state"], second.data["state"]}
