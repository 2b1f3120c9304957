"""Whether the agents of a run may spend more: by the model door's count, by what they tell, and by the clock."""

import threading
from dataclasses import dataclass, field
from typing import Final

from plait.agent_tasks.run_door import RunDoor
from plait.plans.budgets.limits import Expense, Limits, expense_in, spent_words
from plait.plans.usage import Usage

_LONGEST_STEP: Final = 60.0
"""Seconds between two looks at the clock that count at most: this machine may have slept."""


class BudgetStop(threading.Event):
    """Set with the run's own, or for one try whose budget is spent."""

    def __init__(self, run: threading.Event, budget: "RunBudget") -> None:
        super().__init__()
        self._run, self._budget = run, budget

    def is_set(self) -> bool:
        """Whether the agent has to end."""
        return self._run.is_set() or bool(self._budget.spent) or super().is_set()


@dataclass(slots=True)
class RunBudget:
    """What a run has spent, and whether that is all that it may."""

    limits: Limits
    door: RunDoor
    spent: str = ""
    """The limit that is reached, in words; once it is, it stays so."""
    _others: dict[str, Expense] = field(default_factory=dict)
    """By try, of agents that do not go through the door."""
    _worked: float = 0.0
    _looked_at: float | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def tick(self, now: float, *, is_paused: bool) -> None:
        """Time has passed, up to `now` (seconds of any clock); it stands still while the run is paused."""
        if not self.limits:
            return
        if self._looked_at is not None and not is_paused:
            self._worked += min(max(0.0, now - self._looked_at), _LONGEST_STEP)
        self._looked_at = now
        self._look()

    def note(self, name: str, usage: Usage | None) -> None:
        """What a try beside the door has used up so far, by what its program tells."""
        if usage is not None and self.limits:
            with self._lock:
                self._others[name] = expense_in(usage)
            self._look()

    def _look(self) -> None:
        with self._lock:
            expense = sum(self._others.values(), self.door.expense) + Expense(seconds=self._worked)
        if not self.spent and (words := spent_words(self.limits, expense, "run")):
            self.spent = words
            self.door.end(words)
