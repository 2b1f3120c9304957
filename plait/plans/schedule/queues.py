"""Which ready jobs wait for what, and which of them start when slots and resources are free: the order of dispatch."""

from collections.abc import Mapping
from copy import copy
from heapq import heapify, heappop, heappush
from typing import Final, NamedTuple, Self

from plait.plans.schedule.jobs import Layout

_LONG_AGO: Final = 1 << 40
"""Puts what is overdue before every class."""


class _Aging(NamedTuple):
    """A waiting job below the top class: its key by now, and which of the entries in the heap of ages is its own."""

    key: int
    entry: int


class Queues:
    """Waiting jobs in one heap for each kind, free instances of each role, unused units of each resource.

    Jobs and roles are numbers, as in the layout. A heap holds keys, less is sooner. After `pick` no waiting job fits
    the slots of its role; so the next `pick` looks only at kinds that something has happened to.
    """

    def __init__(self, layout: Layout, *, aging: float) -> None:
        self.layout, self.aging = layout, aging
        # Layout's lists once more, one look-up nearer: `add`, `give_back`, `pick` run for every job of every forecast.
        self._kind, self._plain, self._role, self._key = layout.kind, layout.plain, layout.role_of_kind, layout.key
        self._by_rank, self._size = layout.by_rank, len(layout.jobs)
        self.instance = [0] * len(layout.jobs)
        """By job, the lowest of the instances that it has or last had, from 1."""
        self._more: dict[int, list[int]] = {}
        self._free = [list(range(1, slots + 1)) for slots in layout.slots]
        self._unused = list(layout.units)
        self._heaps: list[list[int]] = [[] for _ in layout.kinds]
        self._stirred: set[int] = set()
        """Kinds that may have come to fit since the last `pick`; any kind that is not plain stands for all such."""
        self.since: dict[int, float] = {}
        """By job below the top class, when it last began to wait, in seconds."""
        self._aging: dict[int, _Aging] = {}
        self._ages: list[tuple[float, int, int]] = []
        """When a job gains a class, the entry's number, the job."""
        self._entries = 0

    def copy(self) -> Self:
        """Queues that go on by themselves."""
        twin = copy(self)
        twin.instance, twin._more, twin._unused = list(self.instance), dict(self._more), list(self._unused)
        twin._free, twin._heaps = [list(free) for free in self._free], [list(heap) for heap in self._heaps]
        twin.since, twin._stirred, twin._aging, twin._ages = (
            dict(self.since),
            set(self._stirred),
            dict(self._aging),
            list(self._ages),
        )
        return twin

    def add(self, job: int, since: float) -> None:
        """Let a job wait; it has waited since then, in seconds."""
        kind, key = self._kind[job], self._key[job]
        heappush(self._heaps[kind], key)
        self._stirred.add(kind)
        if key >= self._size:
            self.since[job] = since
            self._let_age(job, key, since + self.aging)

    def stand_still(self, begin: float, end: float) -> None:
        """Let all that waits have begun to do so later, by as much of this time as it has waited in."""
        later = {job: end - max(begin, since) for job, since in self.since.items() if since < end}
        self.since = {job: since + later.get(job, 0.0) for job, since in self.since.items()}
        self._ages = [(at + later.get(job, 0.0), entry, job) for at, entry, job in self._ages]
        heapify(self._ages)

    def clear(self) -> None:
        """Let no job wait any longer."""
        self._heaps = [[] for _ in self._heaps]
        self._aging, self._ages = {}, []

    def drop(self, job: int) -> None:
        """Let a job wait no longer, if it does."""
        heap, key = self._heaps[self._kind[job]], self.turn(job)
        if key in heap:
            heap.remove(key)
            heapify(heap)
        self._aging.pop(job, None)

    def turn(self, job: int) -> int:
        """Where a job stands, or would stand, in the order of dispatch: less is sooner."""
        return self._aging[job].key if job in self._aging else self._key[job]

    def role_of(self, job: int) -> int:
        """The role whose slots a job has or last had."""
        return self._role[self._kind[job]]

    def give_back(self, job: int) -> None:
        """Free what a picked job took."""
        kind = self._kind[job]
        free = self._free[self._role[kind]]
        heappush(free, self.instance[job])
        self._stirred.add(kind)
        if not self._plain[kind]:
            self._give_back_more(job, kind, free)

    def _give_back_more(self, job: int, kind: int, free: list[int]) -> None:
        _, units, uses, _ = self.layout.kinds[kind]
        if units > 1:
            for instance in self._more.pop(job):
                heappush(free, instance)
        for resource, taken in uses:
            self._unused[resource] += taken

    def pick_within(self, room: Mapping[int, int], now: float) -> list[int]:
        """Pick, but of these roles take so many slots at most."""
        withheld: dict[int, list[int]] = {}
        for role, most in room.items():
            free = self._free[role]
            free.sort()
            withheld[role] = free[max(0, most) :]
            del free[max(0, most) :]
        picked = self.pick(now)
        for role, kept in withheld.items():
            if kept:
                self._free[role] += kept
                heapify(self._free[role])
                self._stirred.update(self.layout.kinds_of_role[role])
        return picked

    def pick(self, now: float) -> list[int]:
        """Take all waiting jobs that fit, most urgent first."""
        if self._ages and self._ages[0][0] <= now:
            self._age(now)
        stirred, self._stirred = self._stirred, set()
        keys: list[int] = []
        mixed = False
        for kind in stirred:
            if not self._plain[kind]:
                mixed = True
            elif heap := self._heaps[kind]:
                free = self._free[self._role[kind]]
                while heap and free:
                    keys.append(self._take(heap, free))
        if mixed:
            self._pick_mixed(keys)
        if len(keys) == 1:
            return [self._by_rank[keys[0] % self._size]]
        keys.sort()
        return [self._by_rank[key % self._size] for key in keys]

    def _take(self, heap: list[int], free: list[int]) -> int:
        key = heappop(heap)
        job = self._by_rank[key % self._size]
        self.instance[job] = heappop(free)
        if self._aging:
            self._aging.pop(job, None)
        return key

    def _pick_mixed(self, keys: list[int]) -> None:
        heaps, plain = self._heaps, self._plain
        heads = [(heap[0], kind) for kind, heap in enumerate(heaps) if heap and not plain[kind] and self._fits(kind)]
        heapify(heads)
        while heads:
            _, kind = heappop(heads)
            if self._fits(kind):
                keys.append(self._take_more(kind, self._free[self._role[kind]]))
                if heaps[kind]:
                    heappush(heads, (heaps[kind][0], kind))

    def _fits(self, kind: int) -> bool:
        role, units, uses, _ = self.layout.kinds[kind]
        return len(self._free[role]) >= units and self._is_unused(uses)

    def _is_unused(self, uses: tuple[tuple[int, int], ...]) -> bool:
        unused = self._unused
        for resource, needed in uses:  # noqa: SIM110 - hot where plans use resources, and all() is slower
            if unused[resource] < needed:
                return False
        return True

    def _take_more(self, kind: int, free: list[int]) -> int:
        _, units, uses, _ = self.layout.kinds[kind]
        key = self._take(self._heaps[kind], free)
        if units > 1:
            self._more[self._by_rank[key % self._size]] = [heappop(free) for _ in range(units - 1)]
        for resource, needed in uses:
            self._unused[resource] -= needed
        return key

    def _let_age(self, job: int, key: int, due: float) -> None:
        self._entries += 1
        self._aging[job] = _Aging(key, self._entries)
        heappush(self._ages, (due, self._entries, job))

    def _age(self, now: float) -> None:
        """Move jobs up a class for each `aging` seconds, and what has waited on in the top class before all others."""
        while self._ages and self._ages[0][0] <= now:
            due, entry, job = heappop(self._ages)
            aging = self._aging.get(job)
            if aging is None or aging.entry != entry:
                continue
            self.drop(job)
            overdue = aging.key < self._size
            key = (self._entries - _LONG_AGO) * self._size + aging.key if overdue else aging.key - self._size
            self._let_age(job, key, float("inf") if overdue else due + self.aging)
            heappush(self._heaps[self._kind[job]], key)
            self._stirred.add(self._kind[job])


class StealingQueues(Queues):
    """Queues of a plan in which roles fall back on others.

    After `pick` no waiting job fits the slots of its role, nor those of a role that it falls back on. Own work comes
    first: the second round begins when no role has a slot left for work of its own. Only a job's own fallbacks are
    asked, never theirs.
    """

    def __init__(self, layout: Layout, *, aging: float) -> None:
        super().__init__(layout, aging=aging)
        self._worker = [self._role[kind] for kind in self._kind]
        """By job, the role whose slots it has or last had."""
        self._helpers = sorted({helper for kind in layout.helped for helper in layout.kinds[kind].helpers})

    def copy(self) -> Self:
        twin = super().copy()
        twin._worker = list(self._worker)
        return twin

    def role_of(self, job: int) -> int:
        return self._worker[job]

    def give_back(self, job: int) -> None:
        kind, role = self._kind[job], self._worker[job]
        if role == self._role[kind]:
            super().give_back(job)
            return
        heappush(self._free[role], self.instance[job])
        self._give_back_more(job, kind, self._free[role])
        self._stirred.add(kind)
        self._stirred.update(self.layout.kinds_of_role[role])

    def pick(self, now: float) -> list[int]:
        """Take all waiting jobs that fit their own role, then those that fit another; each most urgent first."""
        own = super().pick(now)
        for job in own:
            self._worker[job] = self._role[self._kind[job]]
        return own + self._steal() if any(map(self._free.__getitem__, self._helpers)) else own

    def _steal(self) -> list[int]:
        heaps, stolen = self._heaps, []
        heads = [(heaps[kind][0], kind) for kind in self.layout.helped if heaps[kind]]
        heapify(heads)
        while heads:
            _, kind = heappop(heads)
            helper = self._helper(kind)
            if helper is None:
                continue
            job = self._by_rank[self._take_more(kind, self._free[helper]) % self._size]
            self._worker[job] = helper
            stolen.append(job)
            if heaps[kind]:
                heappush(heads, (heaps[kind][0], kind))
        return stolen

    def _helper(self, kind: int) -> int | None:
        """The first fallback of a kind that has the slots for it, if resources allow."""
        _, units, uses, helpers = self.layout.kinds[kind]
        for helper in helpers:
            if len(self._free[helper]) >= units:
                return helper if self._is_unused(uses) else None
        return None
