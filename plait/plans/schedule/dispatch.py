"""Which job starts next, on which agent, and what an end frees or blocks: a state machine without clock or I/O."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Final, Self

from plait.plans.schedule import job_states
from plait.plans.schedule.job_states import JobStates
from plait.plans.schedule.jobs import Job, Layout
from plait.plans.tasks.states import TaskState

__all__ = ["AGING", "Blocked", "Dispatcher", "Job", "Start"]

AGING: Final = 3600.0
"""Seconds. Agents' tasks take minutes to an hour: what has waited an hour has been passed over by several of them."""

_STATES: Final = {
    job_states.PENDING: TaskState.PENDING,
    job_states.READY: TaskState.READY,
    job_states.RUNNING: TaskState.RUNNING,
    job_states.DONE: TaskState.DONE,
    job_states.FAILED: TaskState.FAILED,
    job_states.BLOCKED: TaskState.BLOCKED,
    job_states.HELD: TaskState.HELD,
    job_states.CANCELLED: TaskState.CANCELLED,
}


@dataclass(frozen=True, slots=True)
class Start:
    """A job to be started now, on the agent `<role>-<instance>`."""

    job: Job
    role: str
    """Whose slot it takes: its own role's, or that of one of its fallbacks."""
    instance: int
    """1 to the slots of the role; a job of several units has others as well."""

    @property
    def agent(self) -> str:
        """Who does it."""
        return f"{self.role}-{self.instance}"


@dataclass(frozen=True, slots=True)
class Blocked:
    """A job that cannot start any more, and the failed job that it needed, itself or through others."""

    job: str
    by: str


class Dispatcher:
    """All jobs of a run: which start now, most urgent first, under the limits of roles and resources.

    After `start` no ready job fits the free slots of its role, nor those of a role that it falls back on, with what is
    left of the resources; slots of closed roles count as taken. A role does its own work first: another's job, the most
    urgent one, goes to the first of its fallbacks that then has a slot left. The order of a role's own: most urgent
    priority class first; in a class by urgency (by default `tail + (1 - 1/slots) * seconds`), then by how many jobs
    come behind, then as in the plan. A job below the most urgent class in use gains a class for each `aging` seconds
    that it waits, and goes before all others `aging` seconds after it reached the top: it is passed over for at most
    `(classes below the top + 1) * aging` while it fits. In a plan of one class waiting changes nothing.

    Times are seconds on any clock that does not go back. Raises `CallError` for a circle of needs, an unknown need,
    or a job that does not fit even alone; `ValueError` for a call that the job's state does not allow.
    """

    def __init__(
        self,
        jobs: Sequence[Job],
        *,
        slots: Mapping[str, int],
        resources: Mapping[str, int] | None = None,
        urgency: Mapping[str, float] | None = None,
        aging: float = AGING,
    ) -> None:
        self.layout = Layout(jobs, slots=slots, resources=resources or {}, urgency=urgency)
        self.states = JobStates(self.layout, aging=aging)

    def copy(self) -> Self:
        """A dispatcher in the same state that goes on by itself: what a forecast plays with."""
        twin = copy(self)
        twin.states = self.states.copy()
        return twin

    # What happens.

    def start(self, now: float, *, closed: Collection[str] = (), room: Mapping[str, int] | None = None) -> list[Start]:
        """Start all ready jobs that fit, most urgent first; then those that other roles can do.

        No slot of a role in `closed` is taken, and no more than it says of one in `room`.
        """
        most = {**(room or {}), **dict.fromkeys(closed, 0)}
        within = {number: most[role] for number, role in enumerate(self.layout.roles) if role in most} if most else None
        jobs, roles, queues = self.layout.jobs, self.layout.roles, self.states.queues
        return [
            Start(jobs[place], roles[queues.role_of(place)], queues.instance[place])
            for place in self.states.start(now, within)
        ]

    def finish(self, job_id: str, *, now: float, ok: bool) -> list[Blocked]:
        """A running job has ended; not `ok`: for good. What can start no more, in dependency order."""
        place = self._expect(job_id, TaskState.RUNNING)
        if not ok:
            return self._blocked(self.states.fail(place))
        self.states.succeed(place, now)
        return []

    def settle(self, job_id: str, *, now: float, ok: bool = True) -> list[Blocked]:
        """A job was finished before this run: it takes no slot. What can start no more, if it had failed."""
        place = self._expect(job_id, *_NOT_STARTED, TaskState.BLOCKED)
        if not ok:
            return self._blocked(self.states.settle_failed(place))
        self.states.settle(place, now)
        return []

    def reopen(self, job_id: str, *, now: float) -> list[Blocked]:
        """A finished job's branch was rejected: it runs once more, as a repair, and what has not started waits for it.

        Jobs that run or are done are left alone, but nothing new starts from them until the repair is done. The job
        itself is blocked, and returned, when what it needs has failed since; one that was cancelled stays so.
        """
        place = self._expect(job_id, TaskState.DONE, TaskState.CANCELLED)
        if self.state_of(job_id) is TaskState.CANCELLED:
            return []
        self.states.reopen(place, now)
        return self._blocked_itself(place)

    def revive(self, job_id: str, *, now: float) -> None:
        """A failed job has not failed for good: it is as one that has not started, and what it blocked may start."""
        self.states.revive(self._expect(job_id, TaskState.FAILED), now)

    def requeue(self, job_id: str, now: float, *, worked: bool = False) -> list[Blocked]:
        """A running job has lost its slot: ready as before, or blocked, and returned, if its need has failed since.

        `worked`: somebody has worked on it, so that it begins to wait anew.
        """
        place = self._expect(job_id, TaskState.RUNNING)
        self.states.requeue(place, now, worked=worked)
        return self._blocked_itself(place)

    def stand_still(self, begin: float, end: float) -> None:
        """The time between counts for nobody who waits: nothing could start."""
        self.states.queues.stand_still(begin, end)

    def hold(self, job_id: str) -> None:
        """Put a job that has not started aside, until `release`."""
        self.states.hold(self._expect(job_id, *_NOT_STARTED))

    def release(self, job_id: str, *, now: float) -> None:
        """Let a job that was held go on."""
        self.states.release(self._expect(job_id, TaskState.HELD), now)

    def cancel_all(self) -> tuple[str, ...]:
        """Let nothing start any more; the jobs that run, each of which still has to be finished.

        A job that then ends not `ok` is cancelled, not failed.
        """
        self.states.cancel_all()
        return self.running

    # What is so.

    def state_of(self, job_id: str) -> TaskState:
        """`landed` is not known here: a job is `done` at most."""
        return _STATES[self.states.state[self.layout.graph.place[job_id]]]

    @property
    def running(self) -> tuple[str, ...]:
        """Ids in the order of their starts."""
        return self._ids(sorted(self._in(job_states.RUNNING), key=self.states.started.__getitem__))

    @property
    def ready(self) -> tuple[str, ...]:
        """Ids in the order of dispatch, as of the last start."""
        return self._ids(sorted(self._in(job_states.READY), key=self.states.queues.turn))

    @property
    def blocked(self) -> tuple[Blocked, ...]:
        """What cannot start any more, in dependency order."""
        return tuple(self._blocked(sorted(self._in(job_states.BLOCKED), key=self.layout.turn.__getitem__)))

    def lost_to(self, job_id: str) -> str | None:
        """The job whose failure lost this one, itself or through others; nothing while it can still be done."""
        by = self.states.lost_to[self.layout.graph.place[job_id]]
        return None if by < 0 else self.layout.graph.ids[by]

    @property
    def ready_roles(self) -> dict[str, int]:
        """Roles that have ready jobs, and how many slots those would take."""
        wanted: Counter[str] = Counter()
        for place in self._in(job_states.READY):
            wanted[self.layout.jobs[place].role] += self.layout.jobs[place].units
        return dict(wanted)

    @property
    def counts(self) -> dict[TaskState, int]:
        """How many jobs are in each state that has any."""
        return {_STATES[state]: number for state, number in sorted(Counter(self.states.state).items())}

    @property
    def behind(self) -> dict[str, float]:
        """By job, the seconds of the longest path of work behind it that is still to be done."""
        state, ids = self.states.state, self.layout.graph.ids
        left = {
            job.id: 0.0 if state[place] == job_states.DONE else job.seconds
            for place, job in enumerate(self.layout.jobs)
        }
        return dict(zip(ids, self.layout.graph.timed(left).tails, strict=True))

    @property
    def is_over(self) -> bool:
        """Whether nothing runs and nothing would ever start; jobs that are held start only once they are released."""
        return job_states.RUNNING not in self.states.state and job_states.READY not in self.states.state

    def _in(self, wanted: int) -> list[int]:
        return [place for place, state in enumerate(self.states.state) if state == wanted]

    def _ids(self, places: Iterable[int]) -> tuple[str, ...]:
        return tuple(self.layout.jobs[place].id for place in places)

    def _blocked(self, places: Iterable[int]) -> list[Blocked]:
        ids, by = self.layout.graph.ids, self.states.lost_to
        return [Blocked(ids[place], by=ids[by[place]]) for place in places]

    def _blocked_itself(self, place: int) -> list[Blocked]:
        return self._blocked([place]) if self.states.state[place] == job_states.BLOCKED else []

    def _expect(self, job_id: str, *states: TaskState) -> int:
        if (state := self.state_of(job_id)) not in states:
            raise ValueError(f"job {job_id!r} is {state}, not {' or '.join(states)}")
        return self.layout.graph.place[job_id]


_NOT_STARTED: Final = (TaskState.PENDING, TaskState.READY, TaskState.HELD)
