"""How many files and lines two commits differ in, and which files."""

from dataclasses import dataclass

from plait.workspace.git import GitRepository


@dataclass(frozen=True, slots=True)
class TreeChange:
    """From one tree to another."""

    paths: tuple[str, ...]
    added: int
    removed: int


def tree_change(repository: GitRepository, old: str, new: str) -> TreeChange:
    """What differs between two commits; a file that was moved counts twice, a binary one has no lines.

    Raises:
        GitFailed: one of them is not there.
    """
    options = ("-r", "-z", "--numstat", "--no-renames", "--no-ext-diff", "--no-textconv")
    rows = [record.split("\t", 2) for record in repository.ask("diff-tree", *options, old, new).records]
    return TreeChange(
        tuple(path for _, _, path in rows),
        sum(int(added) for added, _, _ in rows if added != "-"),
        sum(int(removed) for _, removed, _ in rows if removed != "-"),
    )
