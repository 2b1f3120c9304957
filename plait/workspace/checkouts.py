"""An agent's own checkout: the files, a private `.git` to play with, and plait's index out of the way."""

import errno
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from plait.plans.wording import listed
from plait.workspace.clone_git import NO_SURROUNDINGS, Surroundings, write_private_git
from plait.workspace.control import Control
from plait.workspace.copied_files import NO_FILES, CopiedFiles
from plait.workspace.deleting import delete_later
from plait.workspace.errors import DiskFull, GitFailed
from plait.workspace.filters import converting
from plait.workspace.git import GitRepository
from plait.workspace.merging import ConflictPath
from plait.workspace.output import plain

_NEARLY_NOTHING = 1_000_000
"""Bytes left on a disk that make it the likely reason for a file that could not be written."""

_FOR_A_PERSON = "[mergetool]\n\tkeepBackup = false\n"
"""What a harvest takes is every new file: `same.txt.orig` would be one of them."""

_PATHS_NAMED = 5
"""Paths that a notice names; of more it says how many."""
_SUBMODULE = re.compile(r"^\s*path\s*=\s*(\S.*?)\s*$", re.MULTILINE)
_TROUBLE = re.compile(r"(?:error|fatal):")
_ENCODING = re.compile(r"^error: failed to encode .*$", re.MULTILINE)
"""git writes such a file as it is stored, as it would for the user."""


@dataclass(frozen=True, slots=True)
class Checkout:
    """What an agent gets to work in, and what is needed to harvest it."""

    directory: Path
    """The files; the agent's working directory."""
    index: Path
    """plait's index of the files as they were handed out; outside of `directory`."""
    commit: str
    """What the checkout's HEAD names."""
    tree: str
    """The files' tree when they were handed out: `commit`'s, or a merge with conflict markers."""
    temporary: Path
    """An empty directory for `TMPDIR`."""
    copied: frozenset[str] = frozenset()
    """Paths of files that the user's clone has and git has not: no harvest takes them."""
    before: str = ""
    """The tree that a harvest is compared with, where that is not `tree`: an agent that goes on from a checkpoint is
    handed out what it had done by then, and all of that is its work."""

    @property
    def compared_with(self) -> str:
        """The tree from which the work began."""
        return self.before or self.tree

    @property
    def place(self) -> Path:
        """The directory that holds all of this; deleting it deletes the checkout."""
        return self.directory.parent

    @property
    def set_up(self) -> Path:
        """What the set-up commands left there, written down (`set_up_state`); not there where none ran."""
        return self.place / "set-up"


def make_checkout(
    control: Control,
    place: Path,
    commit: str,
    *,
    branch: str,
    tree: str | None = None,
    before: str = "",
    surroundings: Surroundings = NO_SURROUNDINGS,
    copied: CopiedFiles = NO_FILES,
) -> Checkout:
    """Hand out the files of a commit in `place/work`, with `branch` checked out in a git directory of their own.

    What was at `place` before is thrown away, so that another try starts as the first did. Checkouts can be made in
    parallel, also of one repository.

    Args:
        place: The directory to make; its parent is made when missing.
        branch: A checked branch name; it exists in the checkout alone.
        surroundings: What its git knows of the user's repository.
        copied: Files beside those of the commit.
        tree: Files to hand out in place of the commit's, such as a merge that left conflict markers, or a checkpoint.
        before: The tree that the work is compared with, where it is not the one that is handed out.

    Raises:
        GitFailed: the commit or one of its objects is missing.
        DiskFull: no space for the files.
    """
    with naming_full_disk():
        checkout = _lay_out(control, place, commit, tree)
        populate(control, checkout.directory, checkout.index, checkout.tree)
        write_private_git(
            control,
            checkout.directory,
            commit=checkout.commit,
            branch=branch,
            index=checkout.index,
            surroundings=surroundings,
        )
        copied.put(checkout.directory)
    return replace(checkout, copied=copied.paths, before=before)


def _lay_out(control: Control, place: Path, commit: str, tree: str | None) -> Checkout:
    """The directories, empty, and the names of what goes into them."""
    place = place.absolute()
    place.parent.mkdir(parents=True, exist_ok=True)
    delete_later(place)
    place.mkdir(mode=0o700)
    (place / "work").mkdir()
    (place / "tmp").mkdir()
    oid, own_tree = commit_and_tree(control, commit)
    if oid is None:
        raise GitFailed(f"rev-parse {commit}", 128, "not a commit")
    return Checkout(
        directory=place / "work", index=place / "index", commit=oid, tree=tree or own_tree, temporary=place / "tmp"
    )


@contextmanager
def naming_full_disk() -> Iterator[None]:
    """Say `DiskFull` where Python's own writing finds no space, as `GitRepository` says where git's does."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise DiskFull(str(error), hint="free some space and run again") from error


@lru_cache(maxsize=1024)
def commit_and_tree(control: Control, oid: str) -> tuple[str | None, str]:
    """The commit, if it is one, and the tree that an object name stands for, in one process; what is so stays so.

    Raises:
        GitFailed: neither a commit nor a tree, or not there.
    """
    question = f"{oid}^{{commit}}\n{oid}^{{tree}}\n".encode()
    answer = control.store.ask("cat-file", "--batch-check=%(objecttype) %(objectname)", stdin=question)
    commit, tree = (line.split(" ", 1) for line in answer.text.splitlines())
    if tree[0] != "tree":
        raise GitFailed(f"cat-file {oid}", 128, "no such commit or tree, or its tree is missing")
    return commit[1] if commit[0] == "commit" else None, tree[1]


def populate(control: Control, directory: Path, index: Path, tree: str) -> None:
    """Make the files that the index knows those of `tree`, and the index likewise.

    Raises:
        GitFailed: an object is missing, or something is in the way.
        DiskFull: no space for the files.
    """
    command = ("read-tree", "--reset", "-u", tree)
    settings = converting(control.common_dir)
    answer = control.store.run(*command, work_tree=directory, index=index, configuration=settings)
    if answer.status == 0 and not _TROUBLE.search(_ENCODING.sub("", answer.stderr)):
        return
    if "unable to" in answer.stderr and _is_full(directory):  # git 2.39.5 does not say why it could not write
        raise DiskFull(f"no space left for files in {directory}", hint="free some space and run again")
    raise GitFailed(f"read-tree {tree}", answer.status, answer.stderr)


def _is_full(directory: Path) -> bool:
    space = os.statvfs(directory)
    return space.f_bavail * space.f_frsize < _NEARLY_NOTHING or (space.f_files > 0 and space.f_favail == 0)


def show_unmerged(control: Control, checkout: Checkout, conflicts: Sequence[ConflictPath]) -> None:
    """Let a person's git know of the conflicts: `git status`, `git checkout --ours` and `git mergetool` ask its index.

    For a checkout that was made a moment ago and handed to nobody yet. plait's own index stays as it is.

    Raises:
        GitFailed: the index could not be written.
        DiskFull: no space for it.
    """
    if not conflicts:
        return
    git = checkout.directory / ".git"
    nothing = "0" * len(checkout.tree)
    lines = []
    for path in conflicts:
        # git wants a path taken out before its stages go in.
        lines += [f"0 {nothing}\t{path.path}"] if path.stages else []
        lines += [f"{stage.mode} {stage.oid} {stage.number}\t{path.path}" for stage in path.stages]
    entries = b"".join(os.fsencode(line) + b"\0" for line in lines)
    work, index = checkout.directory, git / "index"  # both: an entry as old as the index is compared with its file
    control.store.ask("update-index", "-z", "--index-info", stdin=entries, work_tree=work, index=index)
    with naming_full_disk(), (git / "config").open("a", encoding="utf-8") as config:
        config.write(_FOR_A_PERSON)


def missing_in_checkouts(store: GitRepository, commit: str, *, filled: bool = False) -> Iterator[str]:
    """A sentence for submodules, where the root of a commit's tree speaks of them; `filled`: they are there."""
    answer = store.run("cat-file", "blob", f"{commit}:.gitmodules")
    modules = answer.stdout.decode("utf-8", "replace") if answer.status == 0 else ""
    if (submodules := _SUBMODULE.findall(modules)) and not filled:
        empty = "submodules are empty in the checkouts that agents work in (`submodules: true` in the crew fills them)"
        yield f"{empty}: {_first(submodules)}"


def _first(paths: list[str]) -> str:
    named = [plain(path)[:80] for path in dict.fromkeys(paths)]
    more = len(named) - _PATHS_NAMED
    return listed([*named[:_PATHS_NAMED], *([f"{more} more"] if more > 0 else [])], limit=None)
