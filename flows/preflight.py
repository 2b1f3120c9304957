"""What has to be right with the repository of a run before anything else: git, space, permissions, branches."""

from pathlib import Path

from plait.plans.errors import CallError
from plait.workspace.control import Control, open_control
from plait.workspace.git import require_git
from plait.workspace.home import LEAST_FREE_BYTES, require_space


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
