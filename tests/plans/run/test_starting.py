"""Which task starts, from which commits, and what becomes of a start whose grounds have changed."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from plait.plans.journal.effects import MarkTask, PrepareStart, PutBranchAside, StartWork
from plait.plans.journal.events import StartPrepared, Tick
from plait.plans.journal.manifest import EarlierWork
from plait.plans.run.standings import Standings
from plait.plans.run.statuses import Preparing, Working
from plait.plans.tasks.outcomes import RunState
from plait.plans.tasks.planned_contracts import Record
from plait.plans.tasks.work import Informant
from plait.show.run_outcome import outcome_of
from tests.plans.run.played import AT_ONCE, BASE, played, rework

CHAIN = """
    tasks:
      - {id: A, run: echo}
      - {id: B, run: echo, needs: [A]}
"""
EITHER = """
    tasks:
      - {id: A, run: echo}
      - {id: B, run: echo}
      - {id: C, run: echo, needs: [{any: [A, B]}]}
"""
TEXTS = """
    tasks:
      - {id: SHOW, run: echo}
      - {id: TEST, run: echo, needs: [{task: SHOW, kind: information}]}
"""
JOIN = """
    tasks:
      - {id: A, run: echo}
      - {id: B, run: echo}
      - {id: C, run: echo, needs: [A, B]}
"""


def test_the_first_start_from_the_base_and_what_needs_them_from_their_commits() -> None:
    run = played(JOIN)

    assert run.starts() == ("A", "B")
    run.ends("A")
    assert run.starts() == ()
    run.ends("B")
    assert run.starts() == ("C",)

    assert (run.work("A").start, run.work("A").expected, run.work("A").agent) == (BASE, None, "command-1")
    assert run.orders(PrepareStart) == [PrepareStart("C", ("A-1", "B-1"))]
    assert (run.work("C").start, run.work("C").after) == ("A-1+B-1", ("A", "B"))
    assert run.standing("C").rests_on == ("A", "B")
    assert run.standing("C").grounds == ("A-1", "B-1")


def test_a_need_that_changed_nothing_hands_on_what_it_rests_on() -> None:
    run = played(
        """
        tasks:
          - {id: A, run: echo}
          - {id: CHECK, run: echo, needs: [A]}
          - {id: B, run: echo, needs: [CHECK]}
        """
    )
    run.starts()
    run.ends("A")
    run.starts()
    run.changes_nothing("CHECK")

    assert run.state("CHECK") == "landed"
    assert run.told("CHECK") == ["command-1 starts", "done, nothing to land"]
    assert run.starts() == ("B",)
    assert (run.work("B").start, run.standing("B").rests_on) == ("A-1", ("A",))


def test_a_need_chosen_outside_the_run_does_not_hide_one_that_is_to_come() -> None:
    run = played(EITHER, only=("A", "C"))

    assert run.starts() == ("A",)


def test_of_alternatives_the_first_that_is_finished_is_built_on() -> None:
    run = played(EITHER)
    run.starts()
    run.ends("B")

    assert run.starts() == ("C",)
    assert (run.work("C").start, run.standing("C").rests_on) == ("B-1", ("B",))


def test_of_alternatives_the_sound_one_is_chosen() -> None:
    """A is finished, and rests on a rejected branch: what is built on it could not land."""
    run = played(
        """
        tasks:
          - {id: ROOT, run: echo}
          - {id: A, run: echo, needs: [ROOT]}
          - {id: B, run: sleep, duration: 1s}
          - {id: D, run: sleep, duration: 1s, needs: [B]}
          - {id: C, run: echo, needs: [{any: [A, B]}, D]}
        """,
        slots={"command": 1},
        urgency={"ROOT": 5.0, "A": 4.0, "B": 3.0, "D": 2.0, "C": 1.0},
        repairs=0,
        **AT_ONCE,
    )
    assert run.starts() == ("ROOT",)
    run.ends("ROOT")
    assert run.starts() == ("A",)
    run.ends("A")
    assert run.starts() == ("B",)
    run.batch(rejected=[rework("ROOT")])
    run.ends("B")
    assert run.starts() == ("D",)
    run.ends("D")

    assert run.starts() == ("C",)
    assert run.standing("C").rests_on == ("B", "D")


def test_alternatives_of_which_none_is_sound_are_taken_all_the_same() -> None:
    """What rests on it is held as well, and lands with it once it may."""
    run = played(EITHER, earlier={"A": EarlierWork("a", landed=False)}, records={}, phases=(("A", "X"),))

    assert run.starts() == ("B", "C")
    assert run.standing("C").rests_on == ("A",)


def test_what_earlier_runs_finished_takes_no_slot_and_is_shown_on_the_page() -> None:
    run = played(
        JOIN,
        earlier={"A": EarlierWork("a", landed=True), "B": EarlierWork("b", landed=False)},
        slots={"command": 1},
    )

    assert run.orders(MarkTask) == [
        MarkTask("A", "Reused", "landed by an earlier run"),
        MarkTask("B", "Reused", "finished by an earlier run"),
    ]
    assert run.states() == {"A": "landed", "B": "done", "C": "ready"}
    assert run.starts() == ("C",)
    assert run.work("C").start == "a+b"
    assert run.in_batch == ("B",), "nobody is waited for who begins later"
    assert run.works("A") == []


def test_what_earlier_runs_finished_and_nothing_new_is_needed_for_is_integrated_at_once() -> None:
    run = played(CHAIN, earlier={"A": EarlierWork("a", landed=False), "B": EarlierWork("b", landed=False)})

    run.starts()

    assert run.in_batch == ("A", "B")


def test_no_more_start_than_other_runs_leave_slots_for() -> None:
    run = played(JOIN)

    assert run.starts({"command": 0}) == ()
    assert run.starts({"command": 1}) == ("A",)
    assert run.starts() == ("B",)


def test_who_helps_out_is_named() -> None:
    run = played(
        """
        crew: {backend: {slots: 1, fallback: [qa]}, qa: {slots: 1}}
        tasks:
          - {id: A, role: backend, prompt: x}
          - {id: B, role: backend, prompt: x}
        """
    )

    assert run.starts() == ("A", "B")
    assert run.told("A") == ["backend-1 starts"]
    assert run.told("B") == ["qa-1 starts in place of backend"]


# A start that is being prepared.


def test_a_task_has_its_slot_while_what_it_needs_is_merged_and_works_from_then_on() -> None:
    run = played(CHAIN, by_hand=[PrepareStart], slots={"command": 1})
    run.starts()
    run.ends("A")
    run.starts()
    assert run.standing("B").status == Preparing("command-1", ("A",), ("A-1",))
    assert run.state("B") == "ready"

    run.passes(5)
    run.is_prepared("B")

    assert run.standing("B").status == Working("command-1", run.now, "A-1", 1)


def test_a_start_whose_need_is_rejected_meanwhile_is_given_up() -> None:
    run = played(CHAIN, by_hand=[PrepareStart], **AT_ONCE)
    run.starts()
    run.ends("A")
    run.starts()
    run.batch(rejected=[rework("A")])

    run.is_prepared("B")

    assert run.works("B") == []
    assert run.state("B") == "pending"
    assert run.starts() == ("A",), "the repair"


def test_a_start_whose_need_is_rejected_for_good_meanwhile_is_blocked() -> None:
    run = played(CHAIN, by_hand=[PrepareStart], repairs=0, **AT_ONCE)
    run.starts()
    run.ends("A")
    run.starts()
    run.batch(rejected=[rework("A")])

    run.is_prepared("B")

    assert (run.state("B"), run.reason("B")) == ("blocked", "A did not succeed")
    assert MarkTask("B", "Blocked", "A did not succeed") in run.effects


def test_a_start_whose_need_was_made_anew_meanwhile_is_prepared_again() -> None:
    run = played(CHAIN, by_hand=[PrepareStart], **AT_ONCE)
    run.starts()
    run.ends("A")
    run.starts()
    run.batch(rejected=[rework("A")])
    run.starts()
    run.ends("A")
    assert run.state("A") == "done"

    run.is_prepared("B")
    assert run.works("B") == []
    run.starts()
    run.is_prepared("B")

    assert run.work("B").start == "A-2"


def test_a_start_that_is_prepared_while_the_run_is_paused_is_prepared_again_later() -> None:
    run = played(CHAIN, by_hand=[PrepareStart])
    run.starts()
    run.ends("A")
    run.starts()
    run.pauses()

    run.is_prepared("B")
    assert run.state("B") == "ready"
    run.resumes()
    run.starts()
    run.is_prepared("B")

    assert run.state("B") == "running"


def test_a_start_that_is_prepared_after_a_stop_is_cancelled() -> None:
    run = played(CHAIN, by_hand=[PrepareStart])
    run.starts()
    run.ends("A")
    run.starts()
    run.stops()
    assert not run.run.is_over

    run.is_prepared("B")

    assert (run.state("B"), run.reason("B")) == ("cancelled", "the run was cancelled")
    assert run.run.is_over is (run.in_batch == ())


def test_what_was_prepared_for_a_task_that_does_not_wait_for_it_changes_nothing() -> None:
    run = played(CHAIN)
    run.starts()

    assert run.hear(StartPrepared("A", "other")) == []
    assert run.hear(StartPrepared("B", "other")) == []
    assert run.hear(StartPrepared("NOBODY", "other")) == []
    assert run.states() == {"A": "running", "B": "pending"}


# Needs that conflict with each other.


def test_needs_that_conflict_wait_for_a_batch_that_settles_it_and_nobody_is_waited_for() -> None:
    run = played(
        JOIN.rstrip() + "\n      - {id: LONG, run: sleep, duration: 2h}\n",
        by_hand=[PrepareStart],
        slots={"command": 3},
        wait=float("inf"),
        ready=1.0,
    )
    run.starts()
    run.ends("A")
    run.ends("B")
    run.starts()
    assert run.in_batch == (), "somebody still works"

    run.passes(10)
    run.conflicts("C", "a.txt", "b.txt")

    assert run.waits("C") == ["conflict"]
    assert (run.state("C"), run.told("C")) == ("pending", ["waits, what it needs conflicts in a.txt, b.txt"])
    assert run.starts() == ()
    assert run.in_batch == ("A", "B")
    run.passes(30)
    run.batch(rejected=[rework("B", "conflict", partner="A")])
    assert run.waits("C") == []
    assert run.standing("C").waited == {"conflict": 30.0}


def test_needs_that_conflict_and_that_somebody_has_merged_already_are_built_on_as_they_are_there() -> None:
    run = played(JOIN, by_hand=[PrepareStart], tip="tip-0")
    run.starts()
    run.ends("A")
    run.ends("B")
    run.starts()

    run.conflicts("C", inside_tip=True)

    assert (run.state("C"), run.work("C").start) == ("running", "tip-0")


def test_there_is_nothing_to_build_on_where_there_is_no_tip_whatever_is_said_of_it() -> None:
    run = played(JOIN, by_hand=[PrepareStart])
    run.starts()
    run.ends("A")
    run.ends("B")
    run.starts()

    run.conflicts("C", inside_tip=True)

    assert run.waits("C") == ["conflict"]


def test_conflicts_of_needs_that_no_batch_settles_are_given_up_at_the_end_and_block_what_needs_them() -> None:
    plan = JOIN.rstrip() + "\n      - {id: D, run: echo, needs: [C]}\n"
    run = played(plan, by_hand=[PrepareStart])
    run.starts()
    run.ends("A")
    run.ends("B")
    run.starts()
    run.conflicts("C")
    run.starts()
    run.batch()  # and still
    run.starts()
    run.conflicts("C")
    run.starts()
    assert run.run.is_over

    run.closes()

    assert run.states() == {"A": "landed", "B": "landed", "C": "blocked", "D": "blocked"}
    assert run.reason("C") == "what it needs conflicts with each other, and has not landed"
    assert run.told("C")[-1] == "blocked"
    assert run.reason("D") == "C did not succeed"
    assert run.waits("C") == []


def test_parts_of_a_phase_are_merged_only_to_settle_a_conflict_and_only_once_as_they_are() -> None:
    run = played(
        """
        tasks:
          - {id: A, run: echo}
          - {id: B, run: echo}
          - {id: C, run: echo, needs: [A, B]}
        phases: [{id: one, tasks: [A, B, C]}]
        """,
        by_hand=[PrepareStart],
    )
    run.starts()
    run.ends("A")
    run.ends("B")
    run.starts()
    assert run.in_batch == ()
    run.conflicts("C")

    run.starts()
    assert run.in_work.merge_only
    assert run.in_batch == ("A", "B")
    assert run.told("batch-1") == ["merging A, B"]
    run.batch(held={"A": "C", "B": "C"})
    run.starts()
    run.conflicts("C")
    run.starts()

    assert run.in_batch == ()
    assert run.run.is_over


# Texts that a task wants to read.


def test_who_wants_to_read_waits_for_the_text_and_gets_it() -> None:
    run = played(TEXTS)
    assert run.starts() == ("SHOW",)
    assert run.waits("TEST") == ["text"]
    assert run.state("TEST") == "pending"
    run.passes(60)

    run.ends("SHOW")

    assert run.starts() == ("TEST",)
    assert run.work("TEST").informants == (Informant("SHOW", "SHOW-1", (), ""),)
    assert (run.work("TEST").start, run.work("TEST").after) == (BASE, ("SHOW",)), "it is no need"
    assert run.standing("TEST").waited == {"text": 60.0}


def test_who_wants_to_read_what_failed_starts_without_it_and_is_told_so() -> None:
    run = played(TEXTS)
    run.starts()
    run.fails("SHOW")

    assert run.starts() == ("TEST",)
    (informant,) = run.work("TEST").informants
    assert informant.missing == "SHOW has nothing to show (failed): start without it."


def test_who_wants_to_read_what_had_nothing_to_change_is_not_told_that_it_is_missing() -> None:
    run = played(TEXTS)
    run.starts()
    run.changes_nothing("SHOW")
    run.starts()

    assert run.work("TEST").informants == (Informant("SHOW", None, (), ""),)


def test_what_is_outside_the_run_is_read_as_earlier_runs_left_it() -> None:
    run = played(TEXTS, only=("TEST",), earlier={"SHOW": EarlierWork("s", landed=False)}, outputs={"SHOW": ("x.md",)})
    without = played(TEXTS, only=("TEST",))

    assert (run.starts(), without.starts()) == (("TEST",), ("TEST",))
    assert run.work("TEST").informants == (Informant("SHOW", "s", ("x.md",), ""),)
    (informant,) = without.work("TEST").informants
    assert informant.missing == "SHOW is not part of this run and has not been done before: start without it."


def test_texts_that_nobody_can_give_any_more_are_given_up_once_nothing_else_goes_on() -> None:
    """Both want to read each other's: a circle, as the two are no needs."""
    run = played(
        """
        tasks:
          - {id: A, run: echo}
          - {id: SHOW, run: echo, needs: [A]}
          - {id: TEST, run: echo, needs: [{task: SHOW, kind: information}]}
        """,
        by_hand=[PrepareStart],
    )
    run.starts()
    run.ends("A")
    run.starts()
    run.conflicts("SHOW")
    run.starts()
    run.batch()
    run.starts()
    run.conflicts("SHOW")
    assert run.waits("TEST") == ["text"]
    assert not run.run.is_over

    assert run.starts() == ("TEST",)

    (informant,) = run.work("TEST").informants
    assert informant.missing == "SHOW has nothing to show (pending): start without it."


def test_what_was_given_up_is_not_waited_for_again() -> None:
    run = played(
        """
        tasks:
          - {id: A, run: echo}
          - {id: SHOW, run: echo, needs: [A]}
          - {id: TEST, run: echo, needs: [{task: SHOW, kind: information}]}
        """,
        by_hand=[PrepareStart],
        slots={"command": 1},
    )
    run.starts()
    run.ends("A")
    run.starts()
    run.conflicts("SHOW")
    run.starts()
    run.batch()
    run.starts()
    run.conflicts("SHOW")
    run.starts()

    assert run.standing("TEST").reads_without
    assert not any(effect for effect in run.hear(StartPrepared("TEST", "x")) if isinstance(effect, StartWork))
    assert run.waits("TEST") == []


def test_whom_others_wait_to_read_is_as_urgent_as_in_the_forecast() -> None:
    run = played(
        """
        tasks:
          - {id: ALONE, run: "true", duration: 2h}
          - {id: SHOW, run: "true", duration: 1h}
          - {id: TEST, run: "true", duration: 3h, needs: [{task: SHOW, kind: information}]}
        """,
        slots={"command": 1},
    )

    assert run.starts() == ("SHOW",)


def test_the_order_of_dispatch_is_the_one_that_was_searched_for() -> None:
    run = played(EITHER, slots={"command": 1}, urgency={"A": 1.0, "B": 2.0, "C": 0.0})

    assert run.starts() == ("B",)


# What is done again although its old work has landed.


def test_what_has_landed_outdated_is_done_again_on_top_of_the_tip() -> None:
    run = played(CHAIN, redone=("A",), tip="tip-0")

    run.starts()

    assert run.work("A").start == "tip-0"


def test_a_slot_that_is_given_back_at_once_goes_to_the_next_in_the_same_moment() -> None:
    plan = """
        crew: {designer: {backend: claude, slots: 1}}
        contracts: [{id: api, owner: A, files: [api.txt], approval: person}]
        tasks:
          - {id: L, run: echo}
          - {id: A, role: designer, prompt: x, needs: [L], priority: critical}
          - {id: Q, role: designer, prompt: y}
    """
    rejected = Record("api", 1, "rejected", "a", "one", by="ann", owner="A", reason="no", oid="oid-1")
    run = played(
        plan,
        earlier={"L": EarlierWork("l2", landed=True, at="l2")},
        sent_back={"A": EarlierWork("a", landed=False, at="a")},
        records={"api": (rejected,)},
        by_hand=[PutBranchAside],
        **AT_ONCE,
    )

    assert run.starts({"designer": 1}) == ("Q",)
    assert run.waits("A") == ["aside"]


@dataclass(frozen=True, slots=True)
class MoonWait:
    """A new wait, made as CONTRIBUTING.md says: a class here, and a line in `waits_before_start`."""

    kind = "moon"
    keeps_going = True
    in_vain = "the moon never rose"


def test_a_new_wait_is_a_class_and_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    is_up, usual = False, Standings.waits_before_start

    def waits(run: Standings, task: str) -> Iterator[object]:
        yield from usual(run, task)
        if task == "B" and not is_up:
            yield MoonWait()

    monkeypatch.setattr(Standings, "waits_before_start", waits)
    run = played("tasks: [{id: A, run: echo}, {id: B, run: echo}]", **AT_ONCE)

    assert run.starts() == ("A",)
    assert (run.waits("B"), run.state("B")) == (["moon"], "pending")
    run.ends("A")
    run.starts()
    run.batch()
    run.starts()
    assert not run.run.is_over, "it ends by itself"
    run.passes(60)
    is_up = True
    run.hear(Tick())
    assert run.starts() == ("B",)
    assert run.standing("B").waited == {"moon": 60.0}


def test_who_waits_in_vain_says_so_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Standings, "waits_before_start", lambda _run, task: [MoonWait()] if task == "B" else [])
    run = played("tasks: [{id: A, run: echo}, {id: B, run: echo}]", **AT_ONCE)
    run.starts()
    run.ends("A")
    run.starts()
    run.batch()
    run.closes()

    assert (run.state("B"), run.reason("B")) == ("blocked", "the moon never rose")


SET_UP = """
    tasks:
      - {id: A, role: dev, prompt: x}
      - {id: B, role: dev, prompt: x, needs: [A]}
      - {id: C, role: qa, prompt: x}
"""


def test_a_set_up_that_fails_blocks_what_needs_it_and_nobody_else() -> None:
    run = played(SET_UP, **AT_ONCE)
    assert run.starts() == ("A", "C")
    run.is_unprepared("A", "the set-up failed: no net\nall of it: plait logs A")
    run.ends("C")
    run.starts()
    run.batch()
    run.closes()

    assert {task: run.state(task) for task in "ABC"} == {"A": "blocked", "B": "blocked", "C": "landed"}
    assert (run.reason("A"), run.reason("B")) == ("its set-up failed", "A did not succeed")
    outcome = outcome_of(run.standings)
    assert outcome.reason == "the set-up failed: no net\nall of it: plait logs A"
    assert outcome.state is RunState.PARTIAL
    blamed = next(task for task in outcome.tasks if task.id == "A")
    assert (blamed.tries, blamed.agent, blamed.spans) == (0, None, ())
    assert not run.standings.environment


def test_what_fails_for_many_is_said_once() -> None:
    run = played("tasks: [{id: A, run: echo}, {id: B, run: echo}]", **AT_ONCE)
    run.starts()
    for task in "AB":
        run.is_unprepared(task)
    run.closes()

    assert outcome_of(run.standings).reason == "the set-up failed: no net"


def test_a_repair_that_did_not_begin_leaves_the_branch_rejected() -> None:
    run = played("tasks: [{id: A, run: echo}]", **AT_ONCE)
    run.starts()
    run.ends("A")
    run.starts()
    run.batch(rejected=[rework("A")])
    assert run.starts() == ("A",)
    run.is_unprepared("A")
    run.closes()

    assert (run.state("A"), run.reason("A")) == ("held", "rejected, and its set-up failed")
