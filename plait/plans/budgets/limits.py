"""How much may be spent, and whether it is: tokens, US dollars and time, of a task, a run and a day."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

from plait.plans.agents.stream import Tokens
from plait.plans.language.budget import Budget
from plait.plans.language.crew import Role
from plait.plans.language.durations import format_duration
from plait.plans.usage import Usage

Scope = Literal["task", "run", "day"]
SCOPES: Final[tuple[Scope, ...]] = ("task", "run", "day")


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that may be spent; nothing: as much as it takes."""

    tokens: int | None = None
    """Read and written together, those from a cache included."""
    usd: float | None = None
    seconds: float | None = None

    def __bool__(self) -> bool:
        return self != Limits()


@dataclass(frozen=True, slots=True)
class Expense:
    """What has been spent so far."""

    tokens: int = 0
    usd: float = 0.0
    """Of what has a price."""
    seconds: float = 0.0
    is_priced: bool = True
    """false: some of it was of a model without a price, so `usd` is too little."""

    def __add__(self, other: "Expense") -> "Expense":
        return Expense(
            self.tokens + other.tokens,
            self.usd + other.usd,
            self.seconds + other.seconds,
            self.is_priced and other.is_priced,
        )


def expense_of(tokens: Tokens, usd: float | None) -> Expense:
    """What a call has spent; `usd`: nothing where its model has no price."""
    return Expense(tokens.read + tokens.written, usd or 0.0, is_priced=usd is not None)


def expense_in(usage: Usage | None, seconds: float = 0.0) -> Expense:
    """What a try has spent by what its program told: for those that do not go through the door."""
    if usage is None:
        return Expense(seconds=seconds, is_priced=False)
    tokens = (usage.input_tokens or 0) + (usage.output_tokens or 0)
    return Expense(tokens, usage.usd or 0.0, seconds, is_priced=usage.usd is not None)


def task_limits(role: Role) -> Limits:
    """What one task of a role may spend, in all its tries."""
    return Limits(role.tokens, role.usd)


def run_limits(budget: Budget | None) -> Limits:
    """What a run of a plan may spend."""
    return Limits() if budget is None else Limits(budget.tokens, budget.usd, budget.time)


def day_limits(budget: Budget | None) -> Limits:
    """What all runs of the machine may spend in a day."""
    day = None if budget is None else budget.day
    return Limits() if day is None else Limits(day.tokens, day.usd)


@dataclass(frozen=True, slots=True)
class Budgets:
    """The limits of a task, of its run, and of a day of this machine."""

    task: Limits = Limits()
    run: Limits = Limits()
    day: Limits = Limits()

    def limits_of(self, scope: Scope) -> Limits:
        """The limits of one of the three."""
        return {"task": self.task, "run": self.run, "day": self.day}[scope]


def spent_words(limits: Limits, expense: Expense, scope: Scope) -> str:
    """Which limit is reached, in words such as `usd of the task: 2.00`; empty where none is.

    Example: with `Limits(tokens=1000)`, 999 tokens are let go on, and 1000 are the end.
    """
    if limits.tokens is not None and expense.tokens >= limits.tokens:
        return f"tokens of the {scope}: {limits.tokens:,}"
    if limits.usd is not None and expense.usd >= limits.usd:
        return f"usd of the {scope}: {_dollars(limits.usd)}"
    if limits.seconds is not None and expense.seconds >= limits.seconds:
        return f"time of the {scope}: {format_duration(limits.seconds)}"
    return ""


def budget_spent(budgets: Budgets, expense: Mapping[Scope, Expense]) -> str:
    """The first of the limits that is reached, in words; empty while work may go on."""
    told = (spent_words(budgets.limits_of(scope), expense[scope], scope) for scope in SCOPES if scope in expense)
    return next((words for words in told if words), "")


def rest_of(limits: Limits, expense: Expense) -> Limits:
    """What is left of limits, for a program that keeps one by itself: at least a token, a cent and a second."""
    return replace(
        limits,
        tokens=None if limits.tokens is None else max(1, limits.tokens - expense.tokens),
        usd=None if limits.usd is None else max(0.01, round(limits.usd - expense.usd, 6)),
        seconds=None if limits.seconds is None else max(1.0, limits.seconds - expense.seconds),
    )


def _dollars(usd: float) -> str:
    return f"{usd:,.2f}" if usd >= 0.01 else f"{usd:.6f}".rstrip("0")
