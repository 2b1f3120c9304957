"""One plan played with several crews, each on the same durations."""

from collections.abc import Mapping, Sequence
from functools import cached_property

from plait.advice.forecasts.width import widths
from plait.advice.schedule import Schedule, schedule_of
from plait.advice.simulation import play
from plait.plans.schedule.dispatch import Dispatcher
from plait.plans.schedule.graph import Graph
from plait.plans.schedule.jobs import Job

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
