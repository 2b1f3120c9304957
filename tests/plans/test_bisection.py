"""A red batch is searched until each rejection is justified by what was seen, and what lands was seen green as one."""

from collections.abc import Callable
from itertools import combinations
from random import Random
from statistics import mean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.plans.landing.bisection import GROUPS_FROM, Search, Verdict, Verify
from plait.plans.landing.blame import Guilty
from plait.plans.landing.branch_sets import Branches, Subset
from plait.plans.landing.sightings import Flakiness, Outcome

Needs = dict[str, tuple[str, ...]]
Check = Callable[[Subset], Outcome]


def named(count: int) -> list[str]:
    return [f"b{number:02}" for number in range(count)]


def breaks(*together: set[str]) -> Check:
    """A check that is red when all of any of these sets are there."""
    return lambda subset: "red" if any(bad <= set(subset) for bad in together) else "green"


class Trial:
    """A search carried out with a check, in slots whose answers come in any order; it watches each question."""

    def __init__(
        self,
        search: Search,
        items: list[str],
        check: Check,
        needs: Needs | None = None,
        slots: int = 1,
        order: Random | None = None,
        unbuildable: float = 0.0,
    ) -> None:
        """`unbuildable`: of how many sets it is said that they do not merge, once it is decided what lands."""
        self.unbuildable = unbuildable
        self.search, self.items, self.check, self.needs, self.slots = search, items, check, needs or {}, slots
        self.random = order
        self.seen: dict[Subset, list[Outcome]] = {tuple(items): ["red"]}
        self.order: list[Subset] = []
        self.running: dict[Subset, None] = {}
        self.to_land = self.repeats = self.skipped = 0
        self.verdict = self._carry_out()

    def _carry_out(self) -> Verdict:
        while isinstance(step := self.search.next_step(tuple(self.running)), Verify):
            self._start(step)
            some = list(self.running)
            if not some:
                continue
            ended = some if self.random is None else self.random.sample(some, self.random.randint(1, len(some)))
            for subset in ended:
                self._verify(subset)
            assert len(self.order) + self.repeats <= 50 + 30 * len(self.items), "no end"
        return step

    def _start(self, step: Verify) -> None:
        for subset in step.stop:
            del self.running[subset]
        for subset in step.subsets:
            assert subset not in self.seen, "asked again without need"
        for subset in step.again:
            assert subset in self.seen
        for subset in (*step.subsets, *step.again):
            assert subset not in self.running, "asked while it runs"
            assert list(subset) == [item for item in self.items if item in subset], "not in merge order"
            assert all(need in subset for item in subset for need in self.needs.get(item, ())), "a need is missing"
            self.running[subset] = None
        for subset in step.subsets if self.random and self.search.landed is not None else ():
            if self.random.random() < self.unbuildable:
                self.search.skip(subset)
                del self.running[subset]
                self.skipped += 1
                assert self.skipped <= 30 * len(self.items), "no end"
        assert (not self.skipped) <= len(self.running) <= self.slots

    def _verify(self, subset: Subset) -> None:
        del self.running[subset]
        outcome = self.check(subset)
        if subset in self.seen:
            self.repeats += 1
        else:
            self.order.append(subset)
        self.seen.setdefault(subset, []).append(outcome)
        decided = self.search.landed
        self.search.record(subset, outcome)
        if decided is None and self.search.landed is not None:
            self.to_land = len(self.order)
        assert decided in (None, self.search.landed), "what lands was decided already"

    @property
    def runs_to_land(self) -> int:
        """Verifications until it is decided what lands: with the first one, without the base and repeats."""
        return self.to_land + 1 - (() in self.order)


def tried(
    items: list[str], check: Check, needs: Needs | None = None, slots: int = 1, order: Random | None = None
) -> Trial:
    trial = Trial(Search(items, needs=needs or {}, slots=slots), items, check, needs, slots, order)
    assert_justified(trial)
    return trial


def assert_justified(trial: Trial) -> None:
    verdict, seen = trial.verdict, trial.seen
    assert "green" in seen[()]
    assert "green" in seen[verdict.landed]
    for guilty in verdict.rejected:
        assert "green" in seen[guilty.green]
        assert set(seen[guilty.red]) == {"red"}
        assert [item for item in guilty.red if item not in guilty.green] == [guilty.item]
        assert set(guilty.green) <= set(guilty.red)
    rejected = {guilty.item for guilty in verdict.rejected}
    out = {*rejected, *verdict.acquitted}
    told = [*verdict.landed, *out, *(item for item, _ in verdict.held)]
    assert sorted(told) == sorted(trial.items)
    for item, by in verdict.held:
        assert by in out
        assert by in needed_by(item, trial.needs)
    for item in [*verdict.landed, *rejected]:
        assert not needed_by(item, trial.needs) & out
    assert set(verdict.flaky) == {subset for subset, outcomes in seen.items() if len(set(outcomes)) > 1}


def needed_by(item: str, needs: Needs) -> set[str]:
    direct = set(needs.get(item, ()))
    return direct.union(*(needed_by(need, needs) for need in direct))


def one_by_one(items: list[str], check: Check, needs: Needs) -> tuple[list[str], list[str]]:
    """What lands and what is rejected when branches are verified one after another."""
    landed: list[str] = []
    rejected: list[str] = []
    for item in items:
        if needed_by(item, needs) <= set(landed):
            (landed if check((*landed, item)) == "green" else rejected).append(item)
    return landed, rejected


@st.composite
def drawn_needs(draw: st.DrawFn, items: list[str]) -> Needs:
    return {
        item: tuple(draw(st.lists(st.sampled_from(items[:place]), max_size=2, unique=True)))
        for place, item in enumerate(items)
        if place and draw(st.booleans())
    }


@given(st.data(), st.integers(1, 12), st.integers(1, 9), st.none() | st.randoms(use_true_random=False))
def test_any_guilty_sets_are_found(data: st.DataObject, count: int, slots: int, order: Random | None) -> None:
    """Of what is rejected nothing fits to what lands, and there is no other reason for it to be rejected."""
    items = named(count)
    needs = data.draw(drawn_needs(items))
    group = st.sets(st.sampled_from(items), min_size=1, max_size=3)
    check = breaks(*data.draw(st.lists(group, min_size=1, max_size=4)))
    if check(tuple(items)) == "green":
        return
    verdict = tried(items, check, needs, slots, order).verdict
    assert verdict.acquitted == verdict.flaky == ()
    for guilty in verdict.rejected:
        together = tuple(item for item in items if item in {*verdict.landed, guilty.item})
        assert check(together) == "red"
    if slots < GROUPS_FROM and order is None:
        landed, rejected = one_by_one(items, check, needs)
        assert list(verdict.landed) == landed
        assert [guilty.item for guilty in verdict.rejected] == rejected


@given(st.data(), st.integers(2, 12), st.integers(1, 3))
def test_singles_and_pairs_are_named_exactly(data: st.DataObject, count: int, slots: int) -> None:
    items = named(count)
    singles = data.draw(st.sets(st.sampled_from(items), max_size=3))
    pairs = data.draw(st.lists(st.sampled_from(list(combinations(items, 2))), max_size=3))
    together = [*({item} for item in singles), *map(set, pairs)]
    if not together:
        return
    verdict = tried(items, breaks(*together), slots=slots).verdict
    for guilty in verdict.rejected:
        partners = [one for one, other in pairs if other == guilty.item and one in guilty.green]
        if guilty.item in singles:
            assert (guilty.kind, guilty.partner) == ("fails-alone", None)
        else:
            assert (guilty.kind, guilty.partner) == ("pair", min(partners))
    assert singles <= {guilty.item for guilty in verdict.rejected}


@given(st.data(), st.integers(1, 8), st.integers(1, 3), st.integers(0, 2**32))
def test_even_a_check_without_rhyme_or_reason_is_only_believed_as_seen(
    data: st.DataObject, count: int, slots: int, seed: int
) -> None:
    items = named(count)

    def check(subset: Subset) -> Outcome:
        return "green" if not subset else Random(f"{seed}{subset}").choice(("green", "red"))  # noqa: S311 - a hash

    tried(items, check, data.draw(drawn_needs(items)), slots)


def test_three_that_fail_only_together_are_an_interaction() -> None:
    items = named(9)
    (guilty,) = tried(items, breaks({"b02", "b04", "b07"})).verdict.rejected
    assert (guilty.item, guilty.kind, guilty.partner) == ("b07", "interaction", "b04")


def test_a_branch_that_breaks_what_it_needs_fails_alone() -> None:
    verdict = tried(named(4), breaks({"b01", "b03"}), {"b03": ("b01",)}).verdict
    assert verdict.rejected == (Guilty("b03", "fails-alone", None, ("b01",), ("b01", "b03")),)


def test_what_needs_a_rejected_branch_is_held_also_through_tasks_outside_of_the_batch() -> None:
    search = Search(named(4), needs={"b03": ("docs",), "docs": ("b01",)})
    verdict = Trial(search, named(4), breaks({"b01"}), {}).verdict
    assert verdict.held == (("b03", "b01"),)
    assert verdict.landed == ("b00", "b02")


def test_a_single_branch_needs_one_look_at_the_base() -> None:
    trial = tried(["a"], breaks({"a"}))
    assert (trial.order, trial.repeats) == ([()], 2)
    assert trial.verdict.rejected == (Guilty("a", "fails-alone", None, (), ("a",)),)


def test_all_bad_are_all_rejected() -> None:
    items = named(5)
    verdict = tried(items, breaks(*({item} for item in items))).verdict
    assert verdict.landed == ()
    assert {guilty.kind for guilty in verdict.rejected} == {"fails-alone"}


def test_a_base_that_is_red_again_and_again_stops_the_search() -> None:
    search = Search(named(3), needs={})
    assert search.next_step() == Verify(((),))
    assert search.landed is None
    search.record((), "red")
    assert search.next_step() == Verify((), again=((),))
    search.record((), "red")
    assert search.next_step() == Verdict((), (), (), base_red=True)


def test_a_base_that_is_green_after_all_lets_the_search_go_on() -> None:
    search = Search(named(3), needs={})
    search.record((), "red")
    search.record((), "green")
    assert search.next_step() == Verify((("b00",),))


def test_two_slots_are_both_used_and_one_that_gets_free_at_once() -> None:
    search = Search(named(9), needs={}, slots=2)
    step = search.next_step()
    assert step == Verify(((), tuple(named(9)[:2])))
    search.record((), "green")
    more = search.next_step(step.subsets[1:])
    assert isinstance(more, Verify)
    assert len(more.subsets) == 1
    assert search.next_step([*step.subsets[1:], *more.subsets]) == Verify(())


def test_what_can_matter_no_more_is_stopped() -> None:
    search = Search(named(9), needs={}, slots=2)
    search.record((), "green")
    short, long = named(9)[:2], named(9)[:6]
    search.record(short, "red")
    step = search.next_step([tuple(long)])
    assert isinstance(step, Verify)
    assert step.stop == (tuple(long),)


def test_a_later_green_clears_an_earlier_red() -> None:
    """The second branch mends what the first breaks, and the last is bad."""

    def check(subset: Subset) -> Outcome:
        return "red" if "b08" in subset or ("b00" in subset and "b01" not in subset) else "green"

    verdict = tried(named(9), check).verdict
    assert [guilty.item for guilty in verdict.rejected] == ["b08"]


def landing(search: Search, check: Check) -> Subset:
    """Go on until it is decided what lands."""
    while search.landed is None:
        step = search.next_step()
        assert isinstance(step, Verify)
        for subset in step.subsets:
            search.record(subset, check(subset))
    return search.landed


def test_what_lands_is_known_before_it_is_known_why_the_rest_does_not() -> None:
    search = Search(named(8), needs={})
    assert landing(search, breaks({"b02", "b06"})) == ("b00", "b01", "b02", "b03", "b04", "b05", "b07")
    assert search.next_step() == Verify((("b06",),))
    with pytest.raises(ValueError, match="decided"):
        search.drop("b06")
    search.skip(("b06",))
    verdict = ended(search, breaks({"b02", "b06"}))
    assert (verdict.rejected[0].kind, verdict.rejected[0].partner) == ("interaction", None)


def ended(search: Search, check: Check) -> Verdict:
    while isinstance(step := search.next_step(), Verify):
        for subset in (*step.subsets, *step.again):
            search.record(subset, check(subset))
    return step


def test_a_branch_that_cannot_be_merged_without_another_is_dropped_with_its_dependents() -> None:
    search = Search(named(4), needs={"b03": ("b02",)})
    search.record((), "green")
    search.record(("b00",), "red")
    search.drop("b02", by="b00")
    verdict = ended(search, breaks({"b00"}))
    assert verdict.landed == ("b01",)
    assert verdict.held == (("b02", "b00"), ("b03", "b02"))
    assert verdict.dropped == ()


def test_a_branch_dropped_for_no_other_is_listed_apart() -> None:
    search = Search(["a", "b"], needs={})
    search.record((), "green")
    search.drop("b")
    search.record(("a",), "green")
    assert search.next_step() == Verdict(("a",), (), (), dropped=("b",))


def test_what_is_green_after_it_was_red_is_a_flake_and_lands() -> None:
    search = Search(["a", "b"], needs={})
    search.record((), "green")
    search.record(("a",), "red")
    search.record(("a", "b"), "green")
    assert search.next_step() == Verdict(("a", "b"), (), (), flaky=(("a", "b"),))


def test_one_red_that_is_followed_by_green_rejects_nobody() -> None:
    search = Search(named(8), needs={})
    once = iter(["red"])

    def check(subset: Subset) -> Outcome:
        return "red" if "b05" in subset else next(once, "green") if subset == ("b00", "b01") else "green"

    verdict = ended(search, check)
    assert [guilty.item for guilty in verdict.rejected] == ["b05"]
    assert sorted(verdict.landed + verdict.acquitted) == [item for item in named(8) if item != "b05"]


def test_checks_that_are_red_as_often_as_not_reject_nobody() -> None:
    coin = Random(3)  # noqa: S311 - the same draws each time

    def check(subset: Subset) -> Outcome:
        return "green" if not subset else coin.choice(("green", "red"))

    search = Search(named(8), needs={}, flakiness=Flakiness(flakes=40, verifications=80))
    verdict = ended(search, check)
    assert verdict.rejected == ()
    assert verdict.flaky


@pytest.mark.parametrize("slots", [1, 8])
def test_two_false_reds_of_a_hundred_reject_no_innocent(slots: int) -> None:
    """With one bad of 16; the goal is one batch of 1,000 at most (`benchmarks.search` tries more)."""
    items, draws = named(16), Random(5)  # noqa: S311 - the same draws each time
    for _ in range(150):
        bad = draws.choice(items)
        verdict = ended(
            Search(items, needs={}, slots=slots),
            lambda subset, bad=bad: "red" if bad in subset or draws.random() < 0.02 else "green",
        )
        assert [guilty.item for guilty in verdict.rejected] == [bad]


@given(st.data(), st.integers(1, 9), st.integers(1, 6), st.randoms(use_true_random=False))
def test_flakes_of_any_kind_come_to_an_end_with_all_that_is_said_seen(
    data: st.DataObject, count: int, slots: int, order: Random
) -> None:
    items = named(count)
    needs = data.draw(drawn_needs(items))
    bad = breaks(*data.draw(st.lists(st.sets(st.sampled_from(items), min_size=1, max_size=3), max_size=3)))
    false_red, false_green = data.draw(st.tuples(st.floats(0, 0.9), st.floats(0, 0.9)))

    def check(subset: Subset) -> Outcome:
        truth = bad(subset)
        lies = order.random() < (false_green if truth == "red" else false_red)
        return "green" if (truth == "green") != lies else "red"

    trial = Trial(Search(items, needs=needs, slots=slots), items, check, needs, slots, order, unbuildable=0.2)
    if not trial.verdict.base_red:
        assert_justified(trial)


@pytest.mark.parametrize("bad_call", [["b", "a"], ["a", "z"], ["a", "a"]])
def test_a_set_that_is_not_of_the_batch_in_merge_order_is_refused(bad_call: list[str]) -> None:
    with pytest.raises(ValueError, match="not in"):
        Search(["a", "b"], needs={}).record(bad_call, "red")


def test_a_batch_out_of_dependency_order_is_refused() -> None:
    with pytest.raises(ValueError, match="a is merged before a branch that it needs"):
        Search(["a", "b"], needs={"a": ("b",)})


def test_a_suspected_branch_is_looked_at_sooner() -> None:
    items, check = named(64), breaks({"b40"})
    told = Trial(Search(items, needs={}, priors={"b40": 0.9}), items, check, {})
    assert told.runs_to_land < tried(items, check).runs_to_land


@pytest.mark.parametrize(("guilty", "most"), [(1, 10.0), (2, 16.0), (4, 26.0), (8, 41.0)])
def test_few_runs_are_needed(guilty: int, most: float) -> None:
    """Means for 64 branches with the red run of the full set, without the base; halving takes 13, 21, 35, 54."""
    items, runs = named(64), []
    for draw in range(12):
        bad = Random(draw).sample(items, guilty)  # noqa: S311 - the same draws each time
        runs.append(tried(items, breaks(*({item} for item in bad))).runs_to_land)
    assert mean(runs) <= most


def test_a_batch_with_a_branch_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="twice"):
        Branches(["a", "b", "a"], {})
