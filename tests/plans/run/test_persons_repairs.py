"""A person mends a rejected task: no agent does it again, whatever else happens meanwhile."""

from math import inf

from plait.plans.journal.effects import PutBranchAside, TakeRepair
from plait.plans.journal.manifest import EarlierWork
from plait.plans.run.statuses import Built, Rejected
from plait.plans.tasks.planned_contracts import Record
from tests.plans.run.played import AT_ONCE, CANCELLED, Played, played, rework

PAIR = """
    tasks:
      - {id: A, role: backend, prompt: x}
      - {id: B, role: backend, prompt: x, needs: [A]}
"""
CONTRACT = """
    crew: {designer: {backend: claude}}
    contracts: [{id: api, owner: API, files: [api.txt]}]
    tasks:
      - {id: API, role: designer, prompt: x}
      - {id: PAGE, run: cp api.txt t.txt, needs: [{contract: api}]}
"""
BY_PERSON = CONTRACT.replace("[api.txt]", "[api.txt], approval: person")


def rejected(plan: str = PAIR, **changes: object) -> Played:
    """A was rejected before anything could start from it, and handed back where it may be repaired."""
    run = played(plan, **{**AT_ONCE, **changes})
    run.starts()
    run.ends("A")
    run.starts(room={"backend": 0})
    run.batch(rejected=[rework("A")])
    return run


def test_no_agent_starts_on_what_a_person_has_mended_and_it_costs_no_repair() -> None:
    run = rejected()
    run.is_mended("A")
    assert run.starts() == ()
    assert (run.waits("A"), run.run.is_over) == (["repair"], False)

    run.repair_counts("A")
    run.starts()
    assert (run.in_batch, len(run.works("A")), run.standing("A").commit) == (("A",), 1, "A-ann")
    run.batch(rejected=[rework("A")])
    assert run.standing("A").repairs == 2  # one before it and one after


def test_a_repair_that_does_not_count_leaves_the_task_held_until_the_next_one() -> None:
    run = rejected()
    run.is_mended("A")
    run.repair_does_not_count("A", "it is red")

    assert (run.state("A"), run.state("B")) == ("held", "blocked")
    assert run.reason("A") == "the repair by ann does not count: it is red"
    run.is_mended("A", "mended again")
    assert not run.run.is_over
    run.repair_counts("A")
    assert run.starts() == ("B",)


def test_the_repair_of_what_was_given_up_lets_go_on_what_was_blocked() -> None:
    run = rejected(repairs=0)
    assert run.states() == {"A": "held", "B": "blocked"}
    run.is_mended("A")
    run.repair_counts("A")

    assert run.starts() == ("B",)


def test_what_was_rejected_with_its_need_is_not_done_from_scratch_once_a_person_mends_that() -> None:
    run = played(PAIR, repairs=1, ready=1.0, wait=inf)
    run.starts()
    run.ends("A")
    run.starts()
    run.ends("B")
    run.starts()
    assert run.in_batch == ("A",)
    run.batch(rejected=[rework("A")])
    run.starts()
    run.ends("A")
    run.starts()
    run.batch(rejected=[rework("A"), rework("B")])
    assert run.state("A") == "held"
    assert run.reason("B") == "rejected: fails-alone, and A did not succeed"
    run.is_mended("A")
    run.repair_counts("A")

    assert run.starts() == ()
    assert isinstance(run.standing("B").status, Rejected)
    run.is_mended("B")
    run.repair_counts("B")
    assert isinstance(run.standing("B").status, Built)


def test_a_repair_is_looked_at_once_and_an_answer_to_an_older_one_changes_nothing() -> None:
    run = rejected()
    run.is_mended("A")
    run.is_mended("A", "another")
    assert [effect.commit for effect in run.orders(TakeRepair)] == ["mended"]

    run.repair_does_not_count("A")
    run.is_mended("A", "another")
    first, second = run.orders(TakeRepair)
    assert (first.number, second.number, second.rejected) == (1, 2, "A-1")


def test_a_paused_run_looks_at_a_repair_once_it_goes_on() -> None:
    run = rejected()
    run.pauses()
    run.is_mended("A")
    assert (run.orders(TakeRepair), run.run.is_over) == ([], False)

    run.resumes()
    assert [effect.commit for effect in run.orders(TakeRepair)] == ["mended"]
    assert run.starts() == ()


def test_a_run_that_begins_paused_looks_at_what_was_mended_before_once_it_goes_on() -> None:
    earlier = {"A": EarlierWork("A-1", landed=False, at="A-1")}
    run = played(PAIR, earlier=earlier, repaired={"A": "mended"}, paused_by="ann")
    assert run.orders(TakeRepair) == []

    run.resumes()
    assert [effect.commit for effect in run.orders(TakeRepair)] == ["mended"]


def test_a_paused_run_that_is_stopped_waits_for_no_repair() -> None:
    run = rejected()
    run.pauses()
    run.is_mended("A")
    run.stops()

    assert run.run.is_over
    run.closes()
    assert run.reason("A") == CANCELLED


def test_a_repair_that_nobody_came_to_look_at_is_looked_at_again_and_no_agent_starts() -> None:
    run = rejected()
    run.is_mended("A")
    run.repair_is_not_looked_at("A")
    assert (run.starts(), len(run.orders(TakeRepair))) == ((), 2)

    run.repair_counts("A")
    run.starts()
    assert run.in_batch == ("A",)


def test_work_that_is_moved_away_while_its_need_is_lost_is_not_taken_for_what_its_branch_has() -> None:
    """What rests on a contract goes again; before its branch is away its owner is given up, and mended after that."""
    run = played(CONTRACT, repairs=1, by_hand=[PutBranchAside], **AT_ONCE)
    run.starts()
    run.ends("API")
    run.starts()
    run.ends("PAGE")
    run.batch(rejected=[rework("API")])
    run.starts()
    run.ends("API", wrote="two")
    run.starts()
    assert run.waits("PAGE") == ["aside"]
    run.batch(rejected=[rework("API")])
    assert run.states() == {"API": "held", "PAGE": "blocked"}
    assert not run.run.is_over

    run.is_put_aside("PAGE")
    assert run.run.is_over
    run.is_mended("API")
    run.repair_counts("API", wrote="two")
    assert run.starts() == ("PAGE",)
    assert run.work("PAGE").expected is None


def record(status: str) -> Record:
    return Record("api", 1, status, "API-1", "one", by="ann", owner="API", reason="", oid="oid-1")  # type: ignore[arg-type]


def test_an_owner_outside_the_run_that_a_person_has_mended_is_still_asked_about() -> None:
    work = EarlierWork("API-1", landed=False, at="API-1", contents={"api": "one"})
    records = {"api": (record("draft"),)}
    run = played(BY_PERSON, only=["PAGE"], earlier={"API": work}, repaired={"API": "mended"}, records=records)

    assert run.starts() == ()
    assert run.waits("PAGE") == ["approval"]


def test_what_a_person_mends_that_rests_on_an_older_contract_goes_again() -> None:
    earlier = {
        "API": EarlierWork("API-1", landed=False, at="API-1", contents={"api": "one"}),
        "PAGE": EarlierWork("PAGE-1", landed=False, rests_on=("API",), at="PAGE-1", built_on={"api": 1}),
    }
    repaired = {"API": "mended", "PAGE": "mended too"}
    run = played(CONTRACT, earlier=earlier, repaired=repaired, records={"api": (record("approved"),)}, **AT_ONCE)
    run.repair_counts("API", wrote="two")
    run.repair_counts("PAGE")

    assert [effect.task for effect in run.orders(PutBranchAside)] == ["PAGE"]
    assert run.starts() == ("PAGE",)
    assert [agreement.version for agreement in run.work("PAGE").agreements] == [2]


def test_a_mended_branch_that_holds_a_rejected_version_of_what_is_outside_the_run_still_waits_for_that() -> None:
    earlier = {
        "A": EarlierWork("A-2", landed=False, at="A-2"),
        "B": EarlierWork("B-1", landed=False, rests_on=("A",), at="B-1", behind=("A",)),
    }
    run = played(PAIR, only=["B"], earlier=earlier, repaired={"B": "mended"}, **AT_ONCE)
    run.repair_counts("B")
    run.starts()

    assert run.in_batches == []
    assert run.standings.rules.held == {"B": "A"}
