"""How far the base of a feature has moved on from it, and what of it the feature has taken in: git is the record."""

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from plait.plans.errors import CallError
from plait.plans.names import base_ref, integration_branch, is_work_of
from plait.plans.tasks.base_standing import BaseStanding
from plait.workspace.ancestry import commit_contents
from plait.workspace.bases import Base, find_base
from plait.workspace.control import Control
from plait.workspace.git import GitRepository
from plait.workspace.small_files import read_json_object, write_whole
from plait.workspace.trailers import named_works

_FOLDER = "bases"


@dataclass(frozen=True, slots=True)
class FeatureBase:
    """Where a feature starts from now, and what its base is by now."""

    name: str
    """What base is called."""
    began: str
    """The commit that the feature began from."""
    commit: str
    """The newest commit of base that the feature has: what later tasks start from."""
    base: Base | None
    """As it is now; nothing where it is gone."""
    told: tuple[str, ...] = ()

    @property
    def now(self) -> str:
        """The commit of base as it is now; of one that is gone the last that is known."""
        return self.base.commit if self.base else self.commit

    def standing(self, repository: GitRepository, feature: str, tip: str | None) -> BaseStanding:
        """How base stands beside the feature branch, where that is at `tip`.

        Raises:
            GitFailed: a commit is missing.
        """
        ref, now = (self.base.ref, self.base.commit) if self.base else (None, None)
        known = BaseStanding(name=self.name, ref=ref, now=now, began=self.began, rests_on=self.commit)
        return _held_against(repository, feature, known, tip)


def standing_now(repository: GitRepository, feature: str, known: BaseStanding, tip: str | None) -> BaseStanding:
    """The same of a base that was looked at before: as it is by now, in any repository that has the branches.

    Raises:
        GitFailed: a commit is missing.
    """
    if known.ref is None:
        return known
    now = repository.resolve(known.ref)
    if now is None:
        return known.model_copy(update={"course": "gone", "now": None, "behind": 0, "dropped": 0, "landed_as": None})
    rests_on = _newest(repository, _taken_in(repository, now, tip) if tip else None, known.rests_on)
    fresh = BaseStanding(
        name=known.name,
        ref=known.ref,
        now=now,
        began=known.began,
        rests_on=rests_on,
        refresh=known.refresh,
        took_in=known.took_in,
        edition=known.edition,
    )
    return _held_against(repository, feature, fresh, tip)


def feature_base(control: Control, feature: str, wanted: str | None, *, fresh: bool = False) -> FeatureBase:
    """What a feature starts from: what its first run did, while its branch lives, and what it has taken in since.

    Whoever looks at a branch of the feature with a checkout does not mean it as base: all that is on it would count as
    landed. A feature that goes on keeps its base where none is named, wherever the user stands by now.

    Args:
        wanted: The name that the call or the plan gives.
        fresh: Whether the feature is begun anew.

    Raises:
        CallError: there is no such base.
        GitFailed: a commit is missing.
    """
    began = control.store.resolve(base_ref(feature))
    tip = None if fresh else control.branch(integration_branch(feature))
    kept = _kept(control, feature) if began and tip else None
    told: tuple[str, ...] = ()
    if wanted is None and is_work_of(feature, head := _head(control)):
        if not began:
            raise CallError(f"{head} is checked out, which is no base: it is work of this feature", hint="use --base")
        told = (f"{head} is checked out, which is no base: {began[:10]} is, where the feature began",)
        kept = kept or _Kept(began, "HEAD")
    base, name = _found(control, wanted, kept)
    told = (*told, *(base.told if base else ()))
    if base is None or began is None or tip is None:
        commit = base.commit if base else began or ""
        return FeatureBase(name, commit, commit, base, told)
    taken = _taken_in(control.store, base.commit, tip) or began
    if kept and kept.ref == base.ref and kept.at and control.store.resolve(kept.at):
        taken = _newest(control.store, taken, kept.at) if control.store.is_ancestor(kept.at, tip) else taken
    return FeatureBase(name, began, taken, base, told)


def _head(control: Control) -> str:
    head = GitRepository(control.git_dir).run("symbolic-ref", "--quiet", "HEAD").text
    return head.removeprefix("refs/heads/")


def _found(control: Control, wanted: str | None, kept: "_Kept | None") -> tuple[Base | None, str]:
    """Base and its name; what the feature is known to have begun from may be gone, and anything else may not."""
    ref, name = (kept.ref, kept.name) if kept else ("", "")
    try:
        base = find_base(control.target, control.git_dir, ref if wanted is None and kept else wanted)
    except CallError:
        if kept is None or wanted not in (None, ref, name):
            raise
        return None, name
    return base, name if base.ref is None and ref == base.commit else base.name


def _taken_in(store: GitRepository, base: str, tip: str) -> str | None:
    """The newest commit of base that the feature branch has, of those that base itself was at.

    Example: main was merged into the feature branch, by plait or a person: the commit where main was then. That the
    feature was merged into main takes nothing in.
    """
    for fork in store.run("merge-base", "--all", base, tip).lines:
        above = store.ask("rev-list", "--first-parent", base, f"^{fork}").lines
        below = store.resolve(f"{above[-1]}^1") if above else base
        if below == fork and fork != tip:
            return fork
    return None


def _newest(repository: GitRepository, taken: str | None, known: str) -> str:
    """What of base the feature has, where it is known to have had some: it still has what base has lost since."""
    return known if taken is None or repository.is_ancestor(taken, known) else taken


@dataclass(frozen=True, slots=True)
class _Kept:
    """What is kept of a feature's base."""

    ref: str
    """The full name, or the commit of one that does not move."""
    name: str
    at: str = ""
    """The newest commit of it that the feature had; nothing where an older plait kept it."""


def keep_base(control: Control, feature: str, base: FeatureBase) -> None:
    """Remember what a feature began from: people stand elsewhere when they run it again."""
    if base.base is not None:
        _keep(control, feature, _Kept(base.base.ref or base.base.commit, base.name, base.commit))


def keep_taken_in(control: Control, feature: str, standing: BaseStanding) -> None:
    """Remember what of base a feature has by now: once base is set back, its history does not tell that any more."""
    if standing.ref is not None and standing.rests_on:
        _keep(control, feature, _Kept(standing.ref, standing.name, standing.rests_on))


def _keep(control: Control, feature: str, kept: _Kept) -> None:
    place = control.directory / _FOLDER / f"{feature}.json"
    place.parent.mkdir(parents=True, exist_ok=True)
    write_whole(place, json.dumps({"ref": kept.ref, "name": kept.name, "at": kept.at}))


def _kept(control: Control, feature: str) -> _Kept | None:
    """Nothing where no run has kept any."""
    with suppress(OSError, ValueError, KeyError):
        kept = read_json_object(control.directory / _FOLDER / f"{feature}.json")
        words = (kept["ref"], kept["name"], kept.get("at", ""))
        if all(isinstance(word, str) and word.isprintable() for word in words):
            return _Kept(*words)
    return None


def _held_against(repository: GitRepository, feature: str, base: BaseStanding, tip: str | None) -> BaseStanding:
    """How far base has moved on from a feature.

    Example: main has three commits that the feature branch has not: behind by 3. One of them is the feature itself,
    squashed: landed.
    """
    if base.now is None:
        return base.model_copy(update={"course": "gone"})
    if base.ref is None:
        return base.model_copy(update={"course": "fixed"})
    if tip is None:  # nothing has landed: the next run starts from base as it is then
        return base
    new = repository.ask("rev-list", base.now, f"^{tip}").lines
    works = _works(repository, feature, new)
    if tip != base.rests_on and not works.undone and (place := _landed_at(repository, feature, base, tip, works)):
        return base.model_copy(update={"course": "landed", "landed_as": None if place == tip else place})
    behind = 0 if _adds_nothing(repository, tip, base.now) else len(new) - len(works.by_commit)
    dropped = 0
    if not repository.is_ancestor(base.rests_on, base.now):
        dropped = int(repository.ask("rev-list", "--count", base.rests_on, f"^{base.now}").text)
    course = "rewritten" if dropped else "behind" if behind else "same"
    return base.model_copy(update={"course": course, "behind": behind, "dropped": dropped})


def _landed_at(repository: GitRepository, feature: str, base: BaseStanding, tip: str, works: "_Works") -> str | None:
    """The commit of base that has all of the feature: its own tip, or a squash of it."""
    now = base.now or ""
    if repository.is_ancestor(tip, now):
        return tip
    if works.by_commit:
        own = _works(repository, feature, repository.ask("rev-list", tip, f"^{now}").lines)
        return next(iter(works.by_commit)) if own.named <= works.named else None
    return _same_files(repository, tip, now)


@dataclass(frozen=True, slots=True)
class _Works:
    """What some commits say of a feature's work."""

    by_commit: Mapping[str, frozenset[tuple[str, str]]] = field(default_factory=dict)
    """By commit that names any, the newest first: task and spec."""
    undone: bool = False
    """Whether one of them takes the feature back."""

    @property
    def named(self) -> frozenset[tuple[str, str]]:
        return frozenset(work for works in self.by_commit.values() for work in works)


def _works(repository: GitRepository, feature: str, commits: Sequence[str]) -> _Works:
    named = ("--no-walk=unsorted", "-E", f"--grep=^ *Plait-(Feature|Undone): {re.escape(feature)} *$", "--stdin")
    asked = "".join(f"{commit}\n" for commit in commits).encode()
    ours = repository.ask("rev-list", *named, stdin=asked).lines if commits else []
    contents = commit_contents(repository, ours)
    undo = re.compile(f"^ *Plait-Undone: {re.escape(feature)} *$", re.MULTILINE)
    undone = any(map(undo.search, contents.values()))
    works = {
        commit: frozenset(
            (work["Plait-Task"], work.get("Plait-Spec", ""))
            for work in named_works(content)
            if work.get("Plait-Feature") == feature
        )
        for commit, content in contents.items()
    }
    return _Works({} if undone else {commit: named for commit, named in works.items() if named}, undone)


def _same_files(repository: GitRepository, tip: str, base: str) -> str | None:
    """The commit of base that has the very files of the feature branch: a squash that says nothing of it."""
    tree = repository.tree_of(tip)
    fork = repository.run("merge-base", tip, base).text
    if fork and repository.tree_of(fork) == tree:  # the feature has changed nothing, and so has base
        return None
    trees = repository.ask("log", "--format=%H %T", "--first-parent", base, f"^{tip}").lines
    return next((line.split()[0] for line in trees if line.split()[1] == tree), None)


def _adds_nothing(repository: GitRepository, own: str, base: str) -> bool:
    """Whether base has the very files of a commit that the feature has: it was merged there, and nothing since."""
    forks = repository.run("merge-base", "--all", own, base).lines
    return any(repository.tree_of(fork) == repository.tree_of(base) for fork in forks)
