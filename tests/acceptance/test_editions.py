"""`plait run` with `{date}` in the feature's name: each edition from today's base, told beside the last."""

import json
from pathlib import Path

import pytest

from plait.workspace.home import plait_home
from tests.acceptance.conftest import WritePlan
from tests.support.command import plait
from tests.support.repositories import commit_files, files_of, git

pytestmark = pytest.mark.slow

PLAN = """
    feature: nightly-{date}
    goal: The list of files is new each night.
    keep: 3
    tasks:
      - {id: LIST, run: 'ls > list.txt', owns: [list.txt]}
      - {id: CHECK, run: 'grep -q README list.txt', needs: [LIST]}
"""


def branches(repository: Path) -> list[str]:
    return git(repository, "for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads/feature/").split()


def test_each_edition_starts_from_todays_base_and_tells_what_changed_since_the_last(
    repository: Path, write_plan: WritePlan
) -> None:
    plan = str(write_plan(PLAN))
    first = plait("run", plan, "--edition", "2026-11-01", "--json", cwd=repository)
    assert first.status == 0, first.stderr
    assert first.data["feature"] == "nightly-2026-11-01"
    assert "edition" not in first.data

    commit_files(repository, {"new.txt": "of a person\n"})
    second = plait("run", plan, "--edition", "2026-11-02", "--json", cwd=repository)
    assert second.status == 0, second.stderr
    assert "new.txt" in files_of(repository, "feature/nightly-2026-11-02/integration")["list.txt"]
    change = second.data["edition"]
    assert change["before"] == "nightly-2026-11-01"
    assert (change["files"], change["paths"]) == (2, ["list.txt", "new.txt"])
    told = "since nightly-2026-11-01: 2 files differ"
    assert told in plait("report", cwd=repository).stdout
    assert told in plait("report", "--markdown", cwd=repository).stdout.replace("\\", "")


def test_an_edition_that_landed_on_base_is_removed_after_keep_days_and_others_stay(
    repository: Path, write_plan: WritePlan
) -> None:
    plan = str(write_plan(PLAN))
    for day in ("2026-11-01", "2026-11-02"):
        run = plait("run", plan, "--edition", day, "--json", cwd=repository)
        assert run.status == 0, run.stderr
        long_ago(run.data["run_id"])
        commit_files(repository, {f"{day}.txt": "of a person\n"})
    git(repository, "merge", "-q", "feature/nightly-2026-11-01/integration")

    third = plait("run", plan, "--edition", "2026-11-03", cwd=repository)

    assert third.status == 0, third.stderr
    assert "nightly-2026-11-01 has landed on base: 2 branches of it removed" in third.stderr + third.stdout
    left = branches(repository)
    assert not [branch for branch in left if "2026-11-01" in branch]
    assert "feature/nightly-2026-11-02/integration" in left
    assert "feature/nightly-2026-11-03/integration" in left


def long_ago(run: str) -> None:
    """As if the run had ended in the spring."""
    file = plait_home() / "runs" / run / "outcome.json"
    outcome = json.loads(file.read_text())
    file.write_text(json.dumps(outcome | {"ended_at": "2026-04-01T02:00:00Z"}))
