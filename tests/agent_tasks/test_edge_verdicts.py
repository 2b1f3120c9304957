"""Who is told what: batches of every kind of guilt as one table, each integrated on real git with real checks."""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from plait.agent_tasks.integrate import integrate
from plait.plans.tasks.outcomes import BatchState
from plait.plans.tasks.work import BatchOrder, BatchReport, Candidate
from tests.conftest import DATE, BranchWith
from tests.flows.opened import opened
from tests.support.patience import patience
from tests.support.repositories import Content, git

TIP = "feature/shop/integration"
NOT_BOTH = "! (test -f a.txt && test -f b.txt)"
NOT_ALL = "! (test -f a.txt && test -f b.txt && test -f c.txt)"


@dataclass(frozen=True, slots=True)
class Batch:
    """Branches by their files, a check, and what has to come of them."""

    check: str
    files: Mapping[str, Mapping[str, Content]]
    starts: Mapping[str, str] = field(default_factory=dict)
    """By task, the task that it stands on; `main` for the others."""
    needs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    landed: tuple[str, ...] = ()
    rejected: Mapping[str, tuple[str, str | None]] = field(default_factory=dict)
    """Task to kind and partner."""
    held: Mapping[str, str] = field(default_factory=dict)
    state: BatchState = BatchState.LANDED
    alike: str = ""
    """Tasks that are red only together: with several slots the answers' order decides which of them is rejected."""

    def named(self, partner: str | None, task: str) -> str | None:
        """The partner that is expected of a task, for any of those that it is red with."""
        among = partner is not None and {partner, task} <= set(self.alike)
        return self.rejected[task][1] if among and task in self.rejected else partner

    def may_be(self, rejected: str) -> "Batch":
        """The same with another one of those rejected in place of the usual one."""
        usual = next(iter(set(self.alike) & self.rejected.keys()))
        names = {usual: rejected, rejected: usual}
        told = {names.get(task, task): (kind, names.get(by or "", by)) for task, (kind, by) in self.rejected.items()}
        return replace(self, landed=tuple(names.get(task, task) for task in self.landed), rejected=told)


def letters(names: str) -> dict[str, dict[str, Content]]:
    return {name: {f"{name.lower()}.txt": "x\n"} for name in names}


BATCHES = {
    "zero branches": Batch("true", {}, state=BatchState.REJECTED),
    "one branch": Batch("true", letters("A"), landed=("A",)),
    "one bad branch": Batch(
        "! test -f a.txt", letters("A"), rejected={"A": ("fails-alone", None)}, state=BatchState.REJECTED
    ),
    "one bad of four": Batch(
        "! test -f c.txt",
        letters("ABCD"),
        landed=("A", "B", "D"),
        rejected={"C": ("fails-alone", None)},
        state=BatchState.PART_LANDED,
    ),
    "all bad": Batch(
        "! ls | grep -q '^[abc].txt'",
        letters("ABC"),
        rejected=dict.fromkeys("ABC", ("fails-alone", None)),
        state=BatchState.REJECTED,
    ),
    "a pair": Batch(
        NOT_BOTH,
        letters("ABC"),
        landed=("A", "C"),
        rejected={"B": ("pair", "A")},
        alike="AB",
        state=BatchState.PART_LANDED,
    ),
    "a triple": Batch(
        NOT_ALL,
        letters("ABCD"),
        landed=("A", "B", "D"),
        rejected={"C": ("interaction", "B")},
        alike="ABC",
        state=BatchState.PART_LANDED,
    ),
    "a bad one and a pair": Batch(
        f"{NOT_BOTH} && ! test -f c.txt",
        letters("ACBD"),
        landed=("A", "D"),
        rejected={"B": ("pair", "A"), "C": ("fails-alone", None)},
        alike="AB",
        state=BatchState.PART_LANDED,
    ),
    "a red base": Batch("false", letters("AB"), state=BatchState.REJECTED),
    "a red base that a branch mends": Batch("test -f b.txt", letters("ABC"), landed=("A", "B", "C")),
    "what one breaks a later one mends": Batch(
        "! test -f a.txt || test -f c.txt", letters("ABC"), landed=("A", "B", "C")
    ),
    "what needs a rejected one": Batch(
        "! test -f a.txt",
        letters("ABC"),
        needs={"B": ("A",)},
        landed=("C",),
        rejected={"A": ("fails-alone", None)},
        held={"B": "A"},
        state=BatchState.PART_LANDED,
    ),
    "what stands on a rejected one": Batch(
        "! test -f a.txt",
        letters("ABC"),
        starts={"B": "A"},
        landed=("C",),
        rejected={"A": ("fails-alone", None)},
        held={"B": "A"},
        state=BatchState.PART_LANDED,
    ),
    "what stands on a rejected one and takes its file away": Batch(
        "! test -f bad.txt",
        {"A": {"bad.txt": "x\n"}, "B": {"bad.txt": None, "b.txt": "x\n"}},
        starts={"B": "A"},
        landed=("A", "B"),
    ),
}


@pytest.mark.parametrize("slots", [1, 4])
@pytest.mark.parametrize("batch", BATCHES.values(), ids=BATCHES)
def test_the_verdict_is_exact(
    repository: Path, branch_with: BranchWith, batch: Batch, slots: int, tmp_path: Path
) -> None:
    tips = {
        task: branch_with(task.lower(), files, start=batch.starts.get(task, "main").lower())
        for task, files in batch.files.items()
    }
    report = integrated(repository, batch, tips, slots=slots)
    outcome = report.outcome
    assert outcome.state == batch.state, outcome.reason
    told = {one.task: (one.kind, one.partner) for one in outcome.rejected if one.kind != "base-red"}
    if slots > 1 and (other := set(batch.alike) & told.keys()):
        batch = batch.may_be(other.pop())
        told = {task: (kind, batch.named(by, task)) for task, (kind, by) in told.items()}
    assert sorted(outcome.landed) == sorted(batch.landed)
    assert told == dict(batch.rejected)
    assert {held.task: held.by for held in outcome.held} == dict(batch.held)
    for task, tip in tips.items():
        there = git(repository, "for-each-ref", f"--contains={tip}", f"refs/heads/{TIP}")
        assert bool(there) == (task in batch.landed), task
    hold_green_tips(repository, batch.check, tmp_path / "states")


def integrated(repository: Path, batch: Batch, tips: Mapping[str, str], *, slots: int) -> BatchReport:
    plan = f"""
        feature: shop
        goal: Sell things.
        tasks:
          - {{id: A, run: "true"}}
        integration: {{verify: ["{batch.check}"], slots: {slots}}}
    """
    branches = tuple(Candidate(task, tip, batch.needs.get(task, ())) for task, tip in tips.items())
    with opened(plan, repository) as session, patience(60):
        return integrate.fn(BatchOrder("batch-1", session.shop.run_id, branches, DATE), session.shop.facts)


def hold_green_tips(repository: Path, check: str, folder: Path) -> None:
    """Each state on the first parents passes the check, in a checkout of the test's own."""
    if not git(repository, "for-each-ref", f"refs/heads/{TIP}"):
        return
    for state in git(repository, "rev-list", "--first-parent", TIP, "^main").split():
        git(repository, "worktree", "add", "--quiet", "--detach", str(folder / state), state)
        assert subprocess.run(["sh", "-c", check], cwd=folder / state, check=False).returncode == 0, state
