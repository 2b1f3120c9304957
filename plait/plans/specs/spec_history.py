"""Writes into a task spec what came of it, and leaves every other byte of the file as it is."""

import re
from collections.abc import Mapping
from dataclasses import astuple, dataclass

from plait.plans.errors import PlanError
from plait.plans.specs.front_matter import (
    HISTORY_HEAD,
    HISTORY_HEADING,
    HISTORY_RULE,
    RECORD_KEYS,
    SpecText,
    split_spec,
)
from plait.plans.specs.markdown import line_end
from plait.plans.specs.spec_folder import Spec, SpecFile, read_spec

LONGEST_NOTE = 120
MOST_ROWS = 50
"""Of a spec's history; the oldest go."""

# Words and blanks take turns and nothing is given back: a line of a hundred thousand blanks is read once.
_PLAIN = r"[^\s'\"|>&*!%@`{\[#][^#\r\n \t]*+(?:[ \t]++[^#\r\n \t]++)*+"
_ONE_LINE = rf"('[^']*'|\"[^\"\\]*\"|{_PLAIN}|)([ \t]*+(?:(?<=[ \t])#[^\r\n]*)?(?:\r\n|\r|\n)?)"
_NUMBER = re.compile(r"[0-9]+(e[0-9]+)?")
_SPECIAL = re.compile(r"([\\|<\[`])")


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One run's line in the history of a spec."""

    run: str
    when: str
    """Such as `2026-11-20 23:15 UTC`."""
    state: str
    tries: int
    commit: str
    note: str


@dataclass(frozen=True, slots=True)
class SpecRecord:
    """What is to stand in a spec: where its task is now, and what this run did with it."""

    status: str
    branch: str | None
    commit: str | None
    row: HistoryRow | None
    """Nothing when this run had no work with it."""

    @property
    def front(self) -> dict[str, str | None]:
        return {"status": self.status, "branch": self.branch, "commit": self.commit}


def with_record(file: SpecFile, record: SpecRecord) -> SpecFile | None:
    """The file with the record in its front matter and its history; equal records change it once.

    Nothing when it could not be written without changing what the task says: an open code block at its end, a
    status that is more than one line, front matter in braces.
    """
    before = read_spec(file)
    if before.problems:
        return None
    try:
        text = file.content.decode("utf-8")
        spec = split_spec(text, source=file.name)
        lines = _with_row(spec, record.row) if record.row else list(spec.lines)
        lines[1 : spec.close] = _with_front(spec, record.front)
    except (PlanError, UnicodeDecodeError, _NotOneLineError):
        return None
    written = SpecFile(file.name, "".join(lines).encode("utf-8"))
    return written if _says_the_same(before, read_spec(written), record) else None


def _says_the_same(before: Spec, after: Spec, record: SpecRecord) -> bool:
    expected = {key: value for key, value in record.front.items() if value is not None}
    return not after.problems and after.task == before.task and after.record == expected


class _NotOneLineError(Exception):
    pass


def _with_front(spec: SpecText, wanted: Mapping[str, str | None]) -> list[str]:
    """The lines of the front matter with these keys: values are replaced in their lines, new ones come last."""
    lines: list[str] = list(spec.lines[1 : spec.close])
    keys = spec.front(source="spec").places.keys
    indent = min((place.column - 1 for loc, place in keys.items() if len(loc) == 1), default=0)
    gone = set[int]()
    for key in RECORD_KEYS:
        value, place = wanted[key], keys.get((key,))
        if place is None:
            if value is not None:
                lines.append(f"{' ' * indent}{key}: {_scalar(value)}{line_end(spec.lines[0])}")
            continue
        at = place.line - 2
        lines[at] = _replaced(lines[at], key, value or "")
        if value is None:
            gone.add(at)
    return [line for at, line in enumerate(lines) if at not in gone]


def _replaced(line: str, key: str, value: str) -> str:
    """The line with another value, its spacing and its comment as they were."""
    entry = re.fullmatch(rf"(\s*{key}[ \t]*:)([ \t]*+){_ONE_LINE}", line)
    if entry is None:
        raise _NotOneLineError
    if entry[3].strip("'\"") == value:
        return line
    before, after = (entry[2], entry[4]) if entry[3] else (" ", entry[2] + entry[4])
    return f"{entry[1]}{before}{_scalar(value)}{after}"


def _scalar(value: str) -> str:
    """As YAML, also for programs that would take an object name of digits for a number."""
    return f"'{value}'" if _NUMBER.fullmatch(value) else value


def _with_row(spec: SpecText, row: HistoryRow) -> list[str]:
    """All lines, with the run's row in the history: in its old place when it has one, else the newest last."""
    lines, end = list(spec.lines), line_end(spec.lines[0])
    text = f"| {' | '.join(_cell(str(value)) for value in astuple(row))} |"
    if not spec.history:
        # One blank line before it; without a final newline there is none after it either, and both can be undone.
        last = line_end(lines[-1])
        block = end.join([HISTORY_HEADING, "", HISTORY_HEAD, HISTORY_RULE, text])
        return [*lines, (end if last else end * 2) + block + (end if last else "")]
    first = spec.history.start + 4
    rows = [line.rstrip("\r\n") for line in lines[first : spec.history.stop]]
    last = line_end(lines[spec.history.stop - 1])
    same = [at for at, line in enumerate(rows) if _run_of(line) == _cell(row.run)]
    at = same[-1] if same else len(rows)
    rows[at : at + 1] = [text]
    shown = rows[-MOST_ROWS:]
    lines[first : spec.history.stop] = [f"{line}{end}" for line in shown[:-1]] + [f"{shown[-1]}{last}"]
    if first == spec.history.stop and not last:
        lines[first - 1] += end
    return lines


def _run_of(row: str) -> str:
    return row.split("|")[1].strip()


def _cell(text: str) -> str:
    """One cell: a line of what may come from anyone, which neither ends the cell nor is read as more than text."""
    plain = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    short = plain if len(plain) <= LONGEST_NOTE else f"{plain[: LONGEST_NOTE - 1]}…"
    return _SPECIAL.sub(r"\\\1", short)
