"""Of several agents' work on one task the best is taken: candidates are kept, held beside each other, chosen from."""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass

from plait.agent_tasks.errors import TaskImpossible
from plait.agent_tasks.task_branches import publish, remember_empty, work_message
from plait.agent_tasks.whole_merge import merged_whole
from plait.agent_tasks.workshop import Workshop
from plait.plans.names import candidate_ref
from plait.plans.tasks.work import WorkOrder, WorkReport
from plait.plans.wording import listed
from plait.workspace.git import git_date
from plait.workspace.harvest import Harvest
from plait.workspace.merging import Conflict
from plait.workspace.trailers import trailers_of

_COUNTS = re.compile(r"(\d+)\t(\d+)\t")


@dataclass(frozen=True, slots=True)
class PassedWork:
    """Work that its own checks have let pass."""

    task: str
    commit: str
    agent: str
    lines: int
    """Added and removed, together; a binary file counts as none."""


def keep_candidate(order: WorkOrder, shop: Workshop, made: Harvest) -> None:
    """Keep finished work where only the choice looks for it: it has no branch, and lands by the choice alone."""
    if made.commit is not None:
        ref = candidate_ref(shop.feature, order.task.id)
        shop.control.set_ref(ref, made.commit, reason=f"plait: a candidate for {order.task.candidate_of}")
        shop.control.hold(shop.feature, made.commit)
    remember_empty(order, shop, tree=made.tree)


def take_best(order: WorkOrder, shop: Workshop) -> WorkReport:
    """Put the best candidate's work on the task's own branch.

    All of them have passed the task's checks. Of these the one with the fewest lines changed is taken, as there is less
    of it to read, to conflict and to go wrong; of equals the first.

    Raises:
        TaskImpossible: none of them has finished.
    """
    began = time.monotonic()
    candidates = sorted(_candidates(order, shop), key=lambda candidate: candidate.lines)
    for best in candidates:
        made = _on_the_start(order, shop, best)
        if made is None:
            shop.tell(f"{order.name}: the work of {best.task} conflicts with what the task needs by now")
            continue
        others = [f"{other.task} ({other.lines} lines)" for other in candidates if other is not best]
        beside = f", rather than that of {listed(others)}" if others else ""
        shop.tell(f"{order.name}: takes the work of {best.task}, {best.agent}, {best.lines} lines changed{beside}")
        publish(order, shop, made)
        for name in order.task.candidates:  # those that failed, too: nobody tries them again for what is chosen
            remember_empty(order, shop, tree=made.tree, task=name)
        summary = f"the work of {best.task}"
        return WorkReport(order.task.id, best.agent, made.commit, made.changed, summary, time.monotonic() - began)
    raise TaskImpossible(f"none of {listed(order.task.candidates)} has made anything that counts")


def _candidates(order: WorkOrder, shop: Workshop) -> Iterator[PassedWork]:
    """Those that are there for this very task, in their order."""
    store = shop.control.store
    for name in order.task.candidates:
        commit = shop.control.target.resolve(candidate_ref(shop.feature, name))
        if commit is None:
            continue
        said = trailers_of(shop.control, commit)
        if said.get("Plait-Spec") == order.task.spec_hash:
            counts = store.ask("diff-tree", "--numstat", "-r", "--root", f"{commit}^", commit).text
            lines = sum(int(added) + int(removed) for added, removed in _COUNTS.findall(counts))
            yield PassedWork(name, commit, said.get("Plait-Agent", name), lines)


def _on_the_start(order: WorkOrder, shop: Workshop, best: PassedWork) -> Harvest | None:
    """Its work as a commit of the task above what that starts from; nothing where the two conflict."""
    store = shop.control.store
    tree = store.tree_of(best.commit)
    if store.tree_of(f"{best.commit}^") != store.tree_of(order.start):
        merged = merged_whole(shop, order.start, best.commit)
        if isinstance(merged, Conflict):
            return None
        tree = merged.tree
    message = work_message(order, shop, summary=f"The work of {best.task}, by {best.agent}.")
    commit = store.commit_tree(tree, (order.start,), message, date=git_date(), author=best.agent)
    return Harvest(commit, tree, store.changed_paths(order.start, commit))
