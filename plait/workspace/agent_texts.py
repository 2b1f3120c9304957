"""Agent files below `.claude/agents`: those of a commit, read through git, and those of the user's home."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from plait.plans.language.documents import MAX_BYTES
from plait.plans.specs.found_agents import OF_THE_USER, AgentText
from plait.plans.wording import one_line
from plait.workspace.git import GitRepository
from plait.workspace.places import is_folder
from plait.workspace.trees import REGULAR, blobs

MOST_FILES = 500
"""Agent files of a repository, or of a home, that are read. Nobody has so many: somebody made them."""
_MOST_ENTRIES = 20_000
"""Entries of a home's folder that are looked at."""
_BELOW = ".claude/agents/"


def agent_texts_of(repository: GitRepository, commit: str) -> tuple[tuple[AgentText, ...], tuple[str, ...]]:
    """The agent files of a commit, and a sentence on those that were not looked at.

    Links are not followed: one may lead out of the repository, to whatever the user can read.

    Raises:
        GitFailed: an object is missing.
    """
    entries = list(_entries(repository, commit))
    contents = blobs(
        repository, [oid for _, _, mode, oid in entries[:MOST_FILES] if mode in REGULAR], largest=MAX_BYTES
    )
    return tuple(_text(*entry, contents) for entry in entries[:MOST_FILES]), _left_out(len(entries), "the repository")


def _entries(repository: GitRepository, commit: str) -> Iterator[tuple[str, str, str, str]]:
    """Path, folder, mode and object of each, by path."""
    for record in repository.ask("ls-tree", "-r", "-z", "--full-tree", commit).records:
        facts, _, path = record.partition("\t")
        if _BELOW not in path or not path.endswith(".md"):
            continue
        folder, found, _ = path.partition(_BELOW)
        if found and (not folder or folder.endswith("/")):
            mode, _, oid = facts.split(" ")
            yield path, folder.rstrip("/"), mode, oid


def _text(path: str, folder: str, mode: str, oid: str, contents: dict[str, bytes]) -> AgentText:
    shown = one_line(path)
    if shown != path:
        return AgentText(shown, folder, trouble="has characters in its name that cannot be shown, or too many of them")
    if mode not in REGULAR:
        kind = "a symbolic link: copy the file here" if mode == "120000" else "no plain file"
        return AgentText(path, folder, trouble=f"is {kind}")
    if oid not in contents:
        return AgentText(path, folder, trouble=f"is larger than {MAX_BYTES // 1024} KiB")
    return AgentText(path, folder, contents[oid])


def agent_texts_of_user() -> tuple[tuple[AgentText, ...], tuple[str, ...]]:
    """The user's own agent files: in `~/.claude/agents`, or below `CLAUDE_CONFIG_DIR`, as for Claude Code."""
    named = os.environ.get("CLAUDE_CONFIG_DIR")
    try:
        top = (Path(named) if named else Path.home() / ".claude") / "agents"
    except RuntimeError:  # no home
        return (), ()
    if not is_folder(top):
        return (), ()
    paths = sorted(_files_below(top))
    return tuple(_user_text(top, path) for path in paths[:MOST_FILES]), _left_out(len(paths), str(top))


def _files_below(top: Path) -> Iterator[str]:
    """Names of Markdown files from a folder on. Links to folders are not gone into: they may go in a circle."""
    folders, seen = [""], 0
    while folders:
        within = folders.pop()
        try:
            entries = list(os.scandir(top / within))
        except OSError:
            continue
        for entry in entries:
            seen += 1
            if seen > _MOST_ENTRIES:
                return
            if entry.is_dir(follow_symlinks=False):
                folders.append(f"{within}{entry.name}/")
            elif entry.name.endswith(".md"):
                yield f"{within}{entry.name}"


def _user_text(top: Path, path: str) -> AgentText:
    """A file of the user's; a link of theirs is followed, as to where they keep such files."""
    shown = f"{OF_THE_USER}/{_BELOW}{one_line(path)}"
    if one_line(path) != path:
        return AgentText(shown, OF_THE_USER, trouble="has characters in its name that cannot be shown")
    try:
        handle = os.open(top / path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                return AgentText(shown, OF_THE_USER, trouble="is no plain file")
            return AgentText(shown, OF_THE_USER, file.read(MAX_BYTES + 1))
    except OSError as problem:
        return AgentText(shown, OF_THE_USER, trouble=f"cannot be read: {problem.strerror}")


def _left_out(number: int, where: str) -> tuple[str, ...]:
    if number <= MOST_FILES:
        return ()
    return (f"{where} has {number:,} agent files: the first {MOST_FILES} by name are looked at",)
