"""What all runs of this machine have spent today: lines that are only ever added, a file for each day."""

import json
import os
from contextlib import suppress
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from plait.plans.budgets.limits import Expense

_FOLDER: Final = "spending"
_KEPT: Final = timedelta(days=40)
_MOST_TOKENS: Final = 10**12
_MOST_USD: Final = 10**9


class DayBook:
    """Expense by day, of this machine's zone. What cannot be written counts in this process alone."""

    def __init__(self, home: Path) -> None:
        self._folder = home / _FOLDER
        self._day = date.min
        self._read_to = 0
        self._total = Expense()
        self._unwritten = Expense()

    def note(self, expense: Expense, now: float, *, run: str = "") -> None:
        """Add what was spent."""
        if not expense.tokens and not expense.usd:
            return
        self._turn_to(now)
        record = {
            "tokens": expense.tokens,
            "usd": round(expense.usd, 9),
            "priced": expense.is_priced,
            "run": run[:80],
        }
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            book = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.write(book, json.dumps(record).encode() + b"\n")  # one write: lines of several processes stay whole
            finally:
                os.close(book)
        except OSError:
            self._unwritten += expense

    def today(self, now: float) -> Expense:
        """What was spent today so far, by all runs."""
        self._turn_to(now)
        with suppress(OSError), self._path.open("rb") as book:
            if os.fstat(book.fileno()).st_size < self._read_to:  # somebody has put it away
                self._read_to, self._total = 0, Expense()
            book.seek(self._read_to)
            lines, newline, _rest = book.read().rpartition(b"\n")
            self._read_to += len(lines) + len(newline)
            for line in lines.splitlines():
                self._total += _expense_in(line)
        return self._total + self._unwritten

    @property
    def _path(self) -> Path:
        return self._folder / f"{self._day.isoformat()}.jsonl"

    def _turn_to(self, now: float) -> None:
        day = datetime.fromtimestamp(now).date()  # the machine's own zone is meant: its users' day
        if day == self._day:
            return
        self._day, self._read_to, self._total, self._unwritten = day, 0, Expense(), Expense()
        with suppress(OSError):
            for path in self._folder.glob("????-??-??.jsonl"):
                if path.stem < (day - _KEPT).isoformat():
                    path.unlink()


def _expense_in(line: bytes) -> Expense:
    try:
        record: Any = json.loads(line)
        tokens, usd = int(record["tokens"]), float(record["usd"])
        is_priced = bool(record.get("priced", True))
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return Expense()
    return (
        Expense(tokens, usd, is_priced=is_priced)
        if 0 <= tokens <= _MOST_TOKENS and 0 <= usd <= _MOST_USD
        else Expense()
    )
