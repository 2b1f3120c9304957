"""The task that looks at what a person put on a rejected task's branch, and makes it the task's work."""

import re
from dataclasses import replace

from prefect import task
from prefect.cache_policies import NO_CACHE

from plait.agent_tasks.early_ends import shown_as_cancelled
from plait.agent_tasks.errors import TaskImpossible, TaskStopped
from plait.agent_tasks.holding import foreign_changes, require_green
from plait.agent_tasks.task_branches import work_message
from plait.agent_tasks.whole_merge import merged_whole
from plait.agent_tasks.workshop import Workshop, workshop_of
from plait.plans.paths import may_change
from plait.plans.persons import strip_name
from plait.plans.tasks.work import PersonsRepair, RunFacts, WorkOrder, WorkReport
from plait.workspace.conflicts import left_over_markers
from plait.workspace.control import HEADS
from plait.workspace.errors import RefMoved
from plait.workspace.git import git_date
from plait.workspace.merging import Conflict
from plait.workspace.output import plain
from plait.workspace.scanning import shown

_TAKEN = "taken/"


@task(name="take repair", task_run_name="{repair.name}", cache_policy=NO_CACHE, persist_result=False)
@shown_as_cancelled
def take_repair(repair: PersonsRepair, facts: RunFacts) -> WorkReport:
    """Hold a person's commit against what no one may do, verify it, and put plait's own commit above it.

    `owns` is not asked of a person. Where they stand on the branch it is not moved: plait's commit is kept by a pin.

    Raises:
        TaskImpossible: it does not count, in a sentence.
        TaskStopped: the run was cancelled.
    """
    shop = workshop_of(facts)
    store, order = shop.control.store, _order(repair)
    if repair.is_foreign:
        return _take_newer(repair, order, shop)
    tree = store.tree_of(repair.commit)
    changed = _own_changes(repair, shop)
    _refuse(repair, shop, tree, changed)
    return _taken(repair, order, shop, tree, changed)


def _take_newer(repair: PersonsRepair, order: WorkOrder, shop: Workshop) -> WorkReport:
    """The same of a newer tip of somebody else's branch: asked as strictly as its first one was."""
    store = shop.control.store
    shop.control.hold(shop.feature, repair.commit)
    before = store.ask("rev-parse", f"{repair.rejected}^@").lines[-1]
    if not store.is_ancestor(before, repair.commit):
        raise TaskImpossible("the branch was rewritten: run again, and it is taken anew")
    changed = foreign_changes(replace(order, start=repair.rejected), shop, repair.commit)
    merged = merged_whole(shop, repair.rejected, repair.commit)
    if isinstance(merged, Conflict):
        raise TaskImpossible("its newer tip conflicts with what the task needs")
    return _taken(repair, order, shop, merged.tree, changed)


def _taken(repair: PersonsRepair, order: WorkOrder, shop: Workshop, tree: str, changed: tuple[str, ...]) -> WorkReport:
    """Verify it, and put plait's own commit above it."""
    require_green(order, shop, tree)
    message = work_message(order, shop, summary=f"Repaired by {repair.by}.")
    parents = (repair.rejected, repair.commit)
    commit = shop.control.store.commit_tree(tree, parents, message, date=git_date(), author=repair.by)
    _publish(repair, shop, commit)
    return WorkReport(task=repair.task.id, agent=repair.by, commit=commit, changed=changed, summary="", seconds=0.0)


def author_of(shop: Workshop, commit: str) -> str:
    """Who wrote a commit, as a name that a commit may have again."""
    return clean_author(shop.control.store.run("log", "-1", "--no-show-signature", "--format=%an", commit).text)


def clean_author(name: str) -> str:
    """A person's name without what git drops or refuses in a commit, or a terminal would show as something else."""
    return strip_name(" ".join(re.sub("[<>]", " ", plain(name)).split())[:100]) or "a person"


def _order(repair: PersonsRepair) -> WorkOrder:
    """As the checks know it."""
    return WorkOrder(
        task=repair.task,
        agent=f"{repair.task.role}-0",
        start=repair.commit,
        branch=repair.branch,
        expected=repair.commit,
    )


def _own_changes(repair: PersonsRepair, shop: Workshop) -> tuple[str, ...]:
    """The paths that the person changed: what came in with a merge of the feature branch is not theirs."""
    store = shop.control.store
    listing = ("diff-tree", "-r", "-z", "--name-only", "--no-renames")
    since = store.ask(*listing, repair.rejected, repair.commit).records
    if repair.tip is None:
        return tuple(since)
    beside = set(store.ask(*listing, repair.tip, repair.commit).records)
    return tuple(path for path in since if path in beside)


def _refuse(repair: PersonsRepair, shop: Workshop, tree: str, changed: tuple[str, ...]) -> None:
    """Raise where nobody may land this, whoever wrote it."""
    spec = repair.task.task
    allowed = (*(spec.owns or ()), "**")
    outside = [path for path in changed if not may_change(path, owns=allowed)]
    if outside:
        listed = ", ".join(map(shown, outside[:5]))
        hint = f"; add {shown(outside[0])} to `owns` of {repair.task.id} if it is meant to" if len(outside) == 1 else ""
        raise TaskImpossible(f"it changes protected files: {listed}{hint}")
    parents = (repair.rejected, *((repair.tip,) if repair.tip else ()))
    left = left_over_markers(shop.control.store, tree, changed, parents=parents)
    if left:
        raise TaskImpossible(f"conflict markers are left over in {', '.join(map(shown, left))}")


def _publish(repair: PersonsRepair, shop: Workshop, commit: str) -> None:
    """Raises TaskStopped or TaskImpossible, as the branch may have been moved meanwhile."""
    if shop.stop.is_set():
        raise TaskStopped
    shop.control.hold(shop.feature, commit)
    if shop.control.worktree_of(repair.branch) is not None:
        shop.control.pin(f"{_TAKEN}{shop.feature}/{repair.task.id}", commit)
        return
    try:
        ref, old = HEADS + repair.branch, repair.rejected if repair.is_foreign else repair.commit
        shop.control.move_ref(ref, commit, old, reason=f"plait: repaired by {repair.by}")
    except RefMoved:
        raise TaskImpossible("the branch was moved again while it was looked at") from None
