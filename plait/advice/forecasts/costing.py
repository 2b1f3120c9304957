"""What a plan's agents will probably cost: from what like tasks used up before, and from the list of prices."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from plait.advice.forecasts.forecast_record import Band
from plait.advice.forecasts.sampling import band_of
from plait.plans.agents.prices import PriceList
from plait.plans.agents.stream import Tokens
from plait.plans.tasks.task_records import TaskRecord
from plait.plans.wording import count, listed

SAMPLES: Final = 1000
SCATTER: Final = 0.75
"""How far the mean of like tasks may be off where only one is known: sd of its logarithm, as durations scatter within a
role; of n tasks divided by the square root of n."""
_FEW: Final = 3
"""From so many on, closer kin alone counts."""


@dataclass(frozen=True, slots=True)
class CostedTask:
    """A task that an agent is to do."""

    id: str
    role: str
    complexity: str = ""
    model: str | None = None
    """Nothing where the crew names none: then what was used before counts as it was."""


@dataclass(frozen=True, slots=True)
class TaskCost:
    """What one task may cost, in US dollars."""

    id: str
    role: str
    usd: Band
    sources: int
    """How many finished tasks that is known from."""


@dataclass(frozen=True, slots=True)
class CostForecast:
    """What a plan's agents may cost, in US dollars, as far as anything is known."""

    tasks: int
    """Those that are for agents."""
    usd: Band | None
    """Of the tasks that something is known of; nothing where nothing is."""
    parts: tuple[TaskCost, ...] = ()
    unknown: tuple[str, ...] = ()
    """Tasks that no like task has a price for: they are not in the figures."""
    is_exact: bool = True
    """Whether what the like tasks used up was all told; false: it will rather be more."""
    dated: str = ""
    """Of the list of prices."""

    @property
    def told(self) -> str:
        """`$3.10 – $7.40 (P50 to P90) by 12 tasks before; 3 of 8 tasks have no history: not counted`."""
        if not self.tasks:
            return ""
        missing = f"{len(self.unknown)} of {count(self.tasks, 'task')}" if self.unknown else ""
        if self.usd is None:
            return f"not known: no {'task' if self.tasks == 1 else 'like task'} has a known price yet"
        least = "" if self.is_exact else "at least "
        band = f"{least}{spell_usd(self.usd.p50)} – {spell_usd(self.usd.p90)} (P50 to P90), by what like tasks used up"
        if not missing:
            return band
        have = "has" if len(self.unknown) == 1 else "have"
        return f"{band}; {missing} {have} no history: not counted ({listed(self.unknown, limit=3)})"


def spell_usd(amount: float) -> str:
    """`$0.004`, `$0.42`, `$1,234`."""
    if amount >= 100:
        return f"${amount:,.0f}"
    return f"${amount:.2f}" if amount >= 0.01 or not amount else f"${amount:.1g}"


def forecast_cost(
    tasks: Sequence[CostedTask],
    history: Iterable[TaskRecord],
    prices: PriceList,
    *,
    samples: int = SAMPLES,
    seed: int = 0,
) -> CostForecast:
    """What these tasks may cost; the same for the same arguments.

    A task costs what one of its kin did, drawn again and again: finished tasks of its role, of the same model and
    complexity where there are `_FEW` of those. Where the crew names a model whose price is known, their tokens are
    counted at that price, else the money that was told, else their tokens at the price of the model that they had.
    Each task draws for itself, so that one more task never makes a plan cheaper.
    """
    by_role: dict[str, list[TaskRecord]] = {}
    for record in history:
        if record.is_over:
            by_role.setdefault(record.role, []).append(record)
    totals, parts, unknown, is_exact = [0.0] * max(1, samples), list[TaskCost](), list[str](), True
    for task in tasks:
        kin = _kin(task, by_role.get(task.role, ()), prices)
        if not kin:
            unknown.append(task.id)
            continue
        drawn = list(_draws([usd for usd, _ in kin], len(totals), Random(f"{seed} {task.id}")))  # noqa: S311
        totals = [total + usd for total, usd in zip(totals, drawn, strict=True)]
        parts.append(TaskCost(task.id, task.role, band_of(drawn), len(kin)))
        is_exact = is_exact and all(record.is_exact for _, record in kin)
    known = band_of(totals) if parts else None
    return CostForecast(len(tasks), known, tuple(parts), tuple(unknown), is_exact=is_exact, dated=prices.dated)


def _kin(task: CostedTask, records: Sequence[TaskRecord], prices: PriceList) -> list[tuple[float, TaskRecord]]:
    """What like tasks would have cost, from the closest kin of whom there are some."""
    priced = [(usd, record) for record in records if (usd := _cost(record, task.model, prices)) is not None]
    alike = [(usd, record) for usd, record in priced if record.complexity == task.complexity]
    same = [(usd, record) for usd, record in alike if task.model and record.model == task.model]
    of_model = [(usd, record) for usd, record in priced if task.model and record.model == task.model]
    return next((kin for kin in (same, alike, of_model) if len(kin) >= _FEW), priced)


def _cost(record: TaskRecord, model: str | None, prices: PriceList) -> float | None:
    """US dollars; nothing where neither money nor a price for its tokens is known."""
    is_other = model is not None and model != record.model
    if record.usd is not None and not is_other:
        return record.usd
    at = prices.price_of(model) or prices.price_of(record.model)
    if at is None or record.input_tokens is None or record.output_tokens is None:
        return record.usd
    # Of many calls together: the higher prices of long prompts go by single calls, which nobody has kept.
    return at.of(Tokens(record.input_tokens, record.output_tokens, cached=record.cached_input_tokens or 0))


def _draws(costs: Sequence[float], samples: int, chance: Random) -> Iterator[float]:
    """Costs of one task in each sample: one of its kin's, times how far so few of them may be off."""
    sd = SCATTER / math.sqrt(len(costs))
    for _ in range(samples):
        yield chance.choice(costs) * math.exp(chance.gauss(0.0, sd))


def usd_by_role(forecast: CostForecast) -> Mapping[str, float]:
    """By role, the sum of the medians of its tasks."""
    roles: dict[str, float] = {}
    for part in forecast.parts:
        roles[part.role] = roles.get(part.role, 0.0) + part.usd.p50
    return roles
