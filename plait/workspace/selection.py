"""Which files of a checkout go into a commit: found by lstat, sorted by git's index and ignore rules, listed by name.

git is given lists of paths and never walks by itself. So it opens no nested `.git`, no named pipe and no giant, and
what it would skip without a word (a directory too deep, a name it refuses) has been seen before.
"""

import os
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from plait.plans.wording import listed
from plait.workspace.checkouts import Checkout
from plait.workspace.claims import ANYTHING, Claims
from plait.workspace.control import Control
from plait.workspace.errors import GitFailed
from plait.workspace.filtering import as_handed_out, filtered, have_attributes
from plait.workspace.filters import converting
from plait.workspace.git import Answer
from plait.workspace.nested import (
    counts,
    inner_paths,
    is_inside,
    modules_in,
    modules_of,
    text_of_modules,
    told_of_nested,
)
from plait.workspace.scanning import ROOT, Odd, Survey, bare_repositories, odd_links, shown
from plait.workspace.set_up_state import SetUpState

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
    ignored: frozenset[str] = frozenset()
    """Files that git ignores, and that were not there when the agent began."""
    inside: frozenset[str] = frozenset()
    """Files below submodules, which are another repository's."""
    notes: tuple[str, ...] = ()
    """What is left out on purpose, in a sentence each."""
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
    set_up: SetUpState | None = None
    """How set-up commands left the checkout; `index` is then a copy of theirs."""

    def select(self, seen: Survey, claims: Claims = ANYTHING) -> Selection:
        """Compare a survey of the checkout with what it was when the agent began.

        Only to be called when `found.unsafe` is empty: git reads the ignore files.
        """
        known = self._known()
        links = {path for path, mode in known.items() if mode == _GITLINK}
        modules = self._modules(links, seen)
        all_present = seen.files.keys() | seen.links.keys()
        inside = {path for path in all_present if is_inside(path, modules)}
        present = all_present - inside
        odd = [odd for odd in seen.odd if not is_inside(odd.path, modules)]
        fresh = present - known.keys()
        copied = self.checkout.copied
        asked = {*fresh, *(oddity.path for oddity in odd)} - copied
        ignored = copied | self._ignored(asked, known, links)
        there = self.set_up.odd if self.set_up else frozenset[str]()
        new = {path for path in fresh - ignored if not self._was_there(path)}
        nested = self._nested([oddity for oddity in odd if oddity.path not in ignored], new, claims)
        new = {path for path in new if not is_inside(path, nested.left_out)}
        directories = (known.keys() - links) & seen.directories
        touched, missing = self._touched(leave=links | directories)
        touched = {path for path in touched if not self._was_there(path)} - (there - present)
        if has_attributes := have_attributes(self.control, known, seen.files):
            touched -= as_handed_out(self.control, self.checkout, touched & seen.files.keys())
        write = tuple(sorted(new | ((touched | (links - modules)) & present)))
        remove = missing | directories | (links - modules - seen.directories - present)
        odd = [*nested.odd, *odd_links(seen, write)]
        odd += self._replaced(touched - present, odd)
        selection = Selection(
            write,
            tuple(sorted(remove)),
            frozenset(new),
            tuple(odd),
            ignored=frozenset(path for path in fresh & ignored if not self._was_there(path)),
            inside=frozenset(inside),
            notes=tuple(nested.notes),
        )
        selection = self._without_leavings(self._with_modules(selection, modules, claims), claims)
        selection = self._without_bare(selection, seen, known, claims)
        return self._with_filters(selection, seen, known) if has_attributes else selection

    def _with_filters(self, selection: Selection, seen: Survey, known: Iterable[str]) -> Selection:
        files = tuple(path for path in selection.write if path in seen.files)
        odd, pointers = filtered(self.control, self.checkout, self.index, files, known)
        return replace(selection, odd=(*selection.odd, *odd), unfiltered=odd, pointers=pointers)

    def _modules(self, links: set[str], seen: Survey) -> set[str]:
        """The submodules that stay as they were handed out, whatever lies in them: those that are still named as such.

        Who takes one out of `.gitmodules` has put files in its place, or nothing. One that was named nowhere stays
        where a repository lies in it.
        """
        if not links:
            return set()
        before = modules_of(self.control.store, self.checkout.tree).keys()
        now = modules_in(self.control.store, text_of_modules(self.checkout.directory)).keys()
        filled = {odd.path.removesuffix("/.git") for odd in seen.odd if odd.path.endswith("/.git")}
        return {link for link in links if (link in before and link in now) or (link not in before and link in filled)}

    def _with_modules(self, selection: Selection, modules: Collection[str], claims: Claims) -> Selection:
        """Say what was changed in submodules: it lands nowhere; where it is what was asked for, nothing else does."""
        changed = self.set_up.changed_inside(self.checkout.directory) if self.set_up and modules else []
        changed = [path for path in changed if is_inside(path, modules)]
        asked = [path for path in changed if claims.name(path)]
        if asked:
            reason = "is in a submodule: it belongs to another repository, and plait lands no change of one"
            return replace(selection, odd=(*selection.odd, *(Odd(path, reason) for path in asked)))
        if not changed:
            return selection
        where = listed([shown(path) for path in changed], limit=3)
        note = f"{where} {'was' if len(changed) == 1 else 'were'} changed in a submodule, which stays as it was"
        return replace(selection, notes=(*selection.notes, note))

    def _without_leavings(self, selection: Selection, claims: Claims) -> Selection:
        """Leave out what was changed among files that the set-up has made, where the task owns something else.

        Programs write there again, as the set-up did: `pip install -e .` into its `.egg-info`, or into `.venv`.
        """
        if self.set_up is None or claims.owns is None:
            return selection
        handed_out = self.entries(self.checkout.index).keys()
        made = set(covers(self._known().keys() - handed_out, handed_out).values())
        fresh = covers(set(selection.write) - handed_out, handed_out)
        left = sorted(path for path, cover in fresh.items() if cover in made and not claims.name(path))
        if not left:
            return selection
        where = listed([shown(path) for path in left], limit=3)
        note = f"left out, as the set-up made it and the task does not own it: {where}"
        return replace(selection.without(left), notes=(*selection.notes, note))

    def _was_there(self, path: str) -> bool:
        return self.set_up is not None and self.set_up.was_there(self.checkout.directory, path)

    def _nested(self, odd: list[Odd], new: set[str], claims: Claims) -> "_Nested":
        """Sort the nested repositories: of some the files count, others are left out whole."""
        there = self.set_up.odd if self.set_up else frozenset[str]()
        sorted_out = _Nested()
        gits = {oddity.path for oddity in odd if oddity.path.endswith("/.git")}
        handed_out = self.entries(self.checkout.index) if gits else {}
        for root in sorted(path.removesuffix("/.git") for path in gits):
            if is_inside(root, sorted_out.left_out):
                continue
            fresh, has_known = inner_paths(root, new), bool(inner_paths(root, handed_out))
            counted = counts(root, new=fresh, has_known=has_known, claims=claims, directory=self.checkout.directory)
            if not counted:
                sorted_out.left_out.add(root)
            if fresh or (has_known and f"{root}/.git" not in there):
                sorted_out.notes.append(told_of_nested(root, len(fresh), counted=counted))
        sorted_out.odd += self._new_submodules({path.removesuffix("/.git") for path in gits - there})
        gone = {oddity.path for oddity in odd if is_inside(oddity.path, sorted_out.left_out)}
        sorted_out.odd += [oddity for oddity in odd if oddity.path not in gone | gits | there]
        return sorted_out

    def _new_submodules(self, roots: set[str]) -> list[Odd]:
        """Repositories that `.gitmodules` names by now: without them it would land as a name for nothing."""
        now = modules_in(self.control.store, text_of_modules(self.checkout.directory)) if roots else {}
        if not (added := roots & now.keys()):
            return []
        added -= modules_of(self.control.store, self.checkout.tree).keys()
        reason = "is a new submodule, and plait adds none: take it out of .gitmodules, or add it on base yourself"
        return [Odd(root, reason) for root in sorted(added)]

    def _without_bare(self, selection: Selection, seen: Survey, known: dict[str, str], claims: Claims) -> Selection:
        """Leave out bare repositories that hold nothing of the task's; one that does cannot be committed."""
        for bare in bare_repositories(seen, selection.write):
            inside = inner_paths(bare.path, selection.write)
            is_ours = bare.path == ROOT or any(path in known or claims.name(path) for path in inside)
            if claims.owns is None or is_ours:
                selection = replace(selection, odd=(*selection.odd, bare))
            else:
                note = told_of_nested(bare.path, len(inside), counted=False)
                selection = replace(selection.without(inside), notes=(*selection.notes, note))
        return selection

    def _replaced(self, paths: set[str], odd: list[Odd]) -> list[Odd]:
        """Files that became neither file nor link nor directory, unless they are named already."""
        named = {oddity.path for oddity in odd}
        return [Odd(path, "no longer a file") for path in sorted(paths - named)]

    def _known(self) -> dict[str, str]:
        """The paths that were there when the agent began, ignored ones aside, with their modes."""
        return {path: mode for path, (mode, _) in self.entries(self.index).items()}

    def entries(self, index: Path) -> dict[str, tuple[str, str]]:
        """What an index knows: by path, mode and object."""
        records = self.control.store.ask("ls-files", "--stage", "-z", index=index).records
        parts = ((facts.split(" "), path) for facts, _, path in (record.partition("\t") for record in records))
        return {path: (facts[0], facts[1]) for facts, path in parts}

    def _ignored(self, paths: set[str], known: Iterable[str], links: set[str]) -> set[str]:
        """Those paths that git's ignore rules leave out; inside of a submodule git refuses to answer."""
        asked = {path for path in paths if path != ROOT and not any(path.startswith(f"{link}/") for link in links)}
        if len(asked) <= _MANY:
            return self._check_ignore(asked)
        # 20,000 files in `node_modules` take git 0.6 s; that directory takes it 5 ms, and nothing in it can be kept.
        covered = covers(asked, known)
        ignored = self._check_ignore(set(covered.values()))
        inside = {path for path, cover in covered.items() if cover in ignored}
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


@dataclass(slots=True)
class _Nested:
    """What was found of repositories in a checkout."""

    left_out: set[str] = field(default_factory=set)
    odd: list[Odd] = field(default_factory=list)
    """What cannot be committed, beside them."""
    notes: list[str] = field(default_factory=list)


def _listed(paths: Iterable[str]) -> bytes:
    """Paths as `-z --stdin` takes them."""
    return b"".join(os.fsencode(path) + b"\0" for path in paths)


def covers(paths: Iterable[str], known: Iterable[str]) -> dict[str, str]:
    """Each path with the topmost directory above it that holds nothing known, or itself."""
    held = {"", *(path[:at] for path in known for at, letter in enumerate(path) if letter == "/")}
    covered: dict[str, str] = {}
    for path in paths:
        end = path.find("/")
        while end >= 0 and path[:end] in held:
            end = path.find("/", end + 1)
        covered[path] = path if end < 0 else path[:end]
    return covered
