"""Branches that stand in a feature's way, found before anything is started for it."""

from plait.plans.errors import CallError
from plait.workspace.control import Control


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
