"""Regular expressions of somebody else's: found where they fit, and never waited for."""

from plait.workspace import pattern_search
from plait.workspace.pattern_search import fitting_lines
from tests.support.patience import patience


def test_lines_that_fit_are_found_in_any_case() -> None:
    found = fitting_lines(["out of (fuel|gas)", "^empty$"], ["Out of GAS, come back", "nothing", "empty"])
    assert found.lines == {"Out of GAS, come back", "empty"}
    assert found.slow == ()


def test_one_that_would_take_for_ever_is_given_up_and_the_others_still_count(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(pattern_search, "PATIENCE", 0.5)
    with patience():
        found = fitting_lines([r"(a+)+$", "b$"], ["a" * 60 + "b"])
    assert found.slow == (r"(a+)+$",)
    assert found.lines == {"a" * 60 + "b"}


def test_nothing_is_started_where_there_is_nothing_to_search() -> None:
    assert fitting_lines(["x"], []).lines == frozenset()
    assert fitting_lines([], ["x"]).lines == frozenset()
