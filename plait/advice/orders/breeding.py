"""Orders of jobs that get better by descent: a population whose children mix two orders and are then justified."""

from collections.abc import Callable, Sequence
from operator import attrgetter
from random import Random
from typing import Final, NamedTuple

from plait.advice.orders.packed_schedules import (
    Packed,
    PackedSchedule,
    in_order_of_start,
    latest_first,
    never_idle,
    one_by_one,
)

SIZE: Final = 40
_SWAPPED: Final = 0.05
"""Share of neighbours that change places in a child: one of those tried (0.02 was worse on j60 and j120)."""


class Descendant(NamedTuple):
    """An order that keeps to the needs, and the end in seconds of the schedule that it stands for."""

    end: float
    order: list[int]
    starts: list[float]
    """Seconds, by place."""


Decode = Callable[[Packed, Sequence[int]], Descendant]


def played(plan: Packed, order: Sequence[int]) -> Descendant:
    """The order as the dispatcher plays it, or as it plays it after a turn back and forth, if that ends sooner."""
    first = never_idle(plan, order, plan.forth)
    back = never_idle(plan, latest_first(plan, first, plan.back), plan.back)
    second = never_idle(plan, latest_first(plan, back, plan.forth), plan.forth)
    return _descendant(plan, second if second.end <= first.end else first)


def descendant_of(plan: Packed, order: Sequence[int]) -> Descendant:
    """The order, which must keep to the needs, one by one, then justified to the right and to the left again.

    Double justification (Valls, Ballestin and Quintanilla 2005, EJOR 165:375-386): never longer, mostly shorter.
    """
    first = one_by_one(plan, order, plan.forth)
    back = one_by_one(plan, latest_first(plan, first, plan.back), plan.back)
    return _descendant(plan, one_by_one(plan, latest_first(plan, back, plan.forth), plan.forth))


def _descendant(plan: Packed, schedule: PackedSchedule) -> Descendant:
    return Descendant(schedule.end, in_order_of_start(schedule.starts, plan.forth), schedule.starts)


class Population:
    """The best orders found so far, the best first; each of them ends, or goes, differently."""

    def __init__(self, plan: Packed, decode: Decode, *, random: Random) -> None:
        self.plan, self.decode, self.random = plan, decode, random
        self.members: list[Descendant] = []
        self._known: set[int] = set()
        self._before = [set(before) for before in plan.forth.before]

    @property
    def end(self) -> float:
        """Of the best; seconds."""
        return self.members[0].end if self.members else float("inf")

    def add(self, order: Sequence[int]) -> None:
        """Make a schedule of the order and keep it, if it is new and no worse than the worst kept."""
        descendant = self.decode(self.plan, order)
        if len(self.members) >= SIZE and descendant.end > self.members[-1].end:
            return
        mark = hash(tuple(descendant.order))
        if mark not in self._known:
            self._known.add(mark)
            self.members = sorted([*self.members, descendant], key=attrgetter("end"))[:SIZE]

    def breed(self) -> None:
        """Mix two orders, the better the likelier, and add what comes of it."""
        self.add(self._changed(self._mixed(self._chosen().order, self._chosen().order)))

    def _chosen(self) -> Descendant:
        count, draw = len(self.members), self.random.random
        return self.members[min(int(draw() * count), int(draw() * count))]

    def _mixed(self, order: list[int], other: list[int]) -> list[int]:
        """Two-point crossover that keeps to the needs (Hartmann 1998, NRL 45:733-750)."""
        size, draw = len(order), self.random.random
        length = int(size * (0.25 + draw() / 2))
        head = order[: int(draw() * (size - length + 1))]
        taken = set(head)
        middle = [place for place in other if place not in taken][:length]
        taken.update(middle)
        return [*head, *middle, *[place for place in order if place not in taken]]

    def _changed(self, order: list[int]) -> list[int]:
        draw, before = self.random.random, self._before
        for turn in range(len(order) - 1):
            if draw() < _SWAPPED and order[turn] not in before[order[turn + 1]]:
                order[turn], order[turn + 1] = order[turn + 1], order[turn]
        return order


def scattered(urgency: Sequence[float], *, share: float, random: Random) -> list[int]:
    """All places by falling urgency, after each has lost an exponential amount, `share` of the highest on average."""
    noise = share * max(urgency)
    rated = [own - random.expovariate(1.0) * noise for own in urgency] if noise else urgency
    return sorted(range(len(urgency)), key=rated.__getitem__, reverse=True)
