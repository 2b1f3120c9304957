"""Figures of a history that nothing can have taken teach nothing."""

import pytest

from plait.advice.forecasts.estimating import Durations, FinishedTask
from plait.plans.schedule.dispatch import Job

JOB = [Job("a", "qa", 100.0)]


@pytest.mark.parametrize("wrong", [0.0, -5.0, 1e-300, 1e308, float("inf"), float("nan")])
def test_what_nothing_can_take_is_passed_over(wrong: float) -> None:
    known = Durations().learning([FinishedTask("qa", wrong, 100.0), FinishedTask("qa", 100.0, wrong)])
    assert known.expected(JOB) == [100.0]
