"""Which patterns of a plan mean nothing but files that git ignores where the feature starts from."""

import os
from collections.abc import Mapping
from contextlib import suppress
from fnmatch import fnmatchcase
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from plait.flows.inputs.requests import Brief
from plait.plans.errors import PlaitError
from plait.plans.paths import matches
from plait.workspace.small_files import read_plain_file

if TYPE_CHECKING:  # git's library is loaded only where there is something to ask
    from plait.workspace.git import GitRepository

_NAME = "plait-was-here"
"""Stands for whatever a wildcard means."""
_MOST = 2_000
"""Patterns that are asked about."""
_LARGEST = 1_000_000


def ignored_paths(brief: Brief, place: Path) -> Mapping[str, str]:
    """By pattern of `owns` and `outputs` the rule that ignores all that it means; without a repository nothing.

    A pattern that means a file of base is none: what is tracked is not ignored.
    """
    wanted = [pattern for task in brief.plan.tasks for pattern in (*(task.owns or ()), *task.outputs)]
    patterns = list(dict.fromkeys(wanted))[:_MOST]
    if not _may_be_ignored(place.absolute(), patterns):
        return {}
    from plait.workspace.git import GitRepository, repository_around

    try:
        around = repository_around(place)
        repository = GitRepository(Path(around)) if around else None
        base = f"refs/heads/{brief.plan.base}" if brief.plan.base else "HEAD"
        commit = repository.resolve(base) if repository else None
        return _ignored(repository, commit, patterns) if repository and commit else {}
    except (PlaitError, OSError):
        return {}  # who asks about a plan need not have a sound repository


def _may_be_ignored(place: Path, patterns: list[str]) -> bool:
    """A look at the files of rules that lie there, without git: most plans have nothing to ask it."""
    top = next((folder for folder in (place, *place.parents) if os.path.lexists(folder / ".git")), None)
    if top is None:
        return False
    paths = [_probe(pattern) for pattern in patterns]
    folders = {parent for path in paths for parent in Path(path).parents}
    settings = os.environ.get("XDG_CONFIG_HOME") or f"{os.environ.get('HOME', '')}/.config"
    files = [
        *(top / folder / ".gitignore" for folder in folders),
        top / ".git/info/exclude",
        Path(settings, "git/ignore"),
    ]
    segments = {segment for path in paths for segment in path.split("/")}
    return any(fnmatchcase(segment, last) for last in _last_names(files) for segment in segments)


def _last_names(files: list[Path]) -> set[str]:
    """What a path that a rule fits has in one of its segments."""
    names = set()
    for file in files:
        with suppress(OSError, ValueError):
            lines = read_plain_file(file, most=_LARGEST, errors="replace").splitlines()
            names |= {line.strip().rstrip("/").rpartition("/")[2] for line in lines if line.strip()}
    return names


def _ignored(repository: "GitRepository", commit: str, patterns: list[str]) -> dict[str, str]:
    from plait.workspace.excludes import global_excludes
    from plait.workspace.trees import blobs, entries_of

    entries = entries_of(repository, commit)
    rules = {path: oid for path, (_, oid) in entries.items() if path.rpartition("/")[2] == ".gitignore"}
    texts = blobs(repository, list(rules.values()), largest=_LARGEST)
    asked = {_probe(pattern): pattern for pattern in patterns}
    own = global_excludes(repository.git_dir)
    with TemporaryDirectory(prefix="plait-ignored-") as directory:
        for path, oid in rules.items():
            file = Path(directory) / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(texts.get(oid, b""))
        answer = repository.run(
            *("check-ignore", "--no-index", "-v", "-z", "--stdin"),
            stdin="".join(f"./{probe}\0" for probe in asked).encode(),
            work_tree=Path(directory),
            configuration=(f"core.excludesFile={own}",) if own else (),
        )
    found = answer.records
    named: dict[str, str] = {}
    for source, line, rule, path in zip(found[::4], found[1::4], found[2::4], found[3::4], strict=False):
        pattern = asked[path[2:]]
        if not rule.startswith("!") and not any(matches(entry, (pattern,)) for entry in entries):
            named[pattern] = f"{source}, line {line}: {rule}"
    return named


def _probe(pattern: str) -> str:
    """A path that the pattern means."""
    segments = (_NAME if segment == "**" else segment for segment in pattern.split("/"))
    return "/".join(segment.replace("*", _NAME).replace("?", "x") for segment in segments)
