"""Which branches do not go together, told before any batch is built: every pair merged by one git process."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import combinations
from tempfile import NamedTemporaryFile

from plait.workspace.commit_objects import write_commit
from plait.workspace.errors import GitFailed
from plait.workspace.git import GitRepository
from plait.workspace.merging import Conflict, merge, merge_attributes
from plait.workspace.passing_folders import passing_folder

_DATE = "1700000000 +0000"
_AT_ONCE = 512
"""Pairs by one process: what those make is gone before the next, which bounds the memory that it takes."""
_Pair = tuple[str, str]
"""Two commits: ours, theirs."""


def predicted_conflicts(
    repository: GitRepository, base: str, tips: Mapping[str, str]
) -> Mapping[frozenset[str], tuple[str, ...]]:
    """The paths in which branches clash: by pair of tasks, and by single task where a branch clashes with base alone.

    Each branch is first merged onto base, and the other onto that: of two stale branches by themselves the common
    ancestor may be older than base, and each would seem to clash with what base changed since. What clashes with base
    is in no pair, what base contains is nowhere. Nothing of all this stays in the repository.

    Args:
        base: A commit by object name, such as the feature's tip.
        tips: The commits of the branches, by task.

    Raises:
        GitFailed: git could not tell: a missing object, unrelated histories. Never a verdict on a branch.
    """
    with _scratch(repository) as scratch:
        holds_base = _holding(scratch, base, tips.values())
        ahead = {task: tip for task, tip in tips.items() if tip in holds_base}
        attributes = merge_attributes(scratch, base, *sorted(set(ahead.values())))
        stale = [task for task, tip in ahead.items() if not holds_base[tip]]
        alone = _merged(scratch, [(base, ahead[task]) for task in stale], attributes)
        clashes = {frozenset({task}): paths for task, (_, paths) in zip(stale, alone, strict=True) if paths}
        starts = {task: tip for task, tip in ahead.items() if holds_base[tip]}
        for task, (tree, paths) in zip(stale, alone, strict=True):
            if not paths:
                starts[task] = write_commit(scratch, tree, (base, ahead[task]), "A prediction", date=_DATE)
        pairs = [pair for pair in combinations(starts, 2) if ahead[pair[0]] != ahead[pair[1]]]
        for first in range(0, len(pairs), _AT_ONCE):
            some = pairs[first : first + _AT_ONCE]
            with _scratch(scratch) as passing:
                answers = _merged(passing, [(starts[one], ahead[other]) for one, other in some], attributes)
            clashes |= {frozenset(pair): paths for pair, (_, paths) in zip(some, answers, strict=True) if paths}
        return clashes


@contextmanager
def _scratch(repository: GitRepository) -> Iterator[GitRepository]:
    """The repository, with another place for new objects: thousands of trees that nobody asks for again."""
    with passing_folder() as objects:
        (objects / "info").mkdir()
        (objects / "info/alternates").write_bytes(bytes(repository.objects or repository.git_dir / "objects") + b"\n")
        yield replace(repository, objects=objects)


def _holding(repository: GitRepository, base: str, tips: Iterable[str]) -> dict[str, bool]:
    """The tips that base does not contain, and of each whether it contains base."""
    asked = "".join(f"{revision}\n" for revision in (f"^{base}", *sorted(set(tips))))
    graph = repository.ask("rev-list", "--topo-order", "--reverse", "--parents", "--stdin", stdin=asked.encode())
    holds: dict[str, bool] = {base: True}
    for commit, *parents in map(str.split, graph.lines):
        holds[commit] = any(holds.get(parent, False) for parent in parents)
    return {tip: holds[tip] for tip in tips if tip in holds and tip != base}


def _merged(repository: GitRepository, pairs: Sequence[_Pair], attributes: bytes) -> list[tuple[str, tuple[str, ...]]]:
    """For each pair the tree that git makes of it, and the paths in conflict.

    git 2.39 flushes its answers at the end, so that all pairs are given at once; a commit that is missing ends the
    stream, and whatever it says on standard error may mean that files were dropped.
    """
    if not pairs:
        return []
    asked = "".join(f"{ours} {theirs}\n" for ours, theirs in pairs).encode()
    command = ("merge-tree", "--write-tree", "--stdin", "-z", "--name-only", "--no-messages")
    with NamedTemporaryFile(prefix="plait-attributes-") as file:
        file.write(attributes)
        file.flush()
        answer = repository.ask(*command, stdin=asked, configuration=(f"core.attributesFile={file.name}",))
    answers = list(_read(iter(answer.records)))
    if len(answers) != len(pairs) or "error:" in answer.stderr or "fatal:" in answer.stderr:
        raise GitFailed("merge-tree --stdin", answer.status, answer.stderr or "not an answer for each pair")
    return [
        (tree, () if clean else paths or _paths(repository, pair, attributes))
        for pair, (clean, tree, paths) in zip(pairs, answers, strict=True)
    ]


def _read(records: Iterator[str]) -> Iterator[tuple[bool, str, tuple[str, ...]]]:
    """`<1 clean, 0 conflict>`, the tree, paths, an empty record; again and again."""
    for status in records:
        tree = next(records, "")
        yield status == "1", tree, tuple(dict.fromkeys(iter(lambda: next(records, ""), "")))


def _paths(repository: GitRepository, pair: _Pair, attributes: bytes) -> tuple[str, ...]:
    """The paths of a conflict that has none in git's index of it; git's messages name them."""
    conflict = merge(repository, *pair, attributes=attributes)
    return conflict.files or conflict.messages if isinstance(conflict, Conflict) else ()
