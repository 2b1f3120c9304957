"""Where a time axis is marked, and what the marks say."""

_STEPS = (
    *(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30),
    *(60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400),
)
"""Seconds between two marks, as people count them; beyond a day 2, 5, 10, … days."""


def ticks_of(end: float, most: int) -> tuple[float, ...]:
    """Marks from 0 to `end` seconds, evenly spaced on round times, `most` or fewer of them beside 0."""
    step = step_of(end, most)
    return tuple(number * step for number in range(int(end / step * (1 + 1e-9)) + 1))


def step_of(end: float, most: int) -> float:
    """Seconds between two marks."""
    step = next((step for step in _STEPS if end / step <= most), 0.0)
    days = 86400.0
    while not step:
        step = next((days * some for some in (2, 5, 10) if end / (days * some) <= most), 0.0)
        days *= 10
    return step


def spell_tick(second: float, step: float) -> str:
    """`0`, `0.5s`, `30s`, `1m 30s`, `2h`, `1h 30m`, `30h`, `3d`: no finer than the step asks for.

    Days only where every mark is one, so that marks and the hours that are written elsewhere are told in the same unit.
    """
    if second == 0:
        return "0"
    if step < 1:
        return f"{second:.3f}".rstrip("0").rstrip(".") + "s"
    whole = round(second)
    if step % 86400 == 0:
        return f"{whole // 86400}d"
    units = [(whole // 3600, "h"), (whole // 60 % 60, "m"), (whole % 60, "s")]
    return " ".join(f"{number}{unit}" for number, unit in units if number)
