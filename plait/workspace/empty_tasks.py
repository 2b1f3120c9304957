"""The tasks that changed nothing: which there are, as git has it, where no garbage collection takes it."""

from plait.workspace.control import Control

_EMPTY = "refs/plait/empty/"


def empty_ref(feature: str, task: str) -> str:
    """What says that a task is done, and had nothing to change."""
    return f"{_EMPTY}{feature}/{task}"


def empty_tasks(control: Control, feature: str) -> dict[str, str]:
    """The tasks that changed nothing in earlier runs, and the commits that say so."""
    prefix = empty_ref(feature, "")
    return {ref.removeprefix(prefix): commit for ref, commit in control.target.refs(prefix).items()}


def forget_empty(control: Control, feature: str) -> None:
    """Let all of them be done again."""
    for task in empty_tasks(control, feature):
        control.target.delete_ref(empty_ref(feature, task))
