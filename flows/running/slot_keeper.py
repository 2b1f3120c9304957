"""Takes the slots of roles that runs share, for the work that is ready, and gives back what is not needed."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from plait.plans.run.account_events import closed_roles
from plait.plans.run.standings import Standings
from plait.plans.run.statuses import Preparing, Working
from plait.workspace.role_slots import SlotSource

RETRY_DENIED_SECONDS = 0.5
"""How soon a role is asked for again whose slots other runs hold."""


@dataclass(frozen=True, slots=True)
class Demand:
    """What a run could use now."""

    ready: Mapping[str, int]
    """By role, the slots that its ready work would take."""
    running: Mapping[str, int]
    slots: Mapping[str, int]
    helpers: Mapping[str, tuple[str, ...]]
    """By role, those that may do work of it."""


def demand_of(run: Standings) -> Demand:
    """What a run could use now: nothing while it is paused or stopped, and of a role that rests what runs."""
    layout, rests = run.dispatcher.layout, run.stopping is not None or run.paused_at is not None
    statuses = (run.tasks[job].status for job in run.dispatcher.running if job in run.tasks)
    agents = [status.agent for status in statuses if isinstance(status, Preparing | Working)]
    agents += [agent for _, agent, _ in run.reviews_at_work.values()]
    running = Counter(agent.rpartition("-")[0] for agent in agents)
    closed = {role: running[role] for role in closed_roles(run)}
    return Demand(
        ready={} if rests else run.dispatcher.ready_roles,
        running=running,
        slots=dict(zip(layout.roles, layout.slots, strict=True)) | closed,
        helpers=layout.helpers_of,
    )


@dataclass(slots=True)
class SlotKeeper:
    """The slots of one run."""

    source: SlotSource
    _taken: dict[str, list[object]] = field(default_factory=dict)
    _denied_until: dict[str, float] = field(default_factory=dict)

    def room(self, demand: Demand, *, now: float) -> dict[str, int]:
        """How many more slots of each role the run may use, given what others hold; asks for what it could use."""
        self._wanted(demand, ask=partial(self._ask, demand, now))
        return {role: self._idle(demand, role) for role in demand.slots}

    def give_back_idle(self, demand: Demand) -> None:
        """Give back the slots that no ready work needs: another run may be waiting for them."""
        wanted = self._wanted(demand)
        for role, taken in self._taken.items():
            spare = len(taken) - demand.running.get(role, 0) - wanted.get(role, 0)
            for _ in range(max(0, spare)):
                self.source.release(taken.pop())

    def close(self) -> None:
        """Give every slot back."""
        for taken in self._taken.values():
            while taken:
                self.source.release(taken.pop())
        self.source.close()

    def _ask(self, demand: Demand, now: float, role: str, wanted: int) -> None:
        """Try to have so many slots of a role beside those that are in use."""
        taken = self._taken.setdefault(role, [])
        while self._idle(demand, role) < wanted and now >= self._denied_until.get(role, 0.0):
            slot = self.source.try_take(role)
            if slot is None:
                self._denied_until[role] = now + RETRY_DENIED_SECONDS
                return
            taken.append(slot)

    def _idle(self, demand: Demand, role: str) -> int:
        """How many slots this run holds and does not use."""
        return len(self._taken.get(role, ())) - demand.running.get(role, 0)

    def _wanted(self, demand: Demand, ask: Callable[[str, int], None] = lambda _role, _slots: None) -> dict[str, int]:
        """For each role, how many more of its slots this run could use, each number asked for as soon as it is known.

        That is for its own ready work, and then for what other roles fall back on it with: what they have no slot for.
        """
        limits = {role: slots - demand.running.get(role, 0) for role, slots in demand.slots.items()}
        wanted = {role: min(jobs, limits[role]) for role, jobs in demand.ready.items()}
        for role, slots in wanted.items():
            ask(role, slots)
        for role, jobs in demand.ready.items():
            left = jobs - self._idle(demand, role)
            for helper in demand.helpers.get(role, ()):
                own = wanted.get(helper, 0)
                wanted[helper] = max(own, min(own + left, limits[helper]))
                ask(helper, wanted[helper])
                left -= max(0, min(self._idle(demand, helper), wanted[helper]) - own)
        return wanted
