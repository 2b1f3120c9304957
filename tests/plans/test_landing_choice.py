"""Of branches that do not fit together the largest set lands, the most urgent of equally large ones."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import combinations
from math import inf, nan
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from plait.plans.landing.landing_choice import Choice, Contender, choose


def pairs(*texts: str) -> frozenset[frozenset[str]]:
    return frozenset(frozenset(text) for text in texts)


def of(*tasks: str, **behind: float) -> list[Contender]:
    return [Contender(task, behind=behind.get(task, 0.0)) for task in tasks]


def test_two_land_rather_than_one_however_much_waits_for_it() -> None:
    choice = choose(of("A", "B", "C", B=3600), pairs("AB", "BC"))
    assert (choice.lands, choice.waits) == (("A", "C"), {"B": "A"})


def test_of_two_that_clash_the_one_with_more_behind_it_lands() -> None:
    assert choose(of("A", "B", B=3600), pairs("AB")) == Choice(("B",), ("B",), {"A": "B"}, exact=True)
    assert choose(of("A", "B"), pairs("AB")).lands == ("A",)


def test_a_class_counts_more_than_what_is_behind_and_what_is_done_counts_least() -> None:
    critical = Contender("B", priority=1)
    assert choose([Contender("A", behind=9e9), critical], pairs("AB")).lands == ("B",)
    assert choose([Contender("A", behind=1), Contender("B", done=9e9)], pairs("AB")).lands == ("A",)
    assert choose([Contender("A"), Contender("B", done=60)], pairs("AB")).lands == ("B",)


def test_what_needs_a_branch_counts_with_it_and_waits_with_it() -> None:
    branches = [Contender("A", behind=3600), Contender("B"), Contender("C", needs=("B",))]
    choice = choose(branches, pairs("AB"))
    assert (choice.lands, choice.waits) == (("B", "C"), {"A": "B"})
    choice = choose([*branches, Contender("D")], pairs("AB", "CD"))
    assert (choice.lands, choice.waits) == (("A", "D"), {"B": "A", "C": "D"})


def test_what_clashes_with_the_base_waits_for_nobody_and_holds_what_needs_it() -> None:
    choice = choose([Contender("A"), Contender("B", needs=("A",)), Contender("C")], pairs("A"))
    assert (choice.lands, choice.waits) == (("C",), {"B": "A"})


def test_a_group_lands_whole_or_not_at_all() -> None:
    branches = of("A", "B", "C", "D", D=3600)
    choice = choose(branches, pairs("BD"), groups=[("A", "B", "C")])
    assert (choice.lands, choice.waits) == (("A", "B", "C"), {"D": "B"})
    choice = choose([*branches, Contender("E"), Contender("F")], pairs("BD", "BE", "BF"), groups=[("A", "B", "C")])
    assert choice.lands == ("D", "E", "F")
    assert (choice.merges, choice.waits) == (("A", "C", "D", "E", "F"), {"B": "D"})


def test_what_of_a_group_cannot_land_is_merged_all_the_same_where_it_takes_no_place() -> None:
    choice = choose(of("A", "B", "C", "D"), pairs("AB", "CD"), groups=[("A", "B")], incomplete=("D",))
    assert choice.lands == ("C",)
    assert (choice.merges, choice.waits) == (("A", "C"), {"B": "A", "D": "C"})


def test_odd_figures_and_unknown_names_do_no_harm() -> None:
    branches = [Contender("A", needs=("gone",), behind=inf), Contender("B", behind=nan), Contender("C", behind=-5)]
    choice = choose(branches, pairs("AB", "BX", "X"), groups=[("X", "Y")], incomplete=("Z",))
    assert choice.lands == ("A", "C")
    assert choose([], ()) == Choice((), (), {}, exact=True)


@st.composite
def fields(draw: st.DrawFn) -> tuple[list[Contender], set[frozenset[str]], list[list[str]]]:
    """Branches in merge order, clashes among them, groups."""
    size = draw(st.integers(1, 8))
    names = [f"t{number}" for number in range(size)]
    branches = [
        Contender(
            name,
            tuple(draw(st.lists(st.sampled_from(names[:place]), max_size=2, unique=True))) if place else (),
            draw(st.integers(1, 5)),
            draw(st.integers(0, 3)),
            draw(st.integers(0, 3)),
        )
        for place, name in enumerate(names)
    ]
    some = st.lists(st.sampled_from(names), min_size=1, max_size=2, unique=True).map(frozenset)
    groups = st.lists(st.lists(st.sampled_from(names), min_size=1, unique=True), max_size=2)
    return branches, draw(st.sets(some, max_size=12)), draw(groups)


def fits(chosen: Collection[str], branches: Sequence[Contender], clashes: Collection[frozenset[str]]) -> bool:
    known = {branch.task for branch in branches}
    return not any(clash <= set(chosen) for clash in clashes) and all(
        need in chosen for branch in branches if branch.task in chosen for need in branch.needs if need in known
    )


def rank(chosen: Collection[str], branches: Sequence[Contender]) -> tuple[object, ...]:
    """The rule as it is written down: what compares greater lands."""
    some = [branch for branch in branches if branch.task in chosen]
    return (
        len(some),
        *(sum(branch.priority == level for branch in some) for level in range(1, 6)),
        sum(branch.behind for branch in some),
        sum(branch.done for branch in some),
        [branch.task in chosen for branch in branches],
    )


@settings(max_examples=400)
@given(fields())
def test_no_other_choice_is_better(
    drawn: tuple[list[Contender], set[frozenset[str]], list[list[str]]],
) -> None:
    branches, clashes, groups = drawn
    tasks = [branch.task for branch in branches]
    sets = [some for size in range(len(tasks) + 1) for some in combinations(tasks, size)]
    whole = [
        some
        for some in sets
        if fits(some, branches, clashes)
        and all(set(group) <= set(some) or set(group).isdisjoint(some) for group in groups)
    ]
    choice = choose(branches, clashes, groups=groups)
    assert choice.exact
    assert choice.lands == max(whole, key=lambda some: rank(some, branches))
    merging = (some for some in sets if set(choice.lands) <= set(some) and fits(some, branches, clashes))
    assert choice.merges == max(merging, key=lambda some: rank(some, branches))


@settings(max_examples=200)
@given(fields())
def test_who_is_left_out_waits_for_one_that_it_cannot_go_with(
    drawn: tuple[list[Contender], set[frozenset[str]], list[list[str]]],
) -> None:
    branches, clashes, groups = drawn
    choice = choose(branches, clashes, groups=groups)
    needs = {branch.task: branch.needs for branch in branches}
    for task, by in choice.waits.items():
        kin = {task}
        while more := {need for one in kin for need in needs[one]} - kin:
            kin |= more
        assert task not in choice.merges
        assert by != task
        assert any(frozenset((by, one)) in clashes for one in kin) if by in choice.merges else by in kin
    alone = {task for clash in clashes if len(clash) == 1 for task in clash}
    assert {branch.task for branch in branches} == {*choice.merges, *choice.waits} | alone - {*choice.waits}


def test_the_effort_is_bounded_and_the_choice_sound_however_many_clash() -> None:
    random = Random(7)  # noqa: S311 - drawn clashes, no secret
    tasks = [f"t{number}" for number in range(300)]
    branches = [Contender(task, tuple(random.sample(tasks[:place], min(place, 1)))) for place, task in enumerate(tasks)]
    clashes = {frozenset(random.sample(tasks, 2)) for _ in range(3000)}
    choice = choose(branches, clashes)
    assert fits(choice.merges, branches, clashes)
    for task in set(tasks) - set(choice.merges):
        assert not fits({*choice.merges, task}, branches, clashes)
    again = choose([replace(branch) for branch in branches], sorted(clashes, key=sorted))
    assert again == choice


def test_one_against_all_is_left_out_without_a_search() -> None:
    tasks = [f"t{number}" for number in range(500)]
    choice = choose(of(*tasks), [frozenset(("t0", task)) for task in tasks[1:]])
    assert choice.exact
    assert choice.waits == {"t0": "t1"}
