"""How long what runs may take and be silent where the plan does not say."""

import pytest

from plait.plans.language.default_limits import LONGEST, SILENCE, longest_silence, longest_try
from plait.plans.language.durations import Estimate

SHORT, LONG = Estimate(1, 2, 3), Estimate(3_600, 7_200, 36_000)


@pytest.mark.parametrize(
    ("written", "estimate", "seconds"),
    [(None, None, LONGEST), (None, SHORT, LONGEST), (None, LONG, 8 * 36_000), (60.0, LONG, 60.0)],
)
def test_no_try_goes_on_for_ever(written: float | None, estimate: Estimate | None, seconds: float) -> None:
    assert longest_try(written, estimate) == seconds


@pytest.mark.parametrize(
    ("written", "timeout", "estimate", "seconds"),
    [
        (None, None, SHORT, SILENCE),
        (None, None, None, 4 * 3_600.0),
        (None, None, LONG, 4 * 36_000),
        (60.0, None, LONG, 60.0),
        (60.0, 100.0, LONG, 60.0),
        (None, 100.0, SHORT, None),
    ],
)
def test_silence_has_a_limit_unless_a_timeout_is_written(
    written: float | None, timeout: float | None, estimate: Estimate | None, seconds: float | None
) -> None:
    assert longest_silence(written, estimate, timeout=timeout) == seconds
