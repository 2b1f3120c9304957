"""Holds what somebody else has made against a task: what it may change and say, and the task's own checks."""

from plait.agent_tasks.errors import TaskImpossible
from plait.agent_tasks.verifying import how_red, red_verdict
from plait.agent_tasks.workshop import Workshop
from plait.plans.paths import out_of_scope, scope_words
from plait.plans.tasks.work import WorkOrder
from plait.workspace.landed_work import spoken_for
from plait.workspace.own_changes import OwnWork, brings, own_changes


def foreign_changes(order: WorkOrder, shop: Workshop, tip: str) -> tuple[str, ...]:
    """The paths that a branch changed by commits of its own.

    Raises:
        TaskImpossible: some of them the task may not change, or it speaks for plait; of a stranger as much is asked as
            of an agent.
    """
    store, spec = shop.control.store, order.task.task
    work = {order.task.id: OwnWork(tip, (order.start,))}
    landed = tuple(filter(None, (shop.base, shop.lander.tip())))
    if speaking := spoken_for(shop.control, shop.feature, tip, without=(*landed, order.start)):
        reason = f"the message of its commit {speaking[0][:12]} says what plait has landed of {shop.feature}"
        raise TaskImpossible(f"{reason} (Plait-Task or Plait-Undone): nobody but plait may say that; write it anew")
    changed = tuple(change.path for change in own_changes(store, work, landed=landed)[order.task.id])
    outside = out_of_scope(changed, owns=spec.owns, locked=spec.locked)
    if outside and (outside := brings(store, tip, outside, onto=order.start)):
        raise TaskImpossible(scope_words(outside, task=order.task.id))
    return changed


def require_green(order: WorkOrder, shop: Workshop, tree: str) -> None:
    """Run the task's own checks on a tree.

    Raises:
        TaskImpossible: they are red, or could not be carried out.
        TaskStopped: the run was cancelled.
    """
    checks, base = order.task.task.verify, shop.control.store.tree_of(shop.base)
    red = red_verdict(order, shop, tree, checks, slot="verify", since=base) if checks else None
    if red is not None:
        raise TaskImpossible(f"{how_red(red)}:\n{red.tail.strip()[-2000:]}")
