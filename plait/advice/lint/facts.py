"""What the rules of lint read: a plan, its crew and its tasks, and what follows from them, worked out once."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from plait.advice.simulation import simulate
from plait.plans.language.crew import Crew
from plait.plans.language.model import COMMAND_ROLE, Plan, Task
from plait.plans.schedule.dispatch import Dispatcher
from plait.plans.schedule.jobs import Job
from plait.plans.schedule.need_graph import Graph
from plait.plans.tasks.expansion import Expansion, Needs, PlannedTask

_PLAIN_PRIORITY = 3


class Precedence:
    """The tasks of a graph by turn, and sets of them as integers: bit `t` stands for the task of turn `t`.

    A task comes surely after all that its hard needs come after, and after what all choices of an any-of group come
    after; not after the choices themselves, of which it waits for the first only.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self.ids = tuple(graph.ids[place] for place in graph.sequence)
        self.turn = {task: turn for turn, task in enumerate(self.ids)}

    @cached_property
    def before(self) -> list[int]:
        """By turn, the set of tasks that have surely ended before it starts."""
        graph, before = self._graph, [0] * len(self.ids)
        turn_of = [self.turn[task] for task in graph.ids]
        for turn, place in enumerate(graph.sequence):
            sure = 0
            for need in graph.hard[place]:
                sure |= before[turn_of[need]] | 1 << turn_of[need]
            for group in graph.choices[place]:
                certain = -1
                for need in group:
                    certain &= before[turn_of[need]] | 1 << turn_of[need]
                sure |= certain
            before[turn] = sure
        return before

    @cached_property
    def perhaps_before(self) -> list[int]:
        """By turn, the set of tasks that it waits for if the choices go that way."""
        graph, before = self._graph, [0] * len(self.ids)
        turn_of = [self.turn[task] for task in graph.ids]
        for turn, place in enumerate(graph.sequence):
            for need in (*graph.hard[place], *(need for group in graph.choices[place] for need in group)):
                before[turn] |= before[turn_of[need]] | 1 << turn_of[need]
        return before

    def beside(self, turn: int, among: int) -> int:
        """Those of a set that have an earlier turn than this task and may still work when it starts."""
        return among & ((1 << turn) - 1) & ~self.before[turn]

    def is_before(self, first: str, second: str) -> bool:
        """Whether the first has surely ended before the second starts."""
        return bool(self.before[self.turn[second]] >> self.turn[first] & 1)

    def may_be_before(self, first: str, second: str) -> bool:
        """Whether the second waits for the first, surely or as a choice: the first can then not wait for the second."""
        return bool(self.perhaps_before[self.turn[second]] >> self.turn[first] & 1)

    def some(self, tasks: int, most: int) -> list[str]:
        """The first few of a set, in the order of their turns."""
        named: list[str] = []
        while tasks and len(named) < most:
            lowest = tasks & -tasks
            named.append(self.ids[lowest.bit_length() - 1])
            tasks ^= lowest
        return named


@dataclass(frozen=True)
class Facts:
    """A plan that was read, checked against its crew and expanded; tasks go by the plan's ids, whatever their count."""

    plan: Plan
    crew: Crew
    """The plan's crew over the given one."""
    expansion: Expansion
    ignored: Mapping[str, str] = field(default_factory=dict)
    """By pattern of `owns` and `outputs` that means ignored files alone, the rule; nothing where nobody has looked."""

    @cached_property
    def place_of(self) -> dict[str, int]:
        """Where each task stands in the plan; those that others imply and nobody wrote are not in it."""
        return {task.id: at for at, task in enumerate(self.plan.tasks)}

    @property
    def agents_tasks(self) -> Iterable[tuple[int, Task]]:
        """The tasks that agents do, with their places."""
        return ((at, task) for at, task in enumerate(self.plan.tasks) if is_for_agent(task))

    @cached_property
    def planned(self) -> dict[str, PlannedTask]:
        """What runs of each task; of a counted one, the last of its agents."""
        return {planned.task.id: planned for planned in self.expansion.tasks}

    @cached_property
    def needs(self) -> dict[str, Needs]:
        """What each task waits for, whatever the reason: hard needs, contracts, phases."""
        whole = {planned.id: planned.task.id for planned in self.expansion.tasks}
        needs: dict[str, Needs] = {}
        for planned in self.expansion.tasks:
            if planned.task.id not in needs:
                groups = (tuple(dict.fromkeys(whole[need] for need in group)) for group in planned.needs)
                needs[planned.task.id] = tuple(dict.fromkeys(groups))
        return needs

    @cached_property
    def graph(self) -> Graph:
        return Graph(self.needs)

    @cached_property
    def precedence(self) -> Precedence:
        return Precedence(self.graph)

    @cached_property
    def slots(self) -> dict[str, int]:
        return self.crew.slots_of(planned.role for planned in self.expansion.tasks)

    @cached_property
    def jobs(self) -> tuple[Job, ...]:
        """What the dispatcher would get, each agent of a counted task by itself."""
        return tuple(self._job(planned) for planned in self.expansion.tasks)

    @cached_property
    def jobs_of(self) -> dict[str, list[Job]]:
        """The jobs of each task: as many as its count."""
        jobs: dict[str, list[Job]] = {}
        for planned, job in zip(self.expansion.tasks, self.jobs, strict=True):
            jobs.setdefault(planned.task.id, []).append(job)
        return jobs

    def _job(self, planned: PlannedTask) -> Job:
        own = planned.task.priority
        return Job(
            id=planned.id,
            role=planned.role,
            seconds=planned.seconds,
            needs=planned.needs,
            priority=self.crew.role(planned.role).priority if own == _PLAIN_PRIORITY else own,
            uses=planned.task.uses,
            fallback=self.crew.role(planned.role).fallback,
        )

    @cached_property
    def times(self) -> dict[str, tuple[float, float]]:
        """Start and end in seconds of each job, as the dispatcher would have it."""
        return self.times_with(self.jobs)

    def times_with(self, jobs: Iterable[Job]) -> dict[str, tuple[float, float]]:
        """The same for other jobs of the same roles."""
        return simulate(Dispatcher(list(jobs), slots=self.slots, resources=self.plan.resources), {})

    @cached_property
    def elapsed(self) -> float:
        """Seconds from the first start to the last end."""
        return elapsed(self.times)

    @cached_property
    def crowd(self) -> tuple[float, tuple[str, ...]]:
        """When most agents work at once, and on what: seconds, and the plan's ids, each as often as it has agents."""
        jobs = {planned.id: planned.task for planned in self.expansion.tasks if is_for_agent(planned.task)}
        # Ends come before starts at the same moment, and what takes no time is never at work.
        moments = sorted(
            moment
            for job, (start, end) in self.times.items()
            if job in jobs and end > start
            for moment in ((end, 0, job), (start, 1, job))
        )
        working: dict[str, None] = {}
        most: tuple[float, tuple[str, ...]] = (0.0, ())
        for at, begins, job in moments:
            if begins:
                working[job] = None
            else:
                del working[job]
            if len(working) > len(most[1]):
                most = at, tuple(working)
        return most[0], tuple(jobs[job].id for job in most[1])


def elapsed(times: dict[str, tuple[float, float]]) -> float:
    """Seconds until the last end."""
    return max((end for _, end in times.values()), default=0.0)


def is_for_agent(task: Task) -> bool:
    """Whether an agent does it, and not a command."""
    return task.prompt is not None


def role_of(task: Task) -> str:
    return task.role or COMMAND_ROLE


def with_needs(job: Job, needs: Needs) -> Job:
    """The same job, waiting for something else."""
    return replace(job, needs=needs)
