"""Remembers a task that had nothing to change: it has no branch by which a later run would know that it is done."""

from plait.agent_tasks.workshop import Workshop
from plait.plans.tasks.work import WorkOrder
from plait.workspace.control import Control
from plait.workspace.trailers import message_with_trailers

_EMPTY = "refs/plait/empty/"


def remember_empty(order: WorkOrder, shop: Workshop, *, tree: str, date: str) -> None:
    """Note in the target, where no garbage collection takes it, that the task is done at the commit it started from."""
    trailers = {"Plait-Task": order.task.id, "Plait-Spec": order.task.spec_hash, "Plait-Run": shop.run_id}
    message = message_with_trailers(f"{order.name}: nothing to change", "", trailers)
    commit = shop.control.store.commit_tree(tree, (order.start,), message, date=date)
    shop.control.target.set_ref(f"{_EMPTY}{shop.feature}/{order.task.id}", commit, reason="plait: nothing to change")


def empty_tasks(control: Control, feature: str) -> dict[str, str]:
    """The tasks that changed nothing in earlier runs, and the commits that say so."""
    prefix = f"{_EMPTY}{feature}/"
    return {ref.removeprefix(prefix): commit for ref, commit in control.target.refs(prefix).items()}


def forget_empty(control: Control, feature: str) -> None:
    """Let all of them be done again."""
    for task in empty_tasks(control, feature):
        control.target.delete_ref(f"{_EMPTY}{feature}/{task}")
