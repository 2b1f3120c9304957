"""Branches of others in a plan: pinned, asked, verified and landed like any other, and never moved."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.acceptance.conftest import WritePlan
from tests.conftest import BranchWith
from tests.support.command import Ended, plait
from tests.support.repositories import files_of, git

pytestmark = pytest.mark.slow

TIP = "feature/taken/integration"


def states(ended: Ended) -> dict[str, str]:
    assert ended.stdout, ended.stderr
    return {task["id"]: task["state"] for task in ended.data["tasks"]}


def test_a_branch_a_fetched_one_and_a_pull_request_land_and_stay_where_they_are(
    repository: Path, write_plan: WritePlan, branch_with: BranchWith, prefect_server: Mapping[str, str]
) -> None:
    mine = branch_with("mine", {"mine.txt": "1\n"})
    git(repository, "update-ref", "refs/remotes/origin/theirs", branch_with("tmp", {"theirs.txt": "2\n"}))
    git(repository, "update-ref", "refs/pull/12/head", branch_with("tmp2", {"pull.txt": "3\n"}))
    git(repository, "branch", "-D", "tmp", "tmp2")
    plan = write_plan(
        """
        feature: taken
        goal: What others made.
        tasks:
          - {id: NEW, run: echo new > new.txt}
          - {id: MINE, branch: mine, owns: [mine.txt], verify: [test -f mine.txt]}
          - {id: THEIRS, branch: origin/theirs, needs: [NEW], verify: [test -f new.txt]}
          - {id: PULL, branch: refs/pull/12/head}
          - {id: WITH, run: cp theirs.txt with.txt, needs: [THEIRS]}
        integration: {verify: [test ! -f bad.txt]}
        """
    )
    outside = git(repository, "for-each-ref", "refs/heads/mine", "refs/remotes", "refs/pull")

    ended = plait("run", str(plan), "--json", cwd=repository, env=prefect_server)

    assert states(ended) == dict.fromkeys(("NEW", "MINE", "THEIRS", "PULL", "WITH"), "landed"), ended.stdout
    landed = files_of(repository, TIP)
    assert [landed[f"{name}.txt"] for name in ("mine", "theirs", "pull", "with")] == ["1", "2", "3", "2"]
    assert git(repository, "merge-base", mine, TIP) == mine
    own = git(
        repository, "log", "-1", "--format=%(trailers:key=Plait-Task,valueonly)%P", "feature/taken/agent/command/MINE"
    )
    assert own.split() == ["MINE", mine]
    assert git(repository, "for-each-ref", "refs/heads/mine", "refs/remotes", "refs/pull") == outside

    git(repository, "branch", "-D", "mine")
    again = plait("run", str(plan), "--json", cwd=repository, env=prefect_server)
    assert (again.status, set(states(again).values())) == (0, {"landed"}), again.stderr


def test_what_a_stranger_may_not_change_is_refused_and_a_newer_tip_lands_in_the_next_run(
    repository: Path, write_plan: WritePlan, branch_with: BranchWith, prefect_server: Mapping[str, str]
) -> None:
    branch_with("theirs", {"src/a.py": "1\n", ".github/workflows/x.yml": "on: push\n"})
    plan = write_plan(
        """
        feature: taken
        goal: What others made.
        tasks:
          - {id: A, run: echo a > a.txt}
          - {id: THEIRS, branch: theirs, owns: [src/**]}
        """
    )

    ended = plait("run", str(plan), "--json", cwd=repository, env=prefect_server)

    assert (ended.status, states(ended)) == (1, {"A": "landed", "THEIRS": "failed"}), ended.stderr
    assert ".github/workflows/x.yml" in ended.stdout
    branch_with("better", {".github/workflows/x.yml": None}, start="theirs")
    git(repository, "branch", "-f", "theirs", "better")
    again = plait("run", str(plan), "--json", cwd=repository, env=prefect_server)
    assert (again.status, set(states(again).values())) == (0, {"landed"}), again.stdout


def test_a_rejected_branch_asks_no_agent_and_lands_in_the_same_run_once_it_has_a_newer_tip(
    repository: Path, write_plan: WritePlan, branch_with: BranchWith, prefect_server: Mapping[str, str], tmp_path: Path
) -> None:
    branch_with("theirs", {"README.md": "theirs\n", "theirs.txt": "x\n"})
    script = tmp_path / "mend.sh"
    script.write_text(
        f"""
        export GIT_DIR={repository}/.git GIT_INDEX_FILE={tmp_path}/index
        until git rev-parse -q --verify {TIP}; do sleep 0.2; done
        sleep 2
        git read-tree {TIP}
        git update-index --add --cacheinfo 100644,$(git rev-parse theirs:theirs.txt),theirs.txt
        export GIT_AUTHOR_NAME=x GIT_AUTHOR_EMAIL=x@y GIT_COMMITTER_NAME=x GIT_COMMITTER_EMAIL=x@y
        commit=$(git commit-tree $(git write-tree) -p theirs -p {TIP} -m mended)
        git update-ref refs/heads/theirs $commit
        sleep 4
        """
    )
    plan = write_plan(
        f"""
        feature: taken
        goal: What others made.
        tasks:
          - {{id: A, run: echo ours > README.md, priority: 1}}
          - {{id: THEIRS, branch: theirs, owns: [README.md, theirs.txt]}}
          - {{id: MEND, run: "sh {script}; echo late > late.txt"}}
        integration: {{wait: 1s}}
        """
    )

    ended = plait("run", str(plan), "--json", cwd=repository, env=prefect_server)

    assert (ended.status, set(states(ended).values())) == (0, {"landed"}), ended.stdout + ended.stderr
    assert "Repaired by x" in git(repository, "log", "-1", "--format=%B", "feature/taken/agent/command/THEIRS")
    landed = files_of(repository, TIP)
    assert (landed["README.md"], landed["theirs.txt"], landed["late.txt"]) == ("ours", "x", "late")


def test_a_branch_that_is_not_there_is_told_with_near_names(
    repository: Path, write_plan: WritePlan, branch_with: BranchWith, prefect_server: Mapping[str, str]
) -> None:
    branch_with("fix-login", {"a.txt": "x\n"})
    plan = write_plan("feature: taken\ngoal: It is there.\ntasks: [{id: FIX, branch: fix-logn}]\n")

    for command in ("check", "run"):
        ended = plait(command, str(plan), cwd=repository, env=prefect_server)
        assert ended.status == 2, (command, ended.stderr)
        assert "fix-logn" in ended.stderr
        assert "fix-login" in ended.stderr.replace("fix-logn", "")
    git(repository, "branch", "-m", "fix-login", "fix-logn")
    assert plait("check", str(plan), cwd=repository, env=prefect_server).status == 0
