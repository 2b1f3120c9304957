"""How long a bundle of tasks may take: the sum of their durations as one lognormal (Fenton 1960, Wilkinson)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class Piece:
    """One of the tasks: its median in seconds, and the sd of its logarithm."""

    median: float
    sd: float

    @property
    def mean(self) -> float:
        return self.median * math.exp(self.sd**2 / 2)

    @property
    def variance(self) -> float:
        return self.mean**2 * math.expm1(self.sd**2)


def sum_of(pieces: Sequence[Piece], *, start_up: float) -> Piece:
    """The lognormal with the mean and the variance of the sum, the start-up in each piece counted once (seconds).

    The pieces are drawn each by itself, so the sum scatters less than one of them, and its median is above theirs
    summed up: what overruns does so by more than what ends early saves. Against 20,000 draws of 2 to 8 pieces with
    medians of 1.1 to 3 start-ups, P50 and P90 are off by 8 % at most, mostly by 3 %.
    """
    once = min(start_up, *(one.mean for one in pieces))
    mean = sum(one.mean - _expected_least(one, start_up) for one in pieces) + once
    if mean <= 0:
        return Piece(0.0, 0.0)
    square = math.log1p(sum(one.variance for one in pieces) / mean**2)
    return Piece(mean * math.exp(-square / 2), math.sqrt(square))


def _expected_least(piece: Piece, most: float) -> float:
    """The mean of what of a duration is not above `most`."""
    if not most or not piece.median or not piece.sd:
        return min(piece.median, most)
    score = math.log(most / piece.median) / piece.sd
    return piece.mean * _NORMAL.cdf(score - piece.sd) + most * (1 - _NORMAL.cdf(score))
