"""The table of what real agent programs were seen to do: written where `make agents` says."""

import os
from collections import defaultdict
from pathlib import Path

import pytest

from plait.plans.agents.programs import PROGRAM_FACTS

TABLE = "AGENTS_TABLE"
"""The variable with the file."""


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """A row for each test, a column for each program: how long it took there, or that it failed or was skipped."""
    place = os.environ.get(TABLE)
    if not place:
        return
    cells = defaultdict[str, dict[str, str]](dict)
    for outcome in ("passed", "failed", "skipped"):
        for report in terminalreporter.stats.get(outcome, ()):
            name, program = _named(report.nodeid)
            if program and (report.when == "call" or outcome != "passed"):
                cells[name][program] = f"{report.duration:.1f} s" if outcome == "passed" else outcome
    text = _table(cells)
    Path(place).write_text(text, encoding="utf-8")
    terminalreporter.write(f"\n{text}\nthe table is in {place}\n")


def _named(nodeid: str) -> tuple[str, str]:
    """The sentence that a test is, and the program that it is about."""
    name, _, parameter = nodeid.rpartition("::")[2].partition("[")
    words = name.removeprefix("test_").replace("_", " ")
    program = next((backend for backend in PROGRAM_FACTS if backend in (parameter.rstrip("]"), words.split()[0])), "")
    return words, program


def _table(cells: dict[str, dict[str, str]]) -> str:
    rows = [["", *(f"{name} {facts.newest}" for name, facts in PROGRAM_FACTS.items())], ["---"] * 6]
    rows += [[name, *(found.get(program, "") for program in PROGRAM_FACTS)] for name, found in sorted(cells.items())]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)
