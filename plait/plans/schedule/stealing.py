"""Idle slots of a role take what the roles that it helps have no slot for: the same queues, with a second round."""

from heapq import heapify, heappop, heappush
from typing import Self

from plait.plans.schedule.jobs import Layout
from plait.plans.schedule.queues import Queues


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
