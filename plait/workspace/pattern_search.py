"""Which lines fit regular expressions that somebody else wrote: searched for in a process that can be ended."""

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from plait.workspace.process import run_quick

PATIENCE: Final = 2.0
"""Seconds that one expression may take: some take longer than the universe will last, for thirty characters."""
_SEARCH: Final = """
import json, re, sys
pattern, lines = json.loads(sys.argv[1])
print(json.dumps([number for number, line in enumerate(lines) if re.search(pattern, line, re.IGNORECASE)]))
"""


@dataclass(frozen=True, slots=True)
class Fitting:
    """What came of a search."""

    lines: frozenset[str]
    slow: tuple[str, ...] = ()
    """Expressions that took too long, and found nothing for that."""


def fitting_lines(patterns: Iterable[str], lines: Sequence[str]) -> Fitting:
    """The lines that any of the expressions fits somewhere, in any case of letters.

    Raises:
        EnvironmentProblem: no process can be started.
    """
    fitting, slow = set[str](), list[str]()
    for pattern in patterns if lines else ():
        argv = [sys.executable, "-I", "-S", "-c", _SEARCH, json.dumps([pattern, list(lines)])]
        status, printed = run_quick(argv, directory=Path("/"), environment={}, timeout=PATIENCE)
        if status == 0:
            fitting |= {lines[number] for number in json.loads(printed)}
        else:
            slow.append(pattern)
    return Fitting(frozenset(fitting), tuple(slow))
