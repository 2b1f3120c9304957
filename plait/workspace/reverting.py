"""Takes what a branch got by some of its commits back out of its newest files: trees, no checkout and no history."""

from collections.abc import Sequence

from plait.workspace.base_history import Stretch
from plait.workspace.git import GitRepository
from plait.workspace.merging import Conflict, merge

_DATE = "1700000000 +0000"
"""Nobody names the commits that are only there to be merged; equal trees make equal ones."""


def tree_without(
    repository: GitRepository, tip: str, stretches: Sequence[Stretch], *, fold_case: bool
) -> str | Conflict:
    """The tree of a commit without what these parts of its history brought, the newest first; or where that clashes.

    It is a merge: what a part has is the ancestor, what was before it one side, what is there now the other. Unions
    and other choices of `.gitattributes` would keep what is to go, so none counts.

    Raises:
        GitFailed: an object is missing.
    """
    tree = repository.tree_of(tip)
    for stretch in stretches:
        brought = repository.commit_tree(repository.tree_of(stretch.newest), (), "what landed\n", date=_DATE)
        now = repository.commit_tree(tree, (brought,), "now\n", date=_DATE)
        before = repository.commit_tree(repository.tree_of(stretch.before), (brought,), "before\n", date=_DATE)
        merged = merge(repository, now, before, attributes=b"", fold_case=fold_case)
        if isinstance(merged, Conflict):
            return merged
        tree = merged.tree
    return tree
