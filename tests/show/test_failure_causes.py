"""Advice fits the cause: each reason that a task can have, and what is said against it."""

import pytest

from plait.plans.tasks.outcomes import Rejection
from plait.plans.tasks.states import TaskState
from plait.show.failure_causes import ADVICE, FailureCause, advice_for, cause_of
from plait.show.insight import insights
from plait.show.metrics import measure, readings
from plait.show.run_report import report_text
from tests.support.outcomes import a_batch, a_task, an_outcome

RED = "it said that it was done, but `pytest -q` failed"

TABLE = [
    ("the set-up failed:\nnpm ERR! network", FailureCause.SETUP),
    ("the set-up failed:\nsh: 1: npm: not found", FailureCause.SETUP),
    ("the agent ended with exit status 127: sh: claude: not found", FailureCause.MISSING_PROGRAM),
    ("the agent ended with exit status 126 and said nothing", FailureCause.MISSING_PROGRAM),
    (f"{RED}:\n/bin/sh: 1: pytest: not found", FailureCause.MISSING_PROGRAM),
    (f"{RED}:\nbash: line 1: pytest: command not found", FailureCause.MISSING_PROGRAM),
    ("the program 'claude' was not found; install claude, or add where it is to PATH", FailureCause.MISSING_PROGRAM),
    (f"{RED}:\nE   ModuleNotFoundError: No module named 'shop'\n1 error in 0.56s", FailureCause.MISSING_MODULE),
    ("the agent ended with exit status 1: Invalid API key · Please run /login", FailureCause.LOGIN),
    ("the agent ended with exit status 1: error\nYou are not logged in\nbye", FailureCause.LOGIN),
    ("the agent ended with exit status 1: Claude usage limit reached", FailureCause.QUOTA),
    ("the agent was stopped at its timeout of 30m", FailureCause.TIMEOUT),
    ("it said that it was done, but `make test` timed out:\n", FailureCause.TIMEOUT),
    ("the agent was stopped after 10m without a word", FailureCause.SILENCE),
    ("the agent was stopped because it printed too much (1000 MB)", FailureCause.FLOOD),
    ("the agent was stopped because it used too much memory", FailureCause.MEMORY),
    ("the agent was killed by signal 9 (SIGKILL) and said nothing", FailureCause.SIGNAL),
    ("it said that it was done, but changed nothing", FailureCause.IDLE),
    ("it changed what it does not own: a.py", FailureCause.SCOPE),
    ("it said that it was done, but what it promised is not there: no file x", FailureCause.OUTPUTS),
    (
        "it said that it was done, but what it promised is not there: no file x; left out is x (the set-up made it)",
        FailureCause.OUTPUTS,
    ),
    ("the contract cart-api is not approved: `pytest` failed on its mock:\nE assert 1 == 2", FailureCause.CONTRACT),
    ("conflict markers are left over in a.py", FailureCause.MARKERS),
    (f"rejected, and the repair failed: {RED}:\nE assert 1 == 2", FailureCause.CHECK),
    (f"{RED}:\nE       assert 'please log in' == 'rate limit'", FailureCause.CHECK),
    ("the agent ended with exit status 1: 3 failed in test_rate_limit.py: quota() is 2", FailureCause.AGENT),
    ("the agent ended with exit status 1: ERROR: unexpected status 429 Too Many Requests", FailureCause.QUOTA),
    ("the script ended with exit status 3: no", FailureCause.COMMAND),
    ("the agent ended with exit status 1: who knows", FailureCause.AGENT),
    ("the branch x is checked out in /shop, so it was not moved", FailureCause.UNKNOWN),
    ("", FailureCause.UNKNOWN),
    (None, FailureCause.UNKNOWN),
]


@pytest.mark.parametrize(("reason", "cause"), TABLE)
def test_every_reason_has_its_cause(reason: str | None, cause: FailureCause) -> None:
    assert cause_of(reason) is cause


def test_every_cause_is_in_the_table_and_has_advice() -> None:
    assert {cause for _, cause in TABLE} == set(FailureCause)
    assert set(ADVICE) == set(FailureCause)


OF_THE_PROMPT = (
    *(FailureCause.IDLE, FailureCause.SCOPE, FailureCause.OUTPUTS, FailureCause.CONTRACT, FailureCause.CHECK),
    FailureCause.UNKNOWN,
)


@pytest.mark.parametrize(("reason", "cause"), [row for row in TABLE if row[1] not in OF_THE_PROMPT])
def test_a_prompt_is_not_blamed_for_what_no_prompt_helps(reason: str, cause: FailureCause) -> None:
    assert "say more" not in advice_for(cause)
    failed = a_task("A", end=90, tries=3, state=TaskState.FAILED, reason=reason)
    outcome = an_outcome(tasks=(failed, a_task("B", "qa", end=100)), batches=(), elapsed_seconds=100.0)
    assert "say more" not in " ".join(insights(outcome, measure(outcome)))


def test_the_end_shows_the_last_lines_of_the_check_the_advice_and_the_one_command() -> None:
    printed = "\n".join(f"line {number}" for number in range(30))
    reason = f"{RED}:\n{printed}\n\x1b[31mE   assert 1\u202e == 2\x1b[0m\x07"
    failed = a_task("A", tries=2, state=TaskState.FAILED, reason=reason)
    lines = report_text(outcome := an_outcome(tasks=(failed,), batches=()), measure(outcome), repository="/a shop")

    shown = [line.strip().removeprefix("│ ") for line in lines if "│" in line]
    assert len(shown) == 8
    assert shown[0] == "line 23"
    assert "assert 1" in shown[-1]
    assert not set("".join(lines)) & set("\x1b\x07\u202e")
    assert [line for line in lines if "plait logs" in line] == [
        "    look at what its check printed, then say more in its prompt, or cut it smaller; all of it: "
        "plait logs A --repo '/a shop'"
    ]


def test_the_end_shows_what_a_batch_rejected_a_branch_for() -> None:
    no = Rejection(task="A", kind="fails-alone", reason="$ pytest\nE   assert 1 == 2\n1 failed")
    held = a_task("A", tries=1, state=TaskState.HELD)
    outcome = an_outcome(tasks=(held,), batches=(a_batch(rejected=(no,)),))
    lines = report_text(outcome, measure(outcome))
    assert "    │ E assert 1 == 2" in lines
    assert "    all of it: plait logs A" in lines


def test_a_run_of_seconds_and_one_in_which_nothing_was_finished_are_neither_good_nor_poor() -> None:
    short = an_outcome(elapsed_seconds=3.0)
    failed = an_outcome(
        tasks=tuple(a_task(name, end=300, tries=2, state=TaskState.FAILED) for name in "AB"),
        batches=(),
        elapsed_seconds=600.0,
    )
    cancelled = an_outcome(
        tasks=(a_task("A", end=300, state=TaskState.CANCELLED),), batches=(), elapsed_seconds=600.0, bound_seconds=590.0
    )
    assert readings(measure(short)) == ()
    assert readings(measure(cancelled)) == ()
    assert readings(measure(failed)) == ()
    assert not any(word in line for line in report_text(failed, measure(failed)) for word in ("good", "poor"))
