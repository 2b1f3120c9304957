"""Batches that are in work at once: who follows whom, and what becomes of those behind one that did not land."""

import pytest

from plait.plans.journal.events import BatchSettled, TipMoved
from plait.plans.run.statuses import Built, Landed, LandsByHand
from plait.plans.tasks.outcomes import BatchState, RunState
from tests.plans.run.played import AT_ONCE, Played, played, rework

FOUR = """
    tasks:
      - {id: A, role: backend, prompt: x}
      - {id: B, role: backend, prompt: x}
      - {id: C, role: backend, prompt: x}
      - {id: D, role: backend, prompt: x, needs: [A]}
    crew: {roles: {backend: {slots: 4}}}
"""


def one_after_the_other(*tasks: str, plan: str = FOUR, **changes: object) -> Played:
    """Each of these is finished, and in a batch of its own."""
    run = played(plan, **{**AT_ONCE, "verifications": len(tasks), **changes})
    run.starts()
    for task in tasks:
        run.ends(task)
        run.starts()
    return run


def test_as_many_batches_are_in_work_as_there_are_verifications_and_each_follows_the_one_before() -> None:
    run = one_after_the_other("A", "B")
    run.ends("C")
    run.starts()

    assert run.in_batches == [("A",), ("B",)]
    orders = tuple(run.standings.in_work.values())
    assert [order.follows for order in orders] == [None, "batch-1"]
    assert [order.ahead for order in orders] == [(), ("A",)]

    run.batch()
    run.starts()
    assert run.in_batches == [("B",), ("C",)]
    assert (run.in_work.follows, run.in_work.ahead, run.in_work.landed) == ("batch-2", ("B",), ("A",))


def test_what_rests_on_a_suspect_is_in_no_batch_until_it_is_known_why_that_did_not_land() -> None:
    run = one_after_the_other("A", verifications=2)
    run.ends("B")
    run.ends("D")
    run.batch_settles()
    run.starts()
    assert run.in_batches == [("B",)]

    run.batch(landed=[])
    run.starts()
    assert run.in_batches == [("B",), ("A", "D")]


def test_what_has_landed_is_known_before_it_is_known_why_the_rest_did_not() -> None:
    run = played(FOUR, verifications=1, **AT_ONCE)
    run.starts()
    run.ends("A")
    run.ends("B")
    run.starts()
    run.batch_settles("B")

    assert run.states() == {"A": "done", "B": "landed", "C": "running", "D": "running"}
    assert (run.outcome.batches[0].state, run.outcome.batches[0].landed) == (BatchState.SEARCHING, ("B",))
    assert run.outcome.batches[0].started_at is not None
    run.ends("C")
    run.starts()
    assert (run.in_batches, run.standings.tip) == ([("C",)], "tip-1")
    run.batch(landed=["B"], rejected=[rework("A")])
    assert (run.states()["A"], run.standings.tip) == ("ready", "tip-1")
    batches = [(batch.id, batch.state) for batch in run.outcome.batches]
    assert batches == [("batch-1", BatchState.PART_LANDED), ("batch-2", BatchState.VERIFYING)]


@pytest.mark.parametrize("stopped", [True, False])
def test_what_a_batch_had_landed_stays_told_where_its_explanation_is_cut_short(stopped: bool) -> None:
    run = played(FOUR, **AT_ONCE)
    run.starts()
    run.ends("A")
    run.ends("B")
    run.starts()
    run.batch_settles("B")
    if stopped:
        run.stops()
        run.batch_is_stopped()
    else:
        run.batch_breaks("git is gone")

    batch = run.outcome.batches[0]
    assert (batch.state, batch.landed) == (BatchState.PART_LANDED, ("B",))
    assert batch.ended_at is not None
    assert run.told("batch-1")[-1].endswith("landed B")


def test_a_settled_batch_that_nobody_knows_changes_nothing() -> None:
    run = one_after_the_other("A", "B")
    run.hear(BatchSettled("batch-7", ("A",), "elsewhere"))

    assert (run.in_batches, run.standings.tip) == ([("A",), ("B",)], None)


def test_nothing_more_is_integrated_behind_a_batch_that_a_person_has_to_land() -> None:
    run = one_after_the_other("A", "B")
    run.batch(by_hand="git merge --ff-only tip-1")
    run.batch(landed=[])  # it would have landed behind that
    run.ends("C")
    run.starts()

    assert isinstance(run.standing("A").status, LandsByHand)
    assert isinstance(run.standing("B").status, Built)
    assert run.in_batches == []
    assert run.told("batch-2")[-1] == "landed nothing, 1 verification"
    assert run.standings.by_hand == "git merge --ff-only tip-1"
    run.hear(TipMoved("tip-1", landed=("A",), by_somebody=True))
    run.starts()
    assert run.in_batches == [("B", "C")]


def test_what_was_red_on_a_red_base_is_verified_again_once_another_batch_has_landed() -> None:
    run = one_after_the_other("A", "B")
    run.batch_is_base_red()
    run.starts()
    assert run.in_batches == [("B",)]

    run.batch()
    run.starts()
    assert run.in_batches == [("A",)]


def test_what_was_red_on_a_red_base_is_verified_again_once_somebody_has_moved_the_branch() -> None:
    run = one_after_the_other("A")
    run.batch_is_base_red()
    run.starts()
    assert run.in_batches == []

    run.hear(TipMoved("theirs", by_somebody=True))
    run.starts()
    assert run.in_batches == [("A",)]


def test_only_what_was_judged_on_a_red_base_is_not_verified_again() -> None:
    """B and D were one batch, behind the one of A; D rests on A, which did not land, so B was verified alone."""
    run = one_after_the_other("A", verifications=2, repairs=0)
    run.ends("B")
    run.starts()
    assert run.in_batches == [("A",), ("B",)]
    run.batch()
    run.ends("D")
    run.batch_is_base_red("B")
    run.starts()
    assert run.in_batches == [("B", "D")]

    run.batch_is_base_red("B")
    run.starts()
    assert run.in_batches == [("B", "D")]
    run.batch_is_base_red("B", "D")
    run.starts()
    assert run.in_batches == []


def test_batches_that_others_overtake_come_back_later_and_later_and_ten_times_at_most() -> None:
    run = one_after_the_other("A")
    waits = []
    for _ in range(10):
        run.batch_is_overtaken()
        run.starts()
        assert run.in_batches == []
        waits.append((run.run.wakes_at or 0.0) - run.now)
        run.passes(waits[-1] - 0.5)
        run.starts()
        assert run.in_batches == []
        run.passes(0.5)
        run.starts()
        assert run.in_batches == [("A",)]
    run.batch_is_overtaken()
    run.starts()

    assert waits == [2, 4, 8, 16, 32, 60, 60, 60, 60, 60]
    assert (run.in_batches, run.standings.trouble) == ([], "it was moved")
    run.stops()
    run.closes()
    assert not run.standings.environment


def test_a_batch_that_lands_ends_the_count_of_those_that_were_overtaken_and_an_explanation_does_not() -> None:
    run = one_after_the_other("A", verifications=1)
    run.ends("B")
    run.batch_settles()
    run.starts()
    run.batch_is_overtaken()
    assert (run.standings.overtaken, run.in_batches) == (1, [])

    run.batch(landed=[], rejected=[rework("A")])
    assert run.standings.overtaken == 1
    run.passes(2)
    run.starts()
    run.batch()
    assert run.standings.overtaken == 0


def test_what_is_lost_of_a_run_that_lands_nothing_more_is_not_promised() -> None:
    run = one_after_the_other("A")
    run.batch()
    run.ends("B")
    run.starts()
    run.batch_breaks("git is gone")
    run.hear(TipMoved(None, lost=("A",), by_somebody=True))

    assert isinstance(run.standing("A").status, Built)
    assert run.told()[-1] == "somebody deleted feature/cart/integration: A is not on it any more"


def test_what_is_lost_lands_again_as_long_as_the_run_goes_on() -> None:
    run = one_after_the_other("A")
    run.batch()
    run.hear(TipMoved(None, lost=("A",), by_somebody=True))
    assert run.told()[-1].endswith("A is not on it any more, and will land again")
    run.starts()
    run.batch()

    assert isinstance(run.standing("A").status, Landed)
    assert run.outcome.state is RunState.RUNNING
