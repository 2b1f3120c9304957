"""A better order of dispatch than the rule's, searched for some seconds: a priority only, never a fixed sequence."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final, NamedTuple

from plait.advice.bounds import Bound, lower_bound
from plait.advice.orders.breeding import SIZE, Population, descendant_of, played, scattered
from plait.advice.orders.packed_schedules import by_latest_start, in_order_of_start, never_idle, pack
from plait.advice.simulation import play
from plait.plans.schedule.dispatch import AGING
from plait.plans.schedule.job_states import JobStates
from plait.plans.schedule.jobs import Job, Layout

_LISTED_UP_TO: Final = 400
"""Jobs; in larger plans one list takes longer than many plays (the place of each job is searched among all others)."""
_FOR_PLAYS: Final = 0.5
"""Share of the search that goes to what the dispatcher reaches, before schedules that may idle."""
_NOISE: Final = 0.3
"""Of the highest urgency, what the last of the first orders loses on average."""
_FINALISTS: Final = 3
_SLIP: Final = 1e-6
"""Seconds: less is rounding."""


@dataclass(frozen=True, slots=True)
class Improved:
    """What a search has found; times in seconds with the expected durations."""

    urgency: dict[str, float]
    """By job, for `Dispatcher(urgency=…)`; more is sooner. The rule's own where nothing better was found."""
    elapsed: float
    """What the dispatcher makes of it, never more than `rule_elapsed`."""
    rule_elapsed: float
    """What the dispatcher makes of its own rule."""
    schedule: dict[str, tuple[float, float]]
    """Start and end by job of the shortest schedule found; it may idle on purpose, which the dispatcher never does.

    Ends at `elapsed` or before: the difference is what never idling costs.
    """
    bound: Bound
    evaluations: int
    """Orders of which schedules were made."""

    @property
    def schedule_elapsed(self) -> float:
        """The end of `schedule`."""
        return max((end for _, end in self.schedule.values()), default=0.0)


def improve(
    jobs: Sequence[Job],
    *,
    slots: Mapping[str, int],
    resources: Mapping[str, int] | None = None,
    seconds: float,
    seed: int = 0,
    clock: Callable[[], float],
    evaluations: int | None = None,
    aging: float = AGING,
) -> Improved:
    """Search for an order for `seconds` on `clock`, or for a number of `evaluations`, which is then exact to repeat.

    Two populations in turn: of orders as the dispatcher plays them, and of lists that may idle (`breeding`); it ends
    early at the bound. What counts is the dispatcher's own play of the finalists: any-of needs, which the search takes
    as needs on the first to end under the rule, and aging are as they are there. In plans of several priority classes
    the classes stay first. Raises as `Dispatcher` does.
    """
    budget = _Budget(clock, seconds, evaluations)
    layout = Layout(jobs, slots=slots, resources=resources or {}, urgency=None)
    bound = lower_bound(jobs, slots, resources)
    search = _Search(layout, bound.seconds, aging=aging, random=Random(seed))  # noqa: S311 - no secret
    search.go_on(budget)
    best = search.choose()
    return Improved(
        urgency=dict(zip(layout.graph.ids, best.urgency, strict=True)),
        elapsed=best.end,
        rule_elapsed=search.rule.end,
        schedule=search.shortest(best),
        bound=bound,
        evaluations=search.evaluations,
    )


class _Budget:
    """How much may still be tried: until a moment on a clock, or a number of evaluations."""

    def __init__(self, clock: Callable[[], float], seconds: float, evaluations: int | None) -> None:
        self._clock, self._seconds, self._evaluations = clock, seconds, evaluations
        self._begun = clock()

    def allows(self, spent: int, share: float) -> bool:
        """Whether one more is within this share of the whole, if it takes as long as those so far."""
        if self._evaluations is not None:
            return spent < share * self._evaluations
        passed = self._clock() - self._begun
        return passed + passed / max(spent, 1) < share * self._seconds


class _Play(NamedTuple):
    """What the dispatcher makes of an urgency; by place, seconds."""

    urgency: list[float]
    starts: list[float]
    ends: list[float]

    @property
    def end(self) -> float:
        return max(self.ends, default=0.0)


class _Search:
    """Both populations, and the rule that they have to beat."""

    def __init__(self, layout: Layout, target: float, *, aging: float, random: Random) -> None:
        self._layout, self._target, self._aging, self._random = layout, target + _SLIP, aging, random
        self.rule = self._play(layout.urgency)
        ends = self.rule.ends
        firsts = [[min(group, key=ends.__getitem__) for group in groups] for groups in layout.graph.choices]
        needs = [[*hard, *first] for hard, first in zip(layout.graph.hard, firsts, strict=True)]
        self._plan = pack(layout, [list(dict.fromkeys(before)) for before in needs])
        self._plays = Population(self._plan, played, random=random)
        self._lists = Population(self._plan, descendant_of, random=random)
        self.evaluations = 0

    def go_on(self, budget: _Budget) -> None:
        """Let orders evolve while the budget lasts and the bound is not reached."""
        if self.rule.end <= self._target:
            return
        may_idle = len(self._plan.seconds) <= _LISTED_UP_TO and self._plan.classes is None
        self._evolve(self._plays, self._scattered(), budget, _FOR_PLAYS if may_idle else 1.0)
        if may_idle and self._plays.end > self._target:
            self._evolve(self._lists, self._list_seeds(), budget, 1.0)
            for finalist in self._lists.members[:_FINALISTS]:
                self._plays.add(finalist.order)

    def _evolve(self, population: Population, seeds: Iterator[list[int]], budget: _Budget, share: float) -> None:
        while population.end > self._target and budget.allows(self.evaluations, share):
            if (order := next(seeds, None)) is not None:
                population.add(order)
            else:
                population.breed()
            self.evaluations += 1

    def _scattered(self) -> Iterator[list[int]]:
        for number in range(SIZE):
            yield scattered(self._layout.urgency, share=_NOISE * number / SIZE, random=self._random)

    def _list_seeds(self) -> Iterator[list[int]]:
        yield from [member.order for member in self._plays.members[: SIZE // 4]]
        for order in self._scattered():
            yield in_order_of_start(never_idle(self._plan, order, self._plan.forth).starts, self._plan.forth)

    def choose(self) -> _Play:
        """The shortest play of the finalists by the dispatcher, or the rule's if none is shorter.

        Of equals the order by latest start: it knows what is urgent also when durations turn out otherwise.
        """
        best = self.rule
        for finalist in self._plays.members[:_FINALISTS]:
            for order in (by_latest_start(self._plan, finalist.starts), finalist.order):
                urgency = [0.0] * len(order)
                for turn, place in enumerate(reversed(order), start=1):
                    urgency[place] = float(turn)
                tried = self._play(urgency)
                if tried.end < best.end - _SLIP:
                    best = tried
        return best

    def shortest(self, best: _Play) -> dict[str, tuple[float, float]]:
        """Start and end by job of the shortest schedule that is known."""
        starts, ends = best.starts, best.ends
        if self._lists.end < best.end - _SLIP:
            starts = self._lists.members[0].starts
            ends = [start + own for start, own in zip(starts, self._plan.seconds, strict=True)]
        return dict(zip(self._layout.graph.ids, zip(starts, ends, strict=True), strict=True))

    def _play(self, urgency: list[float]) -> _Play:
        run = JobStates(self._layout.ranked(urgency), aging=self._aging)
        return _Play(urgency, *play(run, [job.seconds for job in self._layout.jobs]))
