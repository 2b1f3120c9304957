"""All that may refuse a run, before a server is started for it; nothing is moved."""

from dataclasses import dataclass
from pathlib import Path

from plait.flows.inputs.agents_here import require_agents
from plait.flows.inputs.requests import Brief, narrow
from plait.flows.inputs.sandboxes_here import require_sandboxes
from plait.flows.preflight import refuse_clash, usable_repository
from plait.flows.running.outset import Outset, Start, outset_of, start_of
from plait.plans.names import integration_branch
from plait.workspace.commit_style import require_style
from plait.workspace.control import Control
from plait.workspace.errors import GitFailed
from plait.workspace.home import plait_home
from plait.workspace.ref_landing import feature_lock


@dataclass(frozen=True, slots=True)
class Startable:
    """A run that nothing stands in the way of."""

    control: Control
    start: Start
    outset: Outset | None
    """What it would begin with; nothing where git has to be put in order first, which the run does."""


def require_startable(
    brief: Brief, *, repository: Path, base: str | None, only: tuple[str, ...], fresh: bool
) -> Startable:
    """Find what is wrong with a run before a server is started for it.

    Raises:
        CallError: no repository, no such base, a branch in the way, no identity or key for what the plan wants signed,
            another live run of the feature, a need, branch or contract that is not there.
        PlanError: an agent that nobody could start.
        EnvironmentProblem: git is missing or too old, the disk is full, the repository cannot be written, an agent
            program or a sandbox is missing, what lands cannot be signed.
    """
    feature = brief.plan.feature
    control = usable_repository(repository, home=plait_home())
    start = start_of(control, brief, base, fresh=fresh)
    refuse_clash(control, integration_branch(feature))
    require_style(control, brief.plan.integration)
    chosen = narrow(brief.expansion, only)
    # Let go at once, as the flow takes it: a second run is refused now, and not after a server has come up for it.
    with feature_lock(control, feature, "that is just starting"):
        try:
            outset = outset_of(control, brief, start, only=only)
        except GitFailed:  # what a kill has left half moved
            outset = None
    ahead = tuple(_still_to_do(outset)) if outset else chosen
    require_agents(brief, repository, ahead)
    require_sandboxes(brief, ahead)
    return Startable(control, start, outset)


def _still_to_do(outset: Outset) -> frozenset[str]:
    """The plan's ids of the tasks that agents will work on, those of bundles one by one."""
    tasks = (task for task in outset.brief.expansion.tasks if task.id in outset.ahead)
    return frozenset(member.id for task in tasks for member in task.members or (task,))
