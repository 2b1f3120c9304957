"""What has to be right before anything is started for a run: git, space, repository, branches, agents."""

from pathlib import Path

from plait.flows.inputs.requests import Brief, narrow
from plait.plans.errors import CallError
from plait.plans.names import integration_branch
from plait.workspace.base_course import feature_base
from plait.workspace.commit_style import require_style
from plait.workspace.control import Control, open_control
from plait.workspace.git import require_git
from plait.workspace.home import LEAST_FREE_BYTES, plait_home, require_space
from plait.workspace.programs import require_backends
from plait.workspace.ref_landing import feature_lock


def require_startable(brief: Brief, *, repository: Path, base: str | None, only: tuple[str, ...], fresh: bool) -> None:
    """Find what is wrong with a run before a server is started for it.

    Raises:
        CallError: no repository, no such base, a branch in the way, no identity or key for what the plan wants signed,
            another live run of the feature.
        EnvironmentProblem: git is missing or too old, the disk is full, the repository cannot be written, an agent
            program is missing, what lands cannot be signed.
    """
    feature = brief.plan.feature
    control = usable_repository(repository, home=plait_home())
    feature_base(control, feature, base or brief.plan.base, fresh=fresh)
    refuse_clash(control, integration_branch(feature))
    require_style(control, brief.plan.integration)
    _require_agents(brief, only)
    # Let go at once, as the flow takes it: a second run is refused now, and not after a server has come up for it.
    with feature_lock(control, feature, "that is just starting"):
        pass


def usable_repository(repository: Path, *, home: Path) -> Control:
    """Open the repository of a run, with git, space and permissions for it there.

    Raises:
        CallError: there is no repository.
        EnvironmentProblem: git is missing or too old, the disk is full, the repository cannot be written.
    """
    require_git()
    require_space(home, LEAST_FREE_BYTES)
    control = open_control(repository, home=home)
    control.require_writable()
    return control


def refuse_clash(control: Control, branch: str) -> None:
    """Refuse a feature whose branch git cannot hold beside one that is there.

    Raises:
        CallError: it names the branch in the way.
    """
    clash = control.branch_clash(branch)
    if clash:
        raise CallError(
            f"git cannot hold the branch {branch} beside {clash}",
            hint=f"rename it (git branch -m {clash} {clash}-old) or give the feature another name",
        )


def _require_agents(brief: Brief, only: tuple[str, ...]) -> None:
    """Refuse a plan with a role that no agent can work as."""
    chosen = set(narrow(brief.expansion, only))
    tasks = [task for task in brief.expansion.tasks if task.id in chosen and task.task.is_for_agent]
    require_backends(brief.crew, frozenset(task.role for task in tasks))
