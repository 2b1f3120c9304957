"""How many agents of each role a plan is worth: what each further one gains, and where that stops paying."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final

from plait.advice.bounds import Bound, Bounds
from plait.advice.forecasts.bottleneck import AT_THE_BOUND, spell
from plait.advice.forecasts.crew_search import WORTH, CrewSearch, keep
from plait.advice.forecasts.estimating import Durations
from plait.advice.forecasts.sampling import Sampler, band_of
from plait.advice.forecasts.trials import Trials
from plait.plans.errors import CallError
from plait.plans.schedule.jobs import Job
from plait.plans.wording import count

MOST_SLOTS: Final = 256
"""Slots that a role may have."""
_EFFORT = 200_000
"""Jobs that are played with drawn durations in all: three tenths of a second, up to three times that with resources."""
_MOST_DRAWS = 1000
_ENOUGH_DRAWS = 100
"""From which on crews that gain nothing as expected are simulated, too: they may when tasks take longer."""
_FEWEST_DRAWS = 30


@dataclass(frozen=True, slots=True)
class CrewStep:
    """A crew that is worth considering: no other that was found is smaller, or as small and quicker."""

    slots: Mapping[str, int]
    """By role, in the order in which the plan first names them."""
    elapsed: float
    """Seconds, at expected durations."""
    efficiency: float
    """Work / (all slots * elapsed), 0 to 1."""
    p80: float | None = None
    """Seconds that four of five simulated runs take at most; nothing where none were simulated."""

    @property
    def agents(self) -> int:
        return sum(self.slots.values())

    @property
    def agent_seconds(self) -> float:
        """Agents times seconds, idle ones included."""
        return self.agents * self.elapsed


@dataclass(frozen=True, slots=True)
class Sizing:
    """Crews from the smallest that can do a plan to the largest that is worth it."""

    steps: tuple[CrewStep, ...]
    """From step to step each further agent saves 2 % or more, as expected or by P80."""
    pick: CrewStep
    reason: str
    """Why that one, in a sentence or two."""
    widths: Mapping[str, int]
    """By role the most agents that could ever work at once."""
    notes: tuple[str, ...] = ()
    """What was not searched, in sentences."""


def size_crew(
    jobs: Sequence[Job],
    *,
    resources: Mapping[str, int] | None = None,
    durations: Durations | None = None,
    agents: int | None = None,
    limits: Mapping[str, int] | None = None,
    samples: int = _MOST_DRAWS,
    seed: int = 0,
) -> Sizing:
    """Search the crew that a plan is worth; the same for the same arguments.

    One agent of each role, then whoever shortens the plan most as long as each saves 2 %, at expected durations and
    with the dispatcher's own order. Of the steps the pick is the knee: the least `agents * time^2`, so that beyond it
    an agent adds more to the crew than twice what it takes off the time (the largest efficiency by time: Eager,
    Zahorjan, Lazowska, "Speedup versus efficiency in parallel systems", 1989). Time is the geometric mean of the
    expected end and the P80 of at most `samples` runs, the same for all crews, where all steps can be simulated.

    Args:
        agents: The most in all roles together.
        limits: The most by role.

    Raises:
        CallError: there are no jobs, or fewer agents or slots than the plan takes at least.
    """
    if not jobs:
        raise CallError("there is no task to find a crew for")
    known, resources = durations or Durations(), resources or {}
    trials = Trials(jobs, resources=resources, expected=known.expected(jobs))
    least = _least(jobs)
    most = {role: _most(role, own, trials.widths[role], limits or {}) for role, own in least.items()}
    allowed = _allowed(agents, least, most)
    lasting = [replace(job, seconds=own) for job, own in zip(jobs, trials.expected, strict=True)]
    search = CrewSearch(trials, Bounds(lasting, least, resources), least=least, most=most, agents=allowed)
    search.run()
    tried = _tried(search, trials)
    steps, notes = _simulated(tried, trials, Sampler(jobs, known), samples=samples, seed=seed)
    if search.is_cut_short:
        notes = (f"The plan is large: the search ended after {len(search.seen)} crews, more agents may help.", *notes)
    pick = knee_of(steps)
    is_limited = allowed < sum(min(MOST_SLOTS, trials.widths[role]) for role in least)
    reason = _reason(steps, pick, search.floor, allowed=allowed, is_limited=is_limited)
    return Sizing(tuple(steps), pick, reason, {role: trials.widths[role] for role in least}, notes)


def _least(jobs: Sequence[Job]) -> dict[str, int]:
    least: dict[str, int] = {}
    for job in jobs:
        least[job.role] = max(least.get(job.role, 1), job.units)
    return least


def _most(role: str, least: int, width: int, limits: Mapping[str, int]) -> int:
    allowed = limits.get(role, MOST_SLOTS)
    if allowed < least:
        raise CallError(f"a task takes {count(least, 'slot')} of role {role!r}, which may have {allowed}")
    return max(least, min(width, allowed))


def _allowed(agents: int | None, least: Mapping[str, int], most: Mapping[str, int]) -> int:
    """The most agents in all."""
    fewest, whole = sum(least.values()), sum(most.values())
    if agents is None:
        return whole
    if agents < fewest:
        has = f"{count(len(least), 'role')}: it takes {count(fewest, 'agent')} at least, and there are {agents}"
        raise CallError(f"the plan has tasks of {has}", hint=f"--agents {fewest}")
    return min(agents, whole)


def _tried(search: CrewSearch, trials: Trials) -> list[CrewStep]:
    """For each number of agents the quickest crew that was tried, if none that is smaller is quicker."""
    work = sum(job.units * seconds for job, seconds in zip(trials.jobs, trials.expected, strict=True))
    best: list[CrewStep] = []
    for crew, elapsed in sorted(search.seen.items(), key=lambda tried: (sum(tried[0]), tried[1])):
        if not best or (sum(crew) > best[-1].agents and elapsed <= best[-1].elapsed):
            efficiency = work / (sum(crew) * elapsed) if elapsed else 1.0
            best.append(CrewStep(search.slots(crew), elapsed, efficiency))
    return best


def _worth_it(tried: Sequence[CrewStep]) -> list[CrewStep]:
    """The smallest crew, and each that saves enough on the one before, as expected or by P80."""
    kept = [tried[0]]
    for step in tried[1:]:
        before, share = kept[-1], keep(step.agents - kept[-1].agents)
        gains = step.elapsed <= before.elapsed * share < before.elapsed
        if gains or (step.p80 is not None and before.p80 is not None and step.p80 <= before.p80 * share < before.p80):
            kept.append(step)
    return kept


def _simulated(
    tried: list[CrewStep], trials: Trials, sampler: Sampler, *, samples: int, seed: int
) -> tuple[list[CrewStep], tuple[str, ...]]:
    """The steps, with their P80 on the same draws; of large plans only the first, the pick and the last have one."""
    steps, notes = _worth_it(tried), tuple[str, ...]()
    if not samples:
        return steps, notes
    effort = trials.effort(tried[0].slots)
    if _EFFORT // (effort * len(tried)) >= min(samples, _ENOUGH_DRAWS):
        steps = tried
    chosen = [*range(len(steps))]
    if _EFFORT // (effort * len(steps)) < min(samples, _FEWEST_DRAWS):
        chosen = sorted({0, steps.index(knee_of(steps)), len(steps) - 1})
        notes = ("The plan is large: only some crews were simulated, and the pick goes by expected durations.",)
    affordable = max(min(samples, _FEWEST_DRAWS), _EFFORT // (effort * len(chosen)))
    draws = list(islice(sampler.draw(min(samples, _MOST_DRAWS), seed), affordable))
    simulated = list(steps)
    for place in chosen:
        p80 = band_of(trials.ends(steps[place].slots, draws)).p80
        simulated[place] = replace(steps[place], p80=min([p80, *_smaller(simulated[:place], steps[place])]))
    return _worth_it(simulated), notes


def _smaller(before: Sequence[CrewStep], step: CrewStep) -> list[float]:
    """The P80 of crews that lie within this one: nobody has to use an agent."""
    return [
        smaller.p80
        for smaller in before
        if smaller.p80 is not None and all(own <= step.slots[role] for role, own in smaller.slots.items())
    ]


def knee_of(steps: Sequence[CrewStep]) -> CrewStep:
    """The step with the least `agents * end * P80`, the smaller one of two; `end^2` unless all have a P80."""
    whole = all(step.p80 is not None for step in steps)

    def cost(step: CrewStep) -> float:
        return step.agents * step.elapsed * (step.p80 if whole and step.p80 is not None else step.elapsed)

    return min(steps, key=cost)


def _reason(steps: Sequence[CrewStep], pick: CrewStep, floor: Bound, *, allowed: int, is_limited: bool) -> str:
    """What the pick gains on the step before, and what the next one would."""
    at, within = steps.index(pick), " within these limits" if is_limited else ""
    if not pick.elapsed:
        return "Nothing in this plan takes any time, so the smallest crew does."
    sentence = f"{count(pick.agents, 'agent')}: {spell(pick.elapsed)} as expected"
    if at:
        before = steps[at - 1]
        same = before.elapsed == pick.elapsed
        sentence += f", {'as' if same else f'instead of {spell(before.elapsed)}'} with {before.agents}"
        sentence += _by_p80(pick, before)
    if at + 1 < len(steps):
        after = steps[at + 1]
        more = f"for {100 * (after.agents / pick.agents - 1):.0f} % more agents"
        return f"{sentence}. {after.agents} would take {spell(after.elapsed)}{_by_p80(after, pick)}, {more}."
    if pick.elapsed <= AT_THE_BOUND * floor.seconds:
        why = "it is as long as its longest chain" if floor.kind == "critical path" else f"the {floor.kind} holds it up"
        return f"{sentence}. No crew{within} ends it sooner: {why}."
    if pick.agents >= allowed:
        return f"{sentence}. {'More are not allowed' if is_limited else 'More could never work at once'}."
    return f"{sentence}. A further agent{within} would save less than {100 * WORTH:.0f} %."


def _by_p80(step: CrewStep, before: CrewStep) -> str:
    if step.p80 is None or not before.p80:
        return ""
    gain = round(100 * (1 - step.p80 / before.p80))
    return f", the P80 {gain} % sooner" if gain > 0 else ", no sooner by P80"
