"""What searches have seen is kept for the next one, bounded, and damage to it costs nothing."""

import pytest

from plait.agent_tasks.search_memory import _MOST, Remembered, keep, recall
from plait.plans.landing.sightings import Flakiness
from plait.plans.landing.suspicion import Changes, Tally
from plait.workspace.control import Control


def test_what_is_kept_is_recalled(control: Control) -> None:
    batch = {"A": Changes(paths=("a.py", "b.py")), "B": Changes(paths=("b.py",))}
    seen = Remembered().with_flakes(("pytest",), Flakiness(1, 9)).with_batch(batch, {"A"})
    keep(control, seen)
    assert recall(control) == seen
    assert seen.commands == {"pytest": 1}
    assert seen.paths == {"a.py": Tally(1, 1), "b.py": Tally(1, 2)}


def test_files_that_nobody_was_rejected_with_are_not_kept_and_old_ones_go() -> None:
    assert Remembered().with_batch({"A": Changes(paths=("a.py",))}, set()).paths == {}
    many = Remembered()
    for number in range(400):
        many = many.with_batch({"A": Changes(paths=(f"{number}.py",))}, {"A"})
    assert len(many.paths) == 300
    assert "399.py" in many.paths


def test_a_check_that_was_mended_is_trusted_again() -> None:
    seen = Remembered().with_flakes((), Flakiness(20, 300))
    for _ in range(20):
        seen = seen.with_flakes((), Flakiness(0, 150))
    assert seen.flakiness.rate < 0.01


def test_what_was_seen_counts_in_full_until_there_is_much_of_it_and_half_from_then_on() -> None:
    full = Remembered().with_flakes((), Flakiness(1, _MOST - 1)).with_flakes((), Flakiness(1, 1))
    assert full.flakiness == Flakiness(2, _MOST)
    more = full.with_flakes((), Flakiness(0, 2))
    assert more.flakiness == Flakiness(1, _MOST / 2 + 1)


@pytest.mark.parametrize("damage", ["", "[]", '{"flakes": "x"}', '{"flakes": 1, "verifications": 1e400}', "\x00"])
def test_what_is_damaged_is_forgotten(control: Control, damage: str) -> None:
    (control.directory / "searches.json").write_text(damage, encoding="utf-8")
    assert recall(control) == Remembered()
