"""Takes the branch that a task names in place of agent's work: held against the task, verified, and never moved."""

import time
from collections.abc import Sequence

from plait.agent_tasks.errors import TaskImpossible, TaskStopped
from plait.agent_tasks.holding import foreign_changes, require_green
from plait.agent_tasks.persons_repair import author_of
from plait.agent_tasks.task_branches import publish, work_message
from plait.agent_tasks.whole_merge import merged_whole
from plait.agent_tasks.workshop import Workshop
from plait.plans.tasks.work import WorkOrder, WorkReport
from plait.workspace.foreign_branches import foreign_tip, hint_for
from plait.workspace.git import git_date
from plait.workspace.harvest import Harvest
from plait.workspace.merging import Conflict, SettledPath
from plait.workspace.scanning import shown


def take_branch(order: WorkOrder, shop: Workshop, name: str) -> WorkReport:
    """Pin the branch's tip and put plait's own commit above it, on the task's branch.

    Example: `branch: origin/fix-login` in the task FIX: feature/shop/agent/command/FIX is one commit of plait's above
    the tip of origin/fix-login, with the trailers by which a later run knows whose work it is.

    Raises:
        TaskImpossible: it does not count, in a sentence; a newer tip may, when the plan is run again.
        TaskStopped: the run was cancelled.
    """
    began, store = time.monotonic(), shop.control.store
    tip = foreign_tip(shop.control.target, name)
    if tip is None:
        raise TaskImpossible(f"there is no branch {name} any more ({hint_for(shop.control.target, name)})")
    shop.control.hold(shop.feature, tip)
    if not store.are_related(tip, shop.base):
        raise TaskImpossible(f"{name} has no history in common with what the feature starts from")
    if store.is_ancestor(tip, order.start):
        return _published(order, shop, Harvest(None, store.tree_of(order.start), ()), by=order.agent, began=began)
    changed = foreign_changes(order, shop, tip)
    tree, parents, settled = _on_its_needs(order, shop, name, tip)
    require_green(order, shop, tree)
    by = author_of(shop, tip)
    told = "".join(f"\nSettled: {done.path} ({done.by})" for done in settled)
    message = work_message(order, shop, summary=f"The branch {name} at {tip}, by {by}.{told}")
    commit = store.commit_tree(tree, parents, message, date=git_date(), author=by)
    return _published(order, shop, Harvest(commit, tree, changed), by=by, began=began)


def _on_its_needs(
    order: WorkOrder, shop: Workshop, name: str, tip: str
) -> tuple[str, tuple[str, ...], Sequence[SettledPath]]:
    """Tree and parents of plait's commit: the branch as it is, merged with what the task needs where it lacks that.

    No batch would meet the conflicts that are settled in it once more, so that nothing of them is put off.
    """
    store = shop.control.store
    if order.start == shop.base or store.is_ancestor(order.start, tip):
        return store.tree_of(tip), (tip,), ()
    merged = merged_whole(shop, order.start, tip)
    if isinstance(merged, Conflict):
        raise TaskImpossible(f"{name} conflicts with what it needs in {', '.join(map(shown, merged.files[:5]))}")
    return merged.tree, (order.start, tip), merged.settled


def _published(order: WorkOrder, shop: Workshop, made: Harvest, *, by: str, began: float) -> WorkReport:
    if shop.stop.is_set():
        raise TaskStopped
    publish(order, shop, made)
    return WorkReport(order.task.id, by, made.commit, made.changed, "", time.monotonic() - began)
