"""What a task's work has changed, for whoever reviews it: made by plait's own repository, and bounded."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from plait.workspace.control import Control
from plait.workspace.output import clean
from plait.workspace.trailers import trailers_of

FILE_CHARACTERS = 16_000
"""Of the changes of one file."""
ALL_CHARACTERS = 120_000
"""Of all that one review is told."""
_FILES = 200
_LARGEST = 200_000
"""Bytes of a file beyond which it is told of as one without text."""
_COMMITS = 200
"""Of one task, looked at from its newest back."""
_OPTIONS = ("-r", "--no-renames", "--no-ext-diff", "--no-textconv", "--no-color")
_HEADER = re.compile(r"^(?=diff --(?:git|cc|combined) )", re.MULTILINE)
"""Text of files never stands at the beginning of a line of a diff: a sign of its own comes first."""
_LITERAL = {"GIT_LITERAL_PATHSPECS": "1"}


@dataclass(frozen=True, slots=True)
class ReviewedChanges:
    """The changes that a reviewer is told of."""

    text: str
    """As git shows them, file by file; cut where there is no room."""
    files: tuple[str, ...]
    """All that was changed."""
    left_out: tuple[str, ...]
    """Of them, those that are cut, or not shown at all."""
    since: str
    """The commit that they are seen from: what the task started from, or what was approved last."""


def reviewed_changes(
    control: Control, commit: str, task: str, *, approved: str | None = None, whole: bool = False
) -> ReviewedChanges:
    """What the own commits of a task have changed since it started, or since `approved`.

    Of a repair, which merges the task's branch with the feature branch, only what it changed beside that merge:
    the other side is not the task's work.

    Args:
        whole: What merges brought is the task's work as well, as where it takes somebody's branch.

    Raises:
        GitFailed: an object is missing.
    """
    own = _own_commits(control, commit, task, approved)
    since = control.store.ask("rev-parse", f"{own[-1]}^1").text.strip() if own else commit
    is_plain = whole or not any(_is_of_two(control, made) for made in own)
    steps = [(since, commit)] if is_plain else [(f"{made}^1", made) for made in reversed(own)]
    parts, files = list[str](), dict[str, None]()
    for before, after in steps:
        if not is_plain and _is_of_two(control, after):
            text = _of_repair(control, after)
            names = _names_in(text)
        else:
            names = control.store.changed_paths(before, after)
            text = _between(control, before, after, names[:_FILES])
        parts.append(text)
        files |= dict.fromkeys(names)
    shown, cut = _cut("".join(parts))
    unseen = (*cut, *list(files)[_FILES:])
    return ReviewedChanges(shown, tuple(files), tuple(dict.fromkeys(unseen)), since)


def _own_commits(control: Control, commit: str, task: str, approved: str | None) -> list[str]:
    """The task's own commits, newest first, down to where it started or to what was approved."""
    listed = control.store.ask("rev-list", "--first-parent", f"--max-count={_COMMITS}", commit).lines
    own: list[str] = []
    for made in listed:
        if made == approved or trailers_of(control, made).get("Plait-Task") != task:
            break
        own.append(made)
    return own or listed[:1]


def _is_of_two(control: Control, commit: str) -> bool:
    """Whether it merges two lines of work; what a person put on the task's branch is all of one line."""
    _, *parents = control.store.ask("rev-list", "--parents", "--max-count=1", commit).text.split()
    return len(parents) > 1 and not control.store.is_ancestor(parents[0], parents[1])


def _between(control: Control, before: str, after: str, paths: tuple[str, ...]) -> str:
    if not paths:
        return ""
    answer = control.store.run(
        "diff-tree",
        "-p",
        *_OPTIONS,
        before,
        after,
        "--",
        *paths,
        environment=_LITERAL,
        configuration=(f"core.bigFileThreshold={_LARGEST}",),
    )
    return clean(answer.stdout)


def _of_repair(control: Control, commit: str) -> str:
    """What a merge holds that git would not have made of its two sides."""
    answer = control.store.run(
        "log",
        "-1",
        "--format=",
        "--remerge-diff",
        *_OPTIONS[1:],
        commit,
        configuration=(f"core.bigFileThreshold={_LARGEST}",),
    )
    return clean(answer.stdout)


def _names_in(text: str) -> tuple[str, ...]:
    return tuple(map(_name_of, _files_of(text)))


def _files_of(text: str) -> list[str]:
    return [part for part in _HEADER.split(text) if part.startswith("diff --")]


def _name_of(part: str) -> str:
    """What the header of a file's changes calls it."""
    return part.partition("\n")[0].rpartition(" b/")[2].strip('"') or part.partition("\n")[0]


def _cut(text: str) -> tuple[str, tuple[str, ...]]:
    """As much of each file as there is room for, and the names of those that are cut."""
    room, cut = ALL_CHARACTERS, list[str]()

    def parts() -> Iterator[str]:
        nonlocal room
        for part in _files_of(text):
            most = min(FILE_CHARACTERS, room)
            if len(part) > most:
                cut.append(_name_of(part))
                yield f"{part[:most]}\n… ({len(part) - most:,} characters of this file's changes left out)\n"
            else:
                yield part
            room = max(0, room - len(part))

    return "".join(parts()), tuple(cut)
