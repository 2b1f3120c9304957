"""The same plan with one agent more, and one fewer, of each role."""

from collections.abc import Iterator, Mapping, Sequence
from statistics import median

from plait.advice.forecasts.forecast import WhatIf
from plait.advice.forecasts.trials import Trials
from plait.plans.schedule.jobs import roles_of


class Variants:
    """Compares a plan with variants of its crew, on the same expected and the same drawn durations."""

    def __init__(self, trials: Trials, slots: Mapping[str, int], *, draws: Sequence[Sequence[float]]) -> None:
        self._trials, self._slots, self._draws = trials, dict(slots), draws

    def table(self, *, elapsed: float, p50: float | None) -> tuple[WhatIf, ...]:
        """Each role with one agent fewer, where it has two, and one more; `elapsed` and `p50` are the plan's own.

        List schedules can get longer with more agents (Graham 1969); nobody has to use an agent, so a variant with
        more never counts longer than the plan and one with fewer never shorter.
        """
        present = self._median(self._slots)
        rows = []
        for role, slots in self._neighbours():
            other, middle = elapsed, present
            if self._matters(role, slots):
                crew = self._slots | {role: slots}
                other, middle = self._trials.elapsed(crew), self._median(crew)
            choose = min if slots > self._slots[role] else max
            # The plan's own P50 comes of more draws: scaled by the ratio on the same few, the two can be compared.
            scaled = (
                None if p50 is None or present is None or middle is None else choose(p50, p50 * _ratio(middle, present))
            )
            rows.append(WhatIf(role=role, slots=slots, elapsed=choose(elapsed, other), p50=scaled))
        return tuple(rows)

    def _neighbours(self) -> Iterator[tuple[str, int]]:
        widest = dict.fromkeys(roles_of(self._trials.jobs, self._slots), 1)
        for job in self._trials.jobs:
            widest[job.role] = max(widest[job.role], job.units)
        for role, units in widest.items():
            if self._slots[role] > units:
                yield role, self._slots[role] - 1
            yield role, self._slots[role] + 1

    def _matters(self, role: str, slots: int) -> bool:
        """Agents beyond the tasks that can ever run at once have nothing to do."""
        return min(slots, self._slots[role]) < self._trials.widths[role]

    def _median(self, slots: Mapping[str, int]) -> float | None:
        return median(self._trials.ends(slots, self._draws)) if self._draws else None


def _ratio(one: float, other: float) -> float:
    return one / other if other > 0 else 1.0
