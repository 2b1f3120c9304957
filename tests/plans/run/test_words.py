"""What is said of tasks, questions and the run as a whole: each of it a fold of what was heard."""

from datetime import UTC, datetime

from plait.plans.journal.effects import MarkTask
from plait.plans.journal.events import Tick, WorkDone, WorkEnded, WorkFailed
from plait.plans.run.statuses import Standing, Waiting
from plait.plans.usage import Usage
from plait.plans.wording import approve_command
from tests.plans.run.played import AT_ONCE, BEGAN, Played, played, rework

PLAN = """
    contracts: [{id: api, owner: A, files: [api.txt], approval: person}]
    tasks:
      - {id: A, role: designer, prompt: x}
      - {id: B, run: echo, needs: [{contract: api}]}
      - {id: C, run: echo, needs: [{contract: api}]}
"""
CHAIN = """
    tasks:
      - {id: A, run: echo}
      - {id: B, run: echo, needs: [A]}
      - {id: C, run: echo, needs: [B]}
"""


def asked(**changes: object) -> Played:
    run = played(PLAN, **changes)
    run.starts()
    run.ends("A")
    run.starts()
    return run


def test_a_task_goes_through_its_states_and_says_since_when_only_while_it_is_worked_on() -> None:
    run = played(CHAIN, **AT_ONCE)
    assert run.states() == {"A": "ready", "B": "pending", "C": "pending"}
    run.passes(10)
    run.starts()
    running = run.outcome.tasks[0]
    run.passes(20)
    run.ends("A")
    done = run.outcome.tasks[0]

    assert (running.state, running.dispatched_at, running.started_at) == (
        "running",
        datetime.fromtimestamp(BEGAN + 10, UTC),
        running.dispatched_at,
    )
    assert (running.ended_at, running.branch) == (None, None)
    assert (done.state, done.dispatched_at, done.started_at) == ("done", None, running.started_at)
    assert done.ended_at == datetime.fromtimestamp(BEGAN + 30, UTC)
    assert (done.branch, done.commit, done.agent) == ("feature/cart/agent/command/A", "A-1", "command-1")


def test_a_repair_has_no_end_while_it_goes_on_and_one_when_it_failed() -> None:
    run = played(CHAIN, **AT_ONCE)
    run.starts()
    run.ends("A")
    run.starts()
    run.batch(rejected=[rework("A")])
    run.passes(5)
    run.starts()
    first = run.outcome.tasks[0]
    run.passes(5)
    run.fails("A")

    assert (first.ended_at, first.state) == (None, "running")
    assert run.outcome.tasks[0].ended_at == datetime.fromtimestamp(BEGAN + 10, UTC)
    assert run.outcome.tasks[0].started_at == datetime.fromtimestamp(BEGAN, UTC)


def test_what_a_failure_blocks_is_blocked_with_its_cause_and_shown_on_the_page() -> None:
    run = played(CHAIN)
    run.starts()
    run.fails("A", "no\x1b[2J")

    assert run.states() == {"A": "failed", "B": "blocked", "C": "blocked"}
    assert run.reason("A") == "no\x1b[2J"
    assert run.reason("C") == "A did not succeed"
    assert run.orders(MarkTask) == [MarkTask(task, "Blocked", "A did not succeed") for task in "BC"]
    assert run.told("B") == ["blocked"]


def test_what_changed_says_in_how_many_files() -> None:
    run = played(CHAIN)
    run.starts()
    run.ends("A", changed=1)
    run.starts()
    run.ends("B", changed=3)

    assert run.told("A")[-1] == "done, 1 file changed"
    assert run.told("B")[-1] == "done, 3 files changed"


def test_tries_salvage_usage_and_seconds_are_what_the_last_report_says() -> None:
    run = played(CHAIN, **AT_ONCE)
    run.starts()
    usage = Usage(turns=3)
    run.hear(WorkEnded("A", WorkDone("A-1", 1), 2, ("kept-1",), usage, {"work": 5.0, "setup": 1.0}))
    run.starts()
    run.batch(rejected=[rework("A")])
    run.starts()
    run.hear(WorkEnded("A", WorkFailed("no"), 1, ("kept-1", "kept-2"), usage, {"work": 7.0, "setup": 1.0}, 2))

    assert (run.standing("A").tries, run.standing("A").usage) == (2, usage)
    assert run.standing("A").spent == {"work": 7.0, "setup": 1.0}
    assert run.outcome.salvage == ("kept-1", "kept-2")


def test_an_outcome_tells_how_long_it_has_been_and_not_when_it_ended_before_it_has() -> None:
    run = played(CHAIN)
    run.passes(30)
    run.hear(Tick())

    assert (run.outcome.elapsed_seconds, run.outcome.ended_at, run.outcome.bound_seconds) == (30.0, None, 0.0)
    run.passes(30)
    run.ends("A")
    run.closes()
    assert run.outcome.elapsed_seconds == 60.0
    assert run.outcome.bound_seconds == 30.0
    assert run.outcome.conditions is not None


# What a person is asked.


def test_what_a_person_is_asked_is_known_from_the_question_to_the_answer() -> None:
    run = asked()
    (question,) = run.outcome.asked
    run.passes(5)
    run.approves("api")

    (answered,) = run.outcome.approvals
    assert (question.contract, question.version, question.owner, question.holds) == ("api", 1, "A", ("B", "C"))
    assert question.asked_at == datetime.fromtimestamp(BEGAN, UTC)
    assert answered.answered_at == datetime.fromtimestamp(BEGAN + 5, UTC)
    assert run.outcome.asked == ()


def test_a_question_is_withdrawn_when_its_owner_goes_again_and_asked_anew() -> None:
    """A goes again for a contract that it rests on itself, while a person is asked about its own."""
    plan = """
        contracts:
          - {id: db, owner: R, files: [db.txt]}
          - {id: api, owner: A, files: [api.txt], approval: person}
        tasks:
          - {id: R, run: echo}
          - {id: A, role: designer, prompt: x, needs: [{contract: db}]}
    """
    run = played(plan, **AT_ONCE)
    run.starts()
    run.ends("R")
    run.starts()
    run.ends("A")
    (question,) = run.outcome.asked
    run.batch(rejected=[rework("R")])
    run.starts()
    run.passes(60)
    run.ends("R", wrote="two")
    assert run.outcome.asked == ()
    run.starts()
    run.ends("A", wrote="two")

    assert len(run.works("A")) == 2
    before, now = run.outcome.approvals
    assert before == question.model_copy(update={"answered_at": run.standings.moment})
    assert (now.version, now.asked_at, now.answered_at) == (1, run.standings.moment, None)


def test_a_new_version_is_a_new_question() -> None:
    run = asked(**AT_ONCE)
    run.approves("api")
    run.starts()
    run.batch(rejected=[rework("A")])
    run.starts()
    run.ends("A", wrote="two")

    first, second = run.outcome.approvals
    assert (first.version, second.version, second.answered_at) == (1, 2, None)
    run.passes(50)
    run.approves("api")
    assert run.outcome.approvals[0] == first, "when it was answered stays"


def test_a_person_is_told_the_command_that_approves() -> None:
    assert approve_command("cart", "api") == "plait approve cart api"


def test_standings_say_nothing_of_themselves_at_first() -> None:
    assert Standing() == Standing(status=Waiting())


def test_what_conflicts_in_files_with_odd_names_can_be_printed_and_written() -> None:
    run = played(CHAIN, **AT_ONCE)
    run.starts()
    run.ends("A")
    run.starts()
    odd = ("a\x1b[2J.txt", "bad\udcff.txt")
    run.batch(rejected=[rework("A", "conflict", files=odd)])

    told = run.outcome.model_dump_json()
    assert "bad" in told
    assert "\\u001b" not in told
    assert run.standing("A").repair is not None
    assert run.standing("A").repair.files == odd, "whoever repairs it may change just these"  # type: ignore[union-attr]
