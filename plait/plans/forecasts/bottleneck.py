"""What keeps a plan from ending sooner, in a sentence."""

from collections.abc import Mapping, Sequence

from plait.plans.phrases import listed
from plait.plans.phrasing import count, spell_seconds
from plait.plans.schedule.bounds import Bound
from plait.plans.schedule.schedule import Schedule

AT_THE_LIMIT = 1.02
NEAR_THE_LIMIT = 1.05
_LINKS = 6


def bottleneck_of(
    schedule: Schedule, bound: Bound, *, critical_path: Sequence[str], slots: Mapping[str, int], elapsed: float
) -> str:
    """A sentence or two that name the chain, role or resource that binds, and what it would take to end sooner."""
    if bound.seconds <= 0 or elapsed <= 0:
        return "Nothing in this plan takes any time."
    ratio = elapsed / bound.seconds
    if ratio <= NEAR_THE_LIMIT:
        place = "At the limit" if ratio <= AT_THE_LIMIT else f"Near the limit, {_more(ratio)} above it"
        return f"{place}: {_binding(schedule, bound, critical_path, slots)}"
    limit = f"{_more(ratio)} above the limit of {spell(bound.seconds)} ({bound.kind})"
    return f"{limit}: {_holding(schedule, slots)} Either the plan or the limit is loose."


def spell(seconds: float) -> str:
    """As `spell_seconds`, whole hours and minutes without their zeros."""
    return spell_seconds(seconds).removesuffix(" 00 min").removesuffix(" 00 s")


def _more(ratio: float) -> str:
    return f"{100 * (ratio - 1):.0f} %"


def _binding(schedule: Schedule, bound: Bound, critical_path: Sequence[str], slots: Mapping[str, int]) -> str:
    if bound.kind == "critical path":
        takes = f"{chain_of(critical_path)} takes {spell(bound.seconds)}"
        return f"{takes}, and no number of agents shortens it; shorter tasks or fewer needs on it would."
    kind, name = bound.kind.split(" of ")[1].split(" ", 1)
    if kind == "role":
        return f"{_busy(schedule, [name], slots)}; to end sooner it takes one more of them, or less work for the role."
    if kind == "roles":
        who = _busy(schedule, name.split(", "), slots)
        return f"{who}; to end sooner it takes one more of them, or less work for these roles."
    return f"the resource {name} is in use for as long as its tasks need it; to end sooner it takes more units of it."


def chain_of(tasks: Sequence[str]) -> str:
    """`the chain A → B → C`, a long one without its middle; `the task A` alone."""
    if len(tasks) == 1:
        return f"the task {tasks[0]}"
    shown = tasks if len(tasks) <= _LINKS else (*tasks[: _LINKS // 2], "…", *tasks[-(_LINKS // 2) + 1 :])
    return f"the chain {' → '.join(shown)}"


def _busy(schedule: Schedule, roles: Sequence[str], slots: Mapping[str, int]) -> str:
    """`the 2 backend agents are busy 95 % of the time from 2 h to 14 h`."""
    agents, name = sum(slots[role] for role in roles), listed(roles, "and")
    own = [place for place, role in enumerate(schedule.roles) if role in roles]
    first, last = min(schedule.starts[place] for place in own), max(schedule.ends[place] for place in own)
    work = sum(schedule.jobs[place].units * schedule.seconds[place] for place in own)
    share = work / (agents * (last - first)) if last > first else 1.0
    who = f"the one {name} agent is" if agents == 1 else f"the {agents} {name} agents are"
    how = "busy without a break" if share > 0.995 else f"busy {100 * share:.0f} % of the time"
    return f"{who} {how} from {spell(first) if first > 0 else 'the start'} to {spell(last)}"


def _holding(schedule: Schedule, slots: Mapping[str, int]) -> str:
    """What the chain that ends last waits for on its way."""
    chain = schedule.last_chain()
    waits: dict[str, float] = {}
    for place in chain:
        role = schedule.jobs[place].role
        waits[role] = waits.get(role, 0.0) + schedule.wait(place)
    role, waited = max(waits.items(), key=lambda item: item[1])
    names = chain_of([schedule.jobs[place].id for place in chain])
    if waited <= 0:
        return f"{names} ends last."
    return f"{names} ends last and waits {spell(waited)} for {count(slots[role], f'{role} agent')}."
