"""The repository around whoever only looks at a plan, and the commit that its feature would start from."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from plait.flows.inputs.requests import Brief
from plait.plans.errors import PlaitError

if TYPE_CHECKING:  # git's library is loaded only where something is asked of it
    from plait.workspace.git import GitRepository

_LARGEST_INDEX = 256 * 1024 * 1024


def base_around(brief: Brief, place: Path) -> "tuple[GitRepository, str] | None":
    """Nothing where there is no repository, or no such base in it."""
    from plait.workspace.bases import find_base
    from plait.workspace.git import GitRepository, repository_around

    try:
        around = repository_around(place)
        if around is None:
            return None
        repository = GitRepository(Path(around))
        return repository, find_base(repository, repository.git_dir, brief.plan.base).commit
    except PlaitError:
        return None


def told_filters(brief: Brief, place: Path) -> tuple[str, ...]:
    """What agents would see of files that are under a filter."""
    if not _may_have_attributes(place) or (found := base_around(brief, place)) is None:
        return ()
    from plait.workspace.filters import told_of_filters

    repository, commit = found
    try:
        return tuple(told_of_filters(repository, repository.git_dir, commit))
    except PlaitError:
        return ()


def _may_have_attributes(place: Path) -> bool:
    """Whether it is worth asking git: loading its library takes as long as all else that a check does."""
    top = next(
        (above for above in (place.absolute(), *place.absolute().parents) if os.path.lexists(above / ".git")), None
    )
    if top is None:
        return (place / "HEAD").exists()
    git = top / ".git"
    try:
        index = git / "index"
        is_named = index.stat().st_size > _LARGEST_INDEX or b"attributes" in index.read_bytes()
        return is_named or (git / "info" / "attributes").exists() or (Path.home() / ".config/git/attributes").exists()
    except (OSError, RuntimeError):  # a linked worktree, a bare repository, no home: git will tell
        return True
