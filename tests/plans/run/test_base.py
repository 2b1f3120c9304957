"""What a run makes of what it hears of base."""

from dataclasses import replace

import pytest

from plait.plans.journal.effects import EndBatches, VerifyBase
from plait.plans.journal.events import BaseVerified, Begin, Close, Tick, WorkDone, WorkEnded
from plait.plans.run.machine import Run
from plait.plans.tasks.outcomes import BatchState, RunState
from plait.plans.tasks.states import TaskState
from plait.plans.tasks.work import BaseReport
from plait.show.run_outcome import outcome_of
from tests.plans.run.played import AT_ONCE, manifest_from, played

PLAN = """
    tasks:
      - {id: A, role: one, prompt: a}
      - {id: B, role: one, prompt: b}
    crew: {roles: {one: {slots: 1}}}
"""
RED = BaseVerified(BaseReport("red", reason="`pytest` failed: 3 failed"))


def begun(rule: str) -> tuple[Run, list[object]]:
    run = Run(replace(manifest_from(PLAN), base_rule=rule))  # type: ignore[arg-type]
    return run, [*run.hear(Begin(), 1.0), *run.hear(Tick(), 1.0)]


def test_base_is_verified_from_the_start_where_there_is_something_to_verify_with() -> None:
    assert [type(effect) for effect in begun("known")[1]].count(VerifyBase) == 1
    assert [type(effect) for effect in begun("")[1]].count(VerifyBase) == 0


def test_a_red_base_is_told_at_once_and_the_run_goes_on() -> None:
    run, _ = begun("known")

    told = run.hear(RED, 2.0)

    assert any("base is red" in getattr(effect, "says", "") for effect in told)
    run.hear(WorkEnded("A", WorkDone("a1", 1)), 3.0)
    run.hear(Tick(), 3.0)
    assert run.standings.dispatcher.running == ("B",)


def test_where_base_has_to_be_green_nothing_starts_after_it_was_seen_red_and_nothing_lands() -> None:
    run, _ = begun("green")
    run.hear(RED, 2.0)

    run.hear(WorkEnded("A", WorkDone("a1", 1)), 3.0)
    effects = run.hear(Tick(), 3.0)

    assert effects == ()
    assert run.is_over
    run.hear(Close(), 4.0)
    outcome = outcome_of(run.standings)
    assert outcome.state is RunState.FAILED
    assert "3 failed" in (outcome.reason or "")
    assert {task.id: task.state for task in outcome.tasks} == {"A": TaskState.DONE, "B": TaskState.BLOCKED}


def test_where_base_has_to_be_green_a_batch_in_work_is_stopped_with_the_reason_when_base_is_red() -> None:
    run = played(PLAN, base_rule="green", **AT_ONCE)
    run.starts()
    run.ends("A")
    run.starts()
    assert EndBatches() in run.hear(RED)

    run.batch_is_stopped()
    run.ends("B")
    run.starts()
    run.closes()

    (batch,) = run.outcome.batches
    assert (batch.state, batch.reason) == (BatchState.CUT_SHORT, "base is red, and integration.base is green")
    assert run.told("batch-1")[-1] == "stopped, as base is red, nothing of it has landed"
    assert (run.outcome.state, run.states()) == (RunState.FAILED, {"A": "done", "B": "done"})


@pytest.mark.parametrize("rule", ["known", "new-failures"])
def test_where_base_may_be_red_a_batch_in_work_goes_on(rule: str) -> None:
    assert EndBatches() not in played(PLAN, base_rule=rule).hear(RED)


def test_a_base_that_is_green_at_the_second_time_ends_nothing_and_its_flaky_check_is_told() -> None:
    run, _ = begun("green")
    (told,) = run.hear(BaseVerified(BaseReport("green", reason="`pytest` failed")), 2.0)

    assert "a check is flaky there: `pytest` failed" in getattr(told, "says", "")
    assert not run.standings.trouble


def test_a_green_base_changes_nothing() -> None:
    run, _ = begun("green")
    assert run.hear(BaseVerified(BaseReport("green", seconds=3.0)), 2.0) == ()


def test_what_is_heard_of_base_a_second_time_is_told_once() -> None:
    run, _ = begun("green")

    assert run.hear(RED, 2.0) != ()
    assert run.hear(RED, 3.0) == ()
