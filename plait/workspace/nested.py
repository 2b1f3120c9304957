"""Repositories inside a checkout: submodules, and what an agent cloned or began there. Their `.git` is never obeyed."""

import re
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from plait.workspace.claims import Claims
from plait.workspace.git import GitRepository
from plait.workspace.scanning import shown
from plait.workspace.small_files import read_plain_file

_KEY = re.compile(r"submodule\.(.+)\.(path|url)", re.DOTALL)
_REMOTE = re.compile(r'^\s*\[remote\s+"', re.MULTILINE)
_CONFIG_BYTES = 100_000


@dataclass(frozen=True, slots=True)
class Module:
    """A submodule as a `.gitmodules` file names it."""

    name: str
    path: str
    url: str = ""


def modules_in(store: GitRepository, text: bytes) -> dict[str, Module]:
    """The submodules that the text of a `.gitmodules` file names, by path; of a text that git cannot read none."""
    if not text.strip():
        return {}
    wanted = r"^submodule\..*\.(path|url)$"
    answer = store.run("config", "--file", "-", "-z", "--get-regexp", wanted, stdin=text)
    known: dict[str, dict[str, str]] = {}
    for record in answer.records:
        key, _, value = record.partition("\n")
        if named := _KEY.fullmatch(key):
            known.setdefault(named[1], {})[named[2]] = value
    modules = (Module(name, facts["path"], facts.get("url", "")) for name, facts in known.items() if "path" in facts)
    return {module.path: module for module in modules}


def modules_of(store: GitRepository, tree: str) -> dict[str, Module]:
    """The submodules that the `.gitmodules` file of a tree or commit names, by path."""
    answer = store.run("cat-file", "blob", f"{tree}:.gitmodules")
    return modules_in(store, answer.stdout) if answer.status == 0 else {}


def text_of_modules(directory: Path) -> bytes:
    """The `.gitmodules` file of a checkout as it is now; empty where there is none that git would read."""
    with suppress(OSError, ValueError):
        return read_plain_file(directory / ".gitmodules", most=1_000_000, errors="surrogateescape").encode(
            "utf-8", "surrogateescape"
        )
    return b""


def is_inside(path: str, directories: Collection[str]) -> bool:
    """Whether a path is one of some directories, or below one."""
    if not directories:
        return False
    if path in directories:
        return True
    at = path.find("/")
    while at >= 0:
        if path[:at] in directories:
            return True
        at = path.find("/", at + 1)
    return False


def inner_paths(root: str, paths: Iterable[str]) -> list[str]:
    """Those of the paths that are below a directory."""
    above = f"{root}/"
    return sorted(path for path in paths if path.startswith(above))


def counts(root: str, *, new: Collection[str], has_known: bool, claims: Claims, directory: Path) -> bool:
    """Whether the files of a nested repository are work: its `.git` never is.

    Where the task owns the files, or the project has some there, they count. A repository that came from elsewhere (a
    clone, a worktree) was likely made to look into it: then all of its files have to be owned by name.

    Example: `owns: [web/**]` and an agent that ran `git init web`: they count. `owns: ["**/*.py"]` and a clone of
    somebody's library: they do not.
    """
    if has_known:
        return True
    owned = [claims.name(path) for path in new]
    if _came_from_elsewhere(directory / root / ".git"):
        return bool(owned) and all(owned)
    return any(owned) or claims.owns is None


def _came_from_elsewhere(git: Path) -> bool:
    """By what lies in it, as text: no git is asked."""
    if git.is_symlink() or not git.is_dir():
        return True  # the file of a worktree, or of a submodule
    try:
        return _REMOTE.search(read_plain_file(git / "config", most=_CONFIG_BYTES, errors="replace")) is not None
    except FileNotFoundError:
        return False
    except (OSError, ValueError):
        return True


def told_of_nested(root: str, files: int, *, counted: bool) -> str:
    """A sentence on a nested repository."""
    many = f"{files} file{'' if files == 1 else 's'}"
    if counted:
        return f"{shown(root)} is a repository of its own: its files count, its .git and history do not"
    return f"{shown(root)} is a repository of its own, and left out with its {many}"
