"""Small tasks that go to one agent in this run: bundles that earlier runs finished stay, the rest is bundled anew."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from plait.flows.forecasting import bundling_of
from plait.flows.inputs.requests import Brief
from plait.flows.past_durations import history_of
from plait.flows.running.reuse import Reuse
from plait.plans.names import agent_branch, integration_branch
from plait.plans.tasks.bundling import BUNDLED, bundle_of, in_bundles, is_member, members_said, with_bundles
from plait.plans.tasks.expansion import PlannedTask
from plait.workspace.control import Control
from plait.workspace.trailers import trailers_of

_HEADS = "refs/heads/"

FindFinished = Callable[[Brief, Mapping[str, str]], Reuse]
"""What earlier runs finished of a brief, given by task the commit of a bundle that it has landed with."""


@dataclass(frozen=True, slots=True)
class Bundled:
    """A brief with its bundles, and what fits it."""

    brief: Brief
    chosen: tuple[str, ...]
    reuse: Reuse
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Past:
    """A bundle that an earlier run has made."""

    branch: str
    commit: str
    said: Mapping[str, str]
    """Its commit's trailers."""
    landed: bool

    @property
    def members(self) -> dict[str, str]:
        return members_said(self.said.get("Plait-Members", ""))


def bundle(control: Control, brief: Brief, *, chosen: tuple[str, ...], fresh: bool, find: FindFinished) -> Bundled:
    """Keep the bundles that are as they were when they were finished, and bundle what is still to do.

    A task that has a branch of its own goes alone, and so does each of a bundle that failed before.
    """
    branches = {} if fresh else control.target.refs(f"{_HEADS}feature/{brief.plan.feature}/agent/")
    past, own = list(_past_bundles(control, brief.plan.feature, branches)), _with_branch(brief, branches)
    kept = _kept(past, brief, own)
    gone = [one for one in past if one.branch not in kept]
    landed = dict(_landed_with(gone, brief))
    brief = replace(brief, expansion=with_bundles(brief.expansion, tuple(kept.values()))) if kept else brief
    chosen = in_bundles(chosen, kept.values())
    reuse = _also_outdated(find(brief, landed), [one.branch for one in gone if not one.landed])
    ahead = [task for task in chosen if task not in reuse.finished]
    if not ahead or not any(role.start_up for role in brief.crew.roles.values()):
        return Bundled(brief, chosen, reuse)
    alone = {*own, *reuse.redone, *reuse.sent_back, *(() if fresh else _given_up(control, brief.plan.feature))}
    made = bundling_of(brief, chosen=ahead, alone=alone, history=history_of(control.common_dir))
    if not made.bundles:
        return Bundled(brief, chosen, reuse)
    again = _also_outdated(find(made.brief, landed), reuse.outdated)  # an old bundle of the same name is in the way
    return Bundled(made.brief, in_bundles(chosen, made.bundles), again, (made.told,))


def _also_outdated(reuse: Reuse, branches: Iterable[str]) -> Reuse:
    return replace(reuse, outdated=tuple(dict.fromkeys((*reuse.outdated, *branches))))


def _past_bundles(control: Control, feature: str, branches: Mapping[str, str]) -> Iterator[_Past]:
    named = {ref: commit for ref, commit in branches.items() if BUNDLED in ref}
    tip = control.branch(integration_branch(feature)) if named else None
    for ref, commit in named.items():
        said = trailers_of(control, commit)
        if said.get("Plait-Feature") == feature and "Plait-Members" in said:
            landed = tip is not None and control.store.is_ancestor(commit, tip)
            yield _Past(ref.removeprefix(_HEADS), commit, said, landed)


def _kept(past: Iterable[_Past], brief: Brief, own: frozenset[str]) -> dict[str, PlannedTask]:
    """By branch the bundles of which the plan still has just these tasks, none of them done by itself since."""
    tasks = {task.id: task for task in brief.expansion.tasks if task.id not in own}
    kept: dict[str, PlannedTask] = {}
    for one in past:
        members = [tasks[name] for name in one.members if name in tasks]
        if len(members) < max(2, len(one.members)):
            continue
        same = bundle_of(members, brief.crew, name=one.branch.rpartition("/")[2])
        if same.spec_hash == one.said.get("Plait-Spec"):
            kept[one.branch] = same
            for member in members:
                del tasks[member.id]
    return kept


def _landed_with(past: Iterable[_Past], brief: Brief) -> Iterator[tuple[str, str]]:
    """Tasks, and the bundle that each has landed with; last for each the one that has done it as it is now."""
    tasks = {task.id: task for task in brief.expansion.tasks}
    done = [(tasks[name], one) for one in past if one.landed for name in one.members if name in tasks]
    for task, one in sorted(done, key=lambda pair: is_member(pair[0], pair[1].members)):
        yield task.id, one.commit


def _with_branch(brief: Brief, branches: Mapping[str, str]) -> frozenset[str]:
    feature, tasks = brief.plan.feature, brief.expansion.tasks
    return frozenset(task.id for task in tasks if _HEADS + agent_branch(feature, task.role, task.id) in branches)


def _given_up(control: Control, feature: str) -> Iterator[str]:
    """The members of bundles that left something behind when they failed."""
    for ref, commit in control.target.refs(f"{_HEADS}feature/{feature}/salvage/").items():
        if BUNDLED in ref:
            yield from members_said(trailers_of(control, commit).get("Plait-Members", ""))
