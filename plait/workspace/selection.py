"""Which files of a checkout go into a commit: found by lstat, sorted by git's index and ignore rules, listed by name.

git is given lists of paths and never walks by itself. So it opens no nested `.git`, no named pipe and no giant, and
what it would skip without a word (a directory too deep, a name it refuses) has been seen before.
"""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from plait.workspace.checkouts import Checkout
from plait.workspace.control import Control
from plait.workspace.errors import GitFailed
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

    def without(self, paths: Iterable[str]) -> "Selection":
        """The selection with some paths left as they were handed out."""
        gone = set(paths)
        write = tuple(path for path in self.write if path not in gone)
        return Selection(write, self.remove, self.new - gone, self.odd)

    def restricted(self, only: Callable[[str], bool]) -> "Selection":
        """The selection with all but some paths left as they were handed out."""
        write, remove = (tuple(filter(only, paths)) for paths in (self.write, self.remove))
        return Selection(write, remove, self.new & set(write), tuple(odd for odd in self.odd if only(odd.path)))


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
        copied = self.checkout.copied
        ignored = copied | self._ignored({*fresh, *(odd.path for odd in seen.odd)} - copied, known, links)
        directories = (known.keys() - links) & seen.directories
        touched, missing = self._touched(leave=links | directories)
        new = fresh - ignored
        write = tuple(sorted(new | ((touched | links) & present)))
        remove = missing | directories | (links - seen.directories - present)
        odd = [odd for odd in seen.odd if odd.path not in ignored]
        odd += [*odd_links(seen, write), *bare_repositories(seen, write)]
        odd += self._replaced(touched - present, odd)
        return Selection(write, tuple(sorted(remove)), frozenset(new), tuple(odd))

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
        return self.control.store.run(*arguments, stdin=_listed(paths), work_tree=place, index=self.index)


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
