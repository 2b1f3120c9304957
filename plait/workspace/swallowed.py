"""What a piece of work was to have, and lies there without counting: ignored, in a submodule, made by the set-up."""

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from plait.plans.paths import matches
from plait.workspace.claims import Claims
from plait.workspace.excludes import NEVER_WORK, source_of_line
from plait.workspace.nested import is_inside
from plait.workspace.scanning import HarvestLimits, Survey, excess, shown
from plait.workspace.selection import Selection, Staging, covers

_LEAVINGS = re.compile(r"(?:^|/)(?:\.git|__pycache__|\.(?:pytest|mypy|ruff)_cache|node_modules)/")
"""In a submodule."""
_LOOKED_AT = 20
"""Groups of files that are asked about."""


@dataclass(frozen=True, slots=True)
class Swallowed:
    """A file that is left out, and why."""

    path: str
    why: str
    more: int = 0
    """How many others are in the same folder that nothing is committed of."""

    def __str__(self) -> str:
        more = f" and {self.more} more" if self.more else ""
        return f"{shown(self.path)}{more} ({self.why})"


def swallowed(
    staging: Staging, selection: Selection, claims: Claims, *, changed: Collection[str]
) -> tuple[Swallowed, ...]:
    """The files of those patterns that have no changed file; where nothing was changed at all, any file.

    So what programs leave in ignored places beside the work is not told.

    Raises:
        GitFailed: git could not say which rule it was.
    """
    unmet = tuple(pattern for pattern in claims.patterns if not any(matches(path, (pattern,)) for path in changed))
    anything = claims.owns is None and not changed
    if not unmet and not anything:
        return ()

    def wanted(paths: Iterable[str]) -> list[str]:
        return sorted(path for path in paths if anything or matches(path, unmet))

    return (
        *_ignored(staging, wanted(selection.ignored)),
        *_grouped(staging, wanted(_new_inside(staging, selection)), "it is in a submodule, which stays as it was"),
        *_grouped(staging, wanted(_of_the_set_up(staging, changed)) if unmet else [], "the set-up made it"),
    )


def _ignored(staging: Staging, paths: list[str]) -> Iterator[Swallowed]:
    groups = _groups(staging, paths)
    if not groups:
        return
    answer = staging.on_paths("check-ignore", "-v", "-z", "--stdin", paths=[f"./{of[0]}" for of in groups])
    records = answer.records
    for source, line, rule, path in zip(records[::4], records[1::4], records[2::4], records[3::4], strict=False):
        ours = Path(source).is_absolute()
        if ours and rule in NEVER_WORK:
            continue
        where = source_of_line(Path(source), int(line)) if ours else f"{shown(source)}, line {line}"
        group = next(of for of in groups if of[0] == path[2:])
        yield Swallowed(group[0], f"{where}: {shown(rule)}", more=len(group) - 1)


def _grouped(staging: Staging, paths: list[str], why: str) -> Iterator[Swallowed]:
    for group in _groups(staging, paths):
        yield Swallowed(group[0], why, more=len(group) - 1)


def _groups(staging: Staging, paths: list[str]) -> list[list[str]]:
    """The paths by the topmost folder above them that nothing is committed of."""
    groups: dict[str, list[str]] = {}
    if paths:
        for path, cover in covers(paths, staging.entries(staging.checkout.index)).items():
            groups.setdefault(cover, []).append(path)
    return [sorted(group) for _, group in sorted(groups.items())][:_LOOKED_AT]


def _new_inside(staging: Staging, selection: Selection) -> Iterable[str]:
    """What was put into submodules after they were handed out."""
    return selection.inside if staging.set_up is None else selection.inside - staging.set_up.inside.keys()


def work_inside(staging: Staging, selection: Selection, seen: Survey, limits: HarvestLimits) -> list[str]:
    """The files of submodules that are other than they were handed out, and those that were put beside them.

    The latter without what programs leave, and only within the limits: nobody can say there what is ignored.
    """
    changed, filled = [], set[str]()
    if staging.set_up is not None:
        changed = staging.set_up.changed_inside(staging.checkout.directory)
    else:  # a kill came before it was written down what was put there for the agent
        filled = {oddity.path.removesuffix("/.git") for oddity in seen.odd if oddity.path.endswith("/.git")}
    beside = (path for path in _new_inside(staging, selection) if path in seen.files and not is_inside(path, filled))
    put = {path: seen.files[path] for path in beside if not _LEAVINGS.search(path)}
    is_much = excess(put, put, limits)
    return [*(path for path in changed if path in seen.files), *([] if is_much else sorted(put))]


def _of_the_set_up(staging: Staging, changed: Collection[str]) -> Iterable[str]:
    """What the set-up made and the agent left as it was."""
    if staging.set_up is None:
        return ()
    made = staging.entries(staging.set_up.index).keys() - staging.entries(staging.checkout.index).keys()
    return made.difference(changed)
