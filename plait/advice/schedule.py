"""The schedule that the dispatcher makes of given durations, and who waits for whom on it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from heapq import heappop, heappush

from plait.advice.simulation import play, play_out
from plait.plans.schedule.dispatch import Dispatcher
from plait.plans.schedule.jobs import Job


@dataclass(frozen=True, slots=True)
class Schedule:
    """All jobs of a plan on their agents; lists by place in the plan, seconds from the plan's start."""

    jobs: tuple[Job, ...]
    seconds: Sequence[float]
    """The durations that it is made of."""
    starts: Sequence[float]
    ends: Sequence[float]
    ready: Sequence[float]
    """When each job had all that it needs."""
    instances: Sequence[tuple[int, ...]]
    """The numbers, from 1, of the agents that work on it: the lowest of their role that are free."""
    roles: Sequence[str]
    """The role of those agents: the job's own, or one that it falls back on."""
    waited_for: Sequence[int | None]
    """The need that came last; nothing for a job that could start at once."""

    @property
    def elapsed(self) -> float:
        return max(self.ends, default=0.0)

    @property
    def work(self) -> float:
        return sum(self.seconds)

    @property
    def lasting(self) -> Sequence[Job]:
        """The jobs with the durations of the schedule."""
        if all(job.seconds == own for job, own in zip(self.jobs, self.seconds, strict=True)):
            return self.jobs
        return [replace(job, seconds=own) for job, own in zip(self.jobs, self.seconds, strict=True)]

    def wait(self, place: int) -> float:
        """How long a job is ready and waits for a slot or a resource."""
        return max(0.0, self.starts[place] - self.ready[place])

    @property
    def agents(self) -> int:
        """How many distinct instances get a job."""
        return len({(role, number) for role, own in zip(self.roles, self.instances, strict=True) for number in own})

    def last_chain(self) -> tuple[int, ...]:
        """The chain of needs that ends last: with the waits on its way it is as long as the plan."""
        if not self.jobs:
            return ()
        place: int | None = max(range(len(self.jobs)), key=self.ends.__getitem__)
        chain: list[int] = []
        while place is not None:
            chain.append(place)
            place = self.waited_for[place]
        return tuple(reversed(chain))


def schedule_of(dispatcher: Dispatcher, seconds: Sequence[float]) -> Schedule:
    """Play a dispatcher that has not started yet with durations by place."""
    run, names = dispatcher.states.copy(), dispatcher.layout.roles
    starts, ends = (play_out if dispatcher.layout.helped else play)(run, seconds)
    roles = [names[run.queues.role_of(place)] for place in range(len(seconds))]
    waited_for = [_last_need(dispatcher, place, ends) for place in range(len(seconds))]
    return Schedule(
        jobs=dispatcher.layout.jobs,
        seconds=seconds,
        starts=starts,
        ends=ends,
        ready=[0.0 if need is None else ends[need] for need in waited_for],
        instances=_instances(dispatcher, starts, ends, roles),
        roles=roles,
        waited_for=waited_for,
    )


def _instances(
    dispatcher: Dispatcher, starts: Sequence[float], ends: Sequence[float], roles: Sequence[str]
) -> list[tuple[int, ...]]:
    """Who works on what (playing tells times only): as in dispatch, each job gets the lowest numbers that are free."""
    layout = dispatcher.layout
    free = {role: list(range(1, slots + 1)) for role, slots in zip(layout.roles, layout.slots, strict=True)}
    taken: list[tuple[int, ...]] = [()] * len(starts)
    underway: dict[str, list[tuple[float, int]]] = {role: [] for role in layout.roles}

    def turn(place: int) -> tuple[float, bool, bool, int]:
        # What takes no time comes before what starts at the same moment on its agent, own work before another role's.
        job = layout.jobs[place]
        return starts[place], ends[place] > starts[place], roles[place] != job.role, layout.key[place]

    for place in sorted(range(len(starts)), key=turn):
        numbers, busy = free[roles[place]], underway[roles[place]]
        while busy and busy[0][0] <= starts[place]:
            for number in taken[heappop(busy)[1]]:
                heappush(numbers, number)
        taken[place] = tuple(heappop(numbers) for _ in range(layout.jobs[place].units))
        heappush(busy, (ends[place], place))
    return taken


def _last_need(dispatcher: Dispatcher, place: int, ends: Sequence[float]) -> int | None:
    graph = dispatcher.layout.graph
    needs = graph.hard[place]
    if graph.choices[place]:
        needs = (*needs, *(min(group, key=ends.__getitem__) for group in graph.choices[place]))
    if len(needs) < 2:
        return needs[0] if needs else None
    return max(needs, key=ends.__getitem__)
