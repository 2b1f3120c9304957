"""Old editions are removed once they are on base: what plait made of them, and nothing of anybody else's."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from plait.flows.landing import LandCall, land_feature
from plait.flows.recording.run_files import this_run, write_outcome, write_run_file
from plait.flows.running.editions import remove_old_editions
from plait.workspace.home import plait_home, run_directory
from tests.flows.finished import PLAN, finish
from tests.flows.opened import opened
from tests.support.outcomes import an_outcome
from tests.support.repositories import git

OLD = "nightly-2026-01-02"
NIGHTLY = PLAN.replace("cart", "nightly-{date}")


def ended_edition(repository: Path, *, days: float) -> None:
    """An edition that landed on its own branch, so many days before now."""
    finish(repository, PLAN.replace("cart", OLD))
    directory = run_directory(plait_home(), "old-1")
    common = str((repository / ".git").resolve())
    record = this_run("old-1", OLD, common, flow_run=None, deployed=False, plan="", template="nightly-{date}")
    write_run_file(directory, replace(record, pid=0))  # its process is gone
    ended = datetime.now(UTC) - timedelta(days=days)
    outcome = an_outcome(run_id="old-1", feature=OLD, branch=f"feature/{OLD}/integration", ended_at=ended)
    write_outcome(outcome, directory, report="", chart="")


def told(repository: Path) -> list[str]:
    with opened(NIGHTLY, repository, run_id="new-1") as session:
        return list(remove_old_editions(session))


def branches(repository: Path) -> set[str]:
    listed = git(repository, "for-each-ref", "--format=%(refname:short)", f"refs/heads/feature/{OLD}/")
    return set(listed.split())


def test_what_landed_on_base_goes_after_keep_days_and_a_branch_of_a_persons_stays(repository: Path) -> None:
    ended_edition(repository, days=15)
    git(repository, "merge", "--quiet", "--no-edit", f"feature/{OLD}/integration")
    git(repository, "branch", f"feature/{OLD}/mine", "main")

    assert told(repository) == [f"{OLD} has landed on base: 3 branches of it removed"]
    assert branches(repository) == {f"feature/{OLD}/mine"}
    assert told(repository) == []


@pytest.mark.parametrize("way", ["merge", "squash"])
def test_what_landed_at_the_remote_goes_although_nobody_pulls(repository: Path, tmp_path: Path, way: str) -> None:
    place = tmp_path / "origin.git"
    git(repository, "clone", "--quiet", "--bare", str(repository), str(place))
    git(repository, "remote", "add", "origin", str(place))
    git(repository, "fetch", "--quiet", "origin")
    git(repository, "branch", "--quiet", "--set-upstream-to=origin/main", "main")
    ended_edition(repository, days=15)
    assert told(repository) == []

    assert land_feature(LandCall(OLD, repository, way=way)).base == "origin/main"

    assert told(repository) == [f"{OLD} has landed on base: 3 branches of it removed"]


@pytest.mark.parametrize(("days", "lands"), [(13, True), (15, False)])
def test_what_is_younger_or_not_on_base_stays(repository: Path, days: float, *, lands: bool) -> None:
    ended_edition(repository, days=days)
    if lands:
        git(repository, "merge", "--quiet", "--no-edit", f"feature/{OLD}/integration")
    before = branches(repository)

    assert told(repository) == []
    assert branches(repository) == before


def test_a_branch_that_is_checked_out_stays(repository: Path) -> None:
    ended_edition(repository, days=15)
    git(repository, "merge", "--quiet", "--no-edit", f"feature/{OLD}/integration")
    git(repository, "worktree", "add", "--quiet", str(repository.parent / "looking"), f"feature/{OLD}/integration")

    assert told(repository) == [f"{OLD} has landed on base: 2 branches of it removed"]
    assert branches(repository) == {f"feature/{OLD}/integration"}
