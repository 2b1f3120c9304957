"""When a batch forms, what its end makes of branches, and which of them wait for whom."""

from math import inf

import pytest

from plait.plans.journal.events import BatchBroken, BatchEnded, TipMoved
from plait.plans.journal.manifest import EarlierWork
from plait.plans.run.statuses import Built, Landed, LandsByHand, Rejected, Waiting
from plait.plans.tasks.outcomes import BatchState, Rejection, RunState
from plait.plans.tasks.work import Candidate, RepairOrder, Unlanded
from tests.plans.run.played import AT_ONCE, BASE, Played, played, rework

TWO = """
    tasks:
      - {id: A, run: echo}
      - {id: B, run: echo}
"""
CHAIN = """
    tasks:
      - {id: A, run: echo}
      - {id: B, run: echo, needs: [A]}
"""
AGENTS = """
    tasks:
      - {id: A, role: backend, prompt: x}
      - {id: B, role: backend, prompt: x}
"""
PHASES = """
    tasks:
      - {id: A, role: backend, prompt: x}
      - {id: B, role: backend, prompt: x}
      - {id: ALONE, run: echo}
    phases: [{id: one, tasks: [A, B]}]
"""


def both_done(plan: str = TWO, **changes: object) -> Played:
    """A and B are finished, and in a batch."""
    run = played(plan, **changes)
    run.starts()
    for task in run.standings.tasks:
        if run.state(task) == "running":
            run.ends(task)
    run.starts()
    return run


# When a batch forms.


def test_a_batch_forms_once_enough_is_finished_and_takes_branches_as_they_are() -> None:
    run = played(TWO)
    run.starts()
    run.ends("A")
    run.starts()
    assert run.in_batch == ()
    run.ends("B")
    run.passes(1)
    run.starts()

    assert run.in_work.branches == (
        Candidate("A", "A-1", (), "echo", "refs/heads/feature/cart/agent/command/A"),
        Candidate("B", "B-1", (), "echo", "refs/heads/feature/cart/agent/command/B"),
    )
    assert (run.in_work.id, run.in_work.run, run.in_work.merge_only) == ("batch-1", "run-1", False)
    assert run.in_work.date == f"{int(run.now)} +0000"
    assert run.told("batch-1") == ["verifying A, B"]
    assert run.outcome.batches[0].state is BatchState.VERIFYING
    assert run.outcome.batches[0].started_at == run.standings.moment


def test_a_batch_forms_after_the_longest_wait_whoever_is_at_work_and_the_clock_is_set_for_that() -> None:
    run = played(TWO, wait=600.0)
    run.starts()
    run.passes(100)
    run.ends("A")
    run.starts()
    assert run.run.wakes_at == run.now + 600

    run.passes(599)
    run.starts()
    assert run.in_batch == ()
    run.passes(1)
    run.starts()

    assert run.in_batch == ("A",)
    assert run.run.wakes_at is None


def test_there_is_one_batch_at_a_time_and_each_has_its_number() -> None:
    run = played(TWO, **AT_ONCE)
    run.starts()
    run.ends("A")
    run.starts()
    run.ends("B")
    run.starts()
    assert run.in_batch == ("A",)

    run.batch()
    run.starts()

    assert (run.in_work.id, run.in_batch, run.in_work.landed) == ("batch-2", ("B",), ("A",))


URGENT = """
    tasks:
      - {id: A, role: backend, prompt: x, priority: 1, owns: [src/], locks: [{path: go.mod, mode: exclusive}]}
      - {id: B, role: backend, prompt: x, needs: [A], duration: 2h}
      - {id: C, role: backend, prompt: x, needs: [B], duration: 1h}
"""


def test_a_batch_knows_what_is_urgent_and_what_is_whose() -> None:
    run = played(URGENT, **AT_ONCE)
    run.starts()
    run.passes(60)
    run.ends("A")
    run.starts()

    (candidate,) = run.in_work.branches
    assert (candidate.priority, candidate.behind, candidate.done) == (1, 3 * 3600.0, 60.0)
    assert (candidate.owns, candidate.locked, candidate.asked) == (("src/**",), ("go.mod",), "owns")
    assert candidate.grounds == ()

    run.ends("B")
    run.batch()
    run.starts()
    (candidate,) = run.in_work.branches
    assert (candidate.task, candidate.behind, candidate.grounds) == ("B", 3600.0, ("A-1",))


def test_what_is_most_important_to_merge_comes_first() -> None:
    run = both_done(TWO.replace("{id: B, ", "{id: B, priority: 1, "))

    assert run.in_batch == ("B", "A")


def test_what_this_machine_kept_from_landing_is_not_forgotten_for_a_red_base() -> None:
    run = played(TWO, **AT_ONCE)
    run.starts()
    run.fails("A", environment=True)
    run.ends("B")
    run.starts()
    run.batch_says(BatchState.REJECTED, rejected=[Rejection(task="B", kind="base-red")], reason="red")

    assert run.standings.environment


# What has landed.


def test_what_has_landed_is_done_with_and_the_tip_is_where_the_batch_left_it() -> None:
    run = both_done()

    run.batch()

    assert run.states() == {"A": "landed", "B": "landed"}
    assert run.outcome.commit == "tip-1"
    assert run.told("A") == ["command-1 starts", "done, 1 file changed", "landed"]
    assert run.told("batch-1")[-1] == "landed A, B, 1 verification"
    run.starts()
    assert run.run.is_over
    run.closes()
    assert run.outcome.state is RunState.COMPLETED


def test_the_end_of_another_batch_changes_nothing() -> None:
    run = both_done()

    assert run.hear(BatchEnded("batch-7", BatchBroken("lost"))) == []
    assert run.in_batch == ("A", "B")
    assert run.standings.trouble is None


def test_a_batch_that_a_person_has_to_land_ends_the_integration_and_needs_no_more_agents_for_it() -> None:
    run = played(CHAIN, **AT_ONCE)
    run.starts()
    run.ends("A")
    run.starts()
    run.batch(by_hand="git merge x")
    run.ends("B")
    run.starts()

    assert run.standing("A").status == LandsByHand()
    assert (run.state("A"), run.reason("A")) == ("done", "ready to land: the feature branch is checked out")
    assert (run.in_batch, run.state("B")) == ((), "done")
    assert run.run.is_over
    run.closes()
    assert (run.outcome.reason, run.outcome.state) == ("git merge x", RunState.FAILED)


def test_nothing_is_handed_back_of_a_batch_that_a_person_has_to_land() -> None:
    """There is no tip yet that a repair could be made on."""
    run = both_done()

    run.batch(rejected=[rework("B")], by_hand="git merge x")

    assert (run.state("B"), run.reason("B")) == ("held", "rejected: fails-alone")
    assert run.starts() == ()


def test_a_broken_environment_ends_the_integration_and_blames_no_branch() -> None:
    run = both_done()

    run.batch_says(BatchState.INFRASTRUCTURE, reason="no space")
    run.starts()

    assert (run.states(), run.in_batch, run.run.is_over) == ({"A": "done", "B": "done"}, (), True)
    assert run.standings.environment
    run.closes()
    assert (run.outcome.reason, run.outcome.state) == ("no space", RunState.FAILED)


def test_what_was_red_on_a_red_base_is_verified_again_once_there_is_more_and_blames_no_branch() -> None:
    """The checks test what the plan builds: they are red until enough of it is there."""
    run = played(TWO, **AT_ONCE)
    run.starts()
    run.ends("A")
    run.starts()
    assert run.in_batch == ("A",)
    run.batch_is_base_red()
    run.starts()
    assert run.in_batch == ()

    run.ends("B")
    run.starts()
    assert run.in_batch == ("A", "B")
    run.batch()
    run.starts()

    assert run.states() == {"A": "landed", "B": "landed"}


def test_a_batch_that_stays_red_on_a_red_base_ends_the_run_with_that_reason() -> None:
    run = both_done()
    run.batch_is_base_red()
    run.starts()

    assert (run.in_batch, run.run.is_over) == ((), True)
    run.closes()
    assert run.outcome.state is RunState.FAILED
    assert "base is red" in (run.outcome.reason or "")
    assert not run.standings.environment


def test_an_integration_that_breaks_ends_with_its_reason() -> None:
    run = both_done()

    run.batch_breaks("git is gone")

    assert run.standings.environment
    assert run.outcome.batches[-1].state is BatchState.INFRASTRUCTURE
    run.starts()
    run.closes()
    assert run.outcome.reason == "the integration broke: git is gone"


def test_what_moves_the_tip_beside_batches_is_known_also_after_the_end() -> None:
    run = both_done()
    run.batch()
    run.closes()

    run.hear(TipMoved("tip-9"))

    assert run.outcome.commit == "tip-9"


# What is handed back.


def test_a_rejected_branch_is_handed_back_with_all_that_its_repair_needs() -> None:
    run = both_done(AGENTS, tip="tip-0")

    run.batch(rejected=[rework("B", "conflict", partner="A", files=("a.py", "b.py"))])

    assert run.standing("B").repair == RepairOrder(
        number=1,
        kind="conflict",
        rejected="B-1",
        onto="tip-1",
        partner="A",
        partner_commit="A-1",
        files=("a.py", "b.py"),
        reason="it is red",
        commands=("make test",),
    )
    assert (run.state("B"), run.reason("B")) == ("ready", "rejected: conflict with A in a.py, b.py")
    assert run.starts() == ("B",)
    work = run.work("B")
    assert (work.start, work.expected, work.repair) == ("tip-1", "B-1", run.standing("B").repair)
    assert work.after == ("B",)
    assert run.told("B")[-2:] == ["handed back", "backend-1 repairs it"]
    assert run.told("batch-1")[-1] == "part landed, landed A, B waits for A: conflict in the same lines, 1 verification"


def test_a_repair_starts_from_the_base_while_there_is_no_tip() -> None:
    run = both_done(AGENTS)

    run.batch(landed=[], rejected=[rework("A"), rework("B")])
    run.starts()

    assert run.work("A").start == BASE


def test_a_repair_that_is_done_goes_into_the_next_batch_and_has_a_span_of_its_own() -> None:
    run = both_done(AGENTS)
    run.batch(rejected=[rework("B")])
    run.starts()
    run.passes(60)
    run.ends("B")
    run.starts()

    assert (run.in_batch, run.in_work.branches[0].tip) == (("B",), "B-2")
    assert run.standing("B").repair is None
    assert [span.repair for span in run.standing("B").spans] == [0, 1]


def test_a_repair_that_failed_ends_the_task_and_blocks_what_needs_it() -> None:
    run = played(AGENTS.rstrip() + "\n      - {id: C, run: echo, needs: [B, A]}\n", **AT_ONCE)
    run.starts()
    run.ends("B")
    run.starts()
    run.batch(rejected=[rework("B")])
    run.starts()

    run.fails("B", "too hard")

    assert run.standing("B").status == Rejected("rejected, and the repair failed: too hard")
    assert (run.state("B"), run.state("C"), run.reason("C")) == ("held", "blocked", "B did not succeed")
    assert run.outcome.tasks[1].ended_at is not None
    assert run.told("B")[-1] == "held"


def test_no_more_is_repaired_than_the_plan_allows() -> None:
    run = both_done(AGENTS, repairs=2)
    for number in (1, 2):
        run.batch(rejected=[rework("B")])
        run.starts()
        assert run.work("B").repair is not None
        assert run.standing("B").repairs == number
        run.ends("B")
        run.starts()

    run.batch(rejected=[rework("B")])

    assert run.standing("B").status == Rejected("rejected: fails-alone")
    assert run.starts() == ()
    assert run.run.is_over


def test_nothing_is_repaired_where_the_plan_says_so() -> None:
    run = both_done(AGENTS, repairs=0)

    run.batch(rejected=[rework("B")])

    assert (run.state("B"), run.told("B")[-1]) == ("held", "held")


def test_a_command_that_fails_in_the_same_way_again_is_not_repaired_once_more() -> None:
    run = both_done(TWO, repairs=5)
    run.batch(rejected=[rework("B", "conflict", partner="A", files=("a.py",))])
    run.starts()
    run.ends("B")
    run.starts()

    run.batch(rejected=[rework("B", "conflict", partner="A", files=("a.py",))])

    assert run.standing("B").status == Rejected("rejected: conflict with A in a.py")


@pytest.mark.parametrize(
    "other",
    [
        rework("B", "interaction", partner="A", files=("a.py",)),
        rework("B", "conflict", files=("a.py",)),
        rework("B", "conflict", partner="A", files=("b.py",)),
    ],
)
def test_a_command_that_fails_in_another_way_is_repaired_again(other: object) -> None:
    run = both_done(TWO, repairs=5)
    run.batch(rejected=[rework("B", "conflict", partner="A", files=("a.py",))])
    run.starts()
    run.ends("B")
    run.starts()

    run.batch(rejected=[other])  # type: ignore[list-item]

    assert run.starts() == ("B",)


def test_an_agent_may_do_better_the_second_time() -> None:
    run = both_done(AGENTS)
    run.batch(rejected=[rework("B")])
    run.starts()
    run.ends("B")
    run.starts()

    run.batch(rejected=[rework("B")])

    assert run.starts() == ("B",)


def test_what_is_rejected_and_rests_on_what_has_failed_since_is_not_repaired() -> None:
    run = played(CHAIN, **AT_ONCE, repairs=1)
    run.starts()
    run.ends("A")
    run.starts()
    run.ends("B")
    run.batch(rejected=[rework("A")])
    run.starts()  # the repair of A; B is held
    run.fails("A")

    assert (run.state("B"), run.reason("B")) == ("held", "held back with A")
    run.starts()
    assert run.run.is_over


def test_a_rejected_branch_whose_need_failed_while_it_was_in_the_batch_is_given_up() -> None:
    plan = CHAIN.replace("run: echo", "role: backend, prompt: x")
    run = played(plan, **AT_ONCE)
    run.starts()
    run.ends("A")
    run.starts()
    run.ends("B")
    run.batch(rejected=[rework("A")])
    run.starts()
    run.ends("A")
    run.starts()
    assert run.in_batch == ("A", "B")

    run.batch(landed=[], rejected=[rework("A"), rework("B")])
    run.starts()
    run.fails("A")

    assert run.reason("B") == "rejected: fails-alone"
    assert run.state("B") == "blocked"


def test_what_a_batch_says_of_work_that_goes_again_meanwhile_is_passed_over() -> None:
    run = both_done(AGENTS)
    run.standings.put("B", status=Waiting())

    run.batch(rejected=[rework("B")])

    assert run.standing("B").repair is None
    assert run.standing("B").repairs == 0


def test_what_lands_although_it_goes_again_meanwhile_starts_on_top_of_the_tip() -> None:
    run = both_done(AGENTS)
    run.standings.put("B", commit="B-2")

    run.batch()

    assert run.state("B") == "done"
    assert run.standings.onto_tip == {"B"}


# Who waits for whom.


def test_what_waits_is_found_in_a_deep_graph_at_once() -> None:
    """By its paths, of which there are 3 to the power of 25, it would take years."""
    rows = ["tasks:"]
    for layer in range(26):
        needs = f", needs: [{', '.join(f'T{layer - 1}-{number}' for number in range(3))}]" if layer else ""
        rows += [f"  - {{id: T{layer}-{number}, run: echo{needs}}}" for number in range(3)]
    run = played("\n".join(rows))
    for task, facts in run.standings.facts.items():
        rests_on = tuple(need for group in facts.needs for need in group)
        run.standings.put(task, status=Built(0.0), commit=task, rests_on=rests_on)
    assert run.standings.rules.held == {}

    run.standings.put("T0-0", status=Rejected("red"))

    held = run.standings.rules.held
    assert len(held) == 25 * 3
    assert "T0-1" not in held


def test_what_rests_on_a_branch_that_is_being_made_again_waits_for_it() -> None:
    run = played(CHAIN, **AT_ONCE)
    run.starts()
    run.ends("A")
    run.starts()
    run.ends("B")
    run.batch(rejected=[rework("A")])
    run.starts()

    assert run.state("A") == "running"
    assert run.standings.rules.held == {"B": "A"}
    assert (run.state("B"), run.reason("B")) == ("held", "held back with A")
    run.ends("A")
    run.starts()
    assert run.in_batch == ("A", "B")
    run.batch()
    assert run.standings.rules.held == {}


def test_what_rests_on_a_rejected_branch_is_held_and_says_with_whom() -> None:
    run = played(CHAIN, **AT_ONCE, repairs=0)
    run.starts()
    run.ends("A")
    run.starts()
    run.batch(rejected=[rework("A")])
    run.ends("B")
    run.starts()

    assert (run.state("B"), run.reason("B")) == ("held", "held back with A")
    assert run.run.is_over
    run.closes()
    assert run.told("B")[-1] == "held"
    assert run.outcome.state is RunState.FAILED


def test_what_a_batch_held_is_told() -> None:
    run = both_done(CHAIN.replace("needs: [A]", "role: backend"))

    run.batch(rejected=[rework("A")], held={"B": "A"})

    assert run.told("B")[-1] == "held"


def test_a_phase_lands_whole_or_not_at_all_and_others_do_not_wait_for_it() -> None:
    run = played(PHASES, **AT_ONCE)
    run.starts()
    run.ends("A")
    run.ends("ALONE")
    run.starts()
    assert run.in_batch == ("ALONE",)
    run.batch()
    run.starts()
    assert run.in_batch == ()
    run.ends("B")
    run.starts()

    assert run.in_batch == ("A", "B")
    assert run.in_work.groups == (("A", "B"),)


def test_a_finished_part_of_a_phase_of_which_another_has_failed_is_held_with_it() -> None:
    run = played(PHASES, **AT_ONCE)
    run.starts()
    run.ends("A")
    run.ends("ALONE")
    run.fails("B")

    assert run.state("A") == "held"
    assert run.reason("A") == "held back with B: the phase one lands whole or not at all"


def test_what_is_rejected_against_work_that_waits_for_its_phase_is_repaired_on_top_of_that() -> None:
    run = both_done(PHASES, tip="tip-0")
    waits = Unlanded("with-a", ("A",), frozenset({"A", "B"}))

    run.batch(landed=["ALONE"], rejected=[rework("B", "conflict", partner="A")], held={"A": "B"}, unlanded=waits)
    run.starts()

    assert run.work("B").start == "with-a"
    assert run.standing("B").rests_on == ("A",)
    assert run.state("A") == "held"


def test_what_is_rejected_and_no_mate_of_a_phase_that_waits_is_repaired_on_top_of_the_tip() -> None:
    run = both_done(PHASES, tip="tip-0")
    waits = Unlanded("with-a", ("A",), frozenset({"A", "B"}))

    run.batch(landed=[], rejected=[rework("B"), rework("ALONE")], held={"A": "B"}, unlanded=waits)
    run.starts()

    assert run.work("ALONE").start == "tip-0"
    assert run.standing("ALONE").rests_on == ()


def test_what_would_bring_a_part_of_a_phase_with_it_waits_for_the_rest() -> None:
    """D is part of the run, rests on A, which is not and has not landed, and A's phase lacks B."""
    plan = """
        tasks:
          - {id: A, run: echo}
          - {id: B, run: echo}
          - {id: D, run: echo, needs: [A]}
        phases: [{id: one, tasks: [A, B]}]
    """
    run = played(plan, only=("D",), earlier={"A": EarlierWork("a", landed=False)})
    run.starts()
    run.ends("D")
    run.starts()

    assert (run.in_batch, run.state("D")) == ((), "held")
    assert run.reason("D") == "held back with B, which is not part of this run"
    assert run.run.is_over


def test_what_lies_outside_the_run_and_has_not_landed_comes_with_what_rests_on_it() -> None:
    plan = """
        tasks:
          - {id: A, run: echo}
          - {id: B, run: echo, needs: [A]}
          - {id: C, run: echo, needs: [B]}
    """
    before = {"A": EarlierWork("a", landed=False), "B": EarlierWork("b", landed=False, rests_on=("A",))}
    run = played(plan, only=("C",), earlier=before)
    run.starts()
    run.ends("C")
    run.starts()

    assert (run.work("C").start, run.in_work.branches[0].carries) == ("b", ("B", "A"))
    assert run.in_work.branches[0].needs == ()


def test_what_has_landed_outside_the_run_is_not_carried_and_counts_as_landed() -> None:
    run = played(CHAIN, only=("B",), earlier={"A": EarlierWork("a", landed=True)})
    run.starts()
    run.ends("B")
    run.starts()

    assert (run.in_work.branches[0].carries, run.in_work.landed) == ((), ("A",))


def test_while_the_wait_has_no_end_nothing_wakes_the_loop() -> None:
    run = played(TWO, wait=inf, ready=1.0)
    run.starts()
    run.ends("A")
    run.starts()

    assert run.run.wakes_at is None
    assert not run.run.is_over


def test_what_changed_nothing_has_landed_at_once() -> None:
    run = played(TWO)
    run.starts()
    run.changes_nothing("A")

    assert run.standing("A").status == Landed()
