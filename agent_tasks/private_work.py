"""What an agent committed where no harvest looks, in the git of its checkout and what belongs to it: kept, and told."""

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from plait.agent_tasks.trying import TryFolder
from plait.plans.errors import PlaitError
from plait.plans.wording import listed
from plait.workspace.checkouts import Checkout
from plait.workspace.control import HEADS, Control
from plait.workspace.deleting import delete_tree
from plait.workspace.output import plain
from plait.workspace.private_git import (
    MOST_BYTES,
    PrivateGit,
    is_real_directory,
    is_small,
    keep_private_git,
    private_git,
)
from plait.workspace.submodules import SubmoduleGit, submodule_gits


@dataclass(slots=True)
class PrivateWork:
    """The private git of one try, from the moment at which its agent gets it."""

    control: Control
    checkout: Checkout
    folder: TryFolder
    before: PrivateGit | None = None
    """As the agent got it; nothing while it has not begun."""
    kept: str | None = None
    """Where it is, once it has been kept."""
    _submodules: list[tuple[SubmoduleGit, PrivateGit]] = field(default_factory=list)
    """Those of the tree that was handed out, with what was there before the agent."""

    def begin(self) -> None:
        """Remember what is there before the agent: the set-up may have fetched something."""
        self.before = private_git(self.checkout.directory / ".git")
        self._submodules = [(module, _newest(module)[1]) for module in self._gits_of_submodules()]

    def take_up(self) -> None:
        """Of a try whose process was killed: nobody knows any more what was there before."""
        self.before = PrivateGit()
        self._submodules = [(module, PrivateGit()) for module in self._gits_of_submodules()]

    def why_left_out(self, tree: str, changed: Iterable[str]) -> str | None:
        """Why files are missing that nobody meant to delete, in a sentence: its git has put them away.

        Example: B starts from A's work, looks at `main` with `git checkout main`, and stays there: A's files are gone.

        Args:
            tree: What the files are.
            changed: The paths in which that differs from what was handed out.
        """
        if self.before is None:
            return None
        now, directory, store = (
            private_git(self.checkout.directory / ".git"),
            self.checkout.directory,
            self.control.store,
        )
        if now.is_sparse and (gone := [path for path in changed if not os.path.lexists(directory / path)]):
            cure = "`git sparse-checkout disable` brings back what it left out"
            return f"its checkout is sparse, so that {listed(map(plain, gone), 5)} would be deleted; {cure}"
        if there := now.moved_to(self.before):
            with_it = store.changed_paths(store.tree_of(there), self.checkout.tree)
            if with_it and not set(with_it).intersection(store.changed_paths(store.tree_of(there), tree)):
                name = plain(now.head.removeprefix(HEADS))
                taken_back = listed(map(plain, with_it), 5)
                return f"it left {name} checked out, so that what it started from would be taken back: {taken_back}"
        return None

    def keep(self, *, all_of_it: bool) -> str:
        """Keep it where it has what the files need not have; in a sentence what is kept where, or nothing.

        What was committed in a submodule is always kept, as nothing of it lands.

        Args:
            all_of_it: Whether nothing else is left of the try, so that any object counts. Where the files were taken
                it is kept for other branches, worktrees and stashes alone: that the agent committed what it left in the
                files is the rule.
        """
        if self.before is None:
            return ""
        worktrees = self._keep_worktrees() if all_of_it else ()
        return "; ".join([*self._keep_submodules(), *self._keep_own(self.before, all_of_it=all_of_it), *worktrees])

    def _keep_own(self, before: PrivateGit, *, all_of_it: bool) -> Iterator[str]:
        git = self.checkout.directory / ".git"
        now = private_git(git)
        elsewhere = now.elsewhere(before)
        if now.objects - before.objects and (all_of_it or elsewhere):
            what = "what it committed in its own git" + (f" ({plain(listed(elsewhere))})" if elsewhere else "")
            place = self.folder.private_git
            told = self._keep(what, git, place, self.control.store.git_dir / "objects")
            self.kept = str(place) if place.is_dir() else None
            yield told

    def _keep_submodules(self) -> Iterator[str]:
        for number, (module, before) in enumerate(self._submodules, start=1):
            git, now = _newest(module)
            if now.has_commits_since(before):
                place = self.folder.left / "submodules" / f"{number}-{module.path.rpartition('/')[2]}.git"
                what = f"what it committed in the submodule {plain(module.path)}"
                yield self._keep(what, git, place, module.borrowed)

    def _keep_worktrees(self) -> Iterator[str]:
        """Keep the files of worktrees beside the checkout; what was committed there is in its own git."""
        for place in (self.checkout.place, self.checkout.temporary):
            for directory in _worktrees_in(place, but=self.checkout.directory):
                what, kept = f"its worktree {plain(directory.name)}", self.folder.left / "worktrees" / directory.name
                if not is_small(directory):
                    yield f"{what} is gone, being more than {MOST_BYTES:,} bytes"
                    continue
                try:
                    kept.parent.mkdir(parents=True, exist_ok=True)
                    delete_tree(directory / ".git")
                    directory.rename(kept)
                except OSError as problem:
                    yield f"{what} could not be kept: {problem.strerror or problem}"
                else:
                    yield f"{what} is kept in {kept}"

    def _keep(self, what: str, git: Path, place: Path, borrowed: Path) -> str:
        try:
            is_kept = keep_private_git(git, place, borrowed=borrowed, object_format=self.control.object_format)
        except OSError as problem:
            return f"{what} could not be kept: {problem.strerror or problem}"
        if not is_kept:
            return f"{what} is gone, being more than {MOST_BYTES:,} bytes"
        return f"{what} does not count, and is kept in {place}"

    def _gits_of_submodules(self) -> list[SubmoduleGit]:
        if not os.path.lexists(self.checkout.directory / ".gitmodules"):
            return []  # without a question to git
        modules = list[SubmoduleGit]()
        with suppress(PlaitError):  # one that cannot be had is said by whoever fills it
            modules.extend(submodule_gits(self.control, self.checkout.directory, self.checkout.tree))
        return modules


def _newest(module: SubmoduleGit) -> tuple[Path, PrivateGit]:
    """The git of a submodule, where it is now."""
    git = next(filter(is_real_directory, module.places), module.places[-1])
    return git, private_git(git)


def _worktrees_in(place: Path, *, but: Path) -> list[Path]:
    """The directories that an agent made worktrees of its repository of."""
    with suppress(OSError):
        return [path for path in sorted(place.iterdir()) if path != but and _is_worktree(path)]
    return []


def _is_worktree(path: Path) -> bool:
    with suppress(OSError):
        return is_real_directory(path) and (path / ".git").is_file() and not (path / ".git").is_symlink()
    return False
