"""Merging two commits in git's object database: no checkout, no index, nothing half done."""

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from tempfile import NamedTemporaryFile

from plait.plans.merging.path_rules import FileRule
from plait.workspace.commit_objects import write_commit
from plait.workspace.errors import GitFailed, NoCommonHistory
from plait.workspace.git import Answer, GitRepository
from plait.workspace.trailers import merge_message

LARGE_FILE = 32 * 1024 * 1024
"""Bytes from which a changed file is merged as a whole: git 2.39.5 took 819 MB for two sides of a 120 MB text."""

_TREE = re.compile(rb"[0-9a-f]{40}([0-9a-f]{24})?\Z")
_TROUBLE = re.compile(r"^(error|fatal):", re.MULTILINE)
_KIND = re.compile(r"CONFLICT ?\((.+)\)")
_START = "Start from what the task needs"
_SETTLED = "Plait-Settled: "
_LINES = 100
"""Settled files that a commit names."""
_UNION = re.compile(rb"(?<=\s)merge=union(?=\s)")
_BUILT_IN = {"merge", "-merge", "!merge", "merge=union", "merge=binary", "merge=text", "binary"}


@dataclass(frozen=True, slots=True)
class Stage:
    """One version of a path in conflict."""

    mode: str
    """As git writes it, such as `100644`, `120000` (symbolic link) or `160000` (submodule)."""
    oid: str
    number: int
    """1 is the common ancestor's, 2 ours, 3 theirs."""


@dataclass(frozen=True, slots=True)
class ConflictPath:
    """A path that two sides changed in ways that do not go together."""

    path: str
    kinds: tuple[str, ...]
    """git's own words: `contents`, `modify/delete`, `rename/rename`, `file/directory`, `binary` and more."""
    stages: tuple[Stage, ...] = ()


@dataclass(frozen=True, slots=True)
class SettledPath:
    """A path that conflicted, and what has settled it."""

    path: str
    by: str
    """Such as `changelogs: union` or `structure: python`."""
    remake: FileRule | None = None
    """The rule whose command has to make it anew; until then it is as ours have it."""


@dataclass(frozen=True, slots=True)
class Merged:
    """A merge without conflict, or with none that is left: a tree, and no commit yet."""

    tree: str
    settled: tuple[SettledPath, ...] = ()


@dataclass(frozen=True, slots=True)
class Conflict:
    """A merge that a person or an agent has to finish."""

    ours: str
    theirs: str
    tree: str
    """What git could merge, with markers: for showing and for repair, never for landing."""
    paths: tuple[ConflictPath, ...]
    messages: tuple[str, ...]
    settled: tuple[SettledPath, ...] = ()
    """Files that conflicted, too, and are settled in the tree."""
    unrelated: bool = False
    """Whether the two have no history in common, so that no file is in conflict and nobody can mend it."""

    @property
    def files(self) -> tuple[str, ...]:
        """The names of the paths, in git's order."""
        return tuple(path.path for path in self.paths)

    @property
    def names(self) -> tuple[str, ...]:
        """The same as people know them: by the name that a file had, and not by the one that git made for it."""
        return tuple(dict.fromkeys(self._made.sub("", name) for name in self.files))

    def concerns(self, path: str) -> bool:
        """Whether somebody had to decide about a path: one that conflicted, also by a name that was made for it.

        Where a file is in the way of a directory, git calls it `path~<commit>`; people see a readable word for that.
        """
        moved = {name[: match.start()] for name in self.files if (match := self._made.search(name))}
        return path in self.files or path in moved or path.rpartition("~")[0] in moved

    @property
    def _made(self) -> re.Pattern[str]:
        return re.compile(f"~(?:{self.ours}|{self.theirs})(?:_[0-9]+)?$")


Settle = Callable[[GitRepository, Conflict, bytes], Merged | Conflict]
"""Settles what it can of a conflict; given the attributes with the unions that were left out."""


@dataclass(frozen=True, slots=True)
class StartConflict:
    """What a task needs cannot be merged: the commit at which that showed, and the paths."""

    commit: str
    paths: tuple[str, ...]
    messages: tuple[str, ...] = ()


def merge(
    repository: GitRepository,
    ours: str,
    theirs: str,
    *,
    attributes: bytes | None = None,
    fold_case: bool = False,
    settle: Settle | None = None,
) -> Merged | Conflict:
    """Merge two commits, given by object name, into a tree.

    Args:
        attributes: What `merge_attributes` gave for an earlier commit; those of `ours` when absent.
        fold_case: Whether two paths that differ only in case or in Unicode form, one of them new, are a conflict.
        settle: Asked about a conflict; unions that the attributes choose are left to it, so that they can be named.

    Raises:
        NoCommonHistory: the two have no common ancestor.
        GitFailed: git could not tell: a missing object. Never a verdict on `theirs`.
    """
    if attributes is None:
        attributes = merge_attributes(repository, ours, theirs)
    answer = _merge_tree(repository, ours, theirs, _UNION.sub(b"merge", attributes) if settle else attributes)
    tree, conflict = _read(answer, ours, theirs)
    result = Merged(tree) if conflict is None else settle(repository, conflict, attributes) if settle else conflict
    if isinstance(result, Conflict):
        return result
    tree = result.tree
    clashes = collisions(repository, ours, tree) if fold_case else ()
    if clashes:
        paths = tuple(ConflictPath(path, ("case collision",)) for pair in clashes for path in pair)
        messages = tuple(
            f"CONFLICT (case collision): {new} and {old} are one file on some machines" for new, old in clashes
        )
        return Conflict(ours, theirs, tree, paths, messages)
    return result


def merge_start(
    repository: GitRepository,
    base: str,
    commits: tuple[str, ...],
    *,
    date: str,
    settle: Settle | None = None,
    fold_case: bool = False,
) -> str | StartConflict:
    """The commit that a task starts from: the merge of what it needs on base; equal arguments give the equal commit.

    Args:
        commits: The needed tasks' commits; those that another one or base contains add nothing.
        date: Of the merge commits, as git writes it, such as `1700000000 +0000`.
        settle: Asked about conflicts. What a command would have to make anew stays as the earlier need has it.
        fold_case: As for `merge`.

    Raises:
        GitFailed: a commit is missing, or has no history in common with the others.
    """
    independent = set(repository.ask("merge-base", "--independent", base, *commits).text.split())
    heads = [commit for commit in dict.fromkeys((base, *commits)) if commit in independent]
    tip, settled = heads[0], list[SettledPath]()
    for head in heads[1:]:
        attributes = merge_attributes(repository, base, head)
        merged = merge(repository, tip, head, attributes=attributes, settle=settle, fold_case=fold_case)
        if isinstance(merged, Conflict):
            return StartConflict(head, merged.files, merged.messages)
        settled += merged.settled
        message = merge_message(_START, (), settled_lines(settled, put_off=True))
        tip = write_commit(repository, merged.tree, (tip, head), message, date=date)
    return tip


def settled_at_start(repository: GitRepository, commit: str) -> tuple[str, ...]:
    """What a commit of `merge_start` says was settled in it; nothing of any other commit.

    Raises:
        GitFailed: there is no such commit.
    """
    content = repository.ask("cat-file", "commit", commit).stdout.decode("utf-8", "replace")
    subject, _, rest = content.partition("\n\n")[2].partition("\n")
    if subject != _START:
        return ()
    return tuple(line.removeprefix(_SETTLED) for line in rest.splitlines() if line.startswith(_SETTLED))


def settled_lines(settled: Sequence[SettledPath], *, put_off: bool = False) -> list[tuple[str, str]]:
    """The trailers of a commit that say what settled which file.

    Args:
        put_off: Whether what has to be made anew is not: it is as ours have it.
    """
    lines = []
    for done in settled[:_LINES]:
        by = f"{done.by}, put off until a batch: as the earlier need has it" if put_off and done.remake else done.by
        lines.append(("Plait-Settled", f"{done.path} ({by})"))
    more = len(settled) - _LINES
    return [*lines, ("Plait-Settled", f"{more} more files")] if more > 0 else lines


def merge_attributes(repository: GitRepository, base: str, *theirs: str) -> bytes:
    """The gitattributes that merges of `theirs` may see, whatever directories and settings are around.

    They are the merge drivers that the root `.gitattributes` of `base` chooses: git's own `union`, `binary` and `text`.
    Another driver would be a program, so it counts as `text`, and `lfs` as `binary`, because a pointer file cannot be
    merged by lines. Files above `LARGE_FILE` that one of `theirs` brings are `binary` too.
    """
    answer = repository.run("cat-file", "blob", f"{base}:.gitattributes")
    lines = answer.stdout.splitlines() if answer.status == 0 else []
    chosen = [line for line in map(_only_built_in, lines) if line]
    chosen += [_pattern(path) + b" -merge" for path in _large_paths(repository, base, theirs)]
    return b"".join(line + b"\n" for line in chosen)


def collisions(repository: GitRepository, old: str, new: str) -> tuple[tuple[str, str], ...]:
    """Pairs (path that `new` adds, path beside it) that are one file where names ignore case or Unicode form.

    Args:
        old: Commit or tree before.
        new: Commit or tree after.
    """
    added = repository.ask("diff-tree", "-r", "-z", "--name-only", "--no-renames", "--diff-filter=A", old, new).records
    if not added:
        return ()
    everything = repository.ask("ls-tree", "-r", "-z", "--name-only", new).records
    spellings: dict[str, set[str]] = {}
    for name in everything:
        for prefix in _prefixes(name):
            spellings.setdefault(_fold(prefix), set()).add(prefix)
    pairs = ((prefix, other) for name in added for prefix in _prefixes(name) for other in spellings[_fold(prefix)])
    return tuple(sorted({(prefix, other) for prefix, other in pairs if prefix != other}))


def _merge_tree(repository: GitRepository, ours: str, theirs: str, attributes: bytes) -> Answer:
    command = ("merge-tree", "--write-tree", "-z", "--messages", ours, theirs)
    if not attributes:
        return repository.run(*command)
    with NamedTemporaryFile(prefix="plait-attributes-") as file:
        file.write(attributes)
        file.flush()
        return repository.run(*command, configuration=(f"core.attributesFile={file.name}",))


def _read(answer: Answer, ours: str, theirs: str) -> tuple[str, Conflict | None]:
    """Tell a clean merge from a conflict from trouble; traps of git 2.39.5 in the comments."""
    fields = answer.stdout.split(b"\0")
    if "unrelated histories" in answer.stderr:
        text = f"{ours[:12]} and {theirs[:12]} have no history in common (is the clone shallow?): they cannot be merged"
        raise NoCommonHistory("merge-tree", answer.status, text)
    # A missing commit also ends with 1, with nothing on standard output; a missing root tree even with 0, having
    # dropped every file of that side, and says so on standard error alone.
    if answer.status not in (0, 1) or not _TREE.match(fields[0]) or _TROUBLE.search(answer.stderr):
        raise GitFailed(f"merge-tree {ours[:12]} {theirs[:12]}", answer.status, answer.stderr)
    tree = fields[0].decode()
    if answer.status == 0:
        return tree, None
    staged, rest = _staged(fields[1:])
    records = [record for record in _records(rest) if record[0].startswith("CONFLICT")]
    messages = tuple(text.strip() for _, _, text in records)
    return tree, Conflict(ours, theirs, tree, _conflict_paths(staged, records), messages)


def _staged(fields: list[bytes]) -> tuple[dict[str, list[Stage]], list[bytes]]:
    """The `<mode> <oid> <stage>\\t<path>` fields up to the empty one, by path, and what follows."""
    staged: dict[str, list[Stage]] = {}
    for position, entry in enumerate(fields):
        if not entry:
            return staged, fields[position + 1 :]
        facts, _, path = entry.partition(b"\t")
        mode, oid, number = facts.decode().split(" ")
        staged.setdefault(_text(path), []).append(Stage(mode, oid, int(number)))
    return staged, []


def _records(fields: list[bytes]) -> Iterator[tuple[str, tuple[str, ...], str]]:
    """Type, paths and text of each message; ends at free text, which git adds when submodules conflict."""
    position = 0
    while position < len(fields) and fields[position].isdigit():
        count = int(fields[position])
        record = [_text(part) for part in fields[position + 1 : position + 3 + count]]
        if len(record) < count + 2:
            return
        yield record[count], tuple(record[:count]), record[count + 1]
        position += count + 3


def _conflict_paths(
    staged: dict[str, list[Stage]], records: list[tuple[str, tuple[str, ...], str]]
) -> tuple[ConflictPath, ...]:
    """Every staged path, and the first path of a message that names no staged one."""
    kinds: dict[str, list[str]] = {path: [] for path in staged}
    for name, paths, _ in records:
        kind = _KIND.match(name)
        for path in [path for path in paths if path in staged] or list(paths[:1]):
            kinds.setdefault(path, []).append(kind[1] if kind else name)
    return tuple(
        ConflictPath(path, tuple(dict.fromkeys(of)), tuple(staged.get(path, ()))) for path, of in kinds.items()
    )


def _only_built_in(line: bytes) -> bytes | None:
    """One line of a `.gitattributes` with nothing but the choice of a merge driver that git brings itself."""
    rule = re.match(rb'\s*("(?:[^"\\]|\\.)*"|(?!\[attr\])[^\s"#]\S*)\s+(.*)', line)
    if not rule:
        return None
    kept = []
    for word in rule[2].decode("utf-8", "replace").split():
        if word in _BUILT_IN:
            kept.append(word)
        elif word.startswith("merge="):
            kept.append("-merge" if word == "merge=lfs" else "merge")
    return rule[1] + b" " + " ".join(kept).encode() if kept else None


def _large_paths(repository: GitRepository, base: str, theirs: tuple[str, ...]) -> tuple[str, ...]:
    """Files above the limit that `theirs` bring: one git process, and one more for each only when there are some."""
    revisions = "".join(f"{revision}\n" for revision in (*theirs, f"^{base}")).encode()
    limit = f"--filter=blob:limit={LARGE_FILE}"
    listing = repository.ask(
        "rev-list", "--objects", "--no-object-names", limit, "--filter-print-omitted", "--stdin", stdin=revisions
    )
    large = {line[1:] for line in listing.text.splitlines() if line.startswith("~")}
    brought: set[str] = set()
    for commit in theirs if large else ():
        fields = repository.ask("diff-tree", "-r", "-z", "--raw", "--no-renames", base, commit).records
        brought |= {path for facts, path in zip(fields[::2], fields[1::2], strict=True) if facts.split(" ")[3] in large}
    return tuple(sorted(brought))


def _pattern(path: str) -> bytes:
    """The gitattributes pattern of exactly this path."""
    literal = re.sub(rb"[\\*?\[]", rb"\\\g<0>", path.encode("utf-8", "surrogateescape"))
    quoted = literal.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n")
    return b'"/' + quoted + b'"'


def _prefixes(path: str) -> Iterator[str]:
    """`a/b/c` gives `a`, `a/b` and `a/b/c`: directories collide as files do."""
    parts = path.split("/")
    return ("/".join(parts[: length + 1]) for length in range(len(parts)))


def _fold(path: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())


def _text(field: bytes) -> str:
    return field.decode("utf-8", "surrogateescape")
