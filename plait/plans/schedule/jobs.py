"""What dispatch needs to know of tasks, roles and resources, worked out once: integers where the dispatcher is hot."""

from collections import Counter
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple, Self

from plait.plans.errors import CallError
from plait.plans.schedule.need_graph import Graph, Needs


@dataclass(frozen=True, slots=True)
class Job:
    """A task as dispatch sees it."""

    id: str
    role: str
    seconds: float
    """Expected duration."""
    needs: Needs = ()
    priority: int = 3
    """1 (critical) to 5 (idle)."""
    uses: Mapping[str, int] = field(default_factory=dict, hash=False)
    """Units of named resources that it takes while it runs."""
    units: int = 1
    """Slots of its role that it takes while it runs."""
    fallback: tuple[str, ...] = ()
    """Roles that may do it while its own has no slot for it, the first first; one without slots does nothing."""
    reads: tuple[str, ...] = ()
    """Jobs whose text it waits for: no needs, as it starts without where they fail, but it comes after them in time."""


class Kind(NamedTuple):
    """What a job takes while it runs; jobs of one kind fit together or not at all."""

    role: int
    units: int
    uses: tuple[tuple[int, int], ...]
    """Pairs of resource and units."""
    helpers: tuple[int, ...] = ()
    """Roles whose slots it may take in place of its own's."""


class Layout:
    """Jobs, slots and resources in integers; never changed, shared by all states that play the same plan.

    Urgency is seconds, more is sooner; by default `tail + (1 - 1/slots) * seconds` (5-8 % shorter than first-come on
    PSPLIB trials with uncertain durations: at one slot it is largest-tail-first, with many the whole path ahead). Of a
    job that uses resources the own duration counts only `min(1, sum(units / capacity) / 2)` of that: what takes little
    of what is scarce can go later. Measured: of 20 such forms the shortest on 1,560 drawn projects with four resources
    (by 0.3 % over the plain form, standard error 0.06 %); on the PSPLIB instances (docs/benchmarks.md) 4.9 / 5.1 / 3.6
    / 9.5 % above the best known instead of 5.1 / 5.9 / 3.5 / 11.4 %. The slots of fallbacks count as the role's: 0.3 %
    shorter than without (standard error 0.05 %) on 1,500 drawn plans of roles that help each other.
    Raises `CallError` for a job that could never start.
    """

    def __init__(
        self,
        jobs: Sequence[Job],
        *,
        slots: Mapping[str, int],
        resources: Mapping[str, int],
        urgency: Mapping[str, float] | None,
    ) -> None:
        self.jobs = tuple(jobs)
        self.graph = Graph({job.id: job.needs for job in jobs})
        if len(self.graph.ids) < len(self.jobs):
            raise CallError("two jobs have the same id")
        self.roles, self.resources = tuple(slots), tuple(resources)
        self.slots, self.units = tuple(slots.values()), tuple(resources.values())
        for job in jobs:
            _refuse_what_never_fits(job, slots, resources)
        self._sort_into_kinds()
        self._link_choices()
        self._rank(self.urgency if urgency is None else [urgency[job.id] for job in self.jobs])

    def _sort_into_kinds(self) -> None:
        role = {name: number for number, name in enumerate(self.roles)}
        resource = {name: number for number, name in enumerate(self.resources)}
        numbers: dict[Kind, int] = {}
        self.kind: list[int] = []
        for job in self.jobs:
            uses = tuple(sorted((resource[name], units) for name, units in job.uses.items() if units))
            helpers = tuple(role[name] for name in dict.fromkeys(job.fallback) if name in role and name != job.role)
            self.kind.append(numbers.setdefault(Kind(role[job.role], job.units, uses, helpers), len(numbers)))
        self.kinds = tuple(numbers)
        self.role_of_kind = [kind.role for kind in self.kinds]
        alone = Counter(self.role_of_kind)
        self.plain = [kind.units == 1 and not kind.uses and alone[kind.role] == 1 for kind in self.kinds]
        """By kind: whether it is alone in its role and takes one slot only, so that it fits when a slot is free."""
        self.helped = [number for number, kind in enumerate(self.kinds) if kind.helpers]
        """Kinds that other roles may do."""

    @cached_property
    def is_plain(self) -> bool:
        """Whether each job takes one slot and nothing else, and neither classes nor alternatives are in the plan.

        Then the jobs of a role are of one kind.
        """
        return all(self.plain) and not self.group_job and len({job.priority for job in self.jobs}) < 2

    @cached_property
    def role(self) -> list[int]:
        """By place, the role of the job."""
        return [self.role_of_kind[kind] for kind in self.kind]

    @cached_property
    def kinds_of_role(self) -> list[list[int]]:
        """By role, the kinds that are its own."""
        kinds: list[list[int]] = [[] for _ in self.roles]
        for kind, role in enumerate(self.role_of_kind):
            kinds[role].append(kind)
        return kinds

    @cached_property
    def helpers_of(self) -> dict[str, tuple[str, ...]]:
        """By role, where it has any, the roles that may do work of it."""
        helping: dict[str, dict[str, None]] = {}
        for kind in map(self.kinds.__getitem__, self.helped):
            helping.setdefault(self.roles[kind.role], {}).update((self.roles[helper], None) for helper in kind.helpers)
        return {role: tuple(helpers) for role, helpers in helping.items()}

    def _link_choices(self) -> None:
        self.group_job: list[int] = []
        self.group_size: list[int] = []
        self.groups_of: list[list[int]] = [[] for _ in self.jobs]
        for job, groups in enumerate(self.graph.choices):
            for group in groups:
                for member in group:
                    self.groups_of[member].append(len(self.group_job))
                self.group_job.append(job)
                self.group_size.append(len(group))

    def _rank(self, urgent: Sequence[float]) -> None:
        self.top = min((job.priority for job in self.jobs), default=1)
        """The most urgent class in use."""
        size = len(self.jobs)
        behind = self.graph.descendant_counts
        self.by_rank = sorted(range(size), key=lambda place: (-urgent[place], -behind[place], place))
        self.key = [0] * size
        """Class in steps below the top times the number of jobs, plus rank: less is sooner."""
        for rank, place in enumerate(self.by_rank):
            self.key[place] = (self.jobs[place].priority - self.top) * size + rank

    def ranked(self, urgency: Sequence[float]) -> Self:
        """The same layout by another urgency, in seconds by place."""
        twin = copy(self)
        twin._rank(urgency)
        return twin

    @cached_property
    def turn(self) -> list[int]:
        """By place, where the job comes in dependency order."""
        turns = [0] * len(self.jobs)
        for turn, place in enumerate(self.graph.sequence):
            turns[place] = turn
        return turns

    @cached_property
    def urgency(self) -> list[float]:
        """Seconds, by place; see the class."""
        graph = self.graph
        if any(job.reads for job in self.jobs):
            graph = Graph({job.id: (*job.needs, *((source,) for source in job.reads)) for job in self.jobs})
        tails = graph.timed({job.id: job.seconds for job in self.jobs}).tails
        share = [self._own_share(kind) for kind in self.kinds]
        return [tail + share[kind] * job.seconds for tail, kind, job in zip(tails, self.kind, self.jobs, strict=True)]

    def _own_share(self, kind: Kind) -> float:
        """How much of its own duration counts in a job's urgency."""
        share = 1 - 1 / max(1, sum(self.slots[role] for role in (kind.role, *kind.helpers)))
        if not kind.uses:
            return share
        taken = sum(units / self.units[resource] for resource, units in kind.uses)
        return share * min(1.0, taken / 2)


def roles_of(jobs: Sequence[Job], slots: Mapping[str, int]) -> tuple[str, ...]:
    """The roles of these jobs as they first name them, then those with slots that they fall back on."""
    helpers = (helper for job in jobs for helper in job.fallback if helper in slots)
    return tuple(dict.fromkeys((*(job.role for job in jobs), *helpers)))


def _refuse_what_never_fits(job: Job, slots: Mapping[str, int], resources: Mapping[str, int]) -> None:
    if slots.get(job.role, 0) < job.units:
        raise CallError(
            f"task {job.id!r} takes {job.units} of role {job.role!r}, which has {slots.get(job.role, 0)} slots",
            hint="give the crew more slots for the role, or the task another role",
        )
    for name, units in job.uses.items():
        if resources.get(name, 0) < units:
            raise CallError(
                f"task {job.id!r} uses {units} of resource {name!r}, of which there are {resources.get(name, 0)}",
                hint="list the resource under `resources` with enough units",
            )
