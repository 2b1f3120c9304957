"""What somebody else has made of the feature branch while a run goes on: looked at between batches, and at the end."""

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from plait.plans.journal.events import RepairFound, TipMoved
from plait.plans.run.standings import Standings
from plait.plans.run.statuses import LandsByHand
from plait.workspace.control import HEADS, Control
from plait.workspace.errors import GitFailed
from plait.workspace.foreign_branches import foreign_tip
from plait.workspace.landed_work import landed_work
from plait.workspace.trailers import trailers_of


@dataclass(slots=True)
class BranchWatch:
    """Looks at the feature branch for the run."""

    control: Control
    run: Standings
    _seen: str | None = field(init=False)
    """Where it was last time."""
    _elsewhere: frozenset[str] = field(init=False)
    """Commits of work that had landed before the run, and not on the feature branch: on base."""
    _known: dict[str, str] = field(default_factory=dict)
    """By task that was rejected, the tip of its branch that was looked at."""
    _mended: dict[str, str] = field(default_factory=dict)
    """By task, what a person had put there last: where they stand on the branch, plait's own commit is not on it."""
    _foreign: dict[str, str] = field(default_factory=dict)
    """As `_known`, of the branches of others."""

    def __post_init__(self) -> None:
        self._seen = self.run.manifest.tip
        earlier = (work.commit for work in self.run.manifest.earlier.values() if work.landed and work.commit)
        self._elsewhere = self._missing(tuple(earlier), self._seen)

    def look(self) -> TipMoved | None:
        """What the run does not know: that the branch is elsewhere, or that what had landed is not in it.

        Example: A and B have landed, and somebody deletes the branch: `TipMoved(None, lost=("A", "B"))`. Had they
        squashed the two into one commit with plait's trailers in its message, nothing would be lost.

        Raises:
            GitFailed: the branch names a commit that is missing.
        """
        tip, run = self.control.branch(self.run.manifest.branch), self.run
        if run.in_work or tip == self._seen == run.tip:
            return None
        by_hand = [task for task, one in run.tasks.items() if isinstance(one.status, LandsByHand)]
        commits = {task: commit for task in (*run.landed, *by_hand) if (commit := run.commit_of(task))}
        missing = self._missing(tuple(commits.values()), tip) - self._elsewhere
        lost = [task for task, commit in commits.items() if commit in missing and task not in by_hand]
        named = self._named({task: commits[task] for task in lost}, tip) if lost else frozenset()
        self._seen = tip
        moved = TipMoved(
            tip,
            lost=tuple(task for task in lost if task not in named),
            landed=tuple(task for task in by_hand if task in commits and commits[task] not in missing),
            by_somebody=True,
        )
        return moved if tip != run.tip or moved.lost else None

    def _named(self, lost: Mapping[str, str], tip: str | None) -> frozenset[str]:
        """The tasks of which history says that this very work has landed, and not what they were asked for before."""
        claims = landed_work(self.control, self.run.manifest.feature, tip=tip, base=self.run.manifest.base).claims
        specs = {task: trailers_of(self.control, commit).get("Plait-Spec") for task, commit in lost.items()}
        return frozenset(
            task
            for task, spec in specs.items()
            if any(claim.trailers.get("Plait-Spec") == spec for claim in claims.get(task, ()))
        )

    def _missing(self, commits: Collection[str], tip: str | None) -> frozenset[str]:
        """Those of some commits that are not on the feature branch where that is at `tip`."""
        return self.control.store.outside(commits, *((tip,) if tip else ()))

    def persons_repairs(self) -> list[RepairFound]:
        """What persons have put on the branches of tasks that were rejected, each commit once."""
        waiting = [task for task, one in self.run.tasks.items() if one.is_for_repair and task not in self.run.mending]
        if not waiting:
            return []
        refs = self.control.target.refs(f"refs/heads/feature/{self.run.manifest.feature}/agent/")
        repairs: list[RepairFound] = []
        for task in waiting:
            with suppress(GitFailed):  # a damaged branch, or one that is just being collected, repairs nothing
                repairs += self._newer_tip(task)
            with suppress(GitFailed):
                repairs += self._repair_on(task, refs.get(HEADS + self.run.facts[task].branch))
        return repairs

    def _repair_on(self, task: str, tip: str | None) -> list[RepairFound]:
        """What a person has put on a task's own branch.

        Raises:
            GitFailed: a commit is missing.
        """
        rejected = self.run.tasks[task].commit or ""
        if tip is None or tip == rejected or self._known.get(task) == tip:
            return []
        below = [rejected, *([self._mended[task]] if task in self._mended else [])]
        descends = any(self.control.store.is_ancestor(older, tip) for older in below)
        self._known[task] = tip
        if not descends:
            return []
        self._mended[task] = tip
        return [RepairFound(task, tip)]

    def _newer_tip(self, task: str) -> list[RepairFound]:
        """What others have put on the branch of theirs that a task takes.

        Raises:
            GitFailed: a commit is missing.
        """
        name, taken = self.run.facts[task].foreign, self.run.tasks[task].commit
        tip = foreign_tip(self.control.target, name) if name else None
        if tip is None or taken is None or self._foreign.get(task) == tip:
            return []
        is_newer = not self.control.store.is_ancestor(tip, taken)
        self._foreign[task] = tip
        return [RepairFound(task, tip)] if is_newer else []
