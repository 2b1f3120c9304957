"""What a plan will cost: from like tasks and prices, never from nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.advice.forecasts.costing import CostedTask, forecast_cost, spell_usd, usd_by_role
from plait.plans.agents.prices import ModelPrice, PriceList
from plait.plans.tasks.task_records import TaskRecord
from tests.plans.test_task_records import a_record

PRICES = PriceList(
    {"opus": ModelPrice(read=10, written=50, cached=1), "haiku": ModelPrice(read=1, written=5)}, "2026-09-22"
)
NO_PRICES = PriceList()


def test_what_like_tasks_cost_is_what_it_will_cost() -> None:
    history = [a_record(usd=1.0, complexity="simple") for _ in range(50)]
    history += [a_record(usd=9.0, complexity="complex") for _ in range(50)]

    (simple, complex_) = (
        forecast_cost([CostedTask("A", "dev", complexity)], history, NO_PRICES) for complexity in ("simple", "complex")
    )

    assert simple.usd is not None
    assert simple.usd.p50 == pytest.approx(1.0, rel=0.05)
    assert complex_.usd is not None
    assert complex_.usd.p50 == pytest.approx(9.0, rel=0.05)


def test_another_model_than_before_is_counted_at_its_own_price() -> None:
    history = [
        a_record(model="opus", usd=3.0, input_tokens=100_000, cached_input_tokens=50_000, output_tokens=10_000)
    ] * 400

    asked = {
        model: forecast_cost([CostedTask("A", "dev", model=model)], history, PRICES)
        for model in ("opus", "haiku", None)
    }

    medians = {model: made.usd.p50 for model, made in asked.items() if made.usd}
    assert medians == pytest.approx({"opus": 3.0, "haiku": 0.15, None: 3.0}, rel=0.05)


def test_tasks_without_history_are_named_and_not_counted() -> None:
    tasks = [CostedTask("A", "dev"), CostedTask("B", "qa"), CostedTask("C", "ops")]
    history = [
        a_record(usd=2.0, is_exact=False),
        a_record(role="qa", input_tokens=5, output_tokens=5, model="unpriced"),
    ]

    made = forecast_cost(tasks, history, PRICES)

    assert (made.unknown, [part.sources for part in made.parts], made.is_exact) == (("B", "C"), [1], False)
    assert made.told.startswith("at least $")
    assert made.told.endswith("2 of 3 tasks have no history: not counted (B and C)")
    assert forecast_cost(tasks[1:], history, PRICES).told == "not known: no like task has a known price yet"
    assert forecast_cost([], history, PRICES).told == ""


def test_few_tasks_say_less_than_many() -> None:
    def spread(many: int) -> float:
        made = forecast_cost([CostedTask("A", "dev")], [a_record(usd=1.0)] * many, NO_PRICES)
        assert made.usd is not None
        return made.usd.p90 / made.usd.p10

    assert spread(1) > 2 * spread(25)


@pytest.mark.parametrize(
    ("amount", "words"), [(0.0, "$0.00"), (0.0042, "$0.004"), (0.42, "$0.42"), (99.5, "$99.50"), (1234.5, "$1,234")]
)
def test_money_has_as_many_digits_as_it_is_worth(amount: float, words: str) -> None:
    assert spell_usd(amount) == words


RECORDS = st.lists(
    st.builds(
        a_record,
        role=st.sampled_from(["dev", "qa"]),
        model=st.sampled_from(["", "opus", "haiku", "other"]),
        complexity=st.sampled_from(["", "simple", "complex"]),
        state=st.sampled_from(["landed", "failed", "cancelled"]),
        usd=st.none() | st.floats(0, 1000),
        input_tokens=st.none() | st.integers(0, 10**8),
        output_tokens=st.none() | st.integers(0, 10**7),
        cached_input_tokens=st.none() | st.integers(0, 10**9),
        is_exact=st.booleans(),
    ),
    max_size=10,
)
TASKS = st.lists(
    st.builds(
        CostedTask,
        id=st.text("ABCDEF", min_size=1, max_size=3),
        role=st.sampled_from(["dev", "qa", "ops"]),
        complexity=st.sampled_from(["simple", "complex"]),
        model=st.sampled_from([None, "opus", "haiku"]),
    ),
    max_size=6,
    unique_by=lambda task: task.id,
)


@given(TASKS, RECORDS, st.integers(0, 3))
def test_more_tasks_never_cost_less_and_nothing_is_told_without_a_source(
    tasks: list[CostedTask], history: list[TaskRecord], seed: int
) -> None:
    made = forecast_cost(tasks, history, PRICES, samples=40, seed=seed)

    assert made == forecast_cost(tasks, history, PRICES, samples=40, seed=seed)
    assert {part.id for part in made.parts} | set(made.unknown) == {task.id for task in tasks}
    assert (made.usd is None) == (not made.parts)
    assert all(part.sources > 0 for part in made.parts)
    assert set(usd_by_role(made)) == {part.role for part in made.parts}
    fewer = forecast_cost(tasks[:-1], history, PRICES, samples=40, seed=seed)
    if made.usd and fewer.usd:
        assert made.usd.p10 <= made.usd.p50 <= made.usd.p80 <= made.usd.p90 <= made.usd.p95
        assert all(
            more >= less - 1e-9
            for more, less in zip(
                (made.usd.p10, made.usd.p50, made.usd.p95), (fewer.usd.p10, fewer.usd.p50, fewer.usd.p95), strict=True
            )
        )
        assert {part.id: part for part in fewer.parts}.items() <= {part.id: part for part in made.parts}.items()
    if not any(record.usd is not None or record.input_tokens is not None for record in history):
        assert made.usd is None


@given(TASKS, RECORDS)
def test_what_is_known_of_a_role_says_nothing_of_another(tasks: list[CostedTask], history: list[TaskRecord]) -> None:
    made = forecast_cost(tasks, history, PRICES, samples=10)

    known = {record.role for record in history if record.is_over}
    assert all(part.role in known for part in made.parts)
