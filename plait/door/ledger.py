"""Who has spent what: each try by its token, its task, the run and the day, while answers are still going by."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from plait.door.day_book import DayBook
from plait.plans.accounts.pauses import AccountPause
from plait.plans.accounts.refusals import Refusal
from plait.plans.agents.door_sight import DoorSight
from plait.plans.agents.prices import ModelPrice, PriceList
from plait.plans.agents.stream import Tokens
from plait.plans.budgets.answers import AnswerReader
from plait.plans.budgets.limits import Budgets, Expense, Limits, Scope, budget_spent, expense_of
from plait.plans.budgets.upstreams import Upstream

_FRESH = 1.0
"""Seconds for which the day's total is not read again."""


@dataclass(slots=True)
class OpenTry:
    """One try of one task, known by its token alone."""

    task: str
    account: str
    upstream: Upstream
    limits: Limits
    run: str = ""
    token: str = field(default_factory=lambda: f"plait-{secrets.token_urlsafe(32)}", repr=False)
    at_once: int = 0
    calls: int = 0
    tokens: Tokens = Tokens()  # noqa: RUF009  (frozen)
    usd: float = 0.0
    is_priced: bool = True
    is_exact: bool = True
    model: str | None = None
    status: int | None = None
    refusal: Refusal | None = None
    spent: str = ""
    is_over: bool = False

    def refuse_for(self, pause: AccountPause) -> None:
        """Its account rests: what it would have been answered."""
        self.status = 429
        self.refusal = Refusal(pause.kind, pause.words, pause.until)

    def sight(self) -> DoorSight:
        """What was seen of it so far."""
        return DoorSight(
            calls=self.calls,
            tokens=self.tokens,
            usd=round(self.usd, 9) if self.is_priced else None,
            is_exact=self.is_exact,
            model=self.model,
            status=self.status,
            refusal=self.refusal,
            spent=self.spent,
        )


class Ledger:
    """Adds up what calls use, at any moment, and says when a limit is reached."""

    def __init__(
        self, prices: PriceList, book: DayBook, clock: Callable[[], float], *, run_limits: Limits, day_limits: Limits
    ) -> None:
        self._prices, self._book, self._clock = prices, book, clock
        self._run_limits, self._day_limits = run_limits, day_limits
        self._tasks: dict[str, Expense] = {}
        self._run = self._flying = self._day = Expense()
        self._day_read = float("-inf")
        self._ended = ""

    def begin(self, task: str, before: Expense) -> None:
        """Know of a task; `before`: what its tries of earlier runs, or beside the door, have spent."""
        self._tasks.setdefault(task, before)

    def add(self, task: str, expense: Expense) -> None:
        """Count what was spent beside the door."""
        self._tasks[task] = self._tasks.get(task, Expense()) + expense
        self._run += expense
        self._book.note(expense, self._clock())
        self._day_read = float("-inf")

    def end(self, words: str) -> None:
        """Let nothing more be spent by anybody, in words such as `time of the run: 12h`."""
        self._ended = words

    def of_run(self) -> Expense:
        """What the run has spent."""
        return self._run

    def of_task(self, task: str) -> Expense:
        """What a task has spent, in all its tries."""
        return self._tasks.get(task, Expense())

    def spent(self, open_try: OpenTry) -> str:
        """Which limit a try has reached, in words; empty while it may go on."""
        if open_try.spent or self._ended:
            return open_try.spent or self._ended
        budgets = Budgets(open_try.limits, self._run_limits, self._day_limits)
        expense: dict[Scope, Expense] = {"task": self._tasks.get(open_try.task, Expense()), "run": self._run}
        if self._day_limits:
            expense["day"] = self._today() + self._flying
        return budget_spent(budgets, expense)

    def move(self, open_try: OpenTry, before: Expense, after: Expense) -> None:
        """A call that goes on has come from one sum to another."""
        self._tasks[open_try.task] = _moved(self._tasks.get(open_try.task, Expense()), before, after)
        self._run = _moved(self._run, before, after)
        self._flying = _moved(self._flying, before, after)

    def settle(self, open_try: OpenTry, final: Expense) -> None:
        """A call is over: what it came to is written down for the day."""
        self._flying = _moved(self._flying, final, Expense())
        self._book.note(final, self._clock(), run=open_try.run)
        self._day_read = float("-inf")

    def price_of(self, model: str | None) -> ModelPrice | None:
        """What a model costs; nothing where that is not known."""
        return self._prices.price_of(model)

    def _today(self) -> Expense:
        now = self._clock()
        if not 0 <= now - self._day_read < _FRESH:
            self._day, self._day_read = self._book.today(now), now
        return self._day


class Meter:
    """Debits one call while its answer goes by."""

    def __init__(self, ledger: Ledger, open_try: OpenTry, reader: AnswerReader) -> None:
        self._ledger, self._try, self._reader = ledger, open_try, reader
        self._debited = Expense()
        self._model: str | None = None
        self._price: ModelPrice | None = None

    def look(self) -> str:
        """Debit what has come since; which limit is reached by it, in words."""
        self._debit(self._reader.told_so_far)
        return self._ledger.spent(self._try)

    def close(self) -> None:
        """The answer is over: what it told counts, or an estimate where it broke off."""
        tokens, open_try = self._reader.tokens, self._try
        usd = self._debit(tokens)
        self._ledger.settle(open_try, self._debited)
        open_try.tokens = _sum(open_try.tokens, tokens)
        open_try.usd += usd or 0.0
        open_try.is_priced = open_try.is_priced and usd is not None
        open_try.is_exact = open_try.is_exact and self._reader.is_exact
        open_try.model = self._reader.model or open_try.model

    def _debit(self, tokens: Tokens) -> float | None:
        if self._reader.model != self._model:  # looked up once for each answer, and not for each piece of it
            self._model = self._reader.model
            self._price = self._ledger.price_of(self._model)
        usd = None if self._price is None else self._price.of_call(tokens)
        after = expense_of(tokens, usd)
        self._ledger.move(self._try, self._debited, after)
        self._debited = after
        return usd


def _moved(total: Expense, before: Expense, after: Expense) -> Expense:
    return replace(
        total,
        tokens=total.tokens - before.tokens + after.tokens,
        usd=max(0.0, total.usd - before.usd + after.usd),
        is_priced=total.is_priced and (after.is_priced or not after.tokens),
    )


def _sum(tokens: Tokens, more: Tokens) -> Tokens:
    return Tokens(
        tokens.read + more.read,
        tokens.written + more.written,
        tokens.cached + more.cached,
        tokens.stored + more.stored,
        tokens.thought + more.thought,
        tokens.stored_hour + more.stored_hour,
    )
