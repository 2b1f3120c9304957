"""What a repair starts from: the rejected branch merged with the tip that it has to fit, as a batch would merge it."""

from dataclasses import replace

from plait.agent_tasks.workshop import Workshop
from plait.plans.tasks.work import RepairOrder
from plait.workspace.merging import Conflict, Merged, merge


def merged_for_repair(repair: RepairOrder, shop: Workshop) -> Merged | Conflict:
    """What rules and structure settle is settled, what they leave to commands is made anew; the rest is in conflict.

    A file that a command has to make anew and cannot stays in conflict: as ours it would fit, and lack what is theirs.

    Raises:
        TaskStopped: the run was cancelled meanwhile.
        EnvironmentProblem: a command could not be carried out, or an object is missing (GitFailed).
    """
    settler = shop.settler
    while True:
        merged = merge(
            shop.control.store,
            repair.onto,
            repair.rejected,
            settle=settler.settle,
            fold_case=shop.control.ignores_case,
        )
        if isinstance(merged, Conflict) or not any(done.remake for done in merged.settled):
            return merged
        remade = shop.remake(merged.tree, merged.settled)
        if remade.failed is None:
            return replace(merged, tree=remade.tree)
        settler = replace(settler, refused=settler.refused | {remade.failed})
