"""Two commits merged as a batch would merge them: rules and structure settle, and commands make anew what is left."""

from dataclasses import replace

from plait.agent_tasks.workshop import Workshop
from plait.workspace.merging import Conflict, Merged, merge


def merged_whole(shop: Workshop, ours: str, theirs: str) -> Merged | Conflict:
    """The merge of what two commits have, with nothing put off; what cannot be settled is in conflict.

    A file that a command has to make anew and cannot stays in conflict: as ours it would fit, and lack what is theirs.

    Raises:
        TaskStopped: the run was cancelled meanwhile.
        EnvironmentProblem: a command could not be carried out, or an object is missing (GitFailed).
    """
    settler = shop.settler
    while True:
        merged = merge(shop.control.store, ours, theirs, settle=settler.settle, fold_case=shop.control.ignores_case)
        if isinstance(merged, Conflict) or not any(done.remake for done in merged.settled):
            return merged
        remade = shop.remake(merged.tree, merged.settled)
        if remade.failed is None:
            return replace(merged, tree=remade.tree)
        settler = replace(settler, refused=settler.refused | {remade.failed})
