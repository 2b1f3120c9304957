"""What a report says could be better, from runs in which one thing went wrong each."""

from dataclasses import replace

from plait.plans.forecasts.forecast import Forecast, RoleForecast, TaskForecast
from plait.plans.schedule.bounds import Bound
from plait.plans.tasks.outcomes import FeatureOutcome, Rejection, TaskOutcome, TaskState
from plait.plans.telling.insight import MOST, insights
from plait.plans.telling.metrics import measure
from tests.support.outcomes import a_batch, a_task, an_outcome, at


def run_of(*tasks: TaskOutcome, elapsed: float, **fields: object) -> FeatureOutcome:
    return an_outcome(**{"tasks": tasks, "batches": (), "elapsed_seconds": elapsed, "ended_at": at(elapsed), **fields})


def said(outcome: FeatureOutcome, forecast: Forecast | None = None) -> str:
    return " ".join(insights(outcome, measure(outcome), forecast))


def expecting(**seconds: float) -> Forecast:
    tasks = tuple(
        TaskForecast(task, "backend", "backend-1", 0.0, length, 0.0, critical=True, waits=0.0)
        for task, length in seconds.items()
    )
    longest = max(seconds.values())
    return Forecast(
        elapsed=longest,
        work=sum(seconds.values()),
        speed_up=1.0,
        efficiency=1.0,
        agents=1,
        bound=Bound(longest, "critical path"),
        bound_ratio=1.0,
        critical_path=tuple(seconds),
        tasks=tasks,
        roles=(),
        bottleneck="",
    )


def test_a_role_that_works_all_the_time_is_named_as_the_bottleneck() -> None:
    outcome = run_of(a_task("A", end=50), a_task("B", start=50, end=100), a_task("C", "qa", end=10), elapsed=100)

    assert "The agents of backend worked 100 % of the time" in said(outcome)


def test_a_role_that_nobody_was_expected_to_wait_for_is_no_bottleneck() -> None:
    outcome = run_of(a_task("A", end=50), a_task("B", start=50, end=100), a_task("C", "qa", end=10), elapsed=100)
    expected = replace(expecting(A=50, B=50), roles=(RoleForecast("backend", 2, 100.0, 0.5, 0.0),))
    waiting = replace(expected, roles=(RoleForecast("backend", 1, 100.0, 1.0, 20.0),))

    assert "agents of backend" not in said(outcome, expected)
    assert "one more of them" in said(outcome, waiting)


def test_the_task_that_needed_most_tries_is_named_with_what_they_cost() -> None:
    outcome = run_of(a_task("A", end=90, tries=3), a_task("B", "qa", end=300), elapsed=300)

    assert "A (backend) needed 3 tries, and 1 min 00 s went into those that failed" in said(outcome)


def test_two_that_did_not_fit_are_named_with_their_file() -> None:
    clash = Rejection(task="PAGE", kind="conflict", partner="CART", files=("shop/page.py",))
    outcome = run_of(a_task("CART", "qa"), a_task("PAGE"), elapsed=200, batches=(a_batch(rejected=(clash,)),))

    assert "CART and PAGE did not fit together in shop/page.py" in said(outcome)


def test_time_in_which_only_verification_went_on_is_told() -> None:
    outcome = run_of(a_task("A"), elapsed=200, batches=(a_batch(started_at=at(50), ended_at=at(190), verifications=4),))

    assert "For 2 min 10 s nothing but verification went on (4 verifications)" in said(outcome)


def test_a_task_that_took_much_longer_than_expected_is_told() -> None:
    outcome = run_of(a_task("A", end=100), a_task("B", "qa", end=30), elapsed=120)

    assert "A (backend) took 1 min 40 s in place of 30 s" in said(outcome, expecting(A=30, B=30))


def test_of_a_failed_task_nobody_says_that_the_next_forecast_counts_with_it() -> None:
    outcome = run_of(a_task("A", end=100, state=TaskState.FAILED), a_task("B", "qa", end=30), elapsed=120)

    assert "in place of" not in said(outcome, expecting(A=30, B=30))


def test_a_chain_is_told_where_most_tasks_waited_for_one_another() -> None:
    tasks = [a_task(name, start=place * 10, end=place * 10 + 10) for place, name in enumerate("ABCD")]

    assert "(A → B → C → D)" in said(run_of(*tasks, elapsed=40), expecting(A=10, B=10, C=10, D=10))


def test_a_run_without_trouble_is_left_in_peace() -> None:
    tasks = [a_task(name, role, end=20) for name, role in (("A", "backend"), ("B", "qa"), ("C", "writer"))]

    assert said(run_of(*tasks, a_task("D", "qa", start=20, end=40), elapsed=60)) == ""


def test_there_are_never_more_than_three_and_none_for_a_run_that_did_nothing() -> None:
    clash = Rejection(task="B", kind="pair", partner="A")
    busy = run_of(
        a_task("A", end=90, tries=4),
        a_task("B", start=90, end=180, tries=2),
        elapsed=200,
        batches=(a_batch(started_at=at(180), ended_at=at(200), rejected=(clash,)),),
    )

    assert len(insights(busy, measure(busy), expecting(A=10, B=10, C=10))) == MOST
    assert insights(run_of(elapsed=10), measure(run_of(elapsed=10))) == ()
