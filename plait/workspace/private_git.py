"""The private git of a checkout: looked at by its listing alone, and kept where only it has what an agent made."""

import os
import re
import stat
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from plait.workspace.control import HEADS, configuration_of
from plait.workspace.deleting import delete_tree
from plait.workspace.small_files import read_plain_file, write_whole

MOST_BYTES = 500_000_000
"""What is kept of one try; as much as it may commit."""
_MOST_ENTRIES = 200_000
_MOST_REFS = 1_000
_LONGEST_REF = 1_000
_LONGEST_PACKED_REFS = 10_000_000
_STASH = "refs/stash"
_WORKTREES = "worktrees/"
_LONGEST_LOG = 10_000_000
_COMMITTED = re.compile(r"\t(?:am|cherry-pick|commit|merge|rebase|revert)\b")
"""What git writes into its log of HEAD of what was made there, and not fetched."""
_SPARSE = re.compile(r"^\s*sparsecheckout\s*=\s*true\s*$", re.IGNORECASE | re.MULTILINE)
"""What `git sparse-checkout set` writes; its `disable` writes `false` there."""
_LONGEST_CONFIGURATION = 1_000_000
_OID = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?\Z")

_HEADS = (
    "HEAD",
    "ORIG_HEAD",
    "MERGE_HEAD",
    "CHERRY_PICK_HEAD",
    "REVERT_HEAD",
    "REBASE_HEAD",
    "AUTO_MERGE",
    "FETCH_HEAD",
)
_FOLDERS = ("index", "logs", "objects", "packed-refs", "rebase-apply", "rebase-merge", "refs", "shallow", "worktrees")
_KEPT = frozenset((*_HEADS, *_FOLDERS))
"""What git keeps work in. Configuration, hooks and attributes are left out: a person will run git on what is kept."""


@dataclass(frozen=True, slots=True)
class PrivateGit:
    """What a `.git` held when it was looked at."""

    objects: frozenset[str] = frozenset()
    """Loose objects and packs of its own, by the names of their files."""
    refs: Mapping[str, str] = field(default_factory=dict)
    """Branches and the stash, and worktrees that are on no branch, with the commits that they name."""
    head: str = ""
    """The branch that HEAD names, in full; else the commit."""
    commits: int = 0
    """How often something was committed, by the log of HEAD."""
    is_sparse: bool = False
    """Whether git was told to leave out files (`git sparse-checkout set`)."""

    def moved_to(self, before: "PrivateGit") -> str | None:
        """The commit that HEAD stands on in place of the one that was handed out, where that was there before."""
        here, handed_out = self.refs.get(self.head, self.head), before.refs.get(before.head, before.head)
        return here if here != handed_out and here in before.refs.values() else None

    def elsewhere(self, before: "PrivateGit") -> tuple[str, ...]:
        """What names commits that the checked out files need not have: other branches, worktrees, and a stash."""
        own = self.refs.get(self.head, self.head)
        moved = [
            ref
            for ref, commit in self.refs.items()
            if commit not in (before.refs.get(ref), own) and commit not in before.refs.values()
        ]
        branches = [f"the branch {ref.removeprefix(HEADS)}" for ref in moved if ref.startswith(HEADS)]
        worktrees = [f"the worktree {ref.removeprefix(_WORKTREES)}" for ref in moved if ref.startswith(_WORKTREES)]
        return (*branches, *worktrees, *(["a stash"] if _STASH in moved else []))

    def has_commits_since(self, before: "PrivateGit") -> bool:
        """Whether somebody committed or stashed something there, and did not only fetch it."""
        stash = self.refs.get(_STASH)
        is_made = self.commits > before.commits or stash not in (None, before.refs.get(_STASH))
        return is_made and bool(self.objects - before.objects)


def private_git(git: Path) -> PrivateGit:
    """Look at a `.git` that an agent could write; what is no directory, or cannot be read, holds nothing."""
    if not is_real_directory(git):
        return PrivateGit()
    head = _text(git / "HEAD", _LONGEST_REF).strip().removeprefix("ref: ")
    commits = len(_COMMITTED.findall(_text(git / "logs/HEAD", _LONGEST_LOG)))
    is_sparse = any(_SPARSE.search(_text(git / name, _LONGEST_CONFIGURATION)) for name in ("config", "config.worktree"))
    return PrivateGit(frozenset(_objects(git / "objects")), dict(_refs(git)), head, commits, is_sparse)


def keep_private_git(git: Path, place: Path, *, borrowed: Path, object_format: str) -> bool:
    """Move a `.git` to a place of its own, and make it safe to run git on; False where it is too large.

    Args:
        borrowed: The objects that it does not have itself; what it says of that is not believed.

    Raises:
        OSError: it cannot be moved.
    """
    if not is_real_directory(git):
        return False
    git.chmod(0o700)
    for name in os.listdir(git):  # noqa: PTH208
        if name not in _KEPT or (git / name).is_symlink():
            delete_tree(git / name)
    if not is_small(git):
        return False
    delete_tree(git / "objects" / "info")
    (git / "objects" / "info").mkdir()
    (git / "objects" / "info" / "alternates").write_bytes(os.fsencode(borrowed) + b"\n")
    write_whole(git / "config", configuration_of(object_format, bare=True))
    place.parent.mkdir(parents=True, exist_ok=True)
    git.rename(place)
    return True


def _objects(store: Path) -> Iterator[str]:
    for folder in _entries(store):
        if re.fullmatch("[0-9a-f]{2}", folder):
            yield from (f"{folder}/{name}" for name in _entries(store / folder))
        elif folder == "pack":
            yield from (name for name in _entries(store / folder) if name.endswith(".pack"))


def _refs(git: Path) -> Iterator[tuple[str, str]]:
    """Loose ones last: they count where both are there."""
    for line in _text(git / "packed-refs", _LONGEST_PACKED_REFS).splitlines():
        commit, _, ref = line.partition(" ")
        if _OID.match(commit) and (ref.startswith(HEADS) or ref == _STASH):
            yield ref, commit
    for name in _entries(git / "worktrees")[:_MOST_REFS]:
        if _OID.match(commit := _text(git / _WORKTREES / name / "HEAD", _LONGEST_REF).strip()):
            yield _WORKTREES + name, commit
    pending, seen = [_STASH, HEADS.rstrip("/")], 0
    while pending and seen < _MOST_REFS:
        ref, seen = pending.pop(), seen + 1
        if is_real_directory(git / ref):
            pending += [f"{ref}/{name}" for name in _entries(git / ref)]
        elif _OID.match(commit := _text(git / ref, _LONGEST_REF).strip()):
            yield ref, commit


def _entries(directory: Path) -> list[str]:
    """The names in a real directory, up to a bound; none where it cannot be read."""
    names: list[str] = []
    with suppress(OSError):
        if is_real_directory(directory):
            with os.scandir(directory) as entries:
                names += [entry.name for entry, _ in zip(entries, range(_MOST_ENTRIES), strict=False)]
    return names


def is_small(place: Path) -> bool:
    """Whether all below a directory is within what may be kept."""
    total, count, pending = 0, 0, [place]
    while pending:
        directory = pending.pop()
        for name in _entries(directory):
            path = directory / name
            with suppress(OSError):
                status = path.lstat()
                total, count = total + status.st_size, count + 1
                if stat.S_ISDIR(status.st_mode):
                    pending.append(path)
        if total > MOST_BYTES or count > _MOST_ENTRIES:
            return False
    return True


def _text(file: Path, most: int) -> str:
    with suppress(OSError, ValueError):
        return read_plain_file(file, most=most, errors="replace")
    return ""


def is_real_directory(path: Path) -> bool:
    """Whether it is a directory, and no link to one."""
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except (OSError, ValueError):
        return False
