"""How finished work is written down in git: its commit's message, its branch moved once, or that nothing changed."""

from plait.agent_tasks.errors import TaskImpossible
from plait.agent_tasks.workshop import Workshop
from plait.plans.tasks.bundling import members_line
from plait.plans.tasks.work import WorkOrder
from plait.workspace.control import HEADS
from plait.workspace.empty_tasks import empty_ref
from plait.workspace.errors import RefMoved
from plait.workspace.git import ZERO, git_date
from plait.workspace.harvest import Harvest
from plait.workspace.trailers import message_with_trailers


def work_message(order: WorkOrder, shop: Workshop, *, summary: str) -> str:
    """The message of a task's commit; its trailers are how a later run knows what it is the work of."""
    subject = f"{order.name}: {order.task.task.title or order.task.task.subject}"
    trailers = {
        "Plait-Feature": shop.feature,
        "Plait-Task": order.task.id,
        "Plait-Role": order.task.role,
        "Plait-Agent": order.agent,
        "Plait-Spec": order.task.spec_hash,
        "Plait-Run": shop.run_id,
        **({"Plait-Members": members_line(order.task.members)} if order.task.members else {}),
    }
    if order.agreements:
        trailers["Plait-Contracts"] = ", ".join(map(str, order.agreements))
    return message_with_trailers(subject, summary, {**trailers, **shop.style.trailers})


def publish(order: WorkOrder, shop: Workshop, made: Harvest) -> None:
    """Move the task's branch to its new commit, unless somebody else moved it meanwhile, or stands on it.

    Raises:
        TaskImpossible: the branch cannot be moved.
    """
    if made.commit is None:
        remember_empty(order, shop, tree=made.tree)
        return
    place = shop.control.worktree_of(order.branch) if order.expected else None
    if place is not None:
        raise TaskImpossible(f"the branch {order.branch} is checked out in {place}, so it was not moved")
    ref, new, old, target = HEADS + order.branch, made.commit, order.expected or ZERO, shop.control.target
    # Pinned, too: the branch is the user's to delete, and the run goes on from the commit.
    shop.control.hold(shop.feature, made.commit)
    try:
        target.past_stale_lock(ref, lambda: target.move_ref(ref, new, old, reason=f"plait: {order.name}"))
    except RefMoved:
        if shop.control.target.resolve(ref) != made.commit:
            raise TaskImpossible(f"somebody else moved the branch {order.branch} while {order.agent} worked") from None


def remember_empty(order: WorkOrder, shop: Workshop, *, tree: str, task: str = "") -> None:
    """Note in the target, where no garbage collection takes it, that the task is done at the commit it started from.

    It has no branch by which a later run would know that it is done. `task`: another one of the same spec.
    """
    task = task or order.task.id
    trailers = {"Plait-Task": task, "Plait-Spec": order.task.spec_hash, "Plait-Run": shop.run_id}
    message = message_with_trailers(f"{task}: nothing to change", "", trailers)
    commit = shop.control.store.commit_tree(tree, (order.start,), message, date=git_date())
    shop.control.set_ref(empty_ref(shop.feature, task), commit, reason="plait: nothing to change")
