"""What a repair starts from: the rejected branch merged with the feature tip, and what of that can stay as it is."""

from dataclasses import dataclass

from plait.agent_tasks.whole_merge import merged_whole
from plait.agent_tasks.workshop import Workshop
from plait.plans.tasks.work import WorkOrder
from plait.workspace.conflicts import ConflictCheckout, conflict_checkout, left_as_handed_out, left_over_markers
from plait.workspace.git import GitRepository
from plait.workspace.merging import Conflict, collisions
from plait.workspace.scanning import shown


@dataclass(frozen=True, slots=True)
class RepairStart:
    """The files that the agent of a repair gets."""

    tree: str
    parents: tuple[str, str]
    """The rejected commit, and the tip that it is to fit."""
    is_for_conflict: bool
    """Whether the branch was rejected for a conflict, and for nothing that it does."""
    conflict: Conflict | None = None
    checkout: ConflictCheckout | None = None

    @property
    def may_stay(self) -> bool:
        """Whether leaving every file as it was handed out is an answer to the order."""
        return self.is_for_conflict and (self.checkout is None or self.checkout.may_stay)

    def concerns(self, path: str) -> bool:
        """Whether a path is in conflict, so that the agent may change it whoever owns it."""
        return self.conflict is not None and self.conflict.concerns(path)

    def undecided(self, store: GitRepository, tree: str) -> str | None:
        """What of the conflict is still there in what the agent has left, in a sentence.

        Raises:
            GitFailed: an object is missing.
        """
        if self.checkout is None:
            return None
        paths = tuple(path.path for path in self.checkout.conflicts)
        untouched = left_as_handed_out(store, tree, self.checkout.tree, self.checkout.marked)
        marked = dict.fromkeys((*untouched, *left_over_markers(store, tree, paths, parents=self.parents)))
        if marked:
            return f"conflict markers are left over in {', '.join(map(shown, marked))}"
        pairs = collisions(store, self.parents[-1], tree) if self.checkout.has_collisions else ()
        if pairs:
            new, old = pairs[0]
            return f"{shown(new)} and {shown(old)} are one file on some machines: give one of them another name"
        return None


def repair_start(order: WorkOrder, shop: Workshop) -> RepairStart | None:
    """The files of a repair, conflicts with readable markers; nothing where the order is no repair.

    A command begins from what has landed, and not from here: it makes its files anew.

    Raises:
        TaskStopped, EnvironmentProblem: as `merged_whole`.
    """
    if order.repair is None or order.task.task.run is not None:
        return None
    parents = (order.repair.rejected, order.repair.onto)
    merged = merged_whole(shop, order.repair.onto, order.repair.rejected)
    is_for_conflict = order.repair.kind == "conflict"
    if not isinstance(merged, Conflict):
        return RepairStart(merged.tree, parents, is_for_conflict)
    theirs = order.repair.partner or "the feature branch"
    checkout = conflict_checkout(shop.control.store, merged, theirs, order.task.id)
    return RepairStart(checkout.tree, parents, is_for_conflict, merged, checkout)
