"""Estimates are corrected by what finished tasks took, and as far as that can be trusted."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.advice.forecasts.estimating import BETWEEN, UNESTIMATED, WITHIN, DurationGroup, Durations, FinishedTask
from plait.advice.forecasts.sampling import Sampler, band_of
from plait.plans.language.durations import Estimate
from plait.plans.schedule.dispatch import Job

ONE = [Job("a", "qa", 100.0)]
QA = DurationGroup("qa", estimated=True)


def took(times: float, tasks: int, *, role: str = "qa") -> Durations:
    return Durations().learning(FinishedTask(role, 10.0, 10.0 * times) for _ in range(tasks))


def test_without_history_the_plan_counts_as_it_is() -> None:
    assert Durations().expected(ONE) == [100.0]
    assert took(3.0, 50, role="backend").expected(ONE) == [100.0]
    assert Durations().factor(QA).mean == 0
    assert Durations().factor(QA).sd == pytest.approx(BETWEEN)
    assert Durations().factor(QA).noise == pytest.approx(WITHIN)


def test_one_finished_task_is_believed_a_fifth() -> None:
    share = 1 / (1 + WITHIN**2 / BETWEEN**2)
    assert took(2.0, 1).expected(ONE)[0] == pytest.approx(100 * 2**share)
    assert share == pytest.approx(0.187, abs=0.001)


@given(st.floats(0.05, 20))
def test_much_history_counts_as_it_is(times: float) -> None:
    known = took(times, 500)
    assert known.expected(ONE)[0] == pytest.approx(100 * times, rel=0.01)
    assert known.factor(QA).sd < 0.02


@given(st.floats(0.05, 20), st.integers(0, 40))
def test_more_history_moves_further_and_makes_surer(times: float, tasks: int) -> None:
    less, more = (took(times, number).factor(QA) for number in (tasks, tasks + 1))
    assert abs(less.mean) <= abs(more.mean) <= abs(math.log(times)) + 1e-9
    assert math.copysign(1, more.mean) == math.copysign(1, math.log(times)) or more.mean == 0
    assert more.sd < less.sd


def test_scatter_of_its_own_takes_the_place_of_the_general_one() -> None:
    steady = took(1.0, 2000).factor(QA)
    wild = Durations().learning(FinishedTask("qa", 10.0, actual) for actual in (1.0, 100.0) * 1000).factor(QA)
    assert steady.noise < 0.1
    assert wild.noise == pytest.approx(math.log(10), rel=0.02)


def test_nonsense_in_the_history_is_passed_over() -> None:
    odd = [
        FinishedTask("qa", 0.0, 5.0),
        FinishedTask("qa", 5.0, 0.0),
        FinishedTask("qa", 5.0, math.inf),
        FinishedTask("qa", 5.0, -1.0),
    ]
    assert Durations().learning(odd).learned(ONE) == ()


def test_tasks_without_an_estimate_learn_from_their_like_and_faster() -> None:
    plan = [Job("guess", "qa", 3600.0), Job("told", "qa", 3600.0)]
    hour = Estimate(3600.0, 3600.0, 3600.0)
    known = Durations({"guess": None, "told": hour}).learning(FinishedTask("qa", None, 60.0) for _ in range(5))
    guess, told = known.expected(plan)
    assert told == 3600
    assert 60 < guess < 360
    assert Durations({"guess": None}).factor(DurationGroup("qa", estimated=False)).sd == pytest.approx(UNESTIMATED)
    assert known.learned(plan)[0].startswith("qa: 5 finished tasks without an estimate took 1 min 00 s, so a task")


def test_three_points_are_the_tenth_the_fiftieth_and_the_ninetieth() -> None:
    sure = Durations({"a": Estimate(60.0, 100.0, 300.0)}).learning(FinishedTask("qa", 1.0, 1.0) for _ in range(50_000))
    band = band_of([seconds for (seconds,) in Sampler(ONE, sure).draw(8000, 1)])
    assert band.p10 == pytest.approx(60, rel=0.05)
    assert band.p50 == pytest.approx(100, rel=0.05)
    assert band.p90 == pytest.approx(300, rel=0.05)


def test_one_point_is_the_median_of_a_lognormal() -> None:
    band = band_of([seconds for (seconds,) in Sampler(ONE, Durations()).draw(8000, 1)])
    sd = math.hypot(WITHIN, BETWEEN)
    assert band.p50 == pytest.approx(100, rel=0.03)
    assert band.p90 == pytest.approx(100 * math.exp(1.2816 * sd), rel=0.05)
    assert band.p10 == pytest.approx(100 * math.exp(-1.2816 * sd), rel=0.05)


def test_tasks_of_a_role_share_a_factor_and_others_do_not() -> None:
    plan = [Job("a", "qa", 1.0), Job("b", "qa", 1.0), Job("c", "backend", 1.0)]
    logs = [[math.log(seconds) for seconds in drawn] for drawn in Sampler(plan, Durations()).draw(6000, 2)]

    def covariance(one: int, other: int) -> float:
        return sum(row[one] * row[other] for row in logs) / len(logs)

    assert covariance(0, 1) == pytest.approx(BETWEEN**2, abs=0.03)
    assert covariance(0, 2) == pytest.approx(0, abs=0.03)


@given(st.lists(st.floats(0, 1e8), min_size=3, max_size=3).map(sorted))
def test_any_estimate_gives_times_that_are_times(points: list[float]) -> None:
    low, likely, high = points
    plan = [Job("a", "qa", likely)]
    for (seconds,) in Sampler(plan, Durations({"a": Estimate(low, likely, high)})).draw(20, 0):
        assert 0 <= seconds < math.inf
