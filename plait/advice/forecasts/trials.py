"""One plan played with several crews, each on the same durations."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from statistics import median

from plait.advice.forecasts.forecast_record import WhatIf
from plait.advice.forecasts.width import widths
from plait.advice.simulation import Schedule, play, schedule_of
from plait.plans.schedule.dispatch import Dispatcher
from plait.plans.schedule.jobs import Job, roles_of
from plait.plans.schedule.need_graph import Graph

_NOT_PLAIN = 4
"""How much longer a job takes where a plan has any of these (measured: 3 to 5 times)."""


class Trials:
    """Plays a plan with any crew; slots are by role, durations in seconds by place in the plan."""

    def __init__(
        self,
        jobs: Sequence[Job],
        *,
        resources: Mapping[str, int],
        urgency: Mapping[str, float] | None = None,
        expected: Sequence[float],
    ) -> None:
        self.jobs, self.expected = jobs, expected
        self._resources, self._urgency = resources, urgency
        self._last: tuple[dict[str, int], Dispatcher] | None = None

    def elapsed(self, slots: Mapping[str, int]) -> float:
        """The end at expected durations."""
        return max(play(self._dispatcher(slots).states.copy(), self.expected)[1])

    def ends(self, slots: Mapping[str, int], draws: Sequence[Sequence[float]]) -> list[float]:
        """The end with each of these drawn durations."""
        dispatcher = self._dispatcher(slots)
        return [max(play(dispatcher.states.copy(), seconds)[1]) for seconds in draws]

    @cached_property
    def widths(self) -> dict[str, int]:
        """By role the most slots that its jobs can ever fill at one time."""
        graph = self._last[1].layout.graph if self._last else Graph({job.id: job.needs for job in self.jobs})
        return widths(self.jobs, graph)

    def schedule(self, slots: Mapping[str, int]) -> Schedule:
        """Who does what when, at expected durations."""
        return schedule_of(self._dispatcher(slots), self.expected)

    def effort(self, slots: Mapping[str, int]) -> int:
        """How long it takes to play the plan once, in jobs of a plan without classes, resources and alternatives."""
        return len(self.jobs) * (1 if self._dispatcher(slots).layout.is_plain else _NOT_PLAIN)

    def _dispatcher(self, slots: Mapping[str, int]) -> Dispatcher:
        """Making one takes four times as long as playing it plainly, and crews are often asked about twice in a row."""
        if self._last is None or self._last[0] != slots:
            made = Dispatcher(self.jobs, slots=slots, resources=self._resources, urgency=self._urgency)
            self._last = dict(slots), made
        return self._last[1]


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


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0 else 1.0
