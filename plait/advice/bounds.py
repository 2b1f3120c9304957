"""How soon a plan could end at best, whoever plans it: the bound that a schedule is measured against."""

from bisect import bisect_left
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from plait.plans.schedule.jobs import Job
from plait.plans.schedule.need_graph import Graph

_EXACT_UP_TO = 400
"""Jobs in a pool up to which all pairs of head and tail are tried; beyond, a grid (still a valid bound)."""
_GRID = 50

_Piece = tuple[float, float, float]
"""Head, tail and work of a job in a pool, in seconds and slot-seconds."""


@dataclass(frozen=True, slots=True)
class Bound:
    """No schedule ends sooner than this."""

    seconds: float
    kind: str
    """`critical path`, `work of role X` or `head-tail of role X`; likewise of `resource X`, and of `roles X, Y` where
    one does work of the other."""


def lower_bound(jobs: Sequence[Job], slots: Mapping[str, int], resources: Mapping[str, int] | None = None) -> Bound:
    """The largest of three bounds, the simplest first among equals.

    Critical path: the longest chain. Work: what a role or resource has to do over its slots. Head-tail: the jobs that
    cannot start before h and have q behind them take `h + work / slots + q` (interval bound, for resource-constrained
    projects; within 0.1-5 % of the best schedules found for plans with roles). Only hard needs count behind a job, and
    of an any-of group only the alternative that ends first: other schedules need not wait for more. The work of a role
    with fallbacks counts over the slots of all roles that may do it, and so does that of all these roles together.
    """
    return Bounds(jobs, slots, resources).of(slots)


class Bounds:
    """The bounds of one plan, for any number of slots of its roles; see `lower_bound`."""

    def __init__(self, jobs: Sequence[Job], roles: Collection[str], resources: Mapping[str, int] | None = None) -> None:
        timing = Graph({job.id: job.needs for job in jobs}).timed({job.id: job.seconds for job in jobs})
        self._longest = Bound(timing.length, "critical path")
        self._teams = _teams(jobs, roles)
        self._pools = _pools(jobs, timing.heads, timing.sure_tails, self._teams)
        self._resources = {f"resource {name}": count for name, count in (resources or {}).items()}
        self._known: dict[tuple[str, int], list[Bound]] = {}

    def of(self, slots: Mapping[str, int]) -> Bound:
        """The largest."""
        capacities = {name: sum(slots[role] for role in team.slots) for name, team in self._teams.items()}
        capacities |= self._resources
        bounds = [self._longest]
        for name, pieces in self._pools.items():
            at = name, capacities[name]
            if at not in self._known:
                self._known[at] = _of_pool(name, pieces, capacities[name])
            bounds += self._known[at]
        return max(bounds, key=lambda bound: (round(bound.seconds, 6), -_DETAIL[bound.kind.split(" of ")[0]]))


def _of_pool(name: str, pieces: list[_Piece], capacity: int) -> list[Bound]:
    work = sum(own for _, _, own in pieces) / capacity
    return [Bound(work, f"work of {name}"), Bound(_interval(pieces, capacity), f"head-tail of {name}")]


_DETAIL = {"critical path": 0, "work": 1, "head-tail": 2}


@dataclass(frozen=True, slots=True)
class _Team:
    """Roles whose jobs have no slots but these."""

    roles: frozenset[str]
    slots: tuple[str, ...]
    """The roles that they are of."""


def _teams(jobs: Sequence[Job], slots: Collection[str]) -> dict[str, _Team]:
    """By name: each role with those that may do its work, then with all that may do theirs, and so on."""
    helpers: dict[str, dict[str, None]] = {}
    for job in jobs:
        own = helpers.setdefault(job.role, {job.role: None})
        if job.fallback:
            own.update(dict.fromkeys(role for role in job.fallback if role in slots))
    teams: dict[str, _Team] = {}
    for role, own in helpers.items():
        together = list(own)
        for other in together:
            together += [further for further in helpers.get(other, ()) if further not in together]
        teams.setdefault(_spell(together), _Team(frozenset(together), tuple(together)))
        if len(together) > len(own):
            teams.setdefault(_spell(list(own)), _Team(frozenset({role}), tuple(own)))
    return teams


def _spell(roles: Sequence[str]) -> str:
    return f"role {roles[0]}" if len(roles) == 1 else f"roles {', '.join(sorted(roles))}"


def _pools(
    jobs: Sequence[Job], heads: Sequence[float], tails: Sequence[float], teams: Mapping[str, _Team]
) -> dict[str, list[_Piece]]:
    pools: dict[str, list[_Piece]] = {}
    of_role: dict[str, list[str]] = {}
    for name, team in teams.items():
        for role in team.roles:
            of_role.setdefault(role, []).append(name)
    for job, head, tail in zip(jobs, heads, tails, strict=True):
        for name in of_role[job.role]:
            pools.setdefault(name, []).append((head, tail, job.units * job.seconds))
        for name, units in job.uses.items():
            pools.setdefault(f"resource {name}", []).append((head, tail, units * job.seconds))
    return pools


def _interval(pieces: list[_Piece], capacity: int) -> float:
    return (_every_pair if len(pieces) <= _EXACT_UP_TO else _on_a_grid)(pieces, capacity)


def _every_pair(pieces: list[_Piece], capacity: int) -> float:
    """All heads times all tails, O(n^2): for each head, jobs join in the order of falling tails."""
    best = 0.0
    by_tail = sorted(pieces, key=lambda piece: -piece[1])
    for earliest in sorted({head for head, _, _ in pieces}):
        work = 0.0
        for head, tail, own in by_tail:
            if head >= earliest:
                work += own
                bound = earliest + work / capacity + tail
                if bound > best:
                    best = bound
        by_tail = [piece for piece in by_tail if piece[0] > earliest]
    return best


def _on_a_grid(pieces: list[_Piece], capacity: int) -> float:
    """A grid of quantiles of heads and tails, O(n log n)."""
    heads, tails = _quantiles([head for head, _, _ in pieces]), _quantiles([tail for _, tail, _ in pieces])
    work = [[0.0] * len(tails) for _ in heads]
    for head, tail, own in pieces:
        work[bisect_left(heads, head + 1e-9) - 1][bisect_left(tails, tail + 1e-9) - 1] += own
    best, below = 0.0, [0.0] * len(tails)
    for row in range(len(heads) - 1, -1, -1):
        sum_of_row = 0.0
        for column in range(len(tails) - 1, -1, -1):
            sum_of_row += work[row][column]
            below[column] += sum_of_row
            if below[column]:  # heads and tails of no job in common bind nothing
                best = max(best, heads[row] + below[column] / capacity + tails[column])
    return best


def _quantiles(values: list[float]) -> list[float]:
    """At most `_GRID` thresholds, the smallest value among them, rising."""
    ordered = sorted(values)
    return sorted({ordered[step * len(ordered) // _GRID] for step in range(_GRID)})
