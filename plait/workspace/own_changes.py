"""What each branch of a batch changed itself: by its own commits, read from the trusted repository alone."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from plait.workspace.errors import GitFailed
from plait.workspace.git import GitRepository
from plait.workspace.merging import Conflict, merge

_NOTHING = "0"
_PLAIT = "plait@localhost"
"""Who has committed whatever agents made (`workspace/git`): no agent can write a commit itself."""


@dataclass(frozen=True, slots=True)
class OwnChange:
    """A path that a branch changed; a rename is two."""

    path: str
    before: str | None
    """The blob that the first of its commits found; nothing where there was no file."""
    after: str | None
    """The blob that the last of them left."""
    by_person: bool = False
    """Whether only persons changed it, above what plait has committed: in a repair."""


@dataclass(frozen=True, slots=True)
class OwnWork:
    """A branch, and what it is not to blame for."""

    tip: str
    without: Sequence[str] = ()
    """Commits of others that it may contain: of what it needs, of what it started from."""


def own_changes(
    repository: GitRepository, work: Mapping[str, OwnWork], *, landed: Sequence[str]
) -> dict[str, tuple[OwnChange, ...]]:
    """By task the paths that the commits of its branch changed, those of others and what `landed` contains aside.

    Of a merge only what git would not have made of it counts, and of that not the files that conflicted: somebody had
    to settle those. A path is named although a later commit takes the change back (`brings` tells).

    Raises:
        GitFailed: a commit is missing.
    """
    parents, ours = _graph(repository, work, landed)
    own = {task: _own_commits(parents, branch) for task, branch in work.items()}
    wanted = dict.fromkeys(commit for commits in own.values() for commit in commits)
    changed = _of_commits(repository, [commit for commit in wanted if len(parents[commit]) < 2])
    changed |= {commit: _of_merge(repository, commit, parents[commit]) for commit in wanted if len(parents[commit]) > 1}
    above = {task: _above(parents, commits, ours) for task, commits in own.items()}
    return {task: tuple(_folded(commits, changed, above[task])) for task, commits in own.items()}


def brings(repository: GitRepository, tip: str, paths: Collection[str], *, onto: str) -> tuple[str, ...]:
    """Those of the paths that a merge of a branch would change: not what was taken back, nor what is there already.

    Raises:
        GitFailed: a commit is missing.
    """
    answer = repository.run("merge-base", "--all", tip, onto)
    if answer.status not in (0, 1):
        raise GitFailed("merge-base --all", answer.status, answer.stderr)
    bases = answer.lines
    changed = {change.path for base in bases for change in _between(repository, base, tip)}
    differing = {change.path for change in _between(repository, onto, tip)}
    return tuple(path for path in paths if path in differing and (path in changed or not bases))


def _graph(
    repository: GitRepository, work: Mapping[str, OwnWork], landed: Sequence[str]
) -> tuple[dict[str, tuple[str, ...]], set[str]]:
    """The commits of all branches that have not landed, older first, each with its parents; and those by plait."""
    tips = sorted({branch.tip for branch in work.values()})
    revisions = "".join(f"{revision}\n" for revision in (*(f"^{commit}" for commit in landed), *tips))
    command = ("rev-list", "--topo-order", "--reverse", "--parents", "--format=<%ce>", "--stdin")
    lines = iter(repository.ask(*command, stdin=revisions.encode()).lines)
    parents: dict[str, tuple[str, ...]] = {}
    ours: set[str] = set()
    for line in lines:  # `commit <name> <parents>`, and who committed it
        _, commit, *before = line.split(" ")
        parents[commit] = tuple(before)
        if next(lines) == f"<{_PLAIT}>":  # an address may be empty, and so may not the line
            ours.add(commit)
    return parents, ours


def _above(parents: Mapping[str, tuple[str, ...]], commits: Sequence[str], ours: Collection[str]) -> set[str]:
    """The commits that plait has not made, and that hold one of the branch that it has."""
    holding: set[str] = set()
    for commit in commits:
        if commit in ours or not holding.isdisjoint(parents[commit]):
            holding.add(commit)
    return holding.difference(ours)


def _own_commits(parents: Mapping[str, tuple[str, ...]], branch: OwnWork) -> list[str]:
    """The branch's commits without those of others, older first."""
    others = _reached(parents, branch.without)
    own = _reached(parents, (branch.tip,)) - others
    return [commit for commit in parents if commit in own]


def _reached(parents: Mapping[str, tuple[str, ...]], starts: Sequence[str]) -> set[str]:
    reached, path = set[str](), list(starts)
    while path:
        commit = path.pop()
        if commit in parents and commit not in reached:
            reached.add(commit)
            path += parents[commit]
    return reached


def _of_commits(repository: GitRepository, commits: Sequence[str]) -> dict[str, list[OwnChange]]:
    """What each commit changed against its one parent, or against nothing; in one git process."""
    changed: dict[str, list[OwnChange]] = {commit: [] for commit in commits}
    if not commits:
        return changed
    asked = "".join(f"{commit}\n" for commit in commits).encode()
    command = ("diff-tree", "--stdin", "--root", "-r", "--raw", "-z", "--no-renames", "--no-abbrev")
    commit = ""
    records = iter(repository.ask(*command, stdin=asked).records)
    for record in records:
        # A commit is named before its entries, and not at all where it has none.
        if record.startswith(":"):
            changed[commit].append(_change(record, next(records)))
        else:
            commit = record
    return changed


def _of_merge(repository: GitRepository, commit: str, parents: Sequence[str]) -> list[OwnChange]:
    """What a merge changed beyond what git makes of its parents."""
    if len(parents) == 2:
        try:
            made = merge(repository, parents[1], parents[0])
        except GitFailed:  # histories that have nothing in common, joined by somebody
            return _against_all(repository, commit, parents)
        changes = _between(repository, made.tree, commit)
        if not isinstance(made, Conflict):
            return changes
        return [change for change in changes if not made.concerns(change.path)]
    return _against_all(repository, commit, parents)


def _against_all(repository: GitRepository, commit: str, parents: Sequence[str]) -> list[OwnChange]:
    """What is in a merge as it is in none of its parents."""
    first, *others = ({change.path: change for change in _between(repository, parent, commit)} for parent in parents)
    return [change for path, change in first.items() if all(path in other for other in others)]


def _between(repository: GitRepository, old: str, new: str) -> list[OwnChange]:
    records = iter(repository.ask("diff-tree", "-r", "--raw", "-z", "--no-renames", "--no-abbrev", old, new).records)
    return [_change(record, next(records)) for record in records]


def _change(entry: str, path: str) -> OwnChange:
    """`:<mode> <mode> <oid> <oid> <status>` and the path after it."""
    _, _, old, new, _ = entry[1:].split(" ")
    return OwnChange(path, old if old.strip(_NOTHING) else None, new if new.strip(_NOTHING) else None)


def _folded(
    commits: Sequence[str], changed: Mapping[str, Sequence[OwnChange]], persons: Collection[str]
) -> Iterator[OwnChange]:
    """Each path once, as the first commit found it and the last one left it."""
    folded: dict[str, OwnChange] = {}
    for commit in commits:
        for change in changed[commit]:
            first = folded.get(change.path)
            before = first.before if first else change.before
            by_person = commit in persons and (first is None or first.by_person)
            folded[change.path] = OwnChange(change.path, before, change.after, by_person)
    return iter(folded.values())


def texts_of(repository: GitRepository, blobs: Collection[str], *, largest: int) -> dict[str, str]:
    """The text of each blob that is there and has at most so many bytes; odd bytes are replaced."""
    names = sorted(set(blobs))
    if not names:
        return {}
    asked = "".join(f"{name}\n" for name in names).encode()
    facts = (line.split(" ") for line in repository.ask("cat-file", "--batch-check", stdin=asked).lines)
    small = [fact[0] for fact in facts if fact[1:2] == ["blob"] and int(fact[2]) <= largest]
    if not small:
        return {}
    output = repository.ask("cat-file", "--batch", stdin="".join(f"{name}\n" for name in small).encode()).stdout
    texts: dict[str, str] = {}
    while output:
        head, _, rest = output.partition(b"\n")
        name, _, size = head.decode().split(" ")
        texts[name], output = rest[: int(size)].decode("utf-8", "replace"), rest[int(size) + 1 :]
    return texts
