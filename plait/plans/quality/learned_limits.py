"""How long a check may take before it counts as hanging: learned from how long it took while it was green."""

from collections.abc import Sequence

FEWEST = 3
"""Green runs before anything is known."""
TIMES = 5.0
SHORTEST = 60.0
"""Seconds: below that a busy machine decides."""
REMEMBERED = 30
"""Green runs that count, the newest."""


def learned_limit(green_seconds: Sequence[float]) -> float | None:
    """Seconds after which the check is ended; nothing while it has not been green three times.

    Five times the slowest of the newest runs, and not their mean: the first run on an empty cache may take ten times
    as long as the others, and is no hanging one.

    >>> learned_limit([20.0, 22.0, 30.0])
    150.0
    """
    newest = green_seconds[-REMEMBERED:]
    return max(SHORTEST, TIMES * max(newest)) if len(newest) >= FEWEST else None
