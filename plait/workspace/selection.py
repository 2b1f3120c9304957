"""Which files of a checkout go into a commit: found by lstat, sorted by git's index and ignore rules, listed by name.

git is given lists of paths and never walks by itself. So it opens no nested `.git`, no named pipe and no giant, and
what it would skip without a word (a directory too deep, a name it refuses) has been seen before.
"""

import filecmp
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from plait.workspace.checkouts import Checkout
from plait.workspace.control import Control
from plait.workspace.errors import GitFailed
from plait.workspace.filters import (
    ATTRIBUTES,
    LFS,
    converting,
    filters_of,
    has_attributes_beside,
    lfs_storage,
    unfiltered,
)
from plait.workspace.git import Answer
from plait.workspace.scanning import ROOT, Odd, Survey, bare_repositories, odd_links

_GITLINK = "160000"
_MANY = 1000


@dataclass(frozen=True, slots=True)
class Selection:
    """What to do to an index so that it says what is in the checkout."""

    write: tuple[str, ...]
    """New and changed files and links."""
    remove: tuple[str, ...]
    new: frozenset[str]
    """Those of `write` that were not handed out."""
    odd: tuple[Odd, ...]
    """What cannot be committed and is not ignored either."""
    unfiltered: tuple[Odd, ...] = ()
    """Those of `odd` that could be committed but for a filter."""
    pointers: frozenset[str] = frozenset()
    """Those of `write` of which the commit has a pointer alone, and the LFS store the content."""

    def without(self, paths: Iterable[str]) -> "Selection":
        """The selection with some paths left as they were handed out."""
        gone = set(paths)
        write = tuple(path for path in self.write if path not in gone)
        return replace(self, write=write, new=self.new - gone)

    def restricted(self, only: Callable[[str], bool]) -> "Selection":
        """The selection with all but some paths left as they were handed out."""
        write, remove = (tuple(filter(only, paths)) for paths in (self.write, self.remove))
        odd = tuple(odd for odd in self.odd if only(odd.path))
        return replace(self, write=write, remove=remove, new=self.new & set(write), odd=odd)


@dataclass(frozen=True, slots=True)
class Staging:
    """A checkout with a copy of its index to work on."""

    control: Control
    checkout: Checkout
    index: Path

    def select(self, seen: Survey) -> Selection:
        """Compare a survey of the checkout with what was handed out.

        Only to be called when `found.unsafe` is empty: git reads the ignore files.
        """
        known = self._known()
        links = {path for path, mode in known.items() if mode == _GITLINK}
        present = seen.files.keys() | seen.links.keys()
        fresh = present - known.keys()
        ignored = self._ignored({*fresh, *(odd.path for odd in seen.odd)}, known, links)
        directories = (known.keys() - links) & seen.directories
        touched, missing = self._touched(leave=links | directories)
        if has_attributes := self._has_attributes(known, seen):
            touched -= self._as_handed_out(touched & seen.files.keys())
        new = fresh - ignored
        write = tuple(sorted(new | ((touched | links) & present)))
        remove = missing | directories | (links - seen.directories - present)
        odd = [odd for odd in seen.odd if odd.path not in ignored]
        odd += [*odd_links(seen, write), *bare_repositories(seen, write)]
        odd += self._replaced(touched - present, odd)
        files = tuple(path for path in write if path in seen.files)
        unfiltered, pointers = self._filtered(files, known) if has_attributes else ((), frozenset())
        return Selection(write, tuple(sorted(remove)), frozenset(new), (*odd, *unfiltered), unfiltered, pointers)

    def _has_attributes(self, known: Iterable[str], seen: Survey) -> bool:
        """Whether any file may have attributes at all: asking git costs a process or two."""
        if has_attributes_beside(self.control.common_dir):
            return True
        return any(path.endswith(ATTRIBUTES) for paths in (known, seen.files) for path in paths)

    def _as_handed_out(self, paths: Collection[str]) -> set[str]:
        """Those files that are byte for byte what was handed out, though git would store them in another way now.

        As a text with CRLF ends does under `text`, when its attributes came after it: for git it is changed for ever.
        """
        if not paths:
            return set()
        with tempfile.TemporaryDirectory(prefix="anew-", dir=self.checkout.place) as place:
            index = Path(shutil.copy2(self.checkout.index, Path(place) / "index"))
            anew = Path(place) / "files"
            anew.mkdir()
            settings = converting(self.control.common_dir)
            self.control.store.run(
                *("checkout-index", "-z", "--stdin"),
                stdin=_listed(paths),
                work_tree=anew,
                index=index,
                configuration=settings,
            )
            return {path for path in paths if _are_same(anew / path, self.checkout.directory / path)}

    def _filtered(self, files: tuple[str, ...], known: Iterable[str]) -> tuple[tuple[Odd, ...], frozenset[str]]:
        """Files that cannot be stored as a filter wants them, and those that Git LFS keeps."""
        directory, common_dir = self.checkout.directory, self.control.common_dir
        handed_out = partial(filters_of, self.control.store, common_dir=common_dir, index=self.checkout.index)
        before = handed_out(files)
        after = filters_of(self.control.store, files, common_dir=common_dir, index=self.index, work_tree=directory)
        if not before and not after:
            return (), frozenset()
        blobs = self._blobs()
        stored: dict[str, set[str]] = {}
        for path, name in handed_out(known).items():
            stored.setdefault(name, set()).add(blobs.get(path, ""))
        storage = lfs_storage(common_dir)
        refused = unfiltered(directory, files, before=before, after=after, stored=stored, storage=storage)
        pointers = frozenset(path for path, name in after.items() if name == LFS)
        return tuple(Odd(path, reason) for path, reason in refused), pointers

    def _blobs(self) -> dict[str, str]:
        """The objects that were handed out, by path."""
        records = self.control.store.ask("ls-files", "--stage", "-z", index=self.checkout.index).records
        return {path: facts.split(" ")[1] for facts, _, path in (record.partition("\t") for record in records)}

    def _replaced(self, paths: set[str], odd: list[Odd]) -> list[Odd]:
        """Files that became neither file nor link nor directory, unless they are named already."""
        named = {oddity.path for oddity in odd}
        return [Odd(path, "no longer a file") for path in sorted(paths - named)]

    def _known(self) -> dict[str, str]:
        """The paths that were handed out, with their modes."""
        records = self.control.store.ask("ls-files", "--stage", "-z", index=self.index).records
        return {path: facts.split(" ", 1)[0] for facts, _, path in (record.partition("\t") for record in records)}

    def _ignored(self, paths: set[str], known: Iterable[str], links: set[str]) -> set[str]:
        """Those paths that git's ignore rules leave out; inside of a submodule git refuses to answer."""
        asked = {path for path in paths if path != ROOT and not any(path.startswith(f"{link}/") for link in links)}
        if len(asked) <= _MANY:
            return self._check_ignore(asked)
        # 20,000 files in `node_modules` take git 0.6 s; that directory takes it 5 ms, and nothing in it can be kept.
        covers = _covers(asked, known)
        ignored = self._check_ignore(set(covers.values()))
        inside = {path for path, cover in covers.items() if cover in ignored}
        return inside | self._check_ignore(asked - inside)

    def _check_ignore(self, paths: set[str]) -> set[str]:
        if not paths:
            return set()
        # `./` keeps a name such as `:(top)x` from being read as magic; check-ignore refuses GIT_LITERAL_PATHSPECS.
        answer = self.on_paths("check-ignore", "-z", "--stdin", paths=[f"./{path}" for path in sorted(paths)])
        if answer.status not in (0, 1):
            raise GitFailed("check-ignore", answer.status, answer.stderr)
        return {path[2:] for path in answer.records}

    def _touched(self, *, leave: set[str]) -> tuple[set[str], set[str]]:
        """Known files that differ from what was handed out, and those that are missing.

        Args:
            leave: Paths that are directories now: git would look for a repository in them.
        """
        if leave:
            self.write("update-index", "--assume-unchanged", "-z", "--stdin", paths=leave)
        records = self.control.store.ask(
            *("diff-files", "--raw", "-z", "--no-renames", "--ignore-submodules=all"),
            work_tree=self.checkout.directory,
            index=self.index,
            configuration=converting(self.control.common_dir),
        ).records
        changes = list(zip(records[::2], records[1::2], strict=True))
        missing = {path for facts, path in changes if facts.endswith("D")}
        return {path for _, path in changes} - missing, missing

    def write(self, *arguments: str, paths: Iterable[str]) -> Answer:
        """Run a command of git's that changes the index, on paths given by name.

        Raises:
            GitFailed: git ended with another status than 0.
        """
        answer = self.on_paths(*arguments, paths=paths)
        if answer.status:
            raise GitFailed(arguments[0], answer.status, answer.stderr)
        return answer

    def on_paths(self, *arguments: str, paths: Iterable[str]) -> Answer:
        """Run a command of git's on paths given by name, whatever comes of it."""
        place = self.checkout.directory
        settings = converting(self.control.common_dir)
        return self.control.store.run(
            *arguments, stdin=_listed(paths), work_tree=place, index=self.index, configuration=settings
        )


def _are_same(one: Path, other: Path) -> bool:
    """Whether two files have the same bytes, and both may be executed or neither."""
    try:
        before, now = one.lstat(), other.lstat()
        if (before.st_size, before.st_mode & stat.S_IXUSR) != (now.st_size, now.st_mode & stat.S_IXUSR):
            return False
        return filecmp.cmp(one, other, shallow=False)
    except OSError:
        return False


def _listed(paths: Iterable[str]) -> bytes:
    """Paths as `-z --stdin` takes them."""
    return b"".join(os.fsencode(path) + b"\0" for path in paths)


def _covers(paths: Iterable[str], known: Iterable[str]) -> dict[str, str]:
    """Each path with the topmost directory above it that holds nothing known, or itself."""
    held = {"", *(path[:at] for path in known for at, letter in enumerate(path) if letter == "/")}
    covers: dict[str, str] = {}
    for path in paths:
        end = path.find("/")
        while end >= 0 and path[:end] in held:
            end = path.find("/", end + 1)
        covers[path] = path if end < 0 else path[:end]
    return covers
