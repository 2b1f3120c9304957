"""How a checkout is made ready, and what a second try is told, seen through the command."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.acceptance.conftest import WritePlan
from tests.support.command import plait
from tests.support.repositories import commit_files, files_of

pytestmark = pytest.mark.slow


def test_set_up_runs_before_agents_and_verification_and_is_used_again_by_its_inputs(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str], tmp_path: Path
) -> None:
    commit_files(repository, {"deps.lock": "one\n", ".gitignore": "deps/\n"})
    plan = write_plan(
        f"""
        feature: ready
        goal: Be ready.
        crew:
          setup: ["mkdir deps; cp deps.lock deps/made; echo made >> {tmp_path}/times"]
          setup_inputs: [deps.lock]
        tasks:
          - {{id: A, run: "cat deps/made > a.txt"}}
          - {{id: B, run: "cat deps/made > b.txt", verify: [test -f deps/made]}}
          - {{id: C, run: "echo $PLAIT_PORT > c.txt", needs: [A]}}
        integration: {{verify: [test -f deps/made]}}
        """
    )

    ended = plait("run", str(plan), "--json", cwd=repository, env=prefect_server)

    assert ended.status == 0, ended.stderr
    landed = files_of(repository, "feature/ready/integration")
    assert landed["a.txt"] == landed["b.txt"] == "one"
    assert int(landed["c.txt"]) >= 1024
    assert not [name for name in landed if name.startswith("deps/")]
    # A and B may both have begun before there was anything to use again; checkouts after them had it.
    assert (tmp_path / "times").read_text().count("made") <= 2


def test_the_next_try_is_told_why_the_last_did_not_count(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str], tmp_path: Path
) -> None:
    agent = tmp_path / "agent"
    agent.write_text("#!/bin/sh\ncat > prompt.txt\ngrep -q 'did not count' prompt.txt && touch done.txt\nexit 0\n")
    agent.chmod(0o755)
    plan = write_plan(
        f"""
        feature: retold
        goal: Learn.
        crew: {{worker: {{backend: command, command: [{agent}]}}}}
        tasks:
          - {{id: A, role: worker, prompt: Do it., verify: [test -f done.txt], retries: 1}}
        """
    )

    ended = plait("run", str(plan), "--json", cwd=repository, env=prefect_server)

    assert ended.status == 0, ended.stderr
    assert ended.data["tasks"][0]["tries"] == 2
    assert "test -f done.txt" in files_of(repository, "feature/retold/integration")["prompt.txt"]
    assert len(ended.data["salvage"]) == 1


def test_a_set_up_that_fails_is_told_once_and_nobody_is_blamed_for_it(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str], tmp_path: Path
) -> None:
    plan = write_plan(
        f"""
        feature: unprepared
        goal: Be told.
        crew:
          dev:
            slots: 2
            backend: command
            command: [sh, -c, "echo x >> $PLAIT_TASK.txt"]
            setup: ["echo run >> {tmp_path}/runs; echo no such index >&2; exit 7"]
          qa: {{backend: command, command: [sh, -c, "echo x >> q.txt"]}}
        tasks:
          - {{id: A, role: dev, prompt: Do it.}}
          - {{id: B, role: dev, prompt: Do it.}}
          - {{id: C, role: dev, prompt: Do it.}}
          - {{id: Q, role: qa, prompt: Do it.}}
        """
    )

    # Without the preflight, which would refuse it: a set-up may fail only later, or on what others have made.
    ended = plait("run", str(plan), "--no-preflight", cwd=repository, env=prefect_server)

    assert ended.status == 1, ended.stderr
    assert (tmp_path / "runs").read_text() == "run\nrun\n"
    assert files_of(repository, "feature/unprepared/integration")["q.txt"] == "x"
    paragraph = [line for line in ended.stdout.splitlines() if "the set-up failed" in line]
    assert len(paragraph) == 1
    assert "ended with exit status 7, also the second time" in paragraph[0]
    task = ended.stdout.partition("all of it: plait logs ")[2][:1]
    logged = plait("logs", task, cwd=repository, env=prefect_server)
    assert logged.stdout.endswith("before any try: set-up ──\nno such index\nno such index\n")
    again = plait("run", str(plan), "--no-preflight", "--json", cwd=repository, env=prefect_server)
    assert {row["tries"] for row in again.data["tasks"] if row["id"] != "Q"} == {0}
    assert "no such index" in again.data["reason"]
