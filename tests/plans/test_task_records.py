"""What finished tasks say of roles, backends and models."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.plans.tasks.task_records import TaskRecord, figures_by, figures_of

NOW = datetime(2026, 11, 20, tzinfo=UTC)


def a_record(**fields: Any) -> TaskRecord:
    known: dict[str, Any] = {"run": "r", "started_at": NOW, "task": "A", "role": "dev", "state": "landed", "tries": 1}
    return TaskRecord(**{**known, **fields})


def test_figures_are_of_what_is_known() -> None:
    (dev, qa) = figures_by(
        [
            a_record(planned_seconds=100, actual_seconds=150, input_tokens=10, output_tokens=5, usd=1.0, score=8),
            a_record(planned_seconds=100, actual_seconds=50, conflicts=2, usd=2.0, score=6, is_exact=False),
            a_record(state="failed", tries=4, planned_seconds=100, actual_seconds=900),
            a_record(state="cancelled", usd=0.5),
            a_record(role="qa", state="cancelled"),
        ],
        "role",
    )

    assert (dev.name, dev.tasks, dev.success, dev.times_estimate, dev.tries) == ("dev", 3, 2 / 3, 1.0, 2.0)
    assert (dev.conflicts, dev.score, dev.tokens, dev.usd, dev.priced, dev.is_exact) == (1, 7.0, 15, 3.5, 3, False)
    assert dev.usd_each == pytest.approx(3.5 / 3)
    assert (qa.name, qa.tasks, qa.success, qa.tries, qa.usd, qa.tokens) == ("qa", 0, None, None, None, None)


RECORDS = st.lists(
    st.builds(
        a_record,
        role=st.sampled_from(["a", "b"]),
        backend=st.sampled_from(["", "claude"]),
        model=st.sampled_from(["", "opus", "sonnet"]),
        state=st.sampled_from(["landed", "done", "failed", "held", "cancelled", "blocked"]),
        tries=st.integers(1, 5),
        usd=st.none() | st.floats(0, 100),
        input_tokens=st.none() | st.integers(0, 10**9),
        conflicts=st.integers(0, 2),
        score=st.none() | st.floats(0, 10),
    ),
    max_size=12,
)


@given(RECORDS, st.sampled_from(["role", "backend", "model"]))
def test_groups_are_the_whole_and_no_figure_is_without_a_source(records: list[TaskRecord], by: Any) -> None:
    groups, whole = figures_by(records, by), figures_of("", records)

    assert sum(group.tasks for group in groups) == whole.tasks
    assert sum(group.tokens or 0 for group in groups) == (whole.tokens or 0)
    assert sum(group.usd or 0 for group in groups) == pytest.approx(whole.usd or 0)
    for group in groups:
        assert (group.usd is None) == (group.priced == 0)
        assert group.success is None or 0 <= group.success <= 1
        assert group.score is None or 0 <= group.score <= 10
