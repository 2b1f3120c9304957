"""`plait clean`: what nobody needs goes when it is told to, and nothing else does."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.acceptance.conftest import WritePlan
from tests.support.command import Running, plait
from tests.support.repositories import git

pytestmark = pytest.mark.slow

PLAN = """
    feature: tidy
    goal: Leave something behind.
    tasks:
      - {id: A, run: "test -e {sign} || {{ touch {sign}; echo half > a.txt; exit 1; }}; echo a > a.txt", retries: 1}
      - {id: B, run: "echo b > b.txt"}
"""


def branches(repository: Path) -> list[str]:
    return git(repository, "for-each-ref", "--format=%(refname:short)", "refs/heads/feature").split()


def test_what_a_landed_feature_left_is_shown_then_deleted_and_nothing_is_done_again(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str], tmp_path: Path, hermetic: Path
) -> None:
    text = PLAN.replace("{sign}", str(tmp_path / "sign")).replace("{{", "{").replace("}}", "}")
    plan = str(write_plan(text))
    for task in ("A", "B"):
        assert plait("run", plan, "--only", task, cwd=repository, env=prefect_server).status == 0
    git(repository, "branch", "feature/tidy/salvage/mine/A/9", "main")
    git(
        repository,
        "branch",
        "feature/tidy/agent/mine/unlanded",
        git(repository, "commit-tree", "-m", "x", "main^{tree}").strip(),
    )
    before = branches(repository)

    young = plait("clean", cwd=repository)
    shown = plait("clean", "--older-than", "0", cwd=repository)
    assert branches(repository) == before
    assert young.stdout == "nothing to delete\n"
    for name in ("agent/command/A", "agent/command/B", "salvage/command/A/1"):
        assert f"would delete feature/tidy/{name}" in shown.stdout
    assert "would delete run" in shown.stdout
    assert "plait clean --yes" in shown.stdout

    plait("clean", "--older-than", "0", "--yes", "--dry-run", cwd=repository)
    assert branches(repository) == before
    done = plait("clean", "--older-than", "0", "--yes", "--json", cwd=repository).data
    assert done["deleted"]
    assert branches(repository) == [
        "feature/tidy/agent/mine/unlanded",
        "feature/tidy/integration",
        "feature/tidy/salvage/mine/A/9",
    ]
    assert len(list((hermetic / "runs").iterdir())) == 1, "the newest, which did something"
    assert any("unlanded holds what has not landed" in sentence for sentence in done["kept"])

    again = plait("run", plan, "--json", cwd=repository, env=prefect_server)
    assert again.status == 0
    assert not again.data["batches"], "git is the record, not the branches"
    assert plait("report", cwd=repository).status == 0


def test_a_live_run_and_a_branch_that_somebody_stands_on_are_left_alone(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str], tmp_path: Path
) -> None:
    plan = write_plan("feature: tidy\ngoal: g\ntasks: [{id: A, run: echo a > a.txt}]\n", "first.yaml")
    assert plait("run", str(plan), cwd=repository, env=prefect_server).status == 0
    git(repository, "worktree", "add", "-q", str(tmp_path / "tree"), "feature/tidy/agent/command/A")
    kept = plait("clean", "--older-than", "0", "--yes", cwd=repository)
    assert "is checked out in" in kept.stderr
    assert "feature/tidy/agent/command/A" in branches(repository)

    tasks = f"[{{id: A, run: echo a > a.txt}}, {{id: C, run: 'touch {tmp_path}/on; sleep 60'}}]"
    waits = f"feature: tidy\ngoal: g\ntasks: {tasks}\n"
    running = Running("run", str(write_plan(waits, "second.yaml")), cwd=repository, env=prefect_server)
    running.wait_until((tmp_path / "on").exists)
    live = plait("clean", "--older-than", "0", "--yes", cwd=repository)
    assert live.stdout == "nothing to delete\n"
    assert "tidy goes on" in live.stderr
    plait("cancel", cwd=repository)
    running.end()
