"""`plait doctor` as a process: what it finds, wherever it is called, and that no trouble of one look ends another."""

import json
import os
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from plait.flows.doctor.findings import Finding, look_at_all
from plait.plans.errors import EnvironmentProblem
from tests.acceptance.conftest import WritePlan
from tests.support.command import plait
from tests.support.repositories import git

PLAN = """\
feature: f
crew: {dev: {slots: 3, backend: command, command: [git], environment: [NO_SUCH_SECRET]}}
tasks: [{id: A, role: dev, owns: [a.txt], prompt: Write a into a.txt., verify: [test -s a.txt]}]
integration: {verify: [git --version]}
"""
SECRET = "s3cr3t-value"


def findings(data: Mapping[str, Any], level: str) -> dict[str, str]:
    """By topic, the message of that level."""
    return {row["topic"]: row["message"] for row in data["findings"] if row["level"] == level}


def test_a_machine_without_faults_is_told_as_one(repository: Path, write_plan: WritePlan) -> None:
    ended = plait("doctor", str(write_plan(PLAN.replace(", environment: [NO_SUCH_SECRET]", ""))), cwd=repository)

    assert ended.status == 0, ended.stdout
    assert "git: git 2." in ended.stdout
    assert "no Prefect server is named: each run starts one of its own" in ended.stdout
    assert "its agents and the programs of its checks are here" in ended.stdout
    assert ended.stdout.splitlines()[-1].startswith("runs will work here")


def test_the_state_directory_is_not_made_by_looking(repository: Path, hermetic: Path) -> None:
    plait("doctor", cwd=repository)

    assert not hermetic.exists()


def test_what_a_plan_lacks_is_found_with_how_to_mend_it(repository: Path, write_plan: WritePlan) -> None:
    plan = write_plan(PLAN.replace("[git]", "[no-such-agent-here]").replace("git --version", "no-such-checker -q"))

    ended = plait("doctor", str(plan), "--json", cwd=repository)

    messages = [row["message"] for row in ended.data["findings"] if row["topic"] == "plan"]
    assert (ended.status, ended.data["ok"]) == (1, False)
    assert "the program of the role dev was not found: no-such-agent-here" in messages[0]
    assert messages[1] == "no-such-checker is not on the PATH: `no-such-checker -q` of integration.verify needs it"
    assert findings(ended.data, "warning")["secrets"] == "NO_SUCH_SECRET is not set, and the role dev is to be given it"


def test_secrets_are_told_by_name_alone(tmp_path: Path) -> None:
    ended = plait("doctor", cwd=tmp_path, env={"ANTHROPIC_API_KEY": SECRET})

    assert "ANTHROPIC_API_KEY" in ended.stdout
    assert SECRET not in ended.stdout + ended.stderr


def test_every_look_is_taken_whatever_is_wrong_with_the_others(tmp_path: Path, hermetic: Path) -> None:
    hermetic.mkdir()
    (hermetic / "plait.db").write_text("no database")
    env = {"PREFECT_API_URL": "http://127.0.0.1:9/api", "TMPDIR": "/nowhere"}

    ended = plait("doctor", "--json", cwd=tmp_path, env=env)

    wrong = findings(ended.data, "error")
    assert ended.status == 1
    assert "cannot be reached" in wrong["server"]
    assert "cannot be read: file is not a database" in wrong["store"]
    assert "TMPDIR is /nowhere" in findings(ended.data, "warning")["limits"]
    assert "is in no repository" in findings(ended.data, "note")["git"]
    assert all(row["hint"] for row in ended.data["findings"] if row["level"] == "error")


@pytest.mark.parametrize(
    ("env", "topic", "told"),
    [
        ({"PLAIT_HOME": "relative"}, "state", "not an absolute path"),
        ({"PLAIT_HOME": "/proc/nowhere/plait"}, "state", "/proc/nowhere/plait"),
        ({"PREFECT_API_URL": "nonsense"}, "server", "is not an address"),
        ({"PLAIT_STORE_URL": f"mysql://u:{SECRET}@h/d"}, "store", "only SQLite and PostgreSQL"),
        ({"PLAIT_STORE_URL": f"postgresql://u:{SECRET}@127.0.0.1:1/d"}, "store", "127.0.0.1:1/d"),
    ],
)
def test_settings_that_cannot_work_are_found(tmp_path: Path, env: dict[str, str], topic: str, told: str) -> None:
    ended = plait("doctor", "--json", cwd=tmp_path, env=env)

    assert told in findings(ended.data, "error")[topic]
    assert SECRET not in ended.stdout + ended.stderr


def test_a_lock_that_a_killed_git_left_is_found(repository: Path) -> None:
    for name in ("packed-refs.lock", "refs/heads/main.lock"):
        lock = repository / ".git" / name
        lock.touch()
        os.utime(lock, (time.time() - 3600,) * 2)

    ended = plait("doctor", "--json", cwd=repository)

    told = [row["message"] for row in ended.data["findings"] if row["topic"] == "locks"]
    assert ended.status == 1
    assert [name in "".join(told) for name in ("packed-refs.lock", "refs/heads/main.lock")] == [True, True]


def test_a_run_that_was_killed_is_told(repository: Path, hermetic: Path) -> None:
    run = hermetic / "runs" / "cart-1120-231502-a3f"
    run.mkdir(parents=True)
    facts = {"run_id": run.name, "feature": "cart", "repository": str(repository), "pid": 999999, "started": "long ago"}
    (run / "run.json").write_text(json.dumps(facts))

    ended = plait("doctor", "--json", cwd=repository)

    assert findings(ended.data, "note")["runs"] == f"the run {run.name} of cart was killed"


def test_a_killed_run_that_a_later_one_went_on_with_is_not_told(repository: Path, hermetic: Path) -> None:
    for run, name in ((hermetic / "runs" / "cart-1", "run.json"), (hermetic / "runs" / "cart-2", "run.json")):
        run.mkdir(parents=True)
        facts = {"run_id": run.name, "feature": "cart", "repository": str(repository), "pid": 999999, "started": "-"}
        (run / name).write_text(json.dumps(facts))
    os.utime(hermetic / "runs" / "cart-1" / "run.json", (1, 1))
    os.utime(hermetic / "runs" / "cart-1", (1, 1))
    (hermetic / "runs" / "cart-2" / "outcome.json").write_text("{}")

    ended = plait("doctor", "--json", cwd=repository)

    assert "runs" not in findings(ended.data, "note")
    assert "2 runs kept" in findings(ended.data, "fine")["runs"]
    assert "plait clean" in ended.stdout


def test_the_server_of_a_users_profile_is_the_one_that_is_looked_at(tmp_path: Path) -> None:
    (tmp_path / "profiles.toml").write_text('active = "w"\n[profiles.w]\nPREFECT_API_URL = "http://127.0.0.1:9/api"\n')

    ended = plait("doctor", "--json", cwd=tmp_path, env={"PREFECT_PROFILES_PATH": str(tmp_path / "profiles.toml")})

    assert "127.0.0.1:9/api cannot be reached" in findings(ended.data, "error")["server"]


def test_a_key_of_the_users_profile_that_is_for_another_server_is_told_and_not_sent(tmp_path: Path) -> None:
    profile = 'PREFECT_API_URL = "https://cloud.example/api"\nPREFECT_API_KEY = "pnu_1"'
    (tmp_path / "profiles.toml").write_text(f'active = "w"\n[profiles.w]\n{profile}\n')
    env = {"PREFECT_PROFILES_PATH": str(tmp_path / "profiles.toml"), "PREFECT_API_URL": "http://127.0.0.1:9/api"}

    ended = plait("doctor", "--json", cwd=tmp_path, env=env)

    told = findings(ended.data, "note")["server"]
    assert "PREFECT_API_KEY of your Prefect profile w is for https://cloud.example/api" in told
    assert "pnu_1" not in ended.stdout


def test_programs_are_looked_for_on_the_path_that_a_crew_gives(
    repository: Path, write_plan: WritePlan, tmp_path: Path
) -> None:
    program = tmp_path / "own" / "own-checker"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    text = PLAN.replace("[NO_SUCH_SECRET]}}", f"[]}}, environment: [{{PATH: '{program.parent}:/usr/bin:/bin'}}]}}")

    ended = plait("doctor", str(write_plan(text.replace("git --version", "own-checker"))), "--json", cwd=repository)

    assert "plan" not in findings(ended.data, "error"), ended.stdout


def test_the_server_and_its_limits_are_looked_at(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    ended = plait("doctor", str(write_plan(PLAN)), "--json", cwd=repository, env=prefect_server)

    assert ended.status == 0, ended.stdout
    assert "answers (Prefect 3." in findings(ended.data, "fine")["server"]


@pytest.fixture
def silent_server() -> Iterator[str]:
    """The address of a server that takes calls and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/api"


def test_a_server_that_never_answers_is_found_and_waited_for_only_so_long(tmp_path: Path, silent_server: str) -> None:
    ended = plait("doctor", "--json", cwd=tmp_path, env={"PREFECT_API_URL": silent_server})

    assert "timed out" in findings(ended.data, "error")["server"]


def test_looks_that_raise_or_hang_hide_no_other() -> None:
    over = threading.Event()

    def breaks() -> Iterator[Finding]:
        yield Finding("fine", "seen before")
        raise EnvironmentProblem("it is broken", hint="mend it")

    def hangs() -> Iterator[Finding]:
        yield Finding("fine", "seen first")
        over.wait()

    def is_a_bug() -> Iterator[Finding]:
        raise ValueError("odd")
        yield

    seen = look_at_all(
        [("a", breaks), ("b", hangs), ("c", is_a_bug), ("d", lambda: [Finding("fine", "good")])], within=0.5
    )
    over.set()

    told = [(finding.topic, finding.level, finding.message) for finding in seen]
    assert told == [
        ("a", "fine", "seen before"),
        ("a", "error", "it is broken"),
        ("b", "fine", "seen first"),
        ("b", "warning", "b: no answer within 0.5 s"),
        ("c", "warning", "c could not be looked at: ValueError: odd"),
        ("d", "fine", "good"),
    ]


def test_a_repository_that_no_run_could_start_in_is_found(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet", "empty")
    (tmp_path / "none").mkdir()

    for repo, told in (("empty", "has no commit"), ("none", "is in no repository"), ("gone", "there is no gone")):
        ended = plait("doctor", "--repo", repo, "--json", cwd=tmp_path)
        assert ended.status == 1
        assert told in findings(ended.data, "error")["git"]
