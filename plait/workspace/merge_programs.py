"""Merge programs of this machine, mergiraf and weave: given the conflicts that plait's own structure leaves.

They are found on the PATH of plait's own process, run in an empty directory with a few variables, and see three files
and the file's name. What they give is looked at: weave is known to end with 0 and to have lost something.
"""

import hashlib
import os
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from plait.plans.errors import EnvironmentProblem
from plait.plans.merging.soundness import has_new_markers, is_broken
from plait.workspace.process import Limits, run_supervised
from plait.workspace.small_files import read_plain_file

LARGEST = 1024 * 1024
"""Bytes of one version, above which none is asked."""
SECONDS = 20.0
"""How long one file may take; mergiraf itself gives up after ten."""

_LIMITS = Limits(timeout=SECONDS, grace=0.5, output_bytes=1 << 20, memory=2 << 30)
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,99}")
"""A file's name that is told: by it the language is known. Never its folder, and nothing that could be an option."""
_WORD = re.compile(r"\w+")

_Kind = Literal["mergiraf", "weave"]
_PROGRAMS: tuple[tuple[_Kind, str], ...] = (("mergiraf", "mergiraf"), ("weave", "weave-driver"))
"""How a way is called, and its program; `weave` alone is the name of others, too."""


@dataclass(frozen=True, slots=True)
class MergeProgram:
    """One that is there."""

    kind: _Kind
    path: str

    def command(self, name: str) -> tuple[str, ...]:
        """What it is called with; the result is expected in `out`.

        `mergiraf merge BASE LEFT RIGHT -o OUT -p PATH` (its usage page) and, as jj calls it,
        `weave-driver BASE LEFT RIGHT -o OUT -p PATH`; both end with 0 only where nothing is left in conflict.
        """
        verb = ("merge",) if self.kind == "mergiraf" else ()
        return (self.path, *verb, "base", "left", "right", "-o", "out", "-p", name)


def found_programs(*, search_path: str | None = None, outside: Path | None = None) -> tuple[MergeProgram, ...]:
    """Those on the PATH of this process, or on another one.

    Args:
        outside: The working tree of the repository: no program in it, or named from where somebody stands, is run.
    """
    folders = [entry for entry in _absolute(search_path) if outside is None or not _is_below(Path(entry), outside)]
    paths = [(kind, shutil.which(program, path=os.pathsep.join(folders))) for kind, program in _PROGRAMS if folders]
    return tuple(MergeProgram(kind, path) for kind, path in paths if path)


@dataclass(frozen=True, slots=True)
class MergePrograms:
    """Asks one after the other; what came of three versions is not asked again."""

    programs: tuple[MergeProgram, ...] = ()
    _known: dict[str, tuple[bytes, str] | None] = field(default_factory=dict, compare=False)

    def merge(self, path: str, base: bytes | None, ours: bytes, theirs: bytes) -> tuple[bytes, str] | None:
        """The merged file and who made it; nothing where none did, or where its result cannot be taken.

        Args:
            base: Nothing where both sides added the file.
        """
        name = path.rpartition("/")[2]
        versions = (base or b"", ours, theirs)
        if not self.programs or not _NAME.fullmatch(name) or max(map(len, versions)) > LARGEST:
            return None
        parts = (name.encode(), *versions)
        key = hashlib.sha256(b"".join(len(part).to_bytes(8, "big") + part for part in parts)).hexdigest()
        if key not in self._known:
            self._known[key] = self._ask_all(name, versions)
        return self._known[key]

    def _ask_all(self, name: str, versions: tuple[bytes, bytes, bytes]) -> tuple[bytes, str] | None:
        for program in self.programs:
            with suppress(OSError, ValueError, EnvironmentProblem):  # what it could not do is left to others
                merged = _asked(program, name, versions)
                if merged is not None and can_be_taken(name, merged, *versions):
                    return merged, program.kind
        return None


def can_be_taken(name: str, merged: bytes, base: bytes, ours: bytes, theirs: bytes) -> bool:
    """Whether a result has no markers, parses where that can be told, and loses nothing that a side brought in anew.

    Lost is a side that the result does not show, and a word that base does not have, a side does, and the result does
    less often than that side.
    """
    if has_new_markers(merged, base) or is_broken(name, merged, ours, theirs):
        return False
    if merged in (base, ours, theirs) and ours != theirs:
        return False
    before, after = _words(base), _words(merged)
    return all(
        after[word] >= many for side in (ours, theirs) for word, many in _words(side).items() if not before[word]
    )


def _asked(program: MergeProgram, name: str, versions: Sequence[bytes]) -> bytes | None:
    with tempfile.TemporaryDirectory(prefix="plait-merge-") as place:
        directory, home = Path(place, "files"), Path(place, "home")
        directory.mkdir()
        home.mkdir()
        for file, content in zip(("base", "left", "right"), versions, strict=True):
            (directory / file).write_bytes(content)
        ended = run_supervised(
            program.command(name),
            directory=directory,
            environment=_environment(home),
            output=Path(place, "log"),
            limits=_LIMITS,
        )
        if not ended.ok:
            return None
        return read_plain_file(directory / "out", most=4 * LARGEST).encode()


def _environment(home: Path) -> dict[str, str]:
    """Nothing of ours but PATH: no configuration, no repository, no credentials."""
    return {
        "PATH": os.pathsep.join(_absolute(None)) or os.defpath,
        "HOME": str(home),
        "TMPDIR": str(home),
        "LANG": "C.UTF-8",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CEILING_DIRECTORIES": str(home.parent),
        "NO_COLOR": "1",
    }


def _absolute(search_path: str | None) -> list[str]:
    entries = (os.environ.get("PATH", os.defpath) if search_path is None else search_path).split(os.pathsep)
    return [entry for entry in entries if Path(entry).is_absolute()]


def _is_below(folder: Path, root: Path) -> bool:
    return folder.resolve().is_relative_to(root.resolve())


def _words(content: bytes) -> Counter[str]:
    return Counter(_WORD.findall(content.decode("utf-8", "replace")))
