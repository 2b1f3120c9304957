"""Durations as they might turn out, drawn from what is known; and the quantiles of what comes of them."""

import math
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import accumulate
from random import Random
from statistics import NormalDist
from typing import Final

from plait.advice.forecasts.estimating import DurationGroup, DurationOutlook, Durations, Factor
from plait.advice.forecasts.forecast_record import Band
from plait.plans.schedule.jobs import Job

_NORMAL: Final = NormalDist()
_SCORES: Final = 2001
"""Quantiles that single tasks' noise is picked from: three times as fast as drawing it, and its tails end at 3.5 sd."""
_GRID: Final = range(-24, 25)
_STEP: Final = 0.25
"""A factor on a grid of quarter sds, up to 6 sd either way."""


class Sampler:
    """Draws durations for jobs: a shared factor for each group of each sample, noise of its own for each job.

    `running` are the seconds that jobs have run for, by place: their durations are drawn given that they took longer,
    and their groups' factors, too (tasks that run long tell something before they end).
    """

    def __init__(
        self, jobs: Sequence[Job], durations: Durations, *, running: Mapping[int, float] | None = None
    ) -> None:
        self._outlooks = durations.outlooks(jobs)
        self._running = dict(running or {})
        self._factors = {group: durations.factor(group) for group in {outlook.group for outlook in self._outlooks}}

    def draw(self, samples: int, seed: int) -> Iterator[list[float]]:
        """For each sample the seconds by place; the same for the same arguments."""
        random = Random(seed)  # noqa: S311  a simulation
        groups = sorted(self._factors)
        number = {group: place for place, group in enumerate(groups)}
        shared = zip(*(self._drawn_factors(group, samples, random) for group in groups), strict=True)
        plain = [(outlook.median, number[outlook.group], outlook.lower, outlook.upper) for outlook in self._outlooks]
        scores, size, exp = _scores(), len(plain), math.exp
        for factors in shared:
            seconds = [
                median * factors[group] * exp((lower if score < 0 else upper) * score)
                for (median, group, lower, upper), score in zip(plain, random.choices(scores, k=size), strict=True)
            ]
            for place, elapsed in self._running.items():
                seconds[place] = _longer_than(elapsed, self._outlooks[place], factors[plain[place][1]], random)
            yield seconds

    def _drawn_factors(self, group: DurationGroup, samples: int, random: Random) -> list[float]:
        """One from each of as many equal slices as there are samples, shuffled: less noise than independent draws."""
        factor = self._factors[group]
        slices = [(number + 0.5 + 0.999 * (random.random() - 0.5)) / samples for number in range(samples)]
        late = [(self._outlooks[place], elapsed) for place, elapsed in self._late(group)]
        logs = (
            _quantiles_given(factor, late, slices) if late else [factor.mean + factor.sd * z for z in _inverse(slices)]
        )
        random.shuffle(logs)
        return [math.exp(log) for log in logs]

    def _late(self, group: DurationGroup) -> Iterator[tuple[int, float]]:
        """The group's jobs that have run for some time, with that time."""
        for place, elapsed in self._running.items():
            if elapsed > 0 and self._outlooks[place].group == group and self._outlooks[place].median > 0:
                yield place, elapsed


@lru_cache(maxsize=1)
def _scores() -> list[float]:
    return _inverse([(number + 0.5) / _SCORES for number in range(_SCORES)])


def _inverse(shares: Sequence[float]) -> list[float]:
    return [_NORMAL.inv_cdf(share) for share in shares]


def _threshold(elapsed: float, outlook: DurationOutlook, log_factor: float) -> float:
    """The score that a job's noise is above when it has taken this long."""
    off = math.log(elapsed) - math.log(outlook.median) - log_factor
    return off / (outlook.upper if off > 0 else outlook.lower)


def _quantiles_given(
    factor: Factor, late: Sequence[tuple[DurationOutlook, float]], shares: Sequence[float]
) -> list[float]:
    """Quantiles of a log-factor, given that these jobs have taken longer than so many seconds (censored, by Bayes)."""
    logs = [factor.mean + factor.sd * _STEP * point for point in _GRID]
    weights = [
        -((_STEP * point) ** 2) / 2 + sum(_log_survival(_threshold(elapsed, outlook, log)) for outlook, elapsed in late)
        for point, log in zip(_GRID, logs, strict=True)
    ]
    most = max(weights)
    summed = list(accumulate(math.exp(weight - most) for weight in weights))
    quantiles = []
    for share in shares:
        cell = bisect_left(summed, share * summed[-1])
        before = summed[cell - 1] if cell else 0.0
        within = (share * summed[-1] - before) / (summed[cell] - before)
        quantiles.append(logs[cell] + factor.sd * _STEP * (within - 0.5))
    return quantiles


def _log_survival(score: float) -> float:
    """The logarithm of the chance that a normal score is above this one; by its asymptote where floats give out."""
    if score < 30:
        return math.log(math.erfc(score / math.sqrt(2)) / 2)
    return -score * score / 2 - math.log(score * math.sqrt(2 * math.pi))


def _longer_than(elapsed: float, outlook: DurationOutlook, factor: float, random: Random) -> float:
    """The seconds of a job that has run for `elapsed` and still does."""
    if outlook.median <= 0:
        return elapsed
    least = _threshold(elapsed, outlook, math.log(factor)) if elapsed > 0 else -math.inf
    above = (1.0 - random.random()) * math.erfc(least / math.sqrt(2)) / 2
    score = -_NORMAL.inv_cdf(above) if 0 < above < 1 else least
    return max(elapsed, outlook.median * factor * math.exp((outlook.lower if score < 0 else outlook.upper) * score))


def band_of(values: Sequence[float]) -> Band:
    """The quantiles of at least one value, between its neighbours where they fall between two."""
    ordered = sorted(values)
    return Band(*(_quantile(ordered, share) for share in (0.1, 0.5, 0.8, 0.9, 0.95)))


def _quantile(ordered: Sequence[float], share: float) -> float:
    at = share * (len(ordered) - 1)
    below = int(at)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (at - below)
