"""Which branches of a red batch may land, and which are guilty: a search that asks what to verify next."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from plait.plans.landing.blame import Acquitted, Guilty, Inquiry, Question, Suspect, between
from plait.plans.landing.branch_sets import Branches, Subset, places, union
from plait.plans.landing.halving import Chances, groups, prefixes
from plait.plans.landing.sightings import Flakiness, Outcome, Sightings

GROUPS_FROM = 4
"""From how many slots on groups are seen beside each other; with fewer, prefixes take fewer verifications."""


@dataclass(frozen=True, slots=True)
class Verify:
    """What to verify now; () is the base."""

    subsets: tuple[Subset, ...]
    """Not verified before."""
    again: tuple[Subset, ...] = ()
    """Verified before: whether it is red each time."""
    stop: tuple[Subset, ...] = ()
    """Of what is being verified, what can matter no more."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of each branch of the batch."""

    landed: Subset
    """In merge order; exactly this has been seen green."""
    rejected: tuple[Guilty, ...]
    held: tuple[tuple[str, str], ...]
    """Branches that need a rejected, dropped or acquitted one, and which."""
    base_red: bool = False
    """The base is red without any branch: nothing was searched, nobody is to blame."""
    dropped: Subset = ()
    """Branches that the caller took out without naming another."""
    acquitted: Subset = ()
    """Branches that were left out because of a flake, and wait for the next batch."""
    flaky: tuple[Subset, ...] = ()
    """What was seen both red and green."""


@dataclass(frozen=True, slots=True)
class Stand:
    """Where the search stands: what is seen green as one, who is left out, and what is left."""

    accepted: int
    suspects: tuple[Suspect, ...]
    held: Mapping[int, int]
    rest: tuple[int, ...]
    chain: tuple[int, ...]
    """`accepted` with none, one, two … all of `rest`."""
    red: int | None
    """The length of the shortest chain seen red."""
    cleared: int = 0
    """Branches that are in some set that was seen green."""
    doubts: tuple[int, ...] = ()
    """Of each set that was seen red, and of which nobody is left out, the branches that were never in a green one."""


class Search:
    """The search of a batch whose full set was seen red.

    With few slots, branches are added in merge order to what is seen green, and the length at which that turns red is
    found by looking at the quantiles of where the first bad branch is, given what is known. With `GROUPS_FROM` slots,
    red sets are cut into groups that are seen beside each other. Either way a branch is left out when it is red alone,
    or with what is green without it, or when all else of a red set is cleared; then what is left must be seen green
    as one, whole and exact: it is `landed`. What needs a branch that is left out is held.
    With nothing at stake any more, the suspects are looked into (`blame`): each rejection has been seen green without
    and red with, so often that flakes are no explanation; others are acquitted.

    Where the search stands follows from what was recorded alone, so answers may come in any order, twice, or never.
    `priors` are probabilities (0 to 1) that a branch is bad. Raises ValueError for an empty batch, or one that is not
    in dependency order.
    """

    def __init__(
        self,
        items: Sequence[str],
        *,
        needs: Mapping[str, Collection[str]],
        slots: int = 1,
        priors: Mapping[str, float] | None = None,
        flakiness: Flakiness | None = None,
    ) -> None:
        if not items:
            raise ValueError("a batch without branches cannot be searched")
        self._branches = Branches(items, needs)
        self._slots = max(1, slots)
        least = 1 / len(items)
        self._priors = [max(least, (priors or {}).get(item, 0.0)) for item in items]
        self._seen = Sightings(flakiness or Flakiness())
        self._seen.add(self._branches.full, "red")
        self._dropped: dict[int, str | None] = {}
        self._unbuildable: frozenset[int] = frozenset()
        self._wholes: dict[int, Stand] = {}
        """By set that was asked for as all that is left: where the search stood."""
        self._settled: Stand | None = None

    def record(self, subset: Sequence[str], outcome: Outcome) -> None:
        """Tell what came of a set, each time. Raises ValueError for a set that is not in merge order."""
        known = self._branches.set_of(subset)
        self._seen.add(known, outcome)
        self._settle()

    def drop(self, item: str, by: str | None = None) -> None:
        """Take a branch out that cannot be merged (without `by`); what needs it is held. ValueError once `landed`."""
        if self._settled is not None:
            raise ValueError(f"{item} cannot be dropped: what lands is decided; tell of a set by `skip`")
        self._dropped[self._branches.place[item]] = by
        self._settle()

    def skip(self, subset: Sequence[str]) -> None:
        """Tell that a set asked for after `landed` cannot be built."""
        self._unbuildable |= {self._branches.set_of(subset)}

    @property
    def landed(self) -> Subset | None:
        """What lands, seen green, once that is decided; it can land while `next_step` still asks about the others."""
        return None if self._settled is None else self._branches.named(self._settled.accepted)

    @property
    def suspects(self) -> Subset:
        """Once `landed`: who is left out, and of whom it is still to be seen why; what needs them is not told here."""
        places_left = () if self._settled is None else [suspect.place for suspect in self._settled.suspects]
        return tuple(self._branches.items[place] for place in places_left)

    @property
    def held(self) -> tuple[tuple[str, str], ...]:
        """Once `landed`: the branches that need one that is left out, and which."""
        items = self._branches.items
        held = {} if self._settled is None else dict(self._settled.held)
        by = {place: items[cause] for place, cause in held.items()}
        by |= {place: name for place, name in self._dropped.items() if name is not None}
        return tuple((items[place], by[place]) for place in sorted(by))

    @property
    def dropped(self) -> Subset:
        """The branches that were dropped for no other."""
        items = self._branches.items
        return tuple(items[place] for place in sorted(self._dropped) if self._dropped[place] is None)

    @property
    def flakiness_seen(self) -> Flakiness:
        """How often what is green was red in this search alone."""
        seen = self._seen.flakiness
        past = self._seen.past
        return Flakiness(seen.flakes - past.flakes, seen.verifications - past.verifications)

    def next_step(self, running: Collection[Subset] = ()) -> Verify | Verdict:
        """What to verify beside what is `running`, and what of that can be stopped; or the verdict."""
        going = {self._branches.set_of(subset) for subset in running}
        base = self._seen.times(0) and 0 not in self._seen.greens
        if base and self._seen.reds[0] >= max(2, self._seen.reds_to_believe):
            return Verdict((), (), (), base_red=True)
        if self._settled is not None:
            return self._explain(self._settled, going)
        stand = self._stand()
        going_on = {subset for subset in going if self._matters(stand, subset)}
        free = self._slots - len(going_on)
        asked: list[int] = [0] if 0 not in self._seen.greens and 0 not in going else []
        if not base:  # as long as the base may be red, nothing else is worth a run
            asked += self._asked(stand, going_on, free - len(asked))
        fresh = [subset for subset in dict.fromkeys(asked) if subset not in going]
        if not fresh and not going_on:  # what does not fit together says no more by groups
            lengths = stand.chain[1 : stand.red]
            going_on = going & {lengths[len(lengths) // 2]}
            fresh = [lengths[len(lengths) // 2]] if not going_on else []
        return self._verify(fresh[: max(0, free)], stop=going - going_on)

    def _asked(self, stand: Stand, running: set[int], count: int) -> list[int]:
        if count < 1 or not stand.rest:
            return []
        self._wholes[stand.chain[-1]] = stand
        chances = Chances.of(self._priors, stand)
        known = self._seen.outcomes
        if self._slots >= GROUPS_FROM and (asked := groups(stand, self._branches, chances, known, running, count)):
            return asked
        return prefixes(stand, self._branches, chances, known, running, count)

    def _verify(self, subsets: Collection[int], *, stop: Collection[int] = ()) -> Verify:
        fresh = [subset for subset in subsets if not self._seen.times(subset)]
        again = [subset for subset in subsets if self._seen.times(subset)]
        named = self._branches.named
        return Verify(tuple(map(named, fresh)), tuple(map(named, again)), tuple(map(named, sorted(stop))))

    def _settle(self) -> None:
        """See whether it is decided what lands: a whole was seen green, and so was the base."""
        if self._settled is not None or 0 not in self._seen.greens:
            return
        stand = self._stand()
        if not stand.rest:
            self._settled = stand
            return
        for whole, then in self._wholes.items():
            if whole in self._seen.greens and not whole & self._set_of(self._dropped):
                self._settled = Stand(whole, then.suspects, then.held, (), (whole,), None)

    @staticmethod
    def _set_of(some: Collection[int]) -> int:
        return union(1 << place for place in some)

    def _matters(self, stand: Stand, subset: int) -> bool:
        """Whether what comes of a set can tell anything, or make it land."""
        if subset == 0 or subset in stand.chain[1 : stand.red]:
            return True
        left, doubtful = union(1 << place for place in stand.rest), subset & ~stand.cleared
        is_open = subset & ~(stand.accepted | left) == 0 and doubtful != 0
        return is_open and not any(doubt & ~doubtful == 0 for doubt in stand.doubts)

    def _stand(self) -> Stand:
        """Follow what was seen from the base to where something is missing."""
        known = self._seen.outcomes
        reds = sorted(subset for subset, outcome in known.items() if outcome == "red")
        cleared = union(self._seen.greens)
        out = self._red_alone(known, cleared)
        inferred: dict[int, Suspect] = {}
        accepted = 0
        while True:
            gone, held = self._gone(out.keys() | inferred.keys())
            rest = [place for place in range(len(self._branches.items)) if not (gone | accepted) >> place & 1]
            chain = [accepted, *(accepted | added for added in accumulate((1 << place for place in rest), int.__or__))]
            low, red = between(chain, known)
            accepted, rest, chain = chain[low], rest[low:], chain[low:]
            if red is not None and red - low == 1:
                out[rest[0]] = Suspect(rest[0], accepted)
                guilty = self._set_of(out)
                inferred = {place: suspect for place, suspect in inferred.items() if not suspect.green & guilty}
                continue
            doubts = [red_set & ~cleared for red_set in reds if not red_set & gone]
            last = next((n for n, doubt in enumerate(doubts) if doubt and not doubt & (doubt - 1)), None)
            if last is None:
                suspects, held = self._told({**inferred, **out}, held)
                length = None if red is None else red - low
                open_doubts = tuple(doubt for doubt in doubts if doubt)
                return Stand(accepted, suspects, held, tuple(rest), tuple(chain), length, cleared, open_doubts)
            red_set = [red_set for red_set in reds if not red_set & gone][last]
            place = doubts[last].bit_length() - 1
            inferred[place] = Suspect(place, red_set & ~doubts[last])

    def _red_alone(self, known: Mapping[int, Outcome], cleared: int) -> dict[int, Suspect]:
        """The branches that are red with their needs alone, which are green."""
        suspects: dict[int, Suspect] = {}
        for place, alone in enumerate(self._branches.closure):
            without = alone & ~(1 << place)
            if known.get(alone) == "red" and known.get(without) == "green" and not cleared >> place & 1:
                suspects[place] = Suspect(place, without)
        return {place: suspect for place, suspect in suspects.items() if place not in self._dropped}

    def _gone(self, suspects: Collection[int]) -> tuple[int, dict[int, int]]:
        """All that does not land by now, and of what is held by which."""
        gone, held = self._set_of({*suspects, *self._dropped}), dict[int, int]()
        for place in (*self._dropped, *suspects):
            for dependent in self._branches.dependents(place):
                if not gone >> dependent & 1:
                    gone |= 1 << dependent
                    held[dependent] = place
        return gone, held

    def _told(
        self, suspects: Mapping[int, Suspect], held: Mapping[int, int]
    ) -> tuple[tuple[Suspect, ...], dict[int, int]]:
        """The suspects in merge order, and what is held: also who is suspected, and needs somebody who is."""
        held, told = dict(held), list[Suspect]()
        for place in sorted(suspects):
            needs = self._branches.closure[place] & ~(1 << place)
            cause = next((suspect.place for suspect in told if needs >> suspect.place & 1), None)
            if cause is None:
                told.append(suspects[place])
            else:
                held[place] = cause
        return tuple(told), held

    def _explain(self, stand: Stand, running: set[int]) -> Verify | Verdict:
        inquiry = Inquiry(self._branches, self._seen, self._unbuildable, self._slots)
        answers = [inquiry.into(suspect) for suspect in stand.suspects]
        questions = [answer.subsets for answer in answers if isinstance(answer, Question)]
        wanted = list(dict.fromkeys(subset for subsets in questions for subset in subsets))
        if wanted:
            going_on = [subset for subset in wanted if subset in running]
            fresh = [subset for subset in wanted if subset not in running]
            return self._verify(fresh[: max(0, self._slots - len(going_on))], stop=running.difference(wanted))
        guilty = tuple(answer for answer in answers if isinstance(answer, Guilty))
        acquitted = {answer.place for answer in answers if isinstance(answer, Acquitted)}
        return self._verdict(self._with_acquitted(stand, acquitted), guilty, acquitted)

    def _with_acquitted(self, stand: Stand, acquitted: set[int]) -> Stand:
        """The largest of what was seen green with some who were acquitted, where nothing would land without them."""
        if stand.accepted:
            return stand
        out = self._set_of({*(suspect.place for suspect in stand.suspects), *self._dropped} - acquitted)
        green = [subset for subset in self._seen.greens if not self._branches.with_dependents(out) & subset]
        landing = max(green, key=lambda subset: (subset.bit_count(), -subset))
        left = {place: by for place, by in stand.held.items() if not landing >> place & 1}
        held = {place: by for place, by in left.items() if not landing >> by & 1}
        acquitted |= left.keys() - held.keys()
        acquitted -= set(places(landing))
        return replace(stand, accepted=landing, held=held)

    def _verdict(self, stand: Stand, guilty: tuple[Guilty, ...], acquitted: Collection[int]) -> Verdict:
        self._settled = stand
        return Verdict(
            landed=self._branches.named(stand.accepted),
            rejected=guilty,
            held=self.held,
            dropped=self.dropped,
            acquitted=tuple(self._branches.items[place] for place in sorted(acquitted)),
            flaky=tuple(map(self._branches.named, sorted(self._seen.flaky))),
        )
