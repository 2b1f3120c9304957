"""Searches crews for a plan: agents are added where they shorten it most, then those taken away that hardly matter."""

import math
from collections.abc import Iterator, Mapping
from itertools import combinations_with_replacement
from typing import Final

from plait.advice.bounds import Bound, Bounds
from plait.advice.forecasts.trials import Trials

WORTH: Final = 0.02
"""Share of the elapsed time that each further agent must save."""
LOSS: Final = 0.01
"""Share of it that all agents who are taken away at the end may cost together."""
_EFFORT = 800_000
"""In jobs played, for all crews together: a microsecond each. To lay a crew's plan out takes four times a play."""
_FEWEST_CREWS = 30
_THOROUGH_FROM = 300
"""Crews that can be afforded from which on each step tries all that may help; below, steps are few and large."""
_SPAN = 16
"""How many times the smallest crew a large plan's search should come to with the crews that it can afford."""
_HAIR = 1e-6

Crew = tuple[int, ...]
"""Slots in the order of the roles."""


class CrewSearch:
    """Tries crews from `least` upwards, within `most` for each role and `agents` in all.

    All is deterministic; of crews that are as good as each other the first counts.
    """

    def __init__(
        self,
        trials: Trials,
        bounds: Bounds,
        *,
        least: Mapping[str, int],
        most: Mapping[str, int],
        agents: int,
    ) -> None:
        self.roles = tuple(least)
        self._number = {role: place for place, role in enumerate(self.roles)}
        self._trials, self._agents, self._bounds = trials, agents, bounds
        self._least, self._most = tuple(least.values()), tuple(most.values())
        self.floor = bounds.of(most)
        """What no crew beats."""
        self.seen: dict[Crew, float] = {}
        """The end at expected durations, in seconds, in the order in which the crews were tried."""
        self.is_cut_short = False
        """Whether the plan was too large to search on to the end."""
        self._crews = max(_FEWEST_CREWS, _EFFORT // (4 * len(trials.jobs) + trials.effort(least)))
        self._is_thorough = self._crews >= _THOROUGH_FROM

    def slots(self, crew: Crew) -> dict[str, int]:
        """By role."""
        return dict(zip(self.roles, crew, strict=True))

    def run(self) -> None:
        """Add agents while it is worth it, then take away those who hardly were."""
        crew = self._least
        while (further := self._further(crew)) is not None:
            crew = further
        self._add_spare_ones(crew)
        self._thin_out(crew)

    def _further(self, crew: Crew) -> Crew | None:
        """One more agent where that saves most; else two; else as many as it takes to lift what holds the plan up."""
        if self._end(crew) <= self.floor.seconds + _HAIR or self._is_over():
            return None
        if not self._is_thorough:
            return self._several_more(crew) or self._best(crew, self._one_more(crew, self._wanted(crew)[:2]))
        wanted = self._wanted(crew)
        return (
            self._best(crew, self._one_more(crew, wanted))
            or self._best(crew, self._two_more(crew, wanted))
            or self._several_more(crew)
        )

    def _is_over(self) -> bool:
        """Whether all crews but those for taking agents away have been tried."""
        self.is_cut_short = self.is_cut_short or len(self.seen) >= self._crews - 2 * len(self.roles)
        return self.is_cut_short

    def _best(self, crew: Crew, candidates: Iterator[Crew]) -> Crew | None:
        worth = [further for further in candidates if self._is_worth(further, crew)]
        return min(worth, key=self._end, default=None)

    def _one_more(self, crew: Crew, wanted: list[int]) -> Iterator[Crew]:
        return (_with(crew, role) for role in wanted)

    def _two_more(self, crew: Crew, wanted: list[int]) -> Iterator[Crew]:
        """The first of the two must be waited for; what is waited for then, nobody knows."""
        others = [*wanted, *(role for role in range(len(crew)) if role not in wanted)]
        for first, second in combinations_with_replacement(others, 2):
            further = _with(_with(crew, first), second)
            if first in wanted and self._fits(further):
                yield further

    def _several_more(self, crew: Crew) -> Crew | None:
        """The first crew that is worth it when each agent goes to the role whose work binds, or else is waited for.

        Where several roles bind alike nothing is gained until each has one more. Only crews are tried whose bound
        allows what they must gain, and of a large plan only those that are larger by some share.
        """
        end = self._end(crew)
        possible = math.log(end / self.floor.seconds) if self.floor.seconds > 0 else math.inf
        stride = 1 if self._is_thorough else math.ceil(sum(crew) * self._growth)
        bound, further = self._bounds.of(self.slots(crew)), crew
        for more in range(1, 1 + int(min(possible / -math.log(1 - WORTH), self._agents - sum(crew)))):
            role = self._binding(bound, further)
            if role is None or self._is_over():
                return None
            further = _with(further, role)
            bound = self._bounds.of(self.slots(further))
            is_last = bound.seconds <= self.floor.seconds + _HAIR
            if (more >= stride or is_last) and bound.seconds <= end * keep(more) and self._is_worth(further, crew):
                return further
        return None

    @property
    def _growth(self) -> float:
        """By which share a crew should grow at once, so that those which can be tried span enough."""
        return float(_SPAN ** (1 / max(1, self._crews - 2 * len(self.roles)))) - 1

    def _binding(self, bound: Bound, crew: Crew) -> int | None:
        """The role that the bound names, when it may have more; else who is waited for."""
        named = bound.kind.partition(" of role")[2].removeprefix("s").strip().split(", ")
        for role in named:
            if role in self._number and self._fits(_with(crew, self._number[role])):
                return self._number[role]
        return next(iter(self._wanted(crew)), None)

    def _is_worth(self, further: Crew, crew: Crew) -> bool:
        return self._end(further) <= self._end(crew) * keep(sum(further) - sum(crew)) + _HAIR

    def _wanted(self, crew: Crew) -> list[int]:
        """The roles that may have more agents and are waited for, those first that the last chain waits for most.

        Where nobody waits for a role one more agent of it has nothing to do.
        """
        schedule = self._trials.schedule(self.slots(crew))
        chain, waits = [0.0] * len(crew), [0.0] * len(crew)
        for waited, places in ((waits, range(len(schedule.jobs))), (chain, schedule.last_chain())):
            for place in places:
                job = schedule.jobs[place]
                for role in (job.role, *job.fallback):
                    if role in self._number:
                        waited[self._number[role]] += schedule.wait(place)
        able = [role for role, waited in enumerate(waits) if waited > _HAIR and self._fits(_with(crew, role))]
        return sorted(able, key=lambda role: (-chain[role], -waits[role], role))

    def _fits(self, crew: Crew) -> bool:
        return sum(crew) <= self._agents and all(own <= most for own, most in zip(crew, self._most, strict=True))

    def _add_spare_ones(self, crew: Crew) -> None:
        """Try a few more where tasks wait still: as expected they gain nothing, but they may when tasks take longer."""
        for _ in self.roles:
            wanted = self._wanted(crew)
            if not wanted or self._is_over():
                return
            crew = _with(crew, wanted[0])
            self._end(crew)

    def _thin_out(self, crew: Crew) -> None:
        limit = self._end(crew) * (1 + LOSS)
        while len(self.seen) < self._crews:
            fewer = [_with(crew, role, -1) for role, own in enumerate(crew) if own > self._least[role]]
            crew = min(fewer, key=self._end, default=crew)
            if not fewer or self._end(crew) > limit:
                return

    def _end(self, crew: Crew) -> float:
        if crew not in self.seen:
            self.seen[crew] = self._trials.elapsed(self.slots(crew))
        return self.seen[crew]


def keep(agents: int) -> float:
    """The share of the elapsed time that may be left when so many agents are added."""
    return (1 - WORTH) ** agents


def _with(crew: Crew, role: int, more: int = 1) -> Crew:
    return *crew[:role], crew[role] + more, *crew[role + 1 :]
