"""Finds the branches of others that a plan names: local ones, fetched ones, and pull requests by their full ref."""

from collections.abc import Iterator

from plait.plans.names import is_made_by_plait
from plait.plans.wording import near_match
from plait.workspace.git import GitRepository

_HEADS, _REMOTES = "refs/heads/", "refs/remotes/"
_SHOWN = 10


def foreign_tip(repository: GitRepository, name: str) -> str | None:
    """The commit of `main`, `origin/x` or `refs/pull/12/head`, a local branch first; nothing when there is none."""
    places = (name,) if name.startswith("refs/") else (_HEADS + name, _REMOTES + name)
    return next(filter(None, map(repository.resolve, places)), None)


def hint_for(repository: GitRepository, name: str) -> str:
    """What somebody may have meant by a name that is no branch, or how to come by one."""
    if name.startswith("refs/"):
        return near_match(name, list(repository.refs("refs/"))) or f"git fetch origin {name}:{name}"
    names = list(_names(repository))
    return near_match(name, names) or f"there are: {', '.join(names[:_SHOWN])}; git fetch brings others"


def _names(repository: GitRepository) -> Iterator[str]:
    newest = ("for-each-ref", "--sort=-committerdate", "--format=%(refname)", _HEADS, _REMOTES)
    for ref in repository.ask(*newest).lines:
        name = ref.removeprefix(_HEADS).removeprefix(_REMOTES)
        if not is_made_by_plait(name):
            yield name
