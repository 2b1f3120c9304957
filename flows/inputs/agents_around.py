"""The agent files around a plan: of the commit that its feature starts from, and of the user's home."""

import os
from dataclasses import dataclass
from pathlib import Path

from plait.plans.errors import PlaitError
from plait.plans.specs.found_agents import FoundAgents, gather
from plait.workspace.agent_texts import agent_texts_of_user
from plait.workspace.places import is_file, is_folder, is_there

_LARGEST_INDEX = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Around:
    """Where a plan is meant to run."""

    place: Path
    """Any directory of the repository."""
    base: str | None = None
    """What the call names as base, before the plan."""
    otherwise: str | None = None
    """The base where neither says any."""
    plan_folder: Path | None = None
    """Where the plan lies: the agents above it are nearer than others."""


def around_plan(plan: Path, repository: Path | None = None, base: str | None = None) -> Around:
    """Around what a command was given as its plan, which may be standard input or a folder."""
    folder = None if str(plan) == "-" else plan if is_folder(plan) else plan.parent
    return Around(Path() if repository is None else repository, base, plan_folder=folder)


def agents_around(around: Around, base: str | None) -> FoundAgents:
    """All that are found; of a place without a repository, or without such a base, the user's alone.

    Args:
        base: What the plan names.
    """
    texts, told = agent_texts_of_user()
    top = _top_of(around.place)
    base = around.base or base or around.otherwise
    if top is not None and (base is not None or _may_have_agents(top)):
        from plait.workspace import bases
        from plait.workspace.agent_texts import agent_texts_of
        from plait.workspace.git import GitRepository, repository_around

        try:
            common, start = repository_around(around.place), bases.base_around(around.place, base)
            if common and start:
                of_base, more = agent_texts_of(GitRepository(Path(common)), start.commit)
                texts, told = (*of_base, *texts), (*more, *told)
        except PlaitError:  # whoever needs that base says why there is none
            pass
    return gather(texts, near=_near(top, around), told=told)


def _top_of(place: Path) -> Path | None:
    """The top of the checkout around a directory, or a bare repository itself.

    An empty `.git`, as codex 0.171 leaves it in /tmp (its sandbox mounts something there), is none.
    """
    start = place.absolute()
    bare = start if is_there(start / "HEAD") and is_there(start / "objects") else None
    return next((folder for folder in (start, *start.parents) if _has_git(folder)), bare)


def _has_git(folder: Path) -> bool:
    return is_there(folder / ".git" / "HEAD") or is_file(folder / ".git")


def _near(top: Path | None, around: Around) -> str:
    """The plan's folder from the repository's top; where it lies elsewhere, the place that was named."""
    if top is None:
        return ""
    for folder in (around.plan_folder, around.place):
        inside = folder.resolve() if folder else None
        if inside and inside.is_relative_to(top.resolve()):
            return "" if inside == top.resolve() else inside.relative_to(top.resolve()).as_posix()
    return ""


def _may_have_agents(top: Path) -> bool:
    """Whether it is worth asking git: loading its library takes as long as all else that a check does."""
    index = top / ".git" / "index"
    try:
        # `agents/` alone: version 4 of an index leaves out what a path has in common with the one before.
        return index.stat().st_size > _LARGEST_INDEX or b"agents/" in index.read_bytes()
    except OSError:  # a linked worktree, a bare repository, one without an index: git will tell
        return os.path.lexists(top)
