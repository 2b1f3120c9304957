"""What an earlier run of the same feature has finished already: git is the record."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from operator import or_
from types import MappingProxyType

from plait.plans.errors import CallError
from plait.plans.journal.manifest import EarlierWork
from plait.plans.names import agent_branch, base_ref, fresh_ref, integration_branch
from plait.plans.tasks.bundling import is_member, members_said
from plait.plans.tasks.expansion import PlannedTask
from plait.plans.tasks.planned_contracts import PlannedContract, newest
from plait.plans.tasks.reviews import ReviewRecord
from plait.workspace.ancestry import Ancestry, read_ancestry
from plait.workspace.contract_refs import contract_content, read_records
from plait.workspace.control import Control
from plait.workspace.empty_tasks import empty_tasks
from plait.workspace.landed_work import LandedWork, landed_work


@dataclass(frozen=True, slots=True)
class Reuse:
    """What to take over from the repository, and what to move out of the way."""

    finished: Mapping[str, EarlierWork]
    outdated: tuple[str, ...]
    """Branches of tasks whose spec or needs changed: kept below `refs/plait/old/`."""
    redone: frozenset[str] = frozenset()
    """Unfinished tasks of which outdated work has landed: done again on top of it, or the two would only conflict."""
    left: tuple[str, ...] = ()
    """Branches that have more than what has landed of their tasks: somebody went on there."""
    repaired: Mapping[str, str] = field(default_factory=dict)
    """By task, the commit that a person put above its own, which is among the finished."""
    sent_back: Mapping[str, EarlierWork] = field(default_factory=dict)
    """What was finished and a person rejected: its agent goes on from the commit, where there is one."""
    lost: Mapping[str, str] = field(default_factory=dict)
    """By task that had landed and is in no history any more, the commit that was landed last."""


def find_finished(
    control: Control,
    feature: str,
    tasks: Sequence[PlannedTask],
    *,
    base: str,
    unwanted: Collection[str] = (),
    bundled: Mapping[str, str] = MappingProxyType({}),
) -> Reuse:
    """Compare each task's work with its spec, in order of needs: what rests on something outdated is outdated too.

    Its work is what its branch has; where that is gone or something else, what has landed of it (`landed_work`).

    Args:
        base: The commit of the base branch as it is now.
        unwanted: Tasks that are outdated, whatever their branches say.
        bundled: By task that has no branch of its own, the commit of a bundle that it has landed with.
    """
    places = _Places.read(control, feature, tasks, base=base, bundled=bundled)
    history = places.history
    works, ordered, stale = _Works.read(history, feature, landed=places.seen), _in_order(tasks), set(unwanted)
    while True:
        finished = dict[str, EarlierWork]()
        for task in ordered:
            versions = () if task.id in stale else places.versions(task.id)
            for made in versions:
                rests_on = _rests_on(history, task, made, finished)
                if rests_on is not None:
                    finished[task.id] = places.work_at(task.id, made.commit, rests_on)
                    break
        more = works.outdated_in(finished)
        if not more:
            break
        stale |= more
    outdated = [task for task in ordered if task.id in places.branches and task.id not in finished]
    above = {task: done for task, done in finished.items() if done.commit and done.commit == places.below(task)}
    return Reuse(
        works.completed(finished),
        tuple(agent_branch(feature, task.role, task.id) for task in outdated),
        frozenset(task.id for task in ordered if task.id not in finished and works.has_landed(task.id)),
        left=tuple(places.named[task] for task, done in above.items() if done.landed),
        repaired={task: places.branches[task] for task, done in above.items() if not done.landed},
        lost=places.work.lost,
    )


@dataclass(frozen=True, slots=True)
class _Made:
    """A commit that may be a task's work, and what it says of that."""

    commit: str
    trailers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Places:
    """Where a task's work may be: on its branch, in a bundle, in what has landed, or nowhere as nothing changed."""

    feature: str
    history: Ancestry
    work: LandedWork
    branches: Mapping[str, str]
    """By task, the tip of its branch."""
    named: Mapping[str, str]
    """By task, its branch."""
    bundled: Mapping[str, str]
    empties: Mapping[str, str]
    seen: tuple[str, ...]
    """The tips of what work lands on: the feature branch, base."""

    @classmethod
    def read(
        cls, control: Control, feature: str, tasks: Sequence[PlannedTask], *, base: str, bundled: Mapping[str, str]
    ) -> "_Places":
        refs, empties = control.target.refs(f"refs/heads/feature/{feature}/agent/"), empty_tasks(control, feature)
        named = {task.id: agent_branch(feature, task.role, task.id) for task in tasks}
        own = {task: refs.get(f"refs/heads/{branch}") for task, branch in named.items()}
        tip, began = control.branch(integration_branch(feature)), control.store.resolve(base_ref(feature))
        fresh = control.target.resolve(fresh_ref(feature))
        work = landed_work(control, feature, tip=tip, base=base, fresh=fresh)
        seen = tuple(commit for commit in (tip, base) if commit)
        # What is older than where the feature began is none of its work, unless it was begun anew with work on base.
        beyond = began if tip and began and not _older(control, work, began) else None
        beyond = beyond if work.claims or tip else base
        commits = (*refs.values(), *empties.values(), *seen, *work.commits, *work.ended)
        history = read_ancestry(control, commits, beyond=beyond)
        branches = {task: tip for task, tip in own.items() if tip}
        return cls(feature, history, work, branches, named, bundled, empties, seen)

    def versions(self, task: str) -> Iterator[_Made]:
        """The commits that may be a task's work, the likeliest first."""
        claims = self.work.claims.get(task, ())
        own = [self.branches.get(task) or self.bundled.get(task)]
        own += [] if own[0] or claims else [self.empties.get(task)]
        for commit in own:
            if commit and not self._is_void(commit):
                yield _Made(commit, self.history.trailers.get(commit, {}))
        yield from (_Made(claim.commit, claim.trailers) for claim in claims)
        below = self.below(task)
        if below is not None and not self._is_void(below):
            yield _Made(below, self.history.trailers[below])

    def below(self, task: str) -> str | None:
        """The newest commit of a task that somebody has put others on, on its branch; of plait's own tips, nothing."""
        tip = self.branches.get(task)
        if tip is None or self.history.trailers.get(tip, {}).get("Plait-Task") == task:
            return None
        own = [commit for commit in self.history.named(self.history.inside(tip)) if self._is_by(task, commit)]
        newest = [commit for commit in own if all(self.history.contains(commit, other) for other in own)]
        return newest[0] if newest else None

    def _is_by(self, task: str, commit: str) -> bool:
        trailers = self.history.trailers.get(commit, {})
        named = trailers.get("Plait-Feature"), trailers.get("Plait-Task")
        return named == (self.feature, task) and "Plait-Spec" in trailers

    def work_at(self, task: str, commit: str, rests_on: tuple[str, ...]) -> EarlierWork:
        """What earlier runs finished, given the commit that says so."""
        if commit == self.empties.get(task):
            return EarlierWork(
                None, landed=True, rests_on=rests_on, at=next(iter(self.history.parents.get(commit, ())), None)
            )
        return EarlierWork(commit, self.has_landed(commit), rests_on, commit)

    def has_landed(self, commit: str) -> bool:
        """Whether a commit is in what work lands on."""
        return any(self.history.contains(tip, commit) for tip in self.seen)

    def _is_void(self, commit: str) -> bool:
        return any(self.history.contains(end, commit) for end in self.work.ended)


def _older(control: Control, work: LandedWork, began: str) -> bool:
    """Whether any work landed before the feature, as it is now, began."""
    return control.store.outside(work.commits, began) < set(work.commits)


@dataclass(frozen=True, slots=True)
class _Works:
    """All commits of a feature's tasks, whoever's history they are in; bits as in `Ancestry`."""

    history: Ancestry
    own: Mapping[str, int]
    """By task."""
    everybody: int
    landed: int

    @classmethod
    def read(cls, history: Ancestry, feature: str, *, landed: Iterable[str]) -> "_Works":
        own: dict[str, list[str]] = {}
        for commit, said in history.trailers.items():
            if said.get("Plait-Feature") == feature and "Plait-Task" in said:
                for task in (said["Plait-Task"], *members_said(said.get("Plait-Members", ""))):
                    own.setdefault(task, []).append(commit)
        everybody = history.bits_of(commit for of in own.values() for commit in of)
        bits = {task: history.bits_of(of) for task, of in own.items()}
        return cls(history, bits, everybody, reduce(or_, map(history.inside, landed), 0))

    def has_landed(self, task: str) -> bool:
        """Whether anything that a task ever made is on the feature branch."""
        return bool(self.own.get(task, 0) & self.landed)

    def outdated_in(self, finished: Mapping[str, EarlierWork]) -> set[str]:
        """The tasks whose commit holds work that has not landed and is nobody's any more.

        A repair inside a phase starts from what others of the phase have made, without needing them.
        """
        sound = 0
        for task, done in finished.items():
            sound |= self.own.get(task, 0) & self.history.inside(done.commit or "")
        return {task for task, done in finished.items() if self._of_others(task, done) & ~sound}

    def completed(self, finished: Mapping[str, EarlierWork]) -> dict[str, EarlierWork]:
        """The same, each resting also on those whose work its commit has without needing it."""
        return {task: self._completed(task, done, finished) for task, done in finished.items()}

    def _completed(self, task: str, done: EarlierWork, finished: Mapping[str, EarlierWork]) -> EarlierWork:
        more = self._of_others(task, done)
        for need in done.rests_on if more else ():
            more &= ~self.history.inside(finished[need].commit or "")
        others = (self.history.trailers[commit]["Plait-Task"] for commit in self.history.named(more))
        rests_on = tuple(dict.fromkeys((*done.rests_on, *others)))
        commits = {need: finished[need].commit for need in rests_on if done.commit and need in finished}
        behind = (need for need, made in commits.items() if made and not self.history.contains(done.commit or "", made))
        return replace(done, rests_on=rests_on, behind=tuple(behind))

    def _of_others(self, task: str, done: EarlierWork) -> int:
        inside = self.history.inside(done.commit or "")
        return inside & self.everybody & ~self.own.get(task, 0) & ~self.landed


def _rests_on(
    history: Ancestry, task: PlannedTask, made: _Made, finished: Mapping[str, EarlierWork]
) -> tuple[str, ...] | None:
    """The tasks that a commit was made on; nothing when it is not this very task's, made on what its needs are now."""
    commit, trailers = made.commit, made.trailers
    members = members_said(trailers.get("Plait-Members", ""))
    if trailers.get("Plait-Spec") != task.spec_hash and not is_member(task, members):
        return None
    found: dict[str, None] = {}
    for group in task.needs:
        done = {need: finished[need] for need in group if need in finished}
        inside = [need for need, one in done.items() if one.commit and _contains(history, commit, need, one.commit)]
        empty = [one for one in done.values() if one.commit is None]
        if not inside and not empty:
            return None
        found |= dict.fromkeys(inside or empty[0].rests_on)
    return tuple(found)


def _contains(history: Ancestry, commit: str, need: str, made: str) -> bool:
    """Whether a commit was made on what a need is now, or on what that was before it was repaired."""
    return any(history.contains(commit, version) for version in _versions(history, need, made))


def _versions(history: Ancestry, task: str, commit: str) -> Iterator[str]:
    """A task's commit, then those that it repairs: each the first parent of the next (`agent_tasks/implement`)."""
    yield commit
    while len(parents := history.parents.get(commit, ())) == 2:
        if history.trailers.get(parents[0], {}).get("Plait-Task") != task:
            return
        yield (commit := parents[0])


def _in_order(tasks: Sequence[PlannedTask]) -> list[PlannedTask]:
    """Tasks after all that they need."""
    waiting, placed, order = list(tasks), set[str](), list[PlannedTask]()
    while waiting:
        ready = [task for task in waiting if all(need in placed for group in task.needs for need in group)]
        order += ready
        placed |= {task.id for task in ready}
        waiting = [task for task in waiting if task.id not in placed]
    return order


def rejected_owners(
    control: Control, feature: str, contracts: Iterable[PlannedContract], finished: Mapping[str, EarlierWork]
) -> frozenset[str]:
    """The finished tasks of which a person rejected a contract as it still is."""
    written = [(contract, contract.owner) for contract in contracts if contract.owner in finished]
    records = read_records(control, feature) if written else {}
    found: set[str] = set()
    for contract, owner in written:
        last, made = newest(records.get(contract.id, ())), finished[owner or ""].at
        if last is None or last.status != "rejected" or made is None:
            continue
        if last.content == contract_content(control, made, contract):
            found.add(owner or "")
    return frozenset(found)


def without(reuse: Reuse, rejected: Collection[str]) -> Reuse:
    """What is taken over when these tasks have to go again: an agent goes on from what it made before."""
    finished = {task: done for task, done in reuse.finished.items() if task not in rejected}
    before = {task: reuse.finished.get(task, EarlierWork(None, landed=False)) for task in rejected}
    return replace(reuse, finished=finished, sent_back=before)


def move_aside(control: Control, branches: Sequence[str], *, run_id: str) -> tuple[str, ...]:
    """Keep outdated branches below `refs/plait/old/<run>/`, take them off the list of branches, and give those refs.

    Raises:
        CallError: somebody stands on one of them, so nothing was moved.
    """
    for branch in branches:
        place = control.worktree_of(branch)
        if place is not None:
            raise CallError(
                f"{branch} is checked out in {place}, and this run has to put it aside",
                hint=f"check out another branch there: git -C {place} switch BRANCH",
            )
    kept: list[str] = []
    for branch in branches:
        commit = control.branch(branch)
        if commit is not None:
            kept.append(f"refs/plait/old/{run_id}/{branch}")
            control.target.set_ref(kept[-1], commit, reason="plait: outdated")
            control.target.ask("update-ref", "--no-deref", "-d", f"refs/heads/{branch}", commit)
    return tuple(kept)


def unread_works(
    tasks: Iterable[PlannedTask], finished: Mapping[str, EarlierWork], reviews: Mapping[str, ReviewRecord]
) -> frozenset[str]:
    """What is finished, has not landed, has a review, and nobody has approved as it is."""
    approved = {(record.task, record.commit) for record in reviews.values() if record.status == "approved"}
    works = {task.id: finished[task.id] for task in tasks if task.task.review and task.id in finished}
    return frozenset(
        task for task, work in works.items() if work.commit and not work.landed and (task, work.commit) not in approved
    )


def everything_of(control: Control, feature: str) -> tuple[str, ...]:
    """All branches of a feature, for `--fresh`."""
    return tuple(name.removeprefix("refs/heads/") for name in control.target.refs(f"refs/heads/feature/{feature}/"))
