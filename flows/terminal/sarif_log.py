"""What `plait check` found as SARIF, with the addresses and the texts of the files that it stands in."""

import os
from collections.abc import Iterable
from pathlib import Path

from plait import __version__
from plait.advice.lint.findings import LintFindings
from plait.advice.lint.sarif import SourceFile, Sources, sarif
from plait.plans.errors import PlanError
from plait.plans.language.documents import MAX_BYTES
from plait.workspace.places import is_there
from plait.workspace.small_files import read_plain_file


def findings_log(findings: LintFindings, *, source: str, text: str | None = None) -> str:
    """The log of a plan that could be read; `text` is what came on standard input."""
    names = {finding.file or source for finding in (*findings.shown, *findings.silenced)}
    return sarif(findings, source=source, version=__version__, sources=_sources({source, *names}, source, text))


def mistakes_log(wrong: PlanError) -> str:
    """The log of a plan that is refused."""
    names = {problem.file or wrong.source for problem in wrong.problems}
    sources = _sources({wrong.source, *names}, wrong.source, None)
    return sarif(LintFindings(), wrong.problems, source=wrong.source, version=__version__, sources=sources)


def _sources(names: Iterable[str], source: str, text: str | None) -> Sources:
    """Where the files are; GitHub takes addresses from the root of the repository only, wherever plait was called."""
    if source == "-":
        return Sources({"-": SourceFile("-", text or "")})
    root = _repository_of(Path(source).absolute())
    return Sources({name: _file(Path(name), root) for name in names}, str(root) if root else "")


def _repository_of(plan: Path) -> Path | None:
    """The folder with `.git` in it around the plan, or that of a worktree."""
    place = Path(os.path.normpath(plan))
    return next((folder for folder in place.parents if is_there(folder / ".git")), None)


def _file(path: Path, root: Path | None) -> SourceFile:
    place = Path(os.path.normpath(path.absolute()))
    if root and place.is_relative_to(root):
        address = str(place.relative_to(root))
    else:
        address = str(path) if not path.is_absolute() and ".." not in path.parts else str(place)
    try:
        return SourceFile(address, read_plain_file(path.resolve(), most=MAX_BYTES))
    except (OSError, ValueError):  # what cannot be read has no lines: the mistake says so
        return SourceFile(address)
