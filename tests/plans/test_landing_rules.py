"""Which finished branches may land, read from plain data: phases, parts to merge, and why a branch is held."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import pytest

from plait.plans.journal.manifest import EarlierWork
from plait.plans.landing.landing_rules import LandingRules


@dataclass(frozen=True)
class Known:
    """What is known of the work of a run, as a table."""

    built: Mapping[str, float] = field(default_factory=dict)
    needs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    landed: Collection[str] = ()
    outside: Mapping[str, EarlierWork] = field(default_factory=dict)
    unapproved: Collection[str] = ()
    unfinished: Collection[str] = ()

    def is_part(self, task: str) -> bool:
        return task not in self.outside

    def rests_on(self, task: str) -> tuple[str, ...]:
        return self.needs.get(task, ())

    def behind(self, task: str) -> tuple[str, ...]:
        return self.outside[task].behind if task in self.outside else ()

    def has_succeeded(self, task: str) -> bool:
        return task not in self.unfinished


def built(*tasks: str) -> dict[str, float]:
    return dict.fromkeys(tasks, 0.0)


def earlier(*rests_on: str, landed: bool = False) -> EarlierWork:
    return EarlierWork("c", landed=landed, rests_on=rests_on)


def test_a_conflict_inside_a_phase_is_merged_with_all_that_it_rests_on_far_behind_it() -> None:
    works = Known(built=built("A", "B", "C"), needs={"C": ("B",), "B": ("A",)}, unfinished=("D",))
    rules = LandingRules(works, phases=(("A", "B", "C", "D"),))

    assert set(rules.held) == {"A", "B", "C"}
    assert rules.parts_to_merge(["C"]) == ("C", "B", "A")


def test_what_is_held_for_more_than_its_phase_is_no_part_to_merge() -> None:
    works = Known(built=built("A", "B"), needs={"B": ("N",)}, unfinished=("N", "D"))
    rules = LandingRules(works, phases=(("A", "B", "D"),))

    assert set(rules.held) == {"A", "B"}
    assert rules.parts_to_merge(["A", "B"]) == (), "B waits for its need as well"
    assert rules.parts_to_merge(["A"]) == ("A",)


def test_what_may_land_by_itself_is_no_part_to_merge() -> None:
    rules = LandingRules(Known(built=built("A", "ALONE"), unfinished=("D",)), phases=(("A", "D"),))

    assert set(rules.held) == {"A"}
    assert rules.parts_to_merge(["A", "ALONE"]) == ()


@pytest.mark.parametrize(
    ("by", "phase", "reason"),
    [
        ("B", "one", "held back with B: the phase one lands whole or not at all"),
        ("OTHER", "one", "held back with OTHER"),
        ("B", None, "held back with B"),
        ("GONE", None, "held back with GONE, which is not part of this run"),
        ("A", "one", "held back, what it rests on was not approved or is done anew"),
    ],
)
def test_the_phase_is_named_where_the_branch_waits_for_a_task_of_it(by: str, phase: str | None, reason: str) -> None:
    rules = LandingRules(Known(outside={"GONE": earlier()}), phases=(("A", "B"), ("OTHER", "C")))

    assert rules.why_held("A", by, phase=phase) == reason


def test_work_of_earlier_runs_that_would_come_along_is_named_however_far_behind() -> None:
    outside = {"X": earlier("Y"), "Y": earlier("Z"), "Z": earlier(landed=True)}
    works = Known(built=built("A"), needs={"A": ("X",)}, landed=("Z",), outside=outside)

    assert LandingRules(works, phases=()).carried("A") == ("X", "Y")
    assert LandingRules(works, phases=()).held == {}
    assert LandingRules(works, phases=(("Y", "W"),)).held == {"A": "W"}, "Y would come without W"
    assert LandingRules(works, phases=(("Y", "Z"),)).held == {}, "the rest of the phase has landed"
