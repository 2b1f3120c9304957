"""Editions: names with placeholders, which edition a name is, and what is said of two of them."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.plans.errors import PlanError
from plait.plans.language.editions import Edition, edition_name, edition_of, is_edition, name_of_all
from plait.plans.language.parsing import parse_plan
from plait.plans.tasks.edition_change import EditionChange, edition_words, landed_otherwise

PLAN = "feature: '{}'\ntasks:\n  - {{id: A, run: 'true'}}\n"
EDITION = Edition(date(2026, 11, 30), "0badcafe")


@pytest.mark.parametrize(
    ("template", "name", "together"),
    [
        ("nightly-{date}", "nightly-2026-11-30", "nightly"),
        ("{date}-review", "2026-11-30-review", "review"),
        ("a-{date}-{run}-b", "a-2026-11-30-0badcafe-b", "a-b"),
        ("{run}", "0badcafe", ""),
        ("plain", "plain", "plain"),
    ],
)
def test_placeholders_are_filled_in_and_all_editions_have_a_name_together(
    template: str, name: str, together: str
) -> None:
    assert edition_name(template, EDITION) == name
    assert name_of_all(template) == together
    assert is_edition(template) == (template != "plain")
    assert parse_plan(PLAN.format(template)).feature == template


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ("nightly-{day}", "only {date} and {run}"),
        ("x-{date}-{date}", "twice"),
        ("-{date}", "is not a name"),
        ("n/{date}", "is not a name"),
        ("{date", "is not a name"),
        ("a" * 60 + "{date}", "at most 64"),
    ],
)
def test_a_name_that_no_edition_could_have_is_refused(template: str, told: str) -> None:
    with pytest.raises(PlanError) as refused:
        parse_plan(PLAN.format(template))
    assert told in refused.value.problems[0].message


@given(
    template=st.sampled_from(["n-{date}", "{date}", "n-{run}", "{run}-{date}", "a-{date}-b_{run}"]),
    day=st.dates(),
    run=st.text("0123456789abcdef", min_size=8, max_size=8),
)
def test_the_edition_of_a_name_is_the_one_that_it_was_made_of(template: str, day: date, run: str) -> None:
    found = edition_of(template, edition_name(template, Edition(day, run)))
    assert found is not None
    assert found.day == (day if "{date}" in template else date.min)
    assert found.run == (run if "{run}" in template else "")


@pytest.mark.parametrize("feature", ["nightly-2026-13-01", "nightly-soon", "nightly-2026-11-30-b", "other-2026-11-30"])
def test_what_is_no_edition_of_a_name_is_none(feature: str) -> None:
    assert edition_of("nightly-{date}", feature) is None


def test_what_changed_since_the_edition_before_is_one_sentence() -> None:
    change = EditionChange(
        before="n-2026-11-29", commit="0" * 40, files=3, added=10, removed=2, paths=("a", "b"), not_landed_now=("B",)
    )
    assert (
        edition_words(change)
        == "since n-2026-11-29: 3 files differ (+10 −2): a, b and 1 more; B has not landed this time"
    )
    same = EditionChange(before="n-2026-11-29", commit="0" * 40, landed_now=("A", "C"))
    assert edition_words(same) == "since n-2026-11-29: no file differs; A and C landed this time, and not then"
    assert edition_words(None) == ""


def test_what_landed_in_one_edition_only_is_named_in_the_order_of_its_plan() -> None:
    assert landed_otherwise(["A", "B", "C"], ["D", "C", "A"]) == (("D",), ("B",))
