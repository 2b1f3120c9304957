"""What an earlier run of the same feature has finished already: git is the record."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from plait.agent_tasks.task_branches import empty_tasks
from plait.plans.errors import CallError
from plait.plans.journal.manifest import EarlierWork
from plait.plans.names import agent_branch, base_ref, integration_branch
from plait.plans.tasks.bundling import is_member, members_said
from plait.plans.tasks.expansion import PlannedTask
from plait.plans.tasks.planned_contracts import PlannedContract, newest
from plait.workspace.ancestry import Ancestry, read_ancestry
from plait.workspace.contract_refs import contract_content, read_records
from plait.workspace.control import Control


@dataclass(frozen=True, slots=True)
class Reuse:
    """What to take over from the repository, and what to move out of the way."""

    finished: Mapping[str, EarlierWork]
    outdated: tuple[str, ...]
    """Branches of tasks whose spec or needs changed: kept below `refs/plait/old/`."""
    redone: frozenset[str] = frozenset()
    """Unfinished tasks of which outdated work has landed: done again on top of it, or the two would only conflict."""
    sent_back: Mapping[str, EarlierWork] = field(default_factory=dict)
    """What was finished and a person rejected: its agent goes on from the commit, where there is one."""


def find_finished(
    control: Control,
    feature: str,
    tasks: Sequence[PlannedTask],
    *,
    base: str,
    unwanted: Collection[str] = (),
    bundled: Mapping[str, str] = MappingProxyType({}),
) -> Reuse:
    """Compare each task's branch with its spec, in order of needs: what rests on something outdated is outdated too.

    Args:
        base: The commit that the feature starts from.
        unwanted: Tasks that are outdated, whatever their branches say.
        bundled: By task that has no branch of its own, the commit of a bundle that it has landed with.
    """
    prefix = f"refs/heads/feature/{feature}/agent/"
    branches, empties = control.target.refs(prefix), empty_tasks(control, feature)
    tip = control.branch(integration_branch(feature))
    # The base that is kept is that of the integration branch; without that the base may be anywhere, also in front.
    beyond = control.store.resolve(base_ref(feature)) if tip else None
    history = read_ancestry(control, [*branches.values(), *empties.values(), tip or base], beyond=beyond)
    made = {
        task.id: branches.get(f"refs/heads/{agent_branch(feature, task.role, task.id)}") or bundled.get(task.id)
        for task in tasks
    }
    landed = {task for task, commit in made.items() if tip and commit and history.contains(tip, commit)}
    works, ordered, stale = _Works.read(history, feature, landed=tip or base), _in_order(tasks), set(unwanted)
    while True:
        finished = dict[str, EarlierWork]()
        for task in ordered:
            commit = made[task.id]
            known = commit or empties.get(task.id)
            rests_on = _rests_on(history, task, known, finished) if known and task.id not in stale else None
            if rests_on is not None:
                at = commit or next(iter(history.parents.get(known or "", ())), None)
                finished[task.id] = EarlierWork(commit, commit is None or task.id in landed, rests_on, at)
        more = works.outdated_in(finished)
        if not more:
            break
        stale |= more
    outdated = [task for task in ordered if made[task.id] and task.id not in finished]
    return Reuse(
        works.completed(finished),
        tuple(agent_branch(feature, task.role, task.id) for task in outdated),
        frozenset(task.id for task in ordered if task.id not in finished and works.has_landed(task.id)),
    )


@dataclass(frozen=True, slots=True)
class _Works:
    """All commits of a feature's tasks, whoever's history they are in; bits as in `Ancestry`."""

    history: Ancestry
    own: Mapping[str, int]
    """By task."""
    everybody: int
    landed: int

    @classmethod
    def read(cls, history: Ancestry, feature: str, *, landed: str) -> "_Works":
        own: dict[str, list[str]] = {}
        for commit, said in history.trailers.items():
            if said.get("Plait-Feature") == feature and "Plait-Task" in said:
                for task in (said["Plait-Task"], *members_said(said.get("Plait-Members", ""))):
                    own.setdefault(task, []).append(commit)
        everybody = history.bits_of(commit for of in own.values() for commit in of)
        bits = {task: history.bits_of(of) for task, of in own.items()}
        return cls(history, bits, everybody, history.inside(landed))

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
    history: Ancestry, task: PlannedTask, commit: str, finished: Mapping[str, EarlierWork]
) -> tuple[str, ...] | None:
    """The tasks that a commit was made on; nothing when it is not this very task's, made on what its needs are now."""
    said = history.trailers.get(commit, {})
    if said.get("Plait-Spec") != task.spec_hash and not is_member(task, members_said(said.get("Plait-Members", ""))):
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


def move_aside(control: Control, branches: Sequence[str], *, run_id: str) -> None:
    """Keep outdated branches below `refs/plait/old/<run>/` and take them off the list of branches.

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
    for branch in branches:
        commit = control.branch(branch)
        if commit is not None:
            control.target.set_ref(f"refs/plait/old/{run_id}/{branch}", commit, reason="plait: outdated")
            control.target.ask("update-ref", "--no-deref", "-d", f"refs/heads/{branch}", commit)


def everything_of(control: Control, feature: str) -> tuple[str, ...]:
    """All branches of a feature, for `--fresh`."""
    return tuple(name.removeprefix("refs/heads/") for name in control.target.refs(f"refs/heads/feature/{feature}/"))
