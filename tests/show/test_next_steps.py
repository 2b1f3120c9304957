"""What is offered after a run: only commands that help there."""

from plait.plans.tasks.base_standing import BaseStanding
from plait.plans.tasks.outcomes import Approval, BatchState, Conditions, Rejection, RunState
from plait.plans.tasks.states import TaskState
from plait.show.metrics import measure
from plait.show.next_steps import next_commands
from plait.show.run_report import report_markdown, report_text
from tests.support.outcomes import a_batch, a_task, an_outcome, at

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


def test_a_rejected_branch_is_offered_to_be_mended_and_not_what_is_held_with_it() -> None:
    tasks = (a_task("PAGE", state=TaskState.HELD), a_task("TESTS", state=TaskState.HELD))
    commands = next_commands(an_outcome(tasks=tasks))
    assert commands[-2:] == ["plait resolve PAGE # mend it yourself", GOES_ON]
    assert not any("resolve TESTS" in command for command in commands)


def test_what_nobody_is_to_blame_for_is_not_offered_to_be_mended() -> None:
    red = a_batch(state=BatchState.REJECTED, rejected=(Rejection(task="A", kind="base-red"),))
    outcome = an_outcome(tasks=(a_task("A", state=TaskState.HELD),), batches=(red,))
    assert not any("resolve" in command for command in next_commands(outcome))


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


def test_what_a_person_is_waited_for_comes_first() -> None:
    asked = Approval(contract="cart's api", version=1, owner="API", asked_at=at(0))

    assert next_commands(an_outcome(approvals=(asked,)))[0] == """plait approve cart 'cart'"'"'s api'"""


def test_of_a_phase_that_was_held_back_it_is_said_what_to_change_before_it_is_run_again() -> None:
    tasks = (
        a_task("A", state=TaskState.HELD, reason="held back with B: the phase shop lands whole or not at all"),
        a_task("B", state=TaskState.FAILED, reason="exit status 3:\nfatal: no shelf"),
        a_task("C", state=TaskState.FAILED, reason="exit status 4"),
    )
    phases = Conditions(phases={"shop": ("A", "B"), "alone": ("C",)})
    outcome = an_outcome(tasks=tasks, batches=(), state=RunState.FAILED, conditions=phases)

    assert next_commands(outcome)[-2:] == [
        "# phase shop failed: change its tasks in the plan (B: exit status 3: fatal: no shelf), then run it again",
        GOES_ON,
    ]


def test_a_phase_fails_by_a_task_whose_branch_was_rejected_too_and_not_by_those_that_wait_for_it() -> None:
    tasks = (a_task("A", state=TaskState.HELD, reason="held"), a_task("B", state=TaskState.HELD, reason="no merge"))
    batch = a_batch(state=BatchState.REJECTED, rejected=(Rejection(task="B", kind="conflict"),))
    phases = Conditions(phases={"shop": ("A", "B")})
    outcome = an_outcome(tasks=tasks, batches=(batch,), state=RunState.FAILED, conditions=phases)

    said = "# phase shop failed: change its tasks in the plan (B: no merge), then run it again"
    assert said in next_commands(outcome)
    landed = outcome.model_copy(update={"tasks": tuple(a_task(one) for one in "AB")})
    assert not [command for command in next_commands(landed) if "phase" in command]


def test_where_base_was_rewritten_nobody_is_told_to_merge_what_was_taken_out_of_it() -> None:
    told = next_commands(an_outcome(base=BaseStanding(name="main", course="rewritten", dropped=1, behind=2)))
    assert "plait run PLAN --fresh # starts over from main as it is now" in told
    assert not [
        command for command in told if command.startswith(("git merge", "plait land")) or "--refresh" in command
    ]
