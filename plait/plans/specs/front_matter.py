"""The parts of a task spec's file: front matter between lines of `---`, the Markdown below, the history at its end."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from plait.plans.errors import PlanError, Problem
from plait.plans.language.documents import Document, read
from plait.plans.specs.markdown import Line, numbered, split_lines
from plait.plans.wording import kind_of

RECORD_KEYS = ("status", "branch", "commit")
"""Keys of the front matter that plait writes after a run: they say nothing about what the task is."""

HISTORY_HEADING = "## History"
HISTORY_COLUMNS = ("run", "when", "state", "tries", "commit", "note")
HISTORY_HEAD = f"| {' | '.join(HISTORY_COLUMNS)} |"
HISTORY_RULE = f"|{' --- |' * len(HISTORY_COLUMNS)}"

_MARK = re.compile(r"\ufeff?---[ \t]*")


@dataclass(frozen=True, slots=True)
class SpecText:
    """A spec's text in its parts; positions are those of lines, from 0."""

    lines: tuple[str, ...]
    """With their ends: joined, they are the text."""
    close: int
    """The line of `---` that ends the front matter."""
    history: range
    """From the heading of plait's history to its last row; empty when there is none."""

    @property
    def body(self) -> list[Line]:
        """The Markdown that people wrote, without plait's history and the blank line before it."""
        begin = self.history.start
        before = begin - 1 if self.history and begin > self.close + 1 and not self.lines[begin - 1].strip() else begin
        return [line for line in _below(self.lines, self.close) if not before < line.number <= self.history.stop]

    def front(self, *, source: str) -> Document:
        """What the front matter says; the lines before it count, so that places are those of the file.

        Raises:
            PlanError: it cannot be read.
        """
        text = "\n" + "".join(self.lines[1 : self.close])
        if not text.strip() or all(line.lstrip().startswith("#") for line in text.splitlines() if line.strip()):
            return read("{}", source=source)
        document = read(text, source=source)
        if not isinstance(document.data, dict):
            problem = Problem(f"the front matter is lines such as role: backend, not {kind_of(document.data)}", 2, 1)
            raise PlanError(source, (*document.problems, problem))
        return document


def split_spec(text: str, *, source: str) -> SpecText:
    """Find the parts of a spec.

    Raises:
        PlanError: it has no front matter, or one without an end.
    """
    lines = split_lines(text)
    if not lines or not _is_mark(lines[0]):
        hint = "begin the file with ---, a line such as role: backend, and --- again"
        raise PlanError(source, (Problem("has no front matter, which says who does the task", 1, 1, hint=hint),))
    close = next((at for at, line in enumerate(lines) if at and _is_mark(line)), None)
    if close is None:
        raise PlanError(source, (Problem("the front matter that begins here has no end", 1, 1, hint="add a line ---"),))
    return SpecText(tuple(lines), close, _find_history(lines, close))


def _is_mark(line: str) -> bool:
    return _MARK.fullmatch(line.rstrip("\r\n")) is not None


def _below(lines: Sequence[str], close: int) -> list[Line]:
    return list(numbered(lines[close + 1 :], first=close + 2))


def _find_history(lines: Sequence[str], close: int) -> range:
    """The last table that plait keeps: heading, blank line, its very columns, rows; not one that is shown as code."""
    below = _below(lines, close)
    texts = [line.text.rstrip() for line in below]
    head = [HISTORY_HEADING, "", HISTORY_HEAD, HISTORY_RULE]
    for at in range(len(below) - len(head), -1, -1):
        if texts[at : at + len(head)] == head and not below[at].fenced:
            end = at + len(head)
            while end < len(below) and texts[end].startswith("|"):
                end += 1
            return range(close + 1 + at, close + 1 + end)
    return range(len(lines), len(lines))
