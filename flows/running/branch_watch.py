"""What somebody else has made of the feature branch while a run goes on: looked at between batches, and at the end."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from plait.plans.journal.events import RepairFound, TipMoved
from plait.plans.run.standings import Standings
from plait.plans.run.statuses import LandsByHand
from plait.workspace.control import HEADS, Control
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

    _foreign: dict[str, str] = field(default_factory=dict)
    """The same, of the branches of others."""

    def __post_init__(self) -> None:
        self._seen = self.run.manifest.tip
        earlier = (work.commit for work in self.run.manifest.earlier.values() if work.landed and work.commit)
        self._elsewhere = _missing(self.control, tuple(earlier), self._seen)

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
        missing = _missing(self.control, tuple(commits.values()), tip) - self._elsewhere
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

    def persons_repairs(self) -> list[RepairFound]:
        """What persons have put on the branches of tasks that were rejected, each commit once.

        Raises:
            GitFailed: a commit is missing.
        """
        run, store = self.run, self.control.store
        waiting = {run.facts[task].branch: task for task, one in run.tasks.items() if one.is_for_repair}
        if not waiting:
            return []
        repairs = self._newer_tips(waiting.values())
        for ref, commit in self.control.target.refs(f"refs/heads/feature/{run.manifest.feature}/agent/").items():
            task = waiting.get(ref.removeprefix(HEADS))
            if task is None or self._known.get(task) == commit or task in run.mending:
                continue
            self._known[task] = commit
            rejected = run.tasks[task].commit or ""
            if commit != rejected and store.is_ancestor(rejected, commit):
                repairs.append(RepairFound(task, commit))
        return repairs

    def _newer_tips(self, waiting: Iterable[str]) -> list[RepairFound]:
        """What others have put on the branches of theirs that tasks take, and that were rejected."""
        newer: list[RepairFound] = []
        for task in waiting:
            name, taken = self.run.facts[task].foreign, self.run.tasks[task].commit
            tip = foreign_tip(self.control.target, name) if name and taken and task not in self.run.mending else None
            if tip is None or taken is None or self._foreign.get(task) == tip:
                continue
            self._foreign[task] = tip
            if not self.control.store.is_ancestor(tip, taken):
                newer.append(RepairFound(task, tip))
        return newer


def _missing(control: Control, commits: Collection[str], tip: str | None) -> frozenset[str]:
    """Those of some commits that a tip does not contain."""
    if not commits or tip is None:
        return frozenset(commits)
    wanted = "".join(f"{revision}\n" for revision in (*commits, f"^{tip}"))
    outside = control.store.ask("rev-list", "--stdin", stdin=wanted.encode()).text.split()
    return frozenset(commits).intersection(outside)
