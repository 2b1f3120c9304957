"""Patterns of paths: what a task may change, and whether two patterns can mean one file.

A pattern is a POSIX path from the repository's root. `*` and `?` stand for characters within one segment, a segment
`**` for any number of segments, a trailing `/` for all below. There is no negation; `[` and `{` mean themselves.
Everything here is iterative and bounded: a hostile pattern costs milliseconds.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Literal

from plait.plans.wording import quoted

_LONGEST, _LONGEST_SEGMENT, _DEEPEST = 1024, 255, 64
_NAMED = 5
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_IGNORED_BY_HFS = re.compile("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")
_GIT_SHORT_NAME = re.compile(r"git~[0-9]+")

PROTECTED: tuple[str, ...] = (
    ".gitmodules",
    "**/.gitconfig",
    "**/.githooks/**",
    ".github/**",
    ".gitlab-ci.yml",
    ".circleci/**",
    ".buildkite/**",
    ".travis.yml",
    "azure-pipelines.yml",
    "Jenkinsfile",
    "**/.pre-commit-config.yaml",
    "**/.husky/**",
    "**/lefthook.yml",
    "**/.gitattributes",
    "**/.claude/**",
    "**/.mcp.json",
    "**/.codex/**",
    "**/.cursor/**",
    "**/.gemini/**",
    "**/.opencode/**",
    "**/opencode.json",
    "**/opencode.jsonc",
    "**/.aider.conf.yml",
    "**/.vscode/**",
    "**/.idea/**",
    "**/.devcontainer/**",
    "**/.env",
    "**/.envrc",
    "**/.npmrc",
    "**/.yarnrc",
    "**/.yarnrc.yml",
    "**/.cargo/**",
    "**/sitecustomize.py",
    "**/usercustomize.py",
)
"""Files that make git, CI, editors, shells, installers, Python or the next agent run something.

They are changed only by who names them. What only steers the tests (`conftest.py`, a `Makefile`) is part of ordinary
work: a change of it is told (`landing/weakened_tests.py`), not refused.
"""

_PROTECTED_FOLDED = tuple(pattern.casefold() for pattern in PROTECTED)
_PROTECTED_NAMES = frozenset(
    segment for pattern in _PROTECTED_FOLDED for segment in pattern.split("/") if segment != "**"
)


def normalize(pattern: str) -> str:
    """The one spelling of a pattern: NFC, no empty or `.` segments, `dir/` as `dir/**`.

    Raises:
        ValueError: with what is wrong.
    """
    pattern = unicodedata.normalize("NFC", pattern)
    _refuse_unsafe(pattern)
    segments = [segment for segment in pattern.split("/") if segment not in ("", ".")]
    if pattern.endswith("/") or not segments:
        segments.append("**")
    if any(segment == ".." for segment in segments):
        raise ValueError(f"{quoted(pattern)} leaves the repository")
    if any(is_git_directory(segment) for segment in segments):
        raise ValueError(f"{quoted(pattern)} is git's own: no task may own it")
    kept: list[str] = []
    for segment in segments:
        plain = segment if segment == "**" else re.sub(r"\*{2,}", "*", segment)
        if (plain, kept[-1:]) != ("**", ["**"]):
            kept.append(plain)
    if len(kept) > _DEEPEST or any(len(segment) > _LONGEST_SEGMENT for segment in kept):
        raise ValueError(
            f"{quoted(pattern)} is deeper than {_DEEPEST} or has a name over {_LONGEST_SEGMENT} characters"
        )
    spelled = "/".join(kept)
    # Once more: what stands behind `./` or grew by `**` is seen only now.
    _refuse_unsafe(spelled)
    return spelled


def _refuse_unsafe(pattern: str) -> None:
    if not pattern:
        raise ValueError("is empty")
    if len(pattern) > _LONGEST:
        raise ValueError(f"{quoted(pattern)} has {len(pattern)} characters; at most {_LONGEST}")
    if _CONTROL.search(pattern):
        raise ValueError(f"{quoted(pattern)} has control characters")
    if pattern.startswith(("/", "~")):
        raise ValueError(f"{quoted(pattern)} must begin at the repository's root, without / or ~")
    if pattern.startswith("!"):
        raise ValueError(f"{quoted(pattern)} begins with !, and there is no negation: list what is meant")
    if "\\" in pattern:
        raise ValueError(f"{quoted(pattern)} has a backslash: separate names with /")


def is_git_directory(segment: str) -> bool:
    """Whether some file system takes this name for `.git` (case, NTFS short names and streams, HFS+ ignored marks)."""
    name = _IGNORED_BY_HFS.sub("", unicodedata.normalize("NFC", segment)).split(":")[0].rstrip(". ").casefold()
    return name == ".git" or _GIT_SHORT_NAME.fullmatch(name) is not None


def matches(path: str, patterns: Iterable[str]) -> bool:
    """Whether a path of a git tree matches one of the patterns (normalized ones)."""
    segments = tuple(unicodedata.normalize("NFC", path).split("/"))
    return any(_walk(_segments(pattern), segments, "**", _segment_matches) for pattern in patterns)


@lru_cache(maxsize=4096)
def _segments(pattern: str) -> tuple[str, ...]:
    return tuple(pattern.split("/"))


def _segment_matches(pattern: str, name: str) -> bool:
    if "*" not in pattern and "?" not in pattern:
        return pattern == name
    return _walk(pattern, name, "*", lambda letter, other: letter in ("?", other))


def _walk(pattern: Sequence[str], text: Sequence[str], star: str, fits: Callable[[str, str], bool]) -> bool:
    """Wildcard matching that goes back to the last star only: at most len(pattern) · len(text) steps."""
    at, star_at, resume = 0, -1, 0
    position = 0
    while position < len(text):
        if at < len(pattern) and pattern[at] == star:
            star_at, resume = at, position
            at += 1
        elif at < len(pattern) and fits(pattern[at], text[position]):
            at, position = at + 1, position + 1
        elif star_at >= 0:
            resume += 1
            at, position = star_at + 1, resume
        else:
            return False
    return all(token == star for token in pattern[at:])


@lru_cache(maxsize=16_384)
def overlap(a: str, b: str) -> bool:
    """Whether some path matches both (normalized) patterns, or one names a file where the other needs a directory.

    The latter only where both write the name out: `src/a` and `src/a/b` cannot both be, but `docs/*/x` and
    `docs/y.md` are no conflict that anybody means.
    """
    left, right = _segments(a), _segments(b)
    return (
        _meet(left, right, "**", _segments_meet) or _stands_in_the_way(left, right) or _stands_in_the_way(right, left)
    )


def _stands_in_the_way(file: tuple[str, ...], deeper: tuple[str, ...]) -> bool:
    """Whether `file` can be a file that `deeper` needs as a directory."""
    last = file[-1]
    if "*" in last or "?" in last:
        return False
    cuts = (cut for cut in range(1, len(deeper)) if deeper[cut - 1] == last)
    return any(_meet(file, deeper[:cut], "**", _segments_meet) for cut in cuts)


@lru_cache(maxsize=16_384)
def _segments_meet(a: str, b: str) -> bool:
    if not any(wild in segment for segment in (a, b) for wild in "*?"):
        return a == b
    return _meet(a, b, "*", lambda letter, other: "?" in (letter, other) or letter == other)


def _meet(left: Sequence[str], right: Sequence[str], star: str, fits: Callable[[str, str], bool]) -> bool:
    """Whether two wildcard patterns share a text: both automata run at once, the second's states as bits of a number.

    Neither may have two stars in a row, which `normalize` sees to.
    """
    stars = sum(1 << at for at, token in enumerate(right) if token == star)
    every = (1 << (len(right) + 1)) - 1
    taking: dict[str, int] = {}
    reached = 1 | (1 & stars) << 1
    for token in left:
        if token == star:
            reached = every & -(reached & -reached)
            continue
        if token not in taking:
            taking[token] = sum(1 << at for at, other in enumerate(right) if other != star and fits(token, other))
        reached = (reached & taking[token]) << 1 | (reached & stars)
        reached |= (reached & stars) << 1
        if not reached:
            return False
    return bool(reached >> len(right) & 1)


def may_change(path: str, *, owns: tuple[str, ...] | None, locked: tuple[str, ...] = ()) -> bool:
    """Whether a task may change this path of a git tree.

    `owns`: None for anything that is not protected, () for nothing. `locked`: patterns that the task holds an
    exclusive lock on. A protected path needs a pattern that writes the protected name out: `**` does not.
    """
    segments = path.split("/")
    if any(segment in ("", ".", "..") or is_git_directory(segment) for segment in segments):
        return False
    allowed = (*(owns or ()), *locked)
    if is_protected(path):
        return any(_names_protected(pattern) and matches(path, (pattern,)) for pattern in allowed)
    return owns is None or matches(path, allowed)


Asked = Literal["owns", "protected"]
"""What a change is held against: all that its task owns, or, of a person, only what is protected."""


def out_of_scope(
    paths: Iterable[str], *, owns: tuple[str, ...] | None, locked: tuple[str, ...] = (), asked: Asked = "owns"
) -> tuple[str, ...]:
    """The paths of git trees that must not be changed; `owns` and `locked` as in `may_change`."""
    return tuple(
        path
        for path in paths
        if not may_change(path, owns=owns, locked=locked) and (asked == "owns" or not may_change(path, owns=None))
    )


def scope_words(paths: Sequence[str], *, task: str) -> str:
    """Why a change was refused, and the words that would allow what is protected.

    Example: `it changed what it does not own: a.py; it changed what is protected: .github/x.yml (where that is meant,
    add ".github/x.yml" to the owns of A: ** does not name it)`.
    """
    protected = [path for path in paths if is_protected(path)]
    others = [path for path in paths if not is_protected(path)]
    parts = [f"it changed what it does not own: {_some(others)}"] if others else []
    if protected:
        entries = ", ".join(f'"{_shown(path)}"' for path in protected[:_NAMED])
        meant = f"where that is meant, add {entries} to the owns of {task}: ** does not name it"
        parts.append(f"it changed what is protected: {_some(protected)} ({meant})")
    return "; ".join(parts)


def _shown(path: str) -> str:
    return path if path.isprintable() else ascii(path)[1:-1]


def _some(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else ""
    return ", ".join(map(_shown, paths[:_NAMED])) + more


def is_protected(path: str) -> bool:
    """Whether the path is a control file, on a case-insensitive file system too."""
    folded = path.casefold()
    return any(name in folded for name in _PROTECTED_NAMES) and matches(folded, _PROTECTED_FOLDED)


def _names_protected(pattern: str) -> bool:
    return any(segment.casefold() in _PROTECTED_NAMES for segment in _segments(pattern))
