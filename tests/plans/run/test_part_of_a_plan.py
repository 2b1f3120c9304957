"""A run of a part of its plan (`--only`): what earlier runs finished outside it comes along, whole and as it is now."""

from plait.plans.journal.manifest import EarlierWork
from plait.plans.tasks.outcomes import RunState
from plait.plans.tasks.planned_contracts import Record
from tests.plans.run.played import AT_ONCE, played, rework

PHASE = """
    tasks:
      - {id: A, run: echo}
      - {id: B, run: echo}
      - {id: O, run: echo, needs: [A]}
      - {id: D, run: echo, needs: [O]}
    phases: [{id: one, tasks: [A, B]}]
"""


def earlier(commit: str, *rests_on: str, behind: tuple[str, ...] = (), **built_on: int) -> EarlierWork:
    """Finished, and not landed."""
    return EarlierWork(
        commit, landed=False, rests_on=rests_on, at=commit, behind=behind, built_on=built_on, contents={"api": "one"}
    )


def test_half_a_phase_does_not_land_through_what_is_not_part_of_the_run() -> None:
    run = played(PHASE, only=("A", "B", "D"), earlier={"A": earlier("a"), "O": earlier("o", "A")}, **AT_ONCE)
    run.starts()
    run.ends("D")
    run.starts()

    assert run.in_batch == ()
    assert run.standings.rules.held == {"A": "B", "D": "A"}
    run.ends("B")
    run.starts()
    assert set(run.in_batch) == {"A", "B", "D"}
    assert next(branch.needs for branch in run.in_work.branches if branch.task == "D") == ("A",)


def test_what_a_branch_rests_on_through_others_is_merged_before_it_whatever_its_priority() -> None:
    plan = PHASE.replace("phases: [{id: one, tasks: [A, B]}]", "").replace("[O]}", "[O], priority: critical}")
    there = {"A": earlier("a"), "O": earlier("o", "A"), "D": earlier("d", "O")}
    run = played(plan, only=("A", "D"), earlier=there, **AT_ONCE)
    run.starts()

    assert run.in_batch == ("A", "D")
    assert [branch.carries for branch in run.in_work.branches] == [(), ("O",)]


def test_a_phase_is_whole_with_what_its_last_task_brings_along() -> None:
    plan = """
        tasks:
          - {id: A, run: echo}
          - {id: B, run: echo, needs: [A]}
        phases: [{id: one, tasks: [A, B], order: sequential}]
    """
    run = played(plan, only=("B",), earlier={"A": earlier("a")}, **AT_ONCE)
    run.starts()
    run.ends("B")
    run.starts()

    assert run.in_batch == ("B",)
    run.batch()
    assert set(run.standings.landed) == {"A", "B"}


def test_who_would_bring_a_part_of_a_phase_along_lands_with_the_rest_of_it_alone() -> None:
    plan = """
        tasks:
          - {id: A, run: echo}
          - {id: B, run: echo, needs: [A]}
          - {id: X, run: echo, needs: [A]}
        phases: [{id: one, tasks: [A, B], order: sequential}]
    """
    run = played(plan, only=("B", "X"), earlier={"A": earlier("a")}, **AT_ONCE)
    run.starts()
    run.ends("X")
    run.starts()
    assert (run.in_batch, run.standings.rules.held) == ((), {"X": "B"})
    run.ends("B")
    run.starts()

    assert set(run.in_batch) == {"B", "X"}
    assert run.in_work.groups == (("A", "B", "X"),), "if the batch has to leave B out, X stays behind as well"


def test_what_was_brought_along_has_landed_and_keeps_nobody_any_more() -> None:
    plan = """
        tasks:
          - {id: A, run: echo}
          - {id: B, run: echo}
          - {id: X, run: echo, needs: [A, B]}
          - {id: W, run: echo}
          - {id: Y, run: echo, needs: [A, W]}
        phases: [{id: one, tasks: [A, B]}]
    """
    run = played(plan, only=("X", "Y", "W"), earlier={"A": earlier("a"), "B": earlier("b")}, **AT_ONCE)
    run.starts()
    run.ends("X")
    run.starts()
    run.batch()
    run.ends("W")
    run.starts()
    run.batch()
    run.starts()
    run.ends("Y")
    run.starts()
    run.batch()
    run.closes()

    assert run.outcome.state is RunState.COMPLETED
    assert {"A", "B"} <= set(run.standings.landed)


def test_a_batch_that_a_person_lands_brings_nothing_along_yet() -> None:
    plan = "tasks: [{id: A, run: echo}, {id: X, run: echo, needs: [A]}]"
    run = played(plan, only=("X",), earlier={"A": earlier("a")}, **AT_ONCE)
    run.starts()
    run.ends("X")
    run.starts()
    run.batch(by_hand="git merge")

    assert run.standings.landed == ()


def test_a_rejected_version_does_not_come_along_without_its_repair() -> None:
    plan = "tasks: [{id: A, run: echo}, {id: O, run: echo, needs: [A]}, {id: X, run: echo, needs: [O]}]"
    behind = {"A": earlier("a2"), "O": earlier("o", "A", behind=("A",))}

    kept = played(plan, only=("X",), earlier=behind, **AT_ONCE)
    kept.starts()
    kept.ends("X")
    kept.starts()
    assert (kept.in_batch, kept.reason("X")) == ((), "held back with O, which is not part of this run")

    with_it = played(plan, only=("A", "X"), earlier=behind, **AT_ONCE)
    with_it.starts()
    with_it.batch()
    with_it.ends("X")
    with_it.starts()
    assert with_it.in_batch == ("X",), "the repair of A has landed"


CHAIN = """
    contracts: [{id: api, owner: O, files: [api.txt]}]
    tasks:
      - {id: O, run: echo}
      - {id: A, run: echo, needs: [{contract: api}]}
      - {id: B, run: echo, needs: [A]}
      - {id: C, run: echo, needs: [B]}
"""


def test_what_rests_on_an_old_version_through_what_is_not_part_of_the_run_does_not_land() -> None:
    there = {"O": earlier("o"), "A": earlier("a", "O", api=1), "B": earlier("b", "A")}
    agreed = Record("api", 1, "approved", "o", "one", by="plan", owner="O", oid="oid-1")
    run = played(CHAIN, only=("O", "A", "C"), earlier=there, records={"api": (agreed,)}, ready=1.0, wait=float("inf"))
    run.starts()
    run.ends("C")
    run.starts()
    run.batch(rejected=[rework("O")], held={"A": "O", "C": "B"})
    run.starts()
    run.ends("O", wrote="two")
    run.starts()
    run.ends("A")
    run.starts()

    assert not {"B", "C"}.intersection(run.in_batch)
    assert run.standings.kept_out == {"B"}
    assert run.standings.rules.held == {"C": "B"}


def test_what_was_sent_back_starts_anew_where_it_holds_a_rejected_version_of_another_s_work() -> None:
    plan = """
        crew: {designer: {backend: claude}}
        contracts: [{id: api, owner: A, files: [api.txt], approval: person}]
        tasks:
          - {id: ROOT, run: echo}
          - {id: A, role: designer, prompt: x, needs: [ROOT]}
    """
    rejected = Record("api", 1, "rejected", "a1", "one", by="ann", owner="A", reason="no", oid="oid-1")
    run = played(
        plan,
        only=("A",),
        earlier={"ROOT": earlier("r2")},
        sent_back={"A": earlier("a1", "ROOT", behind=("ROOT",))},
        records={"api": (rejected,)},
        **AT_ONCE,
    )
    run.starts()  # what it made before is put aside first
    run.starts()

    assert run.work("A").start == "r2"
