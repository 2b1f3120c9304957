"""Brings plait's own objects into the user's repository, in a pack that no garbage collection takes before a ref moves.

A `.keep` file beside a pack says so to `git gc`, also with `--prune=now`. It is there before the pack is, and goes once
the ref has moved; a lock on it tells a later run whether whoever wrote it still lives.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

from plait.workspace.errors import ObjectsGone
from plait.workspace.git import GitRepository
from plait.workspace.starting import explaining

_MARK = b"plait brings this in\n"


@contextmanager
def kept_pack(
    store: GitRepository, objects: Path, commits: Collection[str], *, known: Collection[str]
) -> Iterator[None]:
    """Inside, an object store has all that these commits consist of, and no garbage collection takes it away.

    What no ref names in the end is garbage like any other.

    Args:
        store: Where the commits are; the object store is an alternate of it.
        objects: The object store of the user's repository.
        known: Commits that it has with all that belongs to them, and that stay for as long as this lasts.

    Raises:
        ObjectsGone: something that the commits consist of is nowhere any more.
        EnvironmentProblem: the pack cannot be written (DiskFull: for want of space).
    """
    with tempfile.TemporaryDirectory(prefix="bring-", dir=store.git_dir) as staging:
        made = _packed(store, commits, known, Path(staging))
        if made is None:
            yield
            return
        # A name of its own: a collection that goes on deletes by name what it has listed before, `.keep` or not.
        place = _Place(objects / "pack", f"pack-{token_hex(len(made.stem.partition('-')[2]) // 2)}")
        with place.kept():
            with explaining(f"cannot write {objects}"):
                place.fill(made)
            yield


def take_left_packs(store: GitRepository, objects: Path) -> int:
    """Let go of the packs that killed runs were bringing into an object store; gives how many there were.

    What a killed run made, the next makes again, object for object, and git writes nothing that is there already: so
    the store gets a copy first, or the collection that is free to take the pack now would take it from under the run.
    """
    taken = 0
    with explaining(f"cannot write {objects}"):
        for keep in (objects / "pack").glob("pack-*.keep"):
            with _left(keep) as is_left:
                if is_left:
                    _Place(keep.parent, keep.stem).leave(store.git_dir / "objects/pack")
                    taken += 1
    return taken


def _packed(store: GitRepository, commits: Collection[str], known: Collection[str], staging: Path) -> Path | None:
    """A new pack of what the commits have and the known ones have not; nothing when that is nothing."""
    revisions = "".join(f"{revision}\n" for revision in (*commits, *(f"^{commit}" for commit in known)))
    command = ("pack-objects", "--revs", "--quiet", "--non-empty", "--delta-base-offset", str(staging / "made"))
    answer = store.run(*command, stdin=revisions.encode())
    if answer.status == 0:
        return staging / f"made-{answer.text}.pack" if answer.text else None
    there = store.present(known)
    if len(there) < len(known):  # somebody's branch names what is missing, or a ref is not where it was any more
        return _packed(store, commits, there, staging)
    raise ObjectsGone("pack-objects", answer.status, answer.stderr)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where one pack goes."""

    folder: Path
    name: str

    @property
    def keep(self) -> Path:
        return self.folder / f"{self.name}.keep"

    @property
    def pack(self) -> Path:
        return self.folder / f"{self.name}.pack"

    @property
    def index(self) -> Path:
        """With it git takes the pack for one."""
        return self.folder / f"{self.name}.idx"

    @property
    def unfinished(self) -> Path:
        """`tmp_…` would be deleted by a collection with `--prune=now`."""
        return self.folder / f"{self.name}.plait"

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Inside, collections leave what is here alone."""
        with explaining(f"cannot write {self.folder}"):
            self.folder.mkdir(exist_ok=True)
            keep = self.keep.open("xb")
        with keep:
            with suppress(OSError):  # without locks on this disk, what a kill leaves here stays
                fcntl.flock(keep, fcntl.LOCK_EX)  # who looks whether this was left has it for a moment
            try:
                with explaining(f"cannot write {self.keep}"):
                    keep.write(_MARK)
                    keep.flush()
                yield
            finally:
                self.keep.unlink(missing_ok=True)

    def fill(self, made: Path) -> None:
        """Copy a pack here; git sees it when all of it is on disk."""
        mode = self.folder.stat().st_mode & 0o444  # who may read this folder may read what is in it
        try:
            _copy(made, self.pack, mode)
            _copy(made.with_suffix(".idx"), self.unfinished, mode)
            self.unfinished.rename(self.index)
        except BaseException:
            self._discard()
            raise
        _sync(self.folder)

    def leave(self, to: Path) -> None:
        """What a killed run had brought here is an ordinary pack now, and is elsewhere too; half a pack goes."""
        if self.index.exists():
            copied = _Place(to, self.name)
            if not copied.index.exists():
                copied._discard()
                copied.fill(self.pack)
        else:
            self._discard()
        self.keep.unlink(missing_ok=True)

    def _discard(self) -> None:
        """Delete what git does not see yet."""
        for file in (self.unfinished, self.pack):
            file.unlink(missing_ok=True)


@contextmanager
def _left(keep: Path) -> Iterator[bool]:
    """Whether a `.keep` file is plait's and its process is gone; while inside, nobody else takes it for that."""
    try:
        file = keep.open("r+b")
    except OSError:  # just gone, or somebody else's
        yield False
        return
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_left = file.read(len(_MARK) + 1) == _MARK and os.fstat(file.fileno()).st_nlink > 0
        except OSError:
            is_left = False
        yield is_left


def _copy(source: Path, target: Path, mode: int) -> None:
    with source.open("rb") as reading, target.open("xb") as writing:
        shutil.copyfileobj(reading, writing)
        writing.flush()
        os.fchmod(writing.fileno(), mode)
        os.fsync(writing.fileno())


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
