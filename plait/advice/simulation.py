"""How a run would go with given durations: the dispatcher itself, played forward on a clock that costs nothing."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import heappop, heappush

from plait.plans.schedule import job_states
from plait.plans.schedule.dispatch import Dispatcher
from plait.plans.schedule.job_states import JobStates
from plait.plans.schedule.jobs import Job


def simulate(
    dispatcher: Dispatcher, durations: Mapping[str, float], *, now: float = 0.0
) -> dict[str, tuple[float, float]]:
    """Start and end in seconds of each job that runs from here on, if all of them succeed.

    The dispatcher itself is left as it is. Jobs that run already count from their start and end at `now` at the
    earliest. `durations` are in seconds, by job id; jobs that are missing take their expected time.
    """
    jobs = dispatcher.layout.jobs
    seconds = [durations.get(job.id, job.seconds) for job in jobs]
    starts, ends = play(dispatcher.states.copy(), seconds, now=now)
    return {job.id: (starts[place], ends[place]) for place, job in enumerate(jobs) if ends[place] >= 0.0}


def play(run: JobStates, seconds: Sequence[float], *, now: float = 0.0) -> tuple[list[float], list[float]]:
    """Play a run to its end; starts and ends in seconds by place in the plan, -1 for jobs that do not run.

    `seconds` are the durations by place. `run` is used up: hand in a copy. This is the loop for the many runs of
    a forecast.
    """
    if run.layout.is_plain and not any(map(_gives_late, run.state, run.unmet)):
        return _play_plainly(run, seconds, now)
    return play_out(run, seconds, now=now)


def play_out(run: JobStates, seconds: Sequence[float], *, now: float = 0.0) -> tuple[list[float], list[float]]:
    """The same by the states themselves, which then tells who did what last (`queues.role_of`)."""
    ends = [-1.0] * len(seconds)
    underway = _underway(run, seconds, now)
    while True:
        for job in run.start(now):
            heappush(underway, (now + seconds[job], job))
        if not underway:
            break
        now, job = heappop(underway)
        ends[job] = now
        run.succeed(job, now)
        while underway and underway[0][0] <= now:
            _, job = heappop(underway)
            ends[job] = now
            run.succeed(job, now)
    return [start if end >= 0.0 else -1.0 for start, end in zip(run.started, ends, strict=True)], ends


def _underway(run: JobStates, seconds: Sequence[float], now: float) -> list[tuple[float, int]]:
    """A heap of what runs already: when it ends, and the job."""
    running = [job for job, state in enumerate(run.state) if state == job_states.RUNNING]
    return sorted((max(now, run.started[job] + seconds[job]), job) for job in running)


def _gives_late(state: int, unmet: int) -> bool:
    """Whether a job has begun, and yet gives nothing at its end: what it needs is being repaired."""
    return unmet > 0 and state in (job_states.RUNNING, job_states.DONE)


def _play_plainly(run: JobStates, seconds: Sequence[float], now: float) -> tuple[list[float], list[float]]:
    """The same, three times as fast, for plans in which each job takes one slot and nothing else.

    In one loop without calls, as a forecast of a thousand jobs runs it half a million times; that it is the same is
    tested on drawn plans.
    """
    layout, pending, unmet, starts = run.layout, job_states.PENDING, list(run.unmet), list(run.started)
    role_of, key, by_rank, after = layout.role, layout.key, layout.by_rank, layout.graph.after
    helpers = {layout.role_of_kind[kind]: layout.kinds[kind].helpers for kind in layout.helped}
    worker, free = list(role_of), list(layout.slots)
    waiting: list[list[int]] = [[] for _ in free]
    for job, state in enumerate(run.state):
        if state == job_states.READY:
            waiting[role_of[job]].append(key[job])
        elif state == job_states.RUNNING:
            worker[job] = run.queues.role_of(job)
            free[worker[job]] -= 1
    for keys in waiting:
        keys.sort()
    ends, underway, stirred = [-1.0] * len(seconds), _underway(run, seconds, now), set(range(len(free)))
    while True:
        for role in stirred:
            keys = waiting[role]
            while keys and free[role]:
                job = by_rank[heappop(keys)]
                free[role] -= 1
                starts[job] = now
                heappush(underway, (now + seconds[job], job))
        stirred.clear()
        if helpers:
            for rank, helper in _shared(waiting, free, helpers):
                job = by_rank[rank]
                worker[job] = helper
                starts[job] = now
                heappush(underway, (now + seconds[job], job))
        if not underway:
            return [start if end >= 0.0 else -1.0 for start, end in zip(starts, ends, strict=True)], ends
        now = underway[0][0]
        while underway and underway[0][0] <= now:
            job = heappop(underway)[1]
            ends[job] = now
            free[worker[job]] += 1
            stirred.add(worker[job])
            for later in after[job]:
                unmet[later] -= 1
                if not unmet[later] and run.state[later] == pending:
                    heappush(waiting[role_of[later]], key[later])
                    stirred.add(role_of[later])


def _shared(
    waiting: list[list[int]], free: list[int], helpers: Mapping[int, tuple[int, ...]]
) -> Iterator[tuple[int, int]]:
    """What waits and another role can start, most urgent first, as rank and that role; takes both."""
    heads = [(waiting[role][0], role) for role in helpers if waiting[role]]
    while heads:
        heads.sort(reverse=True)
        _, role = heads.pop()
        for helper in helpers[role]:
            if free[helper]:
                free[helper] -= 1
                yield heappop(waiting[role]), helper
                if waiting[role]:
                    heads.append((waiting[role][0], role))
                break


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
