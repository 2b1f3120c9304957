"""What is told of the batches that a kill cut short: git says whether they landed."""

import json
from pathlib import Path

import pytest

from plait.flows.journal_file import JournalFile
from plait.flows.runs import find_run
from plait.plans.journal.events import Begin, Tick, WorkDone, WorkEnded
from plait.plans.tasks.outcomes import BatchState
from tests.plans.run.played import AT_ONCE, manifest_from
from tests.support.repositories import git

PLAN = "tasks: [{id: A, role: one, prompt: a}, {id: B, role: one, prompt: b}]\ncrew: {roles: {one: {slots: 2}}}"


@pytest.mark.parametrize(
    ("there", "state"),
    [("", BatchState.CUT_SHORT), ("A", BatchState.PART_LANDED), ("AB", BatchState.LANDED)],
)
def test_a_batch_of_a_killed_run_has_landed_where_git_says_so_and_is_cut_short_else(
    repository: Path, tmp_path: Path, there: str, state: BatchState
) -> None:
    folder = tmp_path / "home" / "runs" / "cart-1"
    folder.mkdir(parents=True)
    facts = {"run_id": "cart-1", "feature": "cart", "repository": str(repository / ".git"), "pid": 1, "started": "no"}
    (folder / "run.json").write_text(json.dumps(facts))
    manifest = manifest_from(PLAN, **{**AT_ONCE, "ready": 1.0})
    journal, tip = JournalFile.begin(folder, manifest), git(repository, "rev-parse", "HEAD").strip()
    apart = git(repository, "commit-tree", "HEAD^{tree}", "-p", "HEAD", "-m", "x").strip()
    git(repository, "branch", manifest.branch, tip)
    done = [WorkEnded(task.id, WorkDone(apart, 1), number=1) for task in manifest.tasks]
    for at, event in enumerate([Begin(), Tick(), *done, Tick()]):
        journal.append(manifest.started_at + at, event)
    journal.close()
    for task in manifest.tasks:
        git(repository, "branch", task.branch, tip if task.id in there else apart)

    (batch,) = find_run(tmp_path / "home", None).shown_outcome().batches

    assert (batch.state, batch.landed, batch.reason) == (state, tuple(there), "its run was killed")
    assert batch.ended_at is not None
