"""What is offered after a run: only commands that help there."""

from plait.plans.tasks.outcomes import BatchState, RunState, TaskState
from plait.plans.telling.metrics import measure
from plait.plans.telling.next_steps import next_commands
from plait.plans.telling.report import report_markdown, report_text
from tests.support.outcomes import a_batch, a_task, an_outcome

BRANCH = "feature/cart/integration"
GOES_ON = "plait run PLAN # goes on with what has not landed"
MERGE = "git -C '/a shop' merge --ff-only 1234"


def test_what_landed_in_part_is_looked_at_its_failures_read_and_the_run_goes_on() -> None:
    assert next_commands(an_outcome()) == [
        f"git log --graph --oneline {BRANCH}",
        f"git merge {BRANCH}",
        "plait logs PAGE",
        "plait logs TESTS",
        GOES_ON,
    ]


def test_of_tasks_that_never_started_no_log_is_offered() -> None:
    tasks = (
        a_task("A", state=TaskState.FAILED, reason="no"),
        a_task("B", start=None, state=TaskState.BLOCKED),
        a_task("C", start=None, state=TaskState.CANCELLED),
    )
    assert next_commands(an_outcome(state=RunState.FAILED, batches=(), tasks=tasks)) == ["plait logs A", GOES_ON]


def test_what_is_ready_to_land_is_landed_by_its_command_and_has_no_logs_to_read() -> None:
    ready = a_batch(state=BatchState.READY_TO_LAND, landed=("A",))
    tasks = (a_task("A", state=TaskState.DONE),)
    outcome = an_outcome(state=RunState.FAILED, batches=(ready,), tasks=tasks, reason=MERGE)

    assert next_commands(outcome) == [MERGE]
    assert next_commands(outcome.model_copy(update={"tasks": (*tasks, a_task("B", state=TaskState.CANCELLED))})) == [
        MERGE,
        GOES_ON,
    ]


def test_a_reason_that_is_no_command_is_not_offered_as_one() -> None:
    ready = a_batch(state=BatchState.READY_TO_LAND, landed=("A",))
    tasks = (a_task("A", state=TaskState.DONE),)
    outcome = an_outcome(state=RunState.FAILED, batches=(ready,), tasks=tasks, reason="the run broke: no space")

    assert next_commands(outcome) == [GOES_ON]


def test_whoever_stands_elsewhere_is_told_where() -> None:
    commands = next_commands(an_outcome(), repository="/a shop")

    assert commands[1] == f"git -C '/a shop' merge {BRANCH}"
    assert commands[-1].startswith("plait run PLAN --repo '/a shop' #")


def test_a_run_that_goes_on_is_not_started_again() -> None:
    assert next_commands(an_outcome(state=RunState.RUNNING))[-1] == "plait status"


def test_where_nothing_helps_nothing_is_offered() -> None:
    nothing = an_outcome(state=RunState.COMPLETED, tasks=(), batches=())

    assert next_commands(nothing) == []
    assert "next:" not in report_text(nothing, measure(nothing))
    assert "What next" not in report_markdown(nothing, metrics=measure(nothing))
