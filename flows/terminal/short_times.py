"""Times as they fit a column: `45s`, `3m20s`, `11h23m`, `41h`."""

from plait.plans.language.durations import format_duration
from plait.plans.phrasing import coarse_step

_DAYS = 360_000
_STEPS = ((_DAYS, 3600), (3600, 60), (60, 1))
"""From how many seconds on a time is told in steps of how many."""


def short_time(seconds: float, *, step: int | None = None) -> str:
    """`9.5s`, `3m20s`, `11h23m`, `41h`, `12d`: what fits a column; in steps of so many seconds."""
    step = step or next((fine for least, fine in _STEPS if abs(seconds) >= least - fine / 2), 0)
    rounded = round(seconds / step) * step if step else round(seconds, 1)
    if not 36_000 <= abs(rounded) < _DAYS:
        return format_duration(rounded) if rounded else "0"
    hours, minutes = divmod(round(abs(rounded) / 60), 60)
    return f"{'-' if rounded < 0 else ''}{hours}h{f'{minutes}m' if minutes else ''}"


def rough_time(seconds: float) -> str:
    """As `short_time`, no finer than a simulation can tell."""
    return short_time(seconds, step=coarse_step(seconds))
