"""What keeps a plan from ending sooner, in a sentence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf

from plait.advice.bounds import Bound, lower_bound
from plait.advice.simulation import Schedule
from plait.advice.waits import Scarce, Work, why_waited
from plait.plans.wording import count, listed, spell_seconds

AT_THE_BOUND = 1.02
NEAR_THE_BOUND = 1.05
_LINKS = 6
_LITTLE = 0.005
"""A gain below this share of the plan is none."""


@dataclass(frozen=True, slots=True)
class Means:
    """What a plan is done with, and what one more of it would change."""

    slots: Mapping[str, int]
    resources: Mapping[str, int]
    gains: Mapping[str, float] | None = None
    """Seconds by which the plan ends sooner with one more agent of a role; nothing where that was not tried."""

    def gain(self, roles: Sequence[str]) -> float:
        """The largest of one more agent; endless where it was not tried."""
        return max((self.gains.get(role, inf) for role in roles), default=inf) if self.gains is not None else inf


def bottleneck_of(schedule: Schedule, bound: Bound, *, critical_path: Sequence[str], means: Means) -> str:
    """A sentence or two that name the chain, role or resource that binds, and what it would take to end sooner."""
    if bound.seconds <= 0 or schedule.elapsed <= 0:
        return "Nothing in this plan takes any time."
    ratio = schedule.elapsed / bound.seconds
    if ratio <= NEAR_THE_BOUND:
        place = "At the lower bound" if ratio <= AT_THE_BOUND else f"Near the lower bound, {_more(ratio)} above it"
        return f"{place}: {_binding(schedule, bound, critical_path, means)}"
    above = f"{_more(ratio)} above the lower bound of {spell(bound.seconds)} ({bound.kind})"
    return f"{above}: {_holding(schedule, means)} Either the plan or the bound is loose."


def spell(seconds: float) -> str:
    """As `spell_seconds`, whole hours and minutes without their zeros."""
    return spell_seconds(seconds).removesuffix(" 00 min").removesuffix(" 00 s")


def _more(ratio: float) -> str:
    return f"{100 * (ratio - 1):.0f} %"


def _binding(schedule: Schedule, bound: Bound, critical_path: Sequence[str], means: Means) -> str:
    if bound.kind == "critical path":
        takes = f"{chain_of(critical_path)} takes {spell(bound.seconds)}"
        return f"{takes}, and no number of agents shortens it; shorter tasks or fewer needs on it would."
    roles = _roles_of(bound)
    if not roles:
        name = bound.kind.rsplit(" ", 1)[1]
        busy = f"the resource {name} is in use for as long as its tasks need it"
        return f"{busy}; to end sooner it takes more units of it."
    busy, whom = _busy(schedule, roles, means.slots), "the role" if len(roles) == 1 else "these roles"
    if means.gain(roles) > _LITTLE * schedule.elapsed:
        return f"{busy}; to end sooner it takes one more of them, or less work for {whom}."
    return f"{busy}; one more of them alone does not help: {_beside(schedule, roles, critical_path, means)}."


def _roles_of(bound: Bound) -> list[str]:
    """Those whose work the bound is of; none for a chain or a resource."""
    what, _, names = bound.kind.partition(" of ")[2].partition(" ")
    return names.split(", ") if what in ("role", "roles") else []


def _beside(schedule: Schedule, roles: Sequence[str], critical_path: Sequence[str], means: Means) -> str:
    """What keeps the plan as long when these roles have one agent more, and what would shorten it."""
    slots = {role: number + (role in roles) for role, number in means.slots.items()}
    next_one = lower_bound(schedule.lasting, slots, means.resources)
    others = [role for role in _roles_of(next_one) if role not in roles]
    if next_one.seconds * NEAR_THE_BOUND < schedule.elapsed or (_roles_of(next_one) and not others):
        return f"smaller tasks would, or less work for {listed(roles, limit=None)}"
    if next_one.kind == "critical path":
        return f"{chain_of(critical_path)} takes {spell(next_one.seconds)}, so it takes shorter tasks there, too"
    if others:
        return f"it takes one more of {listed(others, limit=None)}, too, or less work for them"
    return f"it takes more units of the resource {next_one.kind.rsplit(' ', 1)[1]}, too"


def chain_of(tasks: Sequence[str]) -> str:
    """`the chain A → B → C`, a long one without its middle; `the task A` alone."""
    if len(tasks) == 1:
        return f"the task {tasks[0]}"
    shown = tasks if len(tasks) <= _LINKS else (*tasks[: _LINKS // 2], "…", *tasks[-(_LINKS // 2) + 1 :])
    return f"the chain {' → '.join(shown)}"


def _busy(schedule: Schedule, roles: Sequence[str], slots: Mapping[str, int]) -> str:
    """`the 2 backend agents are busy 95 % of the time from 2 h to 14 h`."""
    agents, name = sum(slots[role] for role in roles), listed(roles, limit=None)
    own = [place for place, role in enumerate(schedule.roles) if role in roles]
    first, last = min(schedule.starts[place] for place in own), max(schedule.ends[place] for place in own)
    work = sum(schedule.jobs[place].units * schedule.seconds[place] for place in own)
    share = work / (agents * (last - first)) if last > first else 1.0
    who = f"the one {name} agent is" if agents == 1 else f"the {agents} {name} agents are"
    how = "busy without a break" if share > 0.995 else f"busy {100 * share:.0f} % of the time"
    return f"{who} {how} from {spell(first) if first > 0 else 'the start'} to {spell(last)}"


def _holding(schedule: Schedule, means: Means) -> str:
    """What the chain that ends last waits for on its way."""
    chain, waits = schedule.last_chain(), dict[Scarce, float]()
    for place in chain:
        for short, seconds in _waits(schedule, place, means).items():
            waits[short] = waits.get(short, 0.0) + seconds
    names = chain_of([schedule.jobs[place].id for place in chain])
    scarce = max(waits, key=lambda short: waits[short], default=None)
    if scarce is None or (waited := waits[scarce]) <= 0:
        return f"{names} ends last."
    if scarce.what == "resource":
        return f"{names} ends last and waits {spell(waited)} for the resource {scarce.name}."
    agents = count(means.slots[scarce.name], f"{scarce.name} agent")
    helps = means.gain([scarce.name]) > _LITTLE * schedule.elapsed
    alone = "" if helps else " One more of them alone does not help."
    return f"{names} ends last and waits {spell(waited)} for {agents}.{alone}"


def _waits(schedule: Schedule, place: int, means: Means) -> dict[Scarce, float]:
    """How long a job waits for its role, and for each resource."""
    job = schedule.jobs[place]
    if not job.uses:
        return {Scarce("role", job.role): schedule.wait(place)}
    wanted = Work(schedule.ready[place], schedule.starts[place], job.role, job.uses)
    others = (
        Work(schedule.starts[at], schedule.ends[at], schedule.roles[at], other.uses)
        for at, other in enumerate(schedule.jobs)
        for _ in range(other.units)
        if at != place
    )
    return why_waited(wanted, others, slots=means.slots, resources=means.resources)
