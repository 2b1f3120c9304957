"""A reused checkout to verify trees in: whatever the last run left there, the next finds exactly its own files."""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from plait.workspace.checkouts import commit_and_tree, naming_full_disk, populate
from plait.workspace.clone_git import NO_SURROUNDINGS, Surroundings, write_private_git
from plait.workspace.control import Control
from plait.workspace.deleting import delete_later, delete_tree
from plait.workspace.errors import DiskFull, GitFailed
from plait.workspace.filters import ATTRIBUTES

_GITLINK = "160000"


@dataclass(frozen=True, slots=True)
class Slot:
    """One checkout below `place`, for one verification at a time."""

    control: Control
    place: Path
    surroundings: Surroundings = NO_SURROUNDINGS
    """What its git knows of the user's repository."""

    @property
    def directory(self) -> Path:
        return self.place.absolute() / "work"

    @property
    def temporary(self) -> Path:
        """An empty directory for `TMPDIR`, emptied at each `restore`."""
        return self.place.absolute() / "tmp"

    @property
    def index(self) -> Path:
        """plait's index of the files as they were handed out; outside of `directory`."""
        return self.place.absolute() / "index"

    def restore(self, tree_or_commit: str) -> Path:
        """Make the files exactly those of a tree and give their directory; quick when little differs from the last one.

        Ignored files, nested repositories, changed permissions, hard links and a `.git` of others are gone afterwards.
        The slot has a git directory of its own: at the commit, or at one made for the tree alone, on top of base.

        Raises:
            GitFailed: an object is missing.
            DiskFull: no space for the files.
        """
        commit, tree = commit_and_tree(self.control, tree_or_commit)
        try:
            self._clear(tree)
            populate(self.control, self.directory, self.index, tree)
        except DiskFull:
            raise
        except (OSError, GitFailed):  # a killed restore, an immutable file, a damaged index: nothing of it is kept
            with naming_full_disk():
                self._start_over()
                populate(self.control, self.directory, self.index, tree)
        self._last.write_text(tree, encoding="ascii")
        if commit is None:
            around = self.surroundings
            parents = (around.base,) if around.base else ()
            commit = self.control.store.commit_tree(tree, parents, "A tree to verify", date=around.date)
        with naming_full_disk():
            write_private_git(
                self.control,
                self.directory,
                commit=commit,
                branch=None,
                index=self.index,
                surroundings=self.surroundings,
            )
        return self.directory

    def _start_over(self) -> None:
        self.place.parent.mkdir(parents=True, exist_ok=True)
        delete_later(self.place.absolute())
        self.place.mkdir(mode=0o700)
        self.directory.mkdir()
        self.temporary.mkdir()

    @property
    def _last(self) -> Path:
        """The tree that the files are of."""
        return self.place.absolute() / "tree"

    def _is_written_alike(self, tree: str) -> bool:
        """Whether files that are the same in git are the same here: not where attributes of the two trees differ."""
        try:
            before = self._last.read_text(encoding="ascii")
        except OSError:
            return False
        return not any(path.endswith(ATTRIBUTES) for path in self.control.store.changed_paths(before, tree))

    def _clear(self, tree: str) -> None:
        """Remove all that the index does not know, and all that it knows under another nature."""
        if not (_is_real_directory(self.place) and _is_real_directory(self.directory) and self.index.is_file()):
            self._start_over()
            return
        if not self._is_written_alike(tree):
            self._start_over()
            return
        Path(f"{self.index}.lock").unlink(missing_ok=True)  # of a git that was killed; the slot is ours alone
        if not _is_real_directory(self.temporary) or _has_content(str(self.temporary)):
            delete_tree(self.temporary)
            self.temporary.mkdir()
        known = self._known()
        for directory in self._foreign(known):
            delete_tree(directory)

    def _known(self) -> dict[str, str]:
        """The paths in the index with their modes."""
        records = self.control.store.ask("ls-files", "--stage", "-z", index=self.index).records
        return {path: facts.split(" ", 1)[0] for facts, _, path in (record.partition("\t") for record in records)}

    def _foreign(self, known: dict[str, str]) -> list[Path]:
        """The directories to discard; files are removed on the way, so that nothing is listed twice."""
        inside = {parent for path in known for parent in _parents(path)}
        foreign: list[Path] = []
        root = str(self.directory)  # strings all the way down: half the time of paths, and there are thousands
        _open_up(root)
        pending = [""]
        while pending:
            above = pending.pop()
            with os.scandir(root + above) as entries:
                listed = list(entries)
            for entry in listed:
                path = f"{above}/{entry.name}"
                if not entry.is_dir(follow_symlinks=False):
                    if path[1:] not in known or _is_altered(entry):
                        os.unlink(entry.path)  # noqa: PTH108
                elif path[1:] in inside:
                    _open_up(entry.path)
                    pending.append(path)
                elif known.get(path[1:]) != _GITLINK or _has_content(entry.path):
                    foreign.append(Path(entry.path))
        return foreign


def _parents(path: str) -> Iterator[str]:
    """`a/b/c` has `a` and `a/b`."""
    at = path.find("/")
    while at >= 0:
        yield path[:at]
        at = path.find("/", at + 1)


def _is_altered(entry: os.DirEntry[str]) -> bool:
    """Whether a file was changed in a way that git's index does not see within one second: permissions, hard links."""
    status = entry.stat(follow_symlinks=False)
    if stat.S_ISLNK(status.st_mode):
        return False
    return not stat.S_ISREG(status.st_mode) or status.st_nlink != 1 or status.st_mode & 0o7600 != 0o600


def _open_up(directory: str) -> None:
    """Undo what a test did to the permissions of a directory."""
    mode = os.lstat(directory).st_mode
    if mode & 0o7700 != 0o700:
        os.chmod(directory, mode & 0o077 | 0o700)  # noqa: PTH101


def _has_content(directory: str) -> bool:
    with suppress(OSError), os.scandir(directory) as entries:
        return next(entries, None) is not None
    return True


def _is_real_directory(path: Path) -> bool:
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except OSError:
        return False
