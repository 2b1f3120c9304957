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
