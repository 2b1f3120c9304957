"""Files that checkouts need and git does not have, such as `.env`: taken from the user's own clone, within bounds."""

import errno
import hashlib
import os
import re
import stat
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from plait.plans.paths import matches
from plait.plans.wording import listed
from plait.workspace.control import Control
from plait.workspace.git import GitRepository, ask_about
from plait.workspace.output import plain
from plait.workspace.places import is_folder

LARGEST = 8 * 1024 * 1024
"""Bytes of one file."""
MOST_BYTES = 32 * 1024 * 1024
"""Of all of them: each checkout gets them anew, and they are held in memory."""
MOST_FILES = 1_000
_LOOKED_AT = 200_000
"""Files and folders of the clone that are looked at for one pattern."""
_WILD = re.compile(r"[*?]")
_WORD = re.compile(r"[^\s\"'=,;(){}\[\]<>]{8,}")
_MASKED_BYTES = 65_536
"""Of a file whose words are masked; what is larger is no settings file."""


@dataclass(frozen=True, slots=True)
class CopiedFile:
    """One of them, as it was when the run began."""

    path: str
    """From the root of the repository."""
    executable: bool
    content: bytes


@dataclass(frozen=True, slots=True)
class CopiedFiles:
    """What each checkout of some role gets beside the files of its commit."""

    files: tuple[CopiedFile, ...] = ()
    told: tuple[str, ...] = ()
    """A sentence for each pattern that gave nothing, and for what was left out."""

    @property
    def paths(self) -> frozenset[str]:
        """They are nobody's work: no harvest takes them, changed or not."""
        return frozenset(file.path for file in self.files)

    def put(self, directory: Path) -> None:
        """Write them into a fresh checkout; what its commit has stays, and no link of the commit's is followed.

        Raises:
            OSError: no space, say.
        """
        for file in self.files:
            if _make_folders(directory, Path(file.path).parent):
                mode = 0o700 if file.executable else 0o600
                with suppress(FileExistsError):
                    handle = os.open(directory / file.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
                    with os.fdopen(handle, "wb") as written:
                        written.write(file.content)

    @property
    def meanings(self) -> tuple[str, ...]:
        """What a verdict depends on: the same files with the same contents say the same."""
        return tuple(f"{file.path} {hashlib.sha256(file.content).hexdigest()}" for file in self.files)

    def words(self) -> Iterator[str]:
        """What of them nobody is to read in a journal: values behind `=` or `:`, and words that look like no word."""
        for file in self.files:
            text = plain(file.content[:_MASKED_BYTES].decode("utf-8", "replace"))
            for line in text.splitlines():
                for sign in "=:":
                    yield line.partition(sign)[2].strip().rstrip(",").strip("\"'")
                yield from _WORD.findall(line)


NO_FILES = CopiedFiles()


def clone_around(repository: Path, control: Control) -> Path:
    """Where the user works: the top of the checkout that a directory is in; of a bare repository itself."""
    answer = ask_about(repository, "rev-parse", "--path-format=absolute", "--show-toplevel")
    if answer.status == 0 and answer.text:
        return Path(answer.text)
    is_bare = control.target.run("config", "--type=bool", "--get", "core.bare").text == "true"
    return control.common_dir if is_bare or control.common_dir.name != ".git" else control.common_dir.parent


def copied_files(clone: Path, control: Control, patterns: Collection[str]) -> CopiedFiles:
    """Read what `copy` names: files that git does not track in the clone, through no link that leads out of it.

    Args:
        clone: Where the user works, as `clone_around` says.
        patterns: Normalized ones, from the root of the repository.

    Raises:
        GitFailed: the clone's index cannot be read.
    """
    if not patterns:
        return NO_FILES
    if not (clone / ".git").exists():
        names = listed(sorted(patterns))
        return CopiedFiles(told=(f"{names}, which `copy` names, cannot be copied: the repository has no checkout",))
    tracked = frozenset(GitRepository(_git_dir(clone, control)).ask("ls-files", "-z").records)
    files, told, size = dict[str, CopiedFile](), list[str](), 0
    for pattern in patterns:
        found, linked = False, list[str]()
        for path in _matching(clone, pattern):
            if path in tracked or path in files:
                found = True
                continue
            if (clone / path).is_symlink() and is_folder(clone / path):
                found = bool(linked := [*linked, _shown(path)])
                continue
            file, problem = _read(clone, path)
            if file is not None and (size + len(file.content) > MOST_BYTES or len(files) >= MOST_FILES):
                told.append(
                    f"`copy` names more than {MOST_FILES} files or {MOST_BYTES >> 20} MiB: the rest is left out"
                )
                return CopiedFiles(tuple(files.values()), tuple(told))
            found = True
            if file is None:
                told.append(f"{_shown(path)} is not copied: {problem}")
            else:
                files[path], size = file, size + len(file.content)
        if linked:
            told.append(f"links to folders are not copied: {listed(linked, limit=5)}")
        if not found:
            told.append(f"there is no {pattern} in {_shown(str(clone))}, which `copy` names")
    return CopiedFiles(tuple(files.values()), tuple(dict.fromkeys(told)))


def _git_dir(clone: Path, control: Control) -> Path:
    answer = ask_about(clone, "rev-parse", "--path-format=absolute", "--git-dir")
    return Path(answer.text) if answer.status == 0 and answer.text else control.git_dir


def _matching(clone: Path, pattern: str) -> Iterator[str]:
    """The paths below the clone that a pattern names, folders and git's own excepted; no link to a folder is entered.

    A path without `*` and `?` is looked for as it is: then the folders above may be links. Of a folder it means all.
    """
    if not _WILD.search(pattern):
        place = clone / pattern
        is_linked = os.path.realpath(place) != os.path.join(os.path.realpath(clone), pattern)  # noqa: PTH118
        if is_linked or not is_folder(place) or ".git" in pattern.casefold().split("/"):
            yield from [pattern] if os.path.lexists(place) else []
            return
        pattern = f"{pattern}/**"
    parts = pattern.split("/")
    fixed = next(at for at, part in enumerate(parts) if _WILD.search(part))
    waiting, looked_at = ["/".join(parts[:fixed])], 0
    while waiting and looked_at < _LOOKED_AT:
        above = waiting.pop()
        with suppress(OSError), os.scandir(clone / above) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                looked_at += 1
                path = f"{above}/{entry.name}" if above else entry.name
                if entry.name.casefold() == ".git":
                    continue
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(path)
                elif matches(path, (pattern,)):
                    yield path


def _read(clone: Path, path: str) -> tuple[CopiedFile | None, str]:
    """The file, or why it is none that may be copied."""
    real, root = os.path.realpath(clone / path), os.path.realpath(clone)
    inside = os.path.relpath(real, root)
    if inside.startswith("..") or os.path.isabs(inside):  # noqa: PTH117
        return None, "a link leads out of the repository"
    if any(part.casefold() == ".git" for part in inside.split("/")):
        return None, "it is git's own"
    try:
        handle = os.open(real, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as opened:
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode):
                return None, "it is no plain file"
            content = opened.read(LARGEST + 1)
    except OSError as problem:
        return None, os.strerror(problem.errno or errno.EIO)
    if len(content) > LARGEST:
        return None, f"it has more than {LARGEST >> 20} MiB"
    return CopiedFile(path, bool(status.st_mode & 0o100), content), ""


def _make_folders(directory: Path, folder: Path) -> bool:
    """Make the folders of a path; false where a link or a file of the commit's is in the way."""
    for part in folder.parts:
        directory /= part
        if directory.is_symlink() or (os.path.lexists(directory) and not directory.is_dir()):
            return False
        directory.mkdir(exist_ok=True)
    return True


def _shown(path: str) -> str:
    return plain(path)[:200]
