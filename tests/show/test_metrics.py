"""Figures of a run, against hand-made runs and against a slow but plain count."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.plans.tasks.outcomes import Approval, Conditions, FeatureOutcome, Rejection, Span
from plait.plans.tasks.states import TaskState
from plait.show.insight import insights
from plait.show.metrics import Metrics, failed_tries, measure, readings, whole_tries, worked_seconds
from plait.show.run_report import report_text
from tests.support.outcomes import START, a_batch, a_task, an_outcome, at


def run_of(*tasks: tuple[str, float, float], elapsed: float, **fields: object) -> FeatureOutcome:
    """Tasks as (agent, start, end), all landed."""
    made = tuple(a_task(f"T{n}", who, start=start, end=end, agent=who) for n, (who, start, end) in enumerate(tasks))
    return an_outcome(tasks=made, batches=(), elapsed_seconds=elapsed, ended_at=at(elapsed), **fields)


def verdicts(outcome: FeatureOutcome) -> dict[str, str]:
    return {reading.figure: reading.verdict for reading in readings(measure(outcome))}


def test_the_figures_of_the_worked_example() -> None:
    """24 hours of work by 4 agents in 10 hours is 60 %, a speed-up of 2.4."""
    hour = 3600
    spans = [("a", 0, 8), ("b", 0, 6), ("c", 4, 8), ("d", 4, 10)]
    metrics = measure(run_of(*((who, s * hour, e * hour) for who, s, e in spans), elapsed=10 * hour))

    assert metrics.work_seconds == 24 * hour
    assert metrics.speed_up == pytest.approx(2.4)
    assert metrics.efficiency == pytest.approx(0.6)
    assert metrics.saved_seconds == 14 * hour
    assert metrics.agents == 4
    assert metrics.beside_share == 1.0


def test_tasks_one_after_another_ran_beside_none() -> None:
    metrics = measure(run_of(("a", 0, 10), ("b", 10, 20), ("a", 20, 30), elapsed=30))

    assert metrics.beside_share == 0.0
    assert verdicts(run_of(("a", 0, 10), ("b", 10, 20), elapsed=20))["beside"] == "poor"


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 10)), min_size=1, max_size=12),
)
def test_who_ran_beside_another_is_counted_as_by_looking_at_every_pair(pairs: list[tuple[int, int]]) -> None:
    spans = [(start, start + length) for start, length in pairs]
    shared = {
        index
        for one, other in combinations(range(len(spans)), 2)
        if max(spans[one][0], spans[other][0]) < min(spans[one][1], spans[other][1])
        for index in (one, other)
    }
    metrics = measure(run_of(*(("a", float(start), float(end)) for start, end in spans), elapsed=50))

    assert metrics.beside_share == pytest.approx(len(shared) / len(spans))


def test_the_figures_of_a_run_that_landed_in_part() -> None:
    metrics = measure(an_outcome())

    assert (metrics.tasks_run, metrics.agents) == (4, 4)
    assert metrics.verifications == 3
    assert (metrics.conflicts, metrics.branches, metrics.conflict_rate) == (1, 4, 0.25)
    assert metrics.tries == 5
    assert metrics.busiest_role == "backend"
    assert metrics.busiest_share == pytest.approx(0.3)
    assert metrics.bound_ratio == pytest.approx(200 / 180)


def test_a_branch_that_conflicts_twice_is_one_branch_and_two_conflicts() -> None:
    no = Rejection(task="PAGE", kind="conflict")
    metrics = measure(an_outcome(batches=(a_batch("b1", rejected=(no,)), a_batch("b2", rejected=(no,)))))

    assert (metrics.conflicts, metrics.conflict_rate) == (2, 0.25)


@pytest.mark.parametrize(("conflicts", "verdict"), [(0, "good"), (1, "good"), (2, "fair"), (5, "fair"), (6, "poor")])
def test_the_share_of_conflicts_is_read_as_good_fair_or_poor(conflicts: int, verdict: str) -> None:
    tasks = tuple(a_task(f"T{number}") for number in range(20))
    rejected = tuple(Rejection(task=f"T{number}", kind="conflict") for number in range(conflicts))

    assert verdicts(an_outcome(tasks=tasks, batches=(a_batch(rejected=rejected),)))["conflicts"] == verdict


def test_a_run_in_which_nothing_happened_has_no_figures_to_divide() -> None:
    metrics = measure(an_outcome(tasks=(), batches=(), elapsed_seconds=0, ended_at=at(0), bound_seconds=0))

    assert (metrics.speed_up, metrics.efficiency, metrics.beside_share) == (None, None, None)
    assert (metrics.conflict_rate, metrics.bound_ratio, metrics.busiest_role) == (None, None, None)
    assert readings(metrics) == ()


def test_a_task_that_was_cut_off_counts_up_to_the_end_of_the_run() -> None:
    cut = a_task("A", start=10, end=None, state=TaskState.CANCELLED)

    assert measure(an_outcome(tasks=(cut,), ended_at=at(50))).work_seconds == 40


@pytest.mark.parametrize(
    ("state", "tries", "failed"),
    [
        (TaskState.LANDED, 1, 0),
        (TaskState.LANDED, 3, 2),
        (TaskState.HELD, 2, 1),
        (TaskState.FAILED, 3, 3),
        (TaskState.CANCELLED, 2, 1),
        (TaskState.RUNNING, 1, 0),
        (TaskState.PENDING, 0, 0),
    ],
)
def test_the_last_try_of_what_did_not_fail_is_no_failed_one(state: TaskState, tries: int, failed: int) -> None:
    assert failed_tries(a_task("A", state=state, tries=tries)) == failed


def test_work_that_was_harvested_but_never_landed_was_no_failed_try() -> None:
    rejected = a_task("A", state=TaskState.FAILED).model_copy(update={"commit": "c" * 40})

    assert failed_tries(rejected) == 0


def test_a_try_that_a_kill_cut_off_has_not_failed() -> None:
    cut = Span(started_at=START, ended_at=START, ok=False, cut=True)
    killed_twice = a_task("A", tries=3).model_copy(update={"spans": (cut, cut, cut.model_copy(update={"cut": False}))})

    assert (whole_tries(killed_twice), failed_tries(killed_twice)) == (1, 0)


def asked(start: float, end: float | None, contract: str = "cart-api") -> Approval:
    answered = None if end is None else at(end)
    return Approval(contract=contract, version=1, owner="T0", asked_at=at(start), answered_at=answered)


def test_only_time_in_which_nothing_else_went_on_was_waited_for_a_person() -> None:
    """Asked from 10 to 100; worked until 20 and from 50 to 60, verified from 90."""
    batch = a_batch(started_at=at(90), ended_at=at(110))
    approvals = (asked(10, 70), asked(30, 100, "prices"))
    outcome = run_of(("a", 0, 20), ("b", 50, 60), elapsed=110, approvals=approvals)

    metrics = measure(outcome.model_copy(update={"batches": (batch,)}))

    assert metrics.approval_seconds == pytest.approx(30 + 30)
    assert metrics.bound_ratio == pytest.approx((110 - 60) / 180)


def test_time_in_which_an_account_was_waited_for_is_nobodys_delay_and_told() -> None:
    outcome = run_of(("a", 0, 20), elapsed=200).model_copy(
        update={"conditions": Conditions(slots={"dev": 1}, account_seconds=100.0, account_roles=("dev",))}
    )
    metrics = measure(outcome)

    assert metrics.account_seconds == 100
    assert metrics.bound_ratio == pytest.approx((200 - 100) / outcome.bound_seconds)
    assert any("waiting for the account of dev" in sentence for sentence in insights(outcome, metrics))
    assert any("1 min 40 s waiting for an account" in line for line in report_text(outcome, metrics))


def test_a_question_without_an_answer_was_waited_for_to_the_end() -> None:
    assert measure(run_of(("a", 0, 20), elapsed=50, approvals=(asked(20, None),))).approval_seconds == pytest.approx(30)
    assert measure(run_of(("a", 0, 20), elapsed=50)).approval_seconds == 0


def test_what_lies_between_two_stretches_of_work_is_no_work() -> None:
    """As of a task whose contract a person sent back after an hour."""
    spans = (Span(started_at=at(0), ended_at=at(10)), Span(started_at=at(3600), ended_at=at(3605), repair=1))
    task = a_task("A", start=0, end=3605).model_copy(update={"spans": spans})
    again = task.model_copy(update={"state": TaskState.RUNNING, "ended_at": None, "dispatched_at": at(7200)})

    assert worked_seconds(task, now=at(9999)) == 15
    assert worked_seconds(again, now=at(7210)) == 25
    assert measure(an_outcome(tasks=(task,), approvals=(asked(10, 3600),))).work_seconds == 15


def test_a_repair_by_another_agent_counts_for_that_one() -> None:
    spans = (
        Span(started_at=at(0), ended_at=at(10), agent="dev-1"),
        Span(started_at=at(10), ended_at=at(20), repair=1, agent="dev-2"),
    )
    task = a_task("A", start=0, end=20).model_copy(update={"role": "dev", "agent": "dev-2", "spans": spans})

    metrics = measure(an_outcome(tasks=(task,), elapsed_seconds=20))

    assert metrics.agents == 2
    assert (metrics.busiest_role, metrics.busiest_share) == ("dev", 0.5)


def test_an_agent_that_helps_another_role_out_was_busy_for_its_own() -> None:
    task = a_task("A", start=0, end=20).model_copy(update={"role": "dev", "agent": "qa-1"})

    assert measure(an_outcome(tasks=(task,), elapsed_seconds=20)).busiest_role == "qa"


def test_of_old_records_only_the_first_start_and_the_last_end_are_known() -> None:
    assert worked_seconds(a_task("A", start=5, end=65)) == 60
    assert worked_seconds(a_task("A", start=None)) is None


def test_metrics_are_data() -> None:
    assert isinstance(measure(an_outcome()), Metrics)
    assert measure(an_outcome()) == measure(an_outcome())
