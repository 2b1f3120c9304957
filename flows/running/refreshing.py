"""Takes base in: what it has by now is one more finished branch of the run, and the first of its first batch."""

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from plait.flows.inputs.requests import Brief
from plait.flows.running.reuse import Reuse
from plait.plans.errors import CallError
from plait.plans.journal.manifest import EarlierWork, Refresh
from plait.plans.language.model import COMMAND_ROLE, Task
from plait.plans.merging.path_rules import file_rules
from plait.plans.names import agent_branch, integration_branch
from plait.plans.tasks.base_standing import BaseStanding, base_words
from plait.plans.tasks.expansion import PlannedTask
from plait.plans.wording import count, one_line
from plait.workspace.base_course import FeatureBase
from plait.workspace.control import HEADS, Control
from plait.workspace.merging import Conflict, merge
from plait.workspace.settling import Settler
from plait.workspace.trailers import trailers_of

_NAME = "refresh"
_SECONDS = 60.0
"""What a forecast takes a repair of it for: nobody knows, and it is no task of the plan."""
_LOOKED_AT = 200
"""Conflicting paths of which the authors are asked."""


@dataclass(frozen=True, slots=True)
class TakingIn:
    """Base as a task of this run."""

    feature: str
    task: PlannedTask
    refresh: Refresh
    branch: str
    """Where base's commit is put, and an agent or a person puts what mends it."""
    repaired: str | None = None
    """What a person has put there."""

    def added_to(self, brief: Brief, reuse: Reuse) -> tuple[Brief, Reuse]:
        """The plan and what is finished of it, with base first."""
        expansion = replace(brief.expansion, tasks=(self.task, *brief.expansion.tasks))
        work = EarlierWork(self.refresh.tip, landed=False, at=self.refresh.tip)
        repaired = {self.task.id: self.repaired} if self.repaired else {}
        finished = {self.task.id: work, **reuse.finished}
        return replace(brief, expansion=expansion), replace(
            reuse, finished=finished, repaired={**reuse.repaired, **repaired}
        )

    def outdated(self, control: Control) -> tuple[str, ...]:
        """Its branch, where that has what mended an older base: nobody's work goes without a word."""
        there, tip = control.branch(self.branch), control.branch(integration_branch(self.feature))
        if self.repaired or there is None or there == self.refresh.tip:
            return ()
        is_kept = any(control.store.is_ancestor(there, place) for place in (self.refresh.commit, tip) if place)
        return () if is_kept and control.worktree_of(self.branch) is None else (self.branch,)

    def put(self, control: Control) -> None:
        """Give it a branch, which stays where somebody has mended it."""
        if not self.repaired:
            control.target.set_ref(HEADS + self.branch, self.refresh.tip, reason="plait: base is taken in")


def nothing_to_take_in(control: Control, feature: str, started: FeatureBase, *, fresh: bool = False) -> str | None:
    """Why a feature that is asked to take base in need not, in a sentence; nothing where it has to.

    `fresh`: whether the feature is begun anew.

    Raises:
        CallError: base is gone.
    """
    tip = None if fresh else control.branch(integration_branch(feature))
    if started.base is None:
        raise CallError(f"{started.name} is gone, so it cannot be taken in", hint="name another: --base NAME")
    if tip is None:
        return f"there is nothing to take in: nothing has landed yet, so it starts from {started.name} as it is"
    if control.store.is_ancestor(started.base.commit, tip):
        return f"there is nothing to take in: the feature has all of {started.name} ({started.base.commit[:10]})"
    return None


def told_of_taking_in(
    control: Control, feature: str, started: FeatureBase, standing: BaseStanding, *, fresh: bool
) -> str:
    """What a run that is to take base in would do about it, in a sentence.

    Raises:
        CallError: base is gone.
    """
    nothing = nothing_to_take_in(control, feature, started, fresh=fresh)
    if nothing:
        return "; ".join(filter(None, [nothing, base_words(standing)]))
    more = f", with {count(standing.behind, 'commit')} that the feature lacks" if standing.behind else ""
    return f"{started.name} is taken in first as it is at {started.now[:10]}{more}: merged, verified, landed"


def taking_in(control: Control, brief: Brief, started: FeatureBase, *, agents: Collection[str]) -> TakingIn:
    """Base as it is now, as a task of the run.

    Where it does not fit, it is mended by the role that made what it conflicts with; else by `integration.role`, or
    the only role of the plan that has an agent; else by a person.

    Args:
        agents: The roles that there is an agent for.

    Raises:
        GitFailed: a commit is missing.
    """
    feature, commit, name = brief.plan.feature, started.now, _name(brief)
    mender = _mender(control, brief, name, commit)
    role = (mender if mender in agents else None) if mender else next(_roles(control, brief, commit, agents), None)
    spec = hashlib.sha256(f"refresh {feature} {commit}".encode()).hexdigest()
    title = f"{started.name} as it is now"
    task = Task(
        id=name,
        role=mender or role or COMMAND_ROLE,
        title=one_line(title, 200),
        changes="optional",
        prompt=f"Bring what {started.name} has by now into this feature. In what follows, your branch is "
        f"{started.name} at {commit}, which others have made, and the feature branch has the work of this feature. "
        f"Where the two do not fit together, change what is needed, so that both do what they are meant to do.",
    )
    planned = PlannedTask(task.id, task, task.role or COMMAND_ROLE, (), _SECONDS, spec)
    branch = agent_branch(feature, planned.role, task.id)
    tip, repaired = _mended(control, feature, branch, commit, spec)
    refresh = Refresh(task.id, commit, started.name, tip, by_agent=role is not None)
    return TakingIn(feature, planned, refresh, branch, repaired)


def _name(brief: Brief) -> str:
    """`refresh`, or where the plan has such a task, `refresh-2`."""
    taken = {name for task in brief.expansion.tasks for name in (task.id, task.task.id)}
    names = (_NAME if number == 1 else f"{_NAME}-{number}" for number in range(1, len(taken) + 2))
    return next(name for name in names if name not in taken)


def _mended(control: Control, feature: str, branch: str, base: str, spec: str) -> tuple[str, str | None]:
    """The commit to take in, and what a person has put above base: what was mended before a kill need not be again."""
    there, tip = control.branch(branch), control.branch(integration_branch(feature))
    if there is None or there == base or not control.store.is_ancestor(base, there):
        return base, None
    if tip is not None and control.store.is_ancestor(there, tip):
        return base, None
    return (there, None) if trailers_of(control, there).get("Plait-Spec") == spec else (base, there)


def _mender(control: Control, brief: Brief, name: str, base: str) -> str | None:
    """The role on whose branch there is what mends it: another run may have had other agents, as of `--only`."""
    feature = brief.plan.feature
    known = {COMMAND_ROLE, *(task.role for task in brief.expansion.tasks), brief.plan.integration.role or COMMAND_ROLE}
    tip = control.branch(integration_branch(feature))
    for role in sorted(known):
        there = control.branch(agent_branch(feature, role, name))
        if there is None or there == base or not control.store.is_ancestor(base, there):
            continue
        if tip is None or not control.store.is_ancestor(there, tip):
            return role
    return None


def _roles(control: Control, brief: Brief, base: str, agents: Collection[str]) -> Iterator[str]:
    authors = {task.id: task.role for task in brief.expansion.tasks if task.task.is_for_agent}
    yield from (authors[task] for task in _authors(control, brief, base) if authors.get(task) in agents)
    if brief.plan.integration.role in agents:
        yield brief.plan.integration.role or ""
    roles = {*authors.values()} & {*agents}
    if len(roles) == 1:
        yield from roles


def _authors(control: Control, brief: Brief, base: str) -> Iterator[str]:
    """The tasks that changed last what conflicts with base, path by path."""
    feature, store = brief.plan.feature, control.store
    tip = control.branch(integration_branch(feature))
    if tip is None or not store.are_related(tip, base):
        return
    integration = brief.plan.integration
    settler = Settler(file_rules(integration.merge), structure=integration.structure)
    merged = merge(store, tip, base, settle=settler.settle, fold_case=control.ignores_case)
    for path in merged.files[:_LOOKED_AT] if isinstance(merged, Conflict) else ():
        listing = ("log", "-1", "--format=%H", "--grep=^Plait-Task: ", tip, f"^{base}", "--", f":(top,literal){path}")
        for commit in store.run(*listing).lines:
            trailers = trailers_of(control, commit)
            if trailers.get("Plait-Feature") == feature and "Plait-Task" in trailers:
                yield trailers["Plait-Task"]
