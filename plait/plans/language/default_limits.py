"""How long what runs may take and be silent where the plan does not say: so that nothing hangs for ever."""

from typing import Final

from plait.plans.language.durations import Estimate

SILENCE: Final = 2 * 3_600.0
"""Seconds without a byte of output. claude without a stream prints nothing before its last word, opencode and codex
print nothing while they try again: a limit of minutes would end agents that think."""
LONGEST: Final = 24 * 3_600.0
"""Seconds from start to end: an agent in a circle prints for ever, and some programs have no limit of their own."""
_PLAIN: Final = 3_600.0
"""Seconds that a task counts without a duration."""
_SILENT_TIMES, _LONGEST_TIMES = 4, 8


def longest_try(written: float | None, estimate: Estimate | None) -> float:
    """The most seconds that one try may take: what is written, else a day, or eight times what is planned."""
    return written if written is not None else max(LONGEST, _LONGEST_TIMES * _planned(estimate))


def longest_silence(written: float | None, estimate: Estimate | None, *, timeout: float | None) -> float | None:
    """The most seconds without output: what is written, else two hours, or four times what is planned.

    Nothing where a `timeout` is written: whoever wrote that has thought of it.
    """
    if written is not None or timeout is not None:
        return written
    return max(SILENCE, _SILENT_TIMES * _planned(estimate))


def _planned(estimate: Estimate | None) -> float:
    return _PLAIN if estimate is None else estimate.pessimistic
