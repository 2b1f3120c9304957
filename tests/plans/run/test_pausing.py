"""A run that is paused, goes on, is stopped, or comes to its end."""

from datetime import UTC, datetime

import pytest

from plait.plans.journal.effects import PrepareStart, StartBatch, StartWork
from plait.plans.journal.events import Stop, Tick
from plait.plans.journal.manifest import EarlierWork, PastEffort
from plait.plans.run.statuses import Built, Cancelled, Failed
from plait.plans.tasks.outcomes import RunState, Span
from plait.plans.usage import Usage
from tests.plans.run.played import AT_ONCE, CANCELLED, Played, played, rework

CHAIN = """
    tasks:
      - {id: A, run: echo}
      - {id: B, run: echo, needs: [A]}
      - {id: C, run: echo}
      - {id: D, run: echo}
"""

PAUSED = "what runs finishes, and nothing new starts until `plait resume cart`"


def paused(**changes: object) -> Played:
    """A and C are at work, D is ready, and somebody pauses the run."""
    run = played(CHAIN, **changes)
    assert run.starts() == ("A", "C")
    run.pauses("ann")
    return run


# Pause and resume.


def test_while_it_is_paused_nothing_starts_and_no_batch_forms() -> None:
    run = paused(**AT_ONCE)
    run.ends("A")
    run.passes(10_000)

    assert run.hear(Tick()) == []
    assert (run.in_batch, run.run.wakes_at) == ((), None)
    assert run.outcome.paused_by == "ann"
    assert not run.run.is_over


def test_what_is_at_work_when_it_is_paused_ends_as_ever() -> None:
    run = paused()

    run.ends("A")
    run.fails("C")

    assert run.states() == {"A": "done", "B": "ready", "C": "failed", "D": "ready"}


def test_a_batch_in_work_lands_although_the_run_is_paused() -> None:
    run = played(CHAIN, **AT_ONCE)
    run.starts()
    run.ends("A")
    run.starts()
    run.pauses()

    run.batch()

    assert run.state("A") == "landed"


def test_once_it_is_resumed_what_is_ready_starts_and_what_is_finished_is_integrated() -> None:
    run = paused(**AT_ONCE)
    run.ends("A")

    run.resumes("bob")

    assert run.starts() == ("B",)
    assert run.in_batch == ("A",)
    assert run.outcome.paused_by is None
    assert run.told() == [f"paused by ann: {PAUSED}", "goes on, resumed by bob"]


def test_nobody_need_say_who_they_are() -> None:
    run = played(CHAIN)
    run.pauses("")
    run.resumes("")

    assert run.told() == [f"paused: {PAUSED}", "goes on"]


def test_time_in_a_pause_does_not_count_for_the_wait_of_a_batch() -> None:
    run = played(CHAIN, wait=600.0, ready=1.0)
    run.starts()
    run.passes(10)
    run.ends("A")
    run.passes(100)
    run.starts()
    run.pauses()
    run.passes(5_000)
    run.resumes()
    run.passes(499)

    run.starts()
    assert run.in_batch == ()
    assert run.run.wakes_at == run.now + 1
    run.passes(1)
    run.starts()

    assert run.in_batch == ("A",)


def test_what_is_finished_in_a_pause_has_waited_since_its_end() -> None:
    run = paused(wait=600.0, ready=1.0)
    run.passes(1_000)
    run.ends("A")
    run.passes(1_000)
    run.resumes()

    run.starts()

    assert run.run.wakes_at == run.now + 600


def test_two_pauses_add_up() -> None:
    run = played(CHAIN)
    for _ in range(2):
        run.pauses()
        run.passes(100)
        run.resumes()
        run.passes(1)

    assert run.standings.run_time == pytest.approx(run.now - 200 - 1, abs=1.1)
    assert run.standings.clock_time(run.standings.run_time) <= run.now


def test_a_second_pause_and_a_second_resume_change_nothing() -> None:
    run = paused()
    began = run.standings.paused_at
    run.passes(5)

    assert run.pauses("bob") == []
    assert (run.standings.paused_by, run.standings.paused_at) == ("ann", began)
    run.resumes()
    assert run.resumes() == []


def test_a_try_that_is_put_off_goes_again_once_the_run_goes_on() -> None:
    run = paused()

    run.is_put_off("A", "red")

    assert (run.state("A"), run.told("A")[-1]) == ("ready", "another try waits until the run goes on")
    assert run.starts() == ()
    run.resumes()
    assert "A" in run.starts()
    run.ends("A")
    assert [span.ok for span in run.standing("A").spans] == [False, True]


def test_a_pause_between_two_tries_gives_no_more_of_them() -> None:
    run = paused()
    run.is_put_off("A", "red", tries=1)
    run.resumes()
    run.starts()
    first = run.work("A").tried
    run.pauses()
    run.is_put_off("A", "red", tries=3)
    run.resumes()
    run.starts()
    second = run.work("A").tried
    run.ends("A")

    assert (first, second) == (1, 3)
    assert run.standing("A").tried == 0, "another dispatch, a repair say, has all of its tries"


def test_tries_of_a_killed_run_do_not_count_for_the_retries_of_the_next() -> None:
    run = played(CHAIN, past={"A": PastEffort(tries=2)})
    run.starts()
    run.pauses()
    run.is_put_off("A", "red", tries=1)
    run.resumes()
    run.starts()

    assert (run.work("A").tried, run.standing("A").tries) == (1, 3)


URGENT = """
    crew: {dev: {backend: claude, slots: 1}}
    tasks:
      - {id: BUSY, role: dev, prompt: x}
      - {id: LOW, role: dev, prompt: x, priority: idle}
      - {id: LATE, role: dev, prompt: x, needs: [BUSY], priority: critical}
"""


def test_nobody_is_passed_over_in_a_pause() -> None:
    run = played(URGENT, **AT_ONCE)
    run.starts()
    run.pauses()
    run.ends("BUSY")
    run.passes(100 * 3600)
    run.resumes()

    assert run.starts() == ("LATE",)


def test_who_becomes_ready_in_a_pause_begins_to_wait_with_its_end() -> None:
    late = URGENT.replace("idle}", "idle, needs: [FIRST]}\n      - {id: FIRST, run: echo}")
    run = played(late, **AT_ONCE)
    run.starts()
    run.pauses()
    run.passes(36_000)
    run.ends("FIRST")
    run.resumes()
    states = run.standings.dispatcher.states

    assert set(states.queues.since.values()) == {run.now}


def test_who_has_worked_begins_to_wait_anew() -> None:
    run = played(URGENT.replace("{id: BUSY, role: dev, prompt: x}", "{id: BUSY, run: echo}"), **AT_ONCE)
    assert set(run.starts()) == {"BUSY", "LOW"}
    run.passes(100 * 3600)
    run.ends("BUSY")
    run.pauses()
    run.is_put_off("LOW")
    run.resumes()

    assert run.starts() == ("LATE",)


def test_after_a_stop_nobody_resumes() -> None:
    run = paused()
    run.stops()
    run.resumes()

    assert "goes on" not in run.told()


def test_a_repair_that_is_put_off_is_a_repair_when_it_goes_again() -> None:
    run = played(CHAIN.replace("run: echo}\n      - {id: B", "role: backend, prompt: x}\n      - {id: B"), **AT_ONCE)
    run.starts()
    run.ends("A")
    run.starts()
    run.batch(rejected=[rework("A")])
    run.starts()
    run.pauses()

    run.is_put_off("A")
    run.resumes()
    run.starts()

    assert len(run.works("A")) == 3
    assert run.work("A").repair is not None
    assert run.standing("A").repairs == 1


def test_a_feature_that_was_paused_before_its_run_begins_paused() -> None:
    run = played(CHAIN, paused_by="ann")

    assert run.starts() == ()
    run.resumes()
    assert run.starts() == ("A", "C")


# Stop.


def test_after_a_stop_nothing_starts_and_the_run_is_over_once_nothing_is_at_work() -> None:
    run = paused()
    run.resumes()
    run.stops()

    assert run.starts() == ()
    assert not run.run.is_over
    run.is_stopped("A")
    run.is_stopped("C")

    assert run.run.is_over
    assert (run.state("A"), run.reason("A")) == ("cancelled", CANCELLED)
    assert run.state("B") == "pending", "said at the end"
    run.closes()
    assert run.states() == dict.fromkeys("ABCD", "cancelled")
    assert run.outcome.state is RunState.CANCELLED
    assert run.outcome.ended_at is not None


def test_what_ends_well_after_a_stop_is_kept_as_finished() -> None:
    run = played(CHAIN)
    run.starts()
    run.stops()

    run.ends("A")
    run.fails("C", "it broke")

    assert run.state("A") == "done"
    assert run.standing("A").commit == "A-1"
    assert run.standing("C").status == Cancelled(CANCELLED), "its failure may be the signal's"


def test_a_run_that_is_stopped_waits_for_its_batch() -> None:
    run = played(CHAIN, **AT_ONCE)
    run.starts()
    run.ends("A")
    run.ends("C")
    run.starts()
    run.stops()
    run.is_stopped("B")
    run.is_stopped("D")
    assert not run.run.is_over

    run.batch_is_stopped()

    assert run.run.is_over
    assert run.told("batch-1")[-1] == "cancelled, nothing of it has landed"
    run.closes()
    assert run.states() == {"A": "done", "B": "cancelled", "C": "done", "D": "cancelled"}


def test_no_pause_is_said_after_a_stop() -> None:
    run = played(CHAIN)
    run.starts()
    run.stops()

    assert run.pauses() == []


def test_a_second_stop_changes_nothing() -> None:
    run = played(CHAIN)
    run.starts()
    run.stops()
    run.stops("the run broke: again", broken=True)

    assert run.standings.stopping == Stop(CANCELLED)
    assert run.standings.trouble is None


def test_a_run_that_breaks_is_not_called_cancelled_and_says_why() -> None:
    run = played(CHAIN)
    run.starts()
    run.stops("the run broke: git is gone", broken=True)
    run.is_stopped("A")
    run.closes()

    assert run.outcome.state is RunState.FAILED
    assert run.outcome.reason == "the run broke: git is gone"
    assert run.reason("A") == run.reason("B") == run.reason("C") == "the run broke: git is gone"


def test_a_signal_that_came_after_all_had_landed_cancelled_nothing() -> None:
    run = played("tasks: [{id: A, run: echo}]")
    run.starts()
    run.changes_nothing("A")
    run.stops()
    run.closes()

    assert run.outcome.state is RunState.COMPLETED


def test_what_is_handed_back_after_a_stop_is_cancelled() -> None:
    run = played(CHAIN, **AT_ONCE)
    run.starts()
    run.ends("A")
    run.starts()
    run.stops()

    run.batch(rejected=[rework("A")])
    run.is_stopped("B")
    run.is_stopped("C")
    run.closes()

    assert run.run.is_over
    assert run.state("A") == "cancelled"


def test_being_cancelled_later_does_not_move_the_end_of_work() -> None:
    run = played(CHAIN, **AT_ONCE)
    run.starts()
    run.passes(60)
    run.ends("A")
    ended = run.outcome.tasks[0].ended_at
    run.starts()
    run.batch(rejected=[rework("A")])
    run.passes(60)
    run.stops()
    run.closes()

    assert run.state("A") == "cancelled"
    assert run.outcome.tasks[0].ended_at == ended is not None


# Close.


def test_what_still_works_at_the_end_is_cancelled_and_nothing_is_heard_after_it() -> None:
    run = played(CHAIN)
    run.starts()
    run.closes()

    assert (run.state("A"), run.state("C")) == ("cancelled", "cancelled")
    assert run.told("A")[-1] == "cancelled"
    assert run.ends("A") == []
    assert run.state("A") == "cancelled"
    assert run.starts() == ()
    assert run.outcome.ended_at == datetime.fromtimestamp(run.now, UTC)


def test_what_is_being_prepared_at_the_end_is_cancelled() -> None:
    run = played(CHAIN, by_hand=[PrepareStart])
    run.starts()
    run.ends("A")
    run.ends("C")
    run.starts()
    run.closes()

    assert run.state("B") == "cancelled"


def test_what_is_blocked_stays_blocked_at_the_end_of_a_stopped_run() -> None:
    run = played(CHAIN)
    run.starts()
    run.fails("A")
    run.stops()
    run.is_stopped("C")
    run.closes()

    assert run.states() == {"A": "failed", "B": "blocked", "C": "cancelled", "D": "cancelled"}
    assert run.reason("B") == "A did not succeed"


def test_what_is_finished_and_could_not_land_is_held_at_the_end_and_says_so() -> None:
    run = played(CHAIN, **AT_ONCE, phases=(("A", "B"),))
    run.starts()
    run.ends("A")
    run.stops()
    run.is_stopped("C")
    assert run.state("A") == "done"

    run.closes()

    assert run.state("A") == "held"
    assert run.told("A")[-1] == "held"


def test_some_that_landed_make_a_partial_run_and_none_a_failed_one() -> None:
    run, none = (played("tasks: [{id: A, run: echo}, {id: B, run: echo}]") for _ in range(2))
    for each in (run, none):
        each.starts()
        each.fails("A", "no", environment=True)
    run.changes_nothing("B")
    none.fails("B")
    for each in (run, none):
        each.starts()
        assert each.run.is_over
        each.closes()

    assert (run.outcome.state, none.outcome.state) == (RunState.PARTIAL, RunState.FAILED)
    assert run.standing("A").status == Failed("no")
    assert run.standings.environment


def test_all_that_landed_with_a_red_base_after_it_is_not_complete() -> None:
    run = played("tasks: [{id: A, run: echo}]")
    run.starts()
    run.changes_nothing("A")
    run.stops("it broke", broken=True)
    run.closes()

    assert run.outcome.state is RunState.PARTIAL


# What a killed run had spent.


def test_tries_time_and_usage_of_a_killed_run_count_on() -> None:
    began = datetime.fromtimestamp(1_000, UTC)
    span = Span(started_at=began, ended_at=began, ok=False)
    past = {"A": PastEffort(2, (span,), Usage(turns=5)), "GONE": PastEffort(1, (), None)}
    run = played(CHAIN, past=past, salvage=("kept",))
    assert run.standing("A").tries == 2
    run.starts()
    assert run.outcome.tasks[0].started_at == began

    run.ends("A")

    standing = run.standing("A")
    assert (standing.tries, standing.spans[0], len(standing.spans)) == (3, span, 2)
    assert standing.usage is not None
    assert standing.usage.turns == 5
    assert run.outcome.salvage == ("kept",)


def test_the_clock_never_goes_back() -> None:
    run = played(CHAIN)
    run.starts()
    run.passes(50)
    run.ends("A")
    run.passes(-20)
    run.starts()

    assert run.standings.now == run.now + 20


def test_what_earlier_runs_finished_waits_for_a_batch_from_the_beginning_on() -> None:
    run = played(CHAIN, earlier={"A": EarlierWork("a", landed=False)}, wait=600.0, ready=1.0)

    assert run.standing("A").status == Built(run.now)
    run.starts()
    assert run.run.wakes_at == run.now + 600
    assert run.orders(StartBatch) == []
    assert len(run.orders(StartWork)) == 2
