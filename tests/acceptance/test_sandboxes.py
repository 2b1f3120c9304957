"""Agents in a sandbox, from a plan to what lands: what a hostile one finds, and what is said where there is none."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.acceptance.conftest import WritePlan
from tests.support.command import plait
from tests.support.repositories import git
from tests.support.sandboxes import needs_sandbox

pytestmark = pytest.mark.slow

THIEF = """#!/bin/sh
# Takes what it can, and tells in its own file what that was.
exec > found.txt 2>/dev/null
cat
cat "$1/.ssh/id" "$1/shop/.env"
grep -rl CANARY /root /home /tmp /etc /run --include=journal.jsonl --include=id --include=.env
find "$2" -name journal.jsonl
ls -d "$2"/runs/*/tasks/OTHER
echo hooked > .git/hooks/post-checkout && echo writes git
git log --format=%s -1
git status --short | grep -v found.txt
echo x > "$1/mine"
python3 -c 'import sys; print("python", sys.version_info.major)'
env | grep -c CANARY
exit 0
"""


@needs_sandbox
def test_a_thief_in_a_required_sandbox_finds_nothing_and_its_work_lands(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str], tmp_path: Path
) -> None:
    home = Path(prefect_server["PLAIT_HOME"] if "PLAIT_HOME" in prefect_server else os.environ["PLAIT_HOME"])
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "id").write_text("CANARY")
    thief = tmp_path / "thief.sh"
    thief.write_text(THIEF)
    thief.chmod(0o755)
    plan = write_plan(
        f"""
        feature: thieves
        goal: Take what is there.
        crew:
          sandbox: required
          thief:
            backend: command
            command: [{thief}, {tmp_path}, {home}]
            memory: 500MB
        tasks:
          - {{id: OTHER, run: echo other > other.txt}}
          - {{id: THIEF, role: thief, prompt: Take it all., owns: [found.txt]}}
          - id: RUN
            run: |
              (echo > {tmp_path}/written; ls {tmp_path}/.ssh || echo none) > ran.txt 2>&1
        """
    )
    ended = plait("run", str(plan), "--json", cwd=repository, env={**prefect_server, "CANARY": "CANARY"})
    assert ended.status == 0, ended.stderr
    found = git(repository, "show", "feature/thieves/integration:found.txt").splitlines()
    assert found[-3:] == [git(repository, "log", "--format=%s", "-1", "main").strip(), "python 3", "0"]
    assert [line for line in found if "CANARY" in line or line.startswith(("writes", "/"))] == []
    assert not (tmp_path / "written").exists()
    assert not (tmp_path / "mine").exists()
    assert "No such file" in git(repository, "show", "feature/thieves/integration:ran.txt")


PLAN = """
feature: boxed
goal: Work.
crew: {{sandbox: {level}, dev: {{backend: command, command: [sh, -c, 'echo a > a.txt']}}}}
tasks:
  - {{id: A, role: dev, prompt: Do it., owns: [a.txt]}}
"""


@pytest.fixture
def without_bwrap(tmp_path: Path) -> dict[str, str]:
    """A PATH with a bubblewrap that is not allowed to do anything, as in most containers."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "bwrap").write_text(
        "#!/bin/sh\necho 'bwrap: No permissions to create new namespace, likely because ...' >&2\nexit 1\n"
    )
    (tmp_path / "bin" / "bwrap").chmod(0o755)
    return {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}


def test_a_required_sandbox_that_is_none_refuses_the_run_before_anything_begins(
    repository: Path, write_plan: WritePlan, without_bwrap: dict[str, str]
) -> None:
    plan = write_plan(PLAN.format(level="required"))
    ended = plait("run", str(plan), cwd=repository, env=without_bwrap)
    assert ended.status == 3, ended.stderr
    assert "a sandbox is required for dev, and there is none on this machine" in " ".join(ended.stderr.split())
    assert "kernel.unprivileged_userns_clone=1" in " ".join(ended.stderr.split())
    assert "feature/" not in git(repository, "branch", "--all")
    told = plait("doctor", str(plan), cwd=repository, env=without_bwrap)
    assert "a sandbox is required for dev" in " ".join(told.stdout.split())


def test_auto_says_once_that_there_is_none_and_goes_on(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str], without_bwrap: dict[str, str]
) -> None:
    plan = write_plan(PLAN.format(level="auto"))
    ended = plait("run", str(plan), cwd=repository, env={**prefect_server, **without_bwrap})
    assert ended.status == 0, ended.stderr
    said = " ".join((ended.stdout + ended.stderr).split())
    assert said.count("NO SANDBOX for agents of dev") == 1
    assert git(repository, "show", "feature/boxed/integration:a.txt") == "a"
