"""What agents used up, added up."""

from hypothesis import given
from hypothesis import strategies as st

from plait.plans.tasks.outcomes import FeatureOutcome
from plait.plans.usage import Usage, usage_of
from plait.show.metrics import measure
from plait.show.outcome_json import outcome_record
from plait.show.run_report import report_markdown, report_text
from tests.support.outcomes import a_task, an_outcome

COUNTS = st.none() | st.integers(0, 10**9)
USES = st.builds(
    Usage,
    input_tokens=COUNTS,
    output_tokens=COUNTS,
    cached_input_tokens=COUNTS,
    usd=st.none() | st.integers(0, 1000).map(float),
    turns=COUNTS,
    model=st.none() | st.sampled_from(["small", "large"]),
    session=st.none() | st.text(max_size=5),
    exact=st.booleans(),
)


@given(st.lists(st.none() | USES))
def test_what_was_told_is_added_up_and_what_nobody_told_is_no_zero(uses: list[Usage | None]) -> None:
    total = usage_of(uses)
    told = [usage for usage in uses if usage is not None]
    if total is None:
        assert not told
        return
    for name in ("input_tokens", "output_tokens", "cached_input_tokens", "usd", "turns"):
        figures = [figure for usage in told if (figure := getattr(usage, name)) is not None]
        assert getattr(total, name) == (sum(figures) if figures else None)
    assert total.exact == (None not in uses and all(usage.exact for usage in told))


@given(st.lists(st.none() | USES), st.lists(st.none() | USES))
def test_a_sum_of_sums_is_the_sum(first: list[Usage | None], second: list[Usage | None]) -> None:
    parts = [usage_of(part) for part in (first, second) if part]
    assert usage_of(parts) == usage_of([*first, *second])


def test_the_last_model_and_session_are_told() -> None:
    uses = [Usage(model="small", session="1"), Usage(model="large"), Usage()]
    assert usage_of(uses) == Usage(model="large", session="1")


def used(**fields: object) -> FeatureOutcome:
    task = a_task("A").model_copy(update={"usage": Usage.model_validate(fields)})
    return an_outcome(tasks=(task, a_task("B", start=None)))


def test_the_report_says_what_was_used_up_where_somebody_told_and_nothing_else() -> None:
    told = used(input_tokens=12_000, cached_input_tokens=9_000, output_tokens=800, turns=1, usd=0.314)
    line = "12,000 input tokens (9,000 cached), 800 output tokens, 1 turn, $0.31"

    assert f"| used up | {line} |" in report_markdown(told, metrics=measure(told)).replace("\\", "")
    assert any(line in text for text in report_text(told, measure(told)))
    assert "used up" not in report_markdown(an_outcome(), metrics=measure(an_outcome()))


def test_a_part_of_what_was_used_up_is_called_so() -> None:
    outcome = used(input_tokens=5, exact=False)
    assert any("at least 5 input tokens" in text for text in report_text(outcome, measure(outcome)))


def test_what_a_tried_agent_did_not_tell_makes_the_whole_a_part() -> None:
    outcome = used(input_tokens=5)
    also_tried = outcome.model_copy(update={"tasks": (*outcome.tasks, a_task("C"))})

    assert measure(outcome).usage == Usage(input_tokens=5)
    assert measure(also_tried).usage == Usage(input_tokens=5, exact=False)


def test_the_record_has_it_where_somebody_told() -> None:
    told, silent = outcome_record(used(usd=1.5))["tasks"]

    assert (told["usage"]["usd"], told["usage"]["input_tokens"], told["usage"]["exact"]) == (1.5, None, True)
    assert "usage" not in silent


def test_a_bundle_tells_it_once_of_its_first_member() -> None:
    bundle = a_task("A-and-1-more").model_copy(update={"members": ("A", "B"), "usage": Usage(turns=4)})
    assert [task.usage for task in bundle.singly()] == [Usage(turns=4), None]
