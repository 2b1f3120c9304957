"""Contracts while a run goes on: drafts that wait for a person, answers, new versions and who goes again for them."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from plait.plans.journal.effects import AskPerson, CloseQuestion, PutBranchAside, WriteRecord
from plait.plans.journal.events import BranchPutAside, RecordsRead, RecordWritten, WorkEnded, WorkRefused
from plait.plans.journal.manifest import EarlierWork
from plait.plans.run.statuses import Working
from plait.plans.tasks.planned_contracts import Agreement, Record
from tests.plans.run.played import AT_ONCE, BASE, Played, played, rework

PLAN = """
    crew: {designer: {backend: claude}}
    contracts: [{id: api, owner: A, files: [api.txt], approval: person}]
    tasks:
      - {id: A, OWNER}
      - {id: T, run: cp api.txt t.txt, needs: [{contract: api}]}
      - {id: X, run: cp t.txt x.txt, needs: [T]}
      - {id: Z, run: echo z > z.txt}
"""
COMMAND = PLAN.replace("OWNER", "run: echo 1 > api.txt")
AGENT = PLAN.replace("OWNER", "role: designer, prompt: Say what it costs.")
BY_PLAN = COMMAND.replace(", approval: person", "")
ANSWER = "plait approve cart api"


def record(status: str, *, version: int = 1, content: str = "one", commit: str = "a", owner: str = "A") -> Record:
    return Record("api", version, status, commit, content, by="ann", owner=owner, reason="no", oid=f"oid-{version}")  # type: ignore[arg-type]


def drafted(plan: str = AGENT, **changes: object) -> Played:
    """A has written the contract, and a person is asked."""
    run = played(plan, **changes)
    run.starts()
    run.ends("A")
    run.starts()
    return run


def versions(run: Played) -> list[tuple[int, str]]:
    return [(line.version, line.status) for line in run.outcome.contracts]


# Drafts.


def test_a_contract_is_open_until_a_person_has_approved_it() -> None:
    run = drafted()
    assert run.standings.contracts["api"].is_open
    run.approves("api")
    assert not run.standings.contracts["api"].is_open


def test_what_needs_no_person_is_approved_as_soon_as_it_is_written() -> None:
    run = drafted(BY_PLAN)

    assert run.state("T") == "running"
    assert run.work("T").agreements == (Agreement("api", 1),)
    assert run.standing("T").built_on == {"api": 1}
    assert versions(run) == [(1, "approved")]
    assert "contract api v1: approved by plan" in run.told()
    assert run.orders(AskPerson) == []


def test_what_has_tests_is_approved_by_them() -> None:
    run = drafted(BY_PLAN.replace("files: [api.txt]", "files: [api.txt], tests: [make api]"))

    assert run.records["api"][-1].by == "tests"


def test_what_rests_on_a_contract_waits_while_that_is_being_written_down() -> None:
    run = played(BY_PLAN, by_hand=[WriteRecord])
    run.starts()
    run.ends("A")

    assert run.starts() == ()
    assert run.waits("T") == ["approval"]
    assert run.in_batch == ()
    (effect,) = run.pending
    run.ends("Z")
    run.starts()
    assert run.in_batch == ("Z",)

    run.hear(RecordWritten(run.keep(effect.record)))  # type: ignore[union-attr]

    assert run.starts() == ("T",)


def test_a_draft_is_shown_to_a_person_and_holds_its_owner_and_what_rests_on_it() -> None:
    run = drafted()
    run.ends("Z")
    run.starts()

    (asked,) = run.outcome.asked
    assert (asked.contract, asked.version, asked.owner, asked.holds) == ("api", 1, "A", ("T",))
    assert [effect.draft for effect in run.orders(AskPerson)] == [run.records["api"][-1]]
    assert f"contract api v1 by A waits for a person, and with it T: {ANSWER}" in run.told()
    assert (run.state("A"), run.reason("A")) == ("done", f"contract api v1 waits for a person: {ANSWER}")
    assert versions(run) == [(1, "waiting")]
    assert run.in_batch == ("Z",)
    run.batch()
    run.starts()
    assert not run.run.is_over, "a person may still answer"


def test_once_a_person_approves_what_waited_starts_and_the_owner_may_land() -> None:
    run = drafted(**AT_ONCE)
    run.passes(100)

    run.approves("api")

    assert run.outcome.asked == ()
    (answered,) = run.outcome.approvals
    assert answered.answered_at == run.standings.moment
    assert run.orders(CloseQuestion) == [CloseQuestion("api", run.records["api"][-1])]
    assert "contract api v1: approved by ann" in run.told()
    assert run.standing("A").status.at == run.now, "its wait for a batch begins now"  # type: ignore[union-attr]
    assert run.starts() == ("T",)
    assert run.in_batch == ("A",)
    assert run.standing("T").waited == {"approval": 100.0}


def test_an_owner_of_two_contracts_lands_once_both_are_approved() -> None:
    plan = AGENT.replace("contracts: [", "contracts: [{id: db, owner: A, files: [db.txt], approval: person}, ")
    run = drafted(plan, **AT_ONCE)
    began = run.standing("A").status
    run.passes(5)

    run.approves("api")
    run.starts()
    assert run.standing("A").status == began
    assert "A" not in run.in_batch
    run.approves("db")
    run.starts()

    assert run.in_batch == ("A",)


def test_who_has_another_alternative_does_not_wait_for_a_draft() -> None:
    plan = """
        contracts: [{id: api, owner: A, files: [api.txt], approval: person}]
        tasks:
          - {id: A, run: echo 1 > api.txt}
          - {id: B, run: echo b > b.txt}
          - {id: T, run: echo t > t.txt, needs: [{any: [A, B]}]}
    """
    run = drafted(plan)
    assert run.waits("T") == ["approval"]
    run.ends("B")

    assert run.starts() == ("T",)
    assert run.standing("T").rests_on == ("B",)


def test_who_has_another_alternative_outside_the_run_does_not_wait_for_a_draft_either() -> None:
    plan = """
        contracts: [{id: api, owner: A, files: [api.txt], approval: person}]
        tasks:
          - {id: A, run: echo 1 > api.txt}
          - {id: B, run: echo b > b.txt}
          - {id: T, run: echo t > t.txt, needs: [{any: [A, B]}]}
    """
    run = played(plan, only=("A", "T"), earlier={"B": EarlierWork("b", landed=True)})

    assert run.starts() == ("A", "T")
    run.ends("A")

    assert run.states() == {"A": "done", "T": "running"}


# A person says no.


def test_a_rejected_draft_goes_back_to_its_agent_which_goes_on_from_what_it_made() -> None:
    run = drafted()

    run.rejects("api", "too dear")

    assert (run.outcome.asked, run.state("T"), run.state("A")) == ((), "pending", "ready")
    assert run.told("A")[-1] == "ann rejected api, it goes back"
    assert run.starts() == ("A",)
    work = run.work("A")
    assert (work.start, work.expected) == ("A-1", "A-1")
    assert work.rejections == ("ann rejected the contract api v1: too dear",)
    assert run.orders(PutBranchAside) == []
    run.ends("A", wrote="two")
    assert run.standing("A").feedback == ()
    assert [(asked.version, asked.answered_at is None) for asked in run.outcome.approvals] == [(1, False), (1, True)]
    assert versions(run) == [(1, "waiting")]


def test_a_rejected_draft_of_a_command_is_put_aside_and_it_begins_as_it_did_before() -> None:
    run = drafted(COMMAND)

    run.rejects("api")

    assert run.orders(PutBranchAside) == [PutBranchAside("A", "feature/cart/agent/command/A", 1)]
    assert run.starts() == ("A",)
    assert (run.work("A").start, run.work("A").expected) == (BASE, None)


def test_a_command_that_writes_the_same_once_more_asks_for_the_same_once_more() -> None:
    run = drafted(COMMAND)
    run.rejects("api")
    run.starts()

    run.ends("A", wrote="one")

    assert len(run.outcome.asked) == 1
    assert run.outcome.asked[0].version == 1


def _rejected_draft_on_a_changed_need() -> Played:
    """A drafted on ROOT, a batch sent ROOT back, the draft was rejected, and ROOT is built once more."""
    plan = AGENT.replace("{id: A, role", "{id: ROOT, role: designer, prompt: x}\n      - {id: A, needs: [ROOT], role")
    run = played(plan, **AT_ONCE, by_hand=[PutBranchAside])
    run.starts()
    run.ends("ROOT")
    run.starts()
    run.ends("A")
    run.batch(rejected=[rework("ROOT")])
    run.rejects("api")
    run.starts()
    run.ends("ROOT")
    return run


def test_a_draft_whose_needs_have_changed_before_it_was_rejected_starts_anew() -> None:
    """It rests on what a batch has rejected meanwhile: what it goes on from must not bring that along."""
    run = _rejected_draft_on_a_changed_need()

    assert run.starts() == ()
    assert run.orders(PutBranchAside) == [PutBranchAside("A", "feature/cart/agent/designer/A", 1)]
    assert run.waits("A") == ["aside"]
    run.is_put_aside("A")
    assert run.starts() == ("A",)
    assert (run.work("A").start, run.work("A").expected) == ("ROOT-2", None)
    assert run.work("A").rejections == ("ann rejected the contract api v1: too dear",)


def test_a_draft_that_has_to_start_anew_and_whose_branch_is_checked_out_is_not_tried_to_be_moved_for_ever() -> None:
    run = _rejected_draft_on_a_changed_need()
    run.starts()
    run.is_put_aside("A", refused="it is checked out")

    assert run.starts() == ("A",)
    assert (run.work("A").start, run.work("A").expected) == ("ROOT-2", "A-1")
    assert len(run.orders(PutBranchAside)) == 1


def test_a_rejection_that_comes_while_its_owner_works_again_is_told_it_and_no_more() -> None:
    run = drafted()
    run.rejects("api")
    run.starts()
    before = run.standing("A")

    run.rejects("api", "still too dear")

    assert run.standing("A") == before


def test_what_waits_for_a_rejected_contract_that_nobody_of_the_run_can_write_is_given_up() -> None:
    """`--only`, and the owner is outside: its draft was waiting, and a person says no."""
    earlier = {"A": EarlierWork("a", landed=False, at="a", contents={"api": "one"})}
    run = played(AGENT, only=("T", "X", "Z"), earlier=earlier, records={"api": (record("draft"),)})
    assert run.starts() == ("Z",)
    assert run.waits("T") == ["approval"]
    run.ends("Z")
    run.starts()
    run.batch()
    run.starts()
    assert not run.run.is_over

    run.rejects("api")

    assert run.states() == {"T": "blocked", "X": "blocked", "Z": "landed"}
    assert run.reason("T") == "the contract api was rejected, and A, which writes it, is not part of this run"
    assert run.reason("X") == "T did not succeed"
    assert run.told("T") == ["blocked"]
    run.starts()
    assert run.run.is_over
    assert run.outcome.asked == ()


def test_a_draft_whose_owner_is_outside_holds_what_needs_it_until_a_person_approves() -> None:
    earlier = {"A": EarlierWork("a", landed=False, at="a", contents={"api": "one"})}
    run = played(AGENT, only=("T",), earlier=earlier, records={"api": (record("draft"),)})
    assert run.starts() == ()
    assert [asked.holds for asked in run.outcome.asked] == [("T",)]

    run.approves("api")

    assert run.starts() == ("T",)
    assert run.work("T").start == "a"


def test_a_draft_outside_the_run_that_nothing_of_it_needs_keeps_nobody_waiting() -> None:
    earlier = {"A": EarlierWork("a", landed=False, at="a", contents={"api": "one"})}
    run = played(AGENT, only=("Z",), earlier=earlier, records={"api": (record("draft"),)})
    run.starts()
    run.ends("Z")
    run.starts()
    run.batch()
    run.starts()

    assert run.run.is_over


def test_a_person_is_waited_for_only_as_long_as_there_is_something_to_approve() -> None:
    plan = AGENT.replace("{id: A, role", "{id: ROOT, role: designer, prompt: x}\n      - {id: A, needs: [ROOT], role")
    run = played(plan, ready=1.0)
    run.starts()
    run.ends("ROOT")
    run.ends("Z")
    run.starts()
    run.ends("A")
    run.starts()
    assert run.standings.is_waiting_for_person()
    run.batch(rejected=[rework("ROOT")])
    assert run.standings.is_waiting_for_person()

    run.standings.put("A", status=Working("designer-1", run.now, "x", 1))

    assert not run.standings.is_waiting_for_person(), "it goes again, and will be asked about then"


# What earlier runs left.


def test_an_answer_that_came_while_the_run_was_opened_is_not_written_over() -> None:
    earlier = {"A": EarlierWork("a", landed=False, at="a", contents={"api": "one"})}
    run = played(AGENT, only=("T",), earlier=earlier, records={"api": (record("rejected"),)})

    assert run.orders(WriteRecord) == []
    assert run.records["api"][-1].status == "rejected"
    assert (run.state("T"), run.starts()) == ("blocked", ())


def test_an_answer_to_other_contents_than_those_that_are_there_does_not_count() -> None:
    earlier = {"A": EarlierWork("a", landed=False, at="a", contents={"api": "two"})}
    run = played(AGENT, only=("T",), earlier=earlier, records={"api": (record("rejected"),)})

    (write,) = run.orders(WriteRecord)
    assert (write.record.status, write.record.version, write.record.oid) == ("draft", 1, "oid-1")
    assert run.waits("T") == ["approval"]


def test_what_a_person_rejected_before_the_run_is_where_its_agent_goes_on() -> None:
    sent_back = {"A": EarlierWork("a", landed=False, at="a", contents={"api": "one"})}
    run = played(AGENT, sent_back=sent_back, records={"api": (record("rejected"),)})

    assert run.starts() == ("A", "Z")
    assert (run.work("A").start, run.work("A").expected) == ("a", "a")
    assert run.work("A").rejections == ("ann rejected the contract api v1: no",)


def test_what_an_earlier_run_wrote_and_nobody_wrote_down_is_taken_up() -> None:
    earlier = {"A": EarlierWork("a", landed=False, at="a", contents={"api": "one"})}
    run = played(BY_PLAN, earlier=earlier)

    assert [(known.version, known.status, known.commit) for known in run.records["api"]] == [(1, "approved", "a")]
    assert set(run.starts()) == {"T", "Z"}


def test_what_is_agreed_on_already_is_not_written_down_again() -> None:
    earlier = {"A": EarlierWork("a", landed=True, at="a", contents={"api": "one"})}
    run = played(BY_PLAN, earlier=earlier, records={"api": (record("approved"),)})

    assert run.orders(WriteRecord) == []
    assert run.work("T").agreements == (Agreement("api", 1),) if run.starts() else False


def test_an_approved_contract_whose_owner_changed_nothing_is_left_as_it_is() -> None:
    earlier = {"A": EarlierWork(None, landed=True, at="a", contents={"api": "other"})}
    run = played(BY_PLAN, earlier=earlier, records={"api": (record("approved"),)})

    assert run.orders(WriteRecord) == []


# Somebody is quicker.


def test_a_record_that_a_person_was_quicker_with_is_decided_anew() -> None:
    run = played(AGENT, by_hand=[WriteRecord])
    run.starts()
    run.ends("A")
    assert len(run.pending) == 1
    run.keep(record("approved", content="one"))

    run.hear(RecordsRead(dict(run.records), refused="api"))

    assert len(run.pending) == 1, "git says it already"
    assert run.starts() == ("T",)
    assert run.outcome.asked == ()


def test_a_record_that_others_answer_again_and_again_is_given_up() -> None:
    run = played(BY_PLAN, by_hand=[WriteRecord])
    run.starts()
    run.ends("A")
    for number in range(5):
        assert len(run.pending) == number + 1
        run.keep(record("approved", content=f"other-{number}"))
        run.hear(RecordsRead(dict(run.records), refused="api"))

    assert len(run.pending) == 5
    assert run.standings.trouble == "the contract api is being answered again and again: run it once more"
    assert run.standings.contracts["api"].writing is None


def test_contracts_that_the_run_does_not_have_are_passed_over() -> None:
    run = drafted()
    before = dict(run.standings.contracts)

    assert run.hear(RecordsRead({"other": (record("approved"),)}, refused="other")) == []
    assert run.hear(RecordWritten(replace(record("approved"), contract="other"))) == []
    assert run.standings.contracts == before


def test_what_is_written_late_is_not_taken_for_what_is_being_written_now() -> None:
    run = played(AGENT, by_hand=[WriteRecord])
    run.starts()
    run.ends("A")
    (first,) = run.pending

    assert run.hear(RecordWritten(replace(first.record, content="old", oid="x"))) == []  # type: ignore[union-attr]
    assert run.standings.contracts["api"].writing is not None
    run.hear(RecordWritten(run.keep(first.record)))  # type: ignore[union-attr]
    assert len(run.outcome.asked) == 1


# New versions.


def second_version(**changes: object) -> Played:
    """T and X are finished on version 1; A goes again, and has just written version 2."""
    run = played(BY_PLAN, ready=1.0, wait=float("inf"), **changes)
    run.starts()
    run.ends("A")
    run.starts()
    run.ends("T")
    run.starts()
    run.ends("X")
    run.starts()
    assert run.in_batch == ()
    run.ends("Z")
    run.starts()
    run.batch(landed=["Z"], rejected=[rework("A")], held={"T": "A", "X": "A"})
    run.starts()
    run.ends("A", wrote="two")
    return run


def test_who_rests_on_an_old_version_goes_again_and_with_it_whatever_rests_on_that() -> None:
    run = second_version()

    assert versions(run) == [(1, "superseded"), (2, "approved")]
    assert [effect.task for effect in run.orders(PutBranchAside)] == ["T", "X"]
    assert [effect.number for effect in run.orders(PutBranchAside)] == [1, 2]
    assert run.outcome.contracts[1].redone == ("T", "X")
    assert run.told("T")[-2:] == ["goes again", "done again, the contract api is version 2 now"]
    assert run.starts() == ("T",)
    assert (run.work("T").agreements, run.work("T").expected) == ((Agreement("api", 2),), None)
    run.ends("T")
    assert run.starts() == ("X",)


def test_nobody_starts_from_old_work_before_it_is_out_of_the_way() -> None:
    run = second_version(by_hand=[PutBranchAside])

    assert run.starts() == ()
    assert (run.waits("T"), run.waits("X")) == (["aside"], ["aside"])
    run.passes(3)
    run.is_put_aside("T")

    assert run.starts() == ("T",)
    assert run.standing("T").waited["aside"] == 3.0
    assert not run.run.is_over


def test_a_consumer_whose_branch_is_checked_out_stays_as_it_is() -> None:
    run = second_version(by_hand=[PutBranchAside])

    run.is_put_aside("X", refused="it is checked out")

    assert (run.state("X"), run.standing("X").commit) == ("done", "X-1")
    assert run.told("X")[-1] == "its old work stays where it is, and cannot be done again: it is checked out"
    run.is_put_aside("T")
    assert run.state("X") == "done"
    assert run.starts() == ("T",)


def test_a_consumer_that_was_handed_back_and_whose_branch_is_checked_out_keeps_its_repair() -> None:
    run = second_version(by_hand=[PutBranchAside])
    run.is_put_aside("T")
    run.starts()
    run.ends("T")
    run.is_put_aside("X")
    run.starts()
    run.ends("X")
    run.starts()
    run.batch(landed=[])  # A alone: nobody who began later is waited for
    run.starts()
    run.batch(rejected=[rework("A", "interaction"), rework("T")], landed=[])
    run.starts()
    repair = run.standing("T").repair
    run.ends("A", wrote="three")
    assert repair is not None
    assert run.standing("T").repair is None

    run.is_put_aside("T", refused="it is checked out")

    assert run.standing("T").repair == repair
    assert run.starts() == ("T",)
    assert run.work("T").repair == repair


def owner_again_while_t_works(plan: str) -> Played:
    """A works on its contract once more, and T, which has started from its first version, is at work."""
    run = played(plan, ready=1.0)
    run.starts()
    run.ends("A")
    run.ends("Z")
    run.starts()
    run.standings.put("A", status=Working("command-1", run.now, BASE, 1))
    run.standings.dispatcher.reopen("A", now=run.now)
    run.starts()
    run.standings.put("A", status=Working("command-1", run.now, BASE, 2))
    return run


def test_a_consumer_that_works_when_the_version_changes_starts_anew_once_it_ends() -> None:
    run = owner_again_while_t_works(BY_PLAN)

    run.ends("A", wrote="two")
    assert run.standing("T").status.stale  # type: ignore[union-attr]
    assert run.outcome.contracts[1].redone == ("T",)
    run.ends("T")

    assert run.told("T")[-1] == "goes again, its contract has changed"
    assert [effect.task for effect in run.orders(PutBranchAside)] == ["T"]
    assert run.starts() == ("T",)
    assert run.work("T").agreements == (Agreement("api", 2),)


def test_the_account_that_refuses_a_consumer_which_has_to_start_anew_rests_all_the_same() -> None:
    run = owner_again_while_t_works(BY_PLAN.replace("run: cp api.txt t.txt", "role: designer, prompt: x"))
    run.ends("A", wrote="two")

    run.hear(WorkEnded("T", WorkRefused("quota", "limit reached", run.now + 3_600.0), number=run.standing("T").starts))

    assert run.standings.rests.rests("designer", run.now)
    assert run.told("T")[-1] == "goes again, its contract has changed"
    assert run.starts() == ()


def test_what_rests_on_an_old_version_and_is_not_part_of_the_run_does_not_land_with_others() -> None:
    """T rests on version 1, and was to go again when the run was killed that made version 2; X rests on T."""
    earlier = {
        "A": EarlierWork("a", landed=False, at="a", contents={"api": "two"}),
        "T": EarlierWork("t", landed=False, rests_on=("A",), at="t", built_on={"api": 1}),
    }
    records = {"api": (record("approved"), record("approved", version=2, content="two"))}
    run = played(BY_PLAN, only=("X",), earlier=earlier, records=records)
    run.starts()
    run.ends("X")
    run.starts()

    assert run.standings.rules.held == {"X": "T"}
    assert run.in_batch == ()
    assert run.run.is_over
    assert run.reason("X") == "held back with T, which is not part of this run"


def test_what_has_landed_on_an_old_version_outside_the_run_keeps_nobody() -> None:
    earlier: Mapping[str, EarlierWork] = {
        "A": EarlierWork("a", landed=True, at="a", contents={"api": "two"}),
        "T": EarlierWork("t", landed=True, rests_on=("A",), at="t", built_on={"api": 1}),
    }
    records = {"api": (record("approved"), record("approved", version=2, content="two"))}
    run = played(BY_PLAN, only=("X",), earlier=earlier, records=records)
    run.starts()
    run.ends("X")
    run.starts()

    assert run.in_batch == ("X",)


def test_an_outdated_consumer_of_an_earlier_run_goes_again_in_this_one() -> None:
    earlier = {
        "A": EarlierWork("a", landed=False, at="a", contents={"api": "two"}),
        "T": EarlierWork("t", landed=False, rests_on=("A",), at="t", built_on={"api": 1}),
    }
    records = {"api": (record("approved"), record("approved", version=2, content="two"))}
    run = played(BY_PLAN, earlier=earlier, records=records)

    assert [effect.task for effect in run.orders(PutBranchAside)] == ["T"]
    assert set(run.starts()) == {"T", "Z"}


@pytest.mark.parametrize(("wrote", "version"), [("one", 1), ("two", 2)])
def test_an_approved_version_is_never_written_over(wrote: str, version: int) -> None:
    run = played(BY_PLAN, **AT_ONCE, slots={"command": 3})
    run.starts()
    run.ends("A")
    run.starts()
    run.batch(rejected=[rework("A")])
    run.starts()
    run.ends("A", wrote=wrote)

    assert run.records["api"][-1].version == version
    assert run.records["api"][0].content == "one"
    assert run.standing("T").status.stale is (version == 2)  # type: ignore[union-attr]


def test_what_rests_on_work_that_is_put_aside_goes_again_if_it_had_started_and_only_once() -> None:
    run = second_version()
    asides = len(run.orders(PutBranchAside))

    run.standings.put_aside("A", restore=False)
    run.hear(BranchPutAside("A", asides + 1))
    assert len(run.orders(PutBranchAside)) == asides + 1, "neither T nor X has started again"

    built = played(BY_PLAN, ready=1.0)
    built.starts()
    built.ends("A")
    built.starts()
    built.ends("T")
    built.standings.put_aside("A", restore=False)
    built.hear(BranchPutAside("A", 1))
    assert [effect.task for effect in built.orders(PutBranchAside)] == ["A", "T"]
    assert built.told("T")[-1] == "done again, A starts anew"


def test_an_alternative_outside_the_run_that_is_not_approved_is_not_taken_where_another_is_sound() -> None:
    plan = """
        contracts: [{id: api, owner: A, files: [api.txt], approval: person}]
        tasks:
          - {id: A, run: echo 1 > api.txt}
          - {id: B, run: echo b > b.txt}
          - {id: T, run: echo t > t.txt, needs: [{any: [A, B]}, B]}
    """
    earlier = {"A": EarlierWork("a", landed=False, at="a", contents={"api": "one"})}
    run = played(plan, only=("B", "T"), earlier=earlier, records={"api": (record("draft"),)})
    assert run.starts() == ("B",)
    run.ends("B")

    assert run.starts() == ("T",)
    assert run.standing("T").rests_on == ("B",)


def test_a_draft_that_waits_is_asked_for_also_where_its_owner_changed_nothing() -> None:
    earlier = {"A": EarlierWork(None, landed=True, at="a", contents={"api": "one"})}
    run = played(AGENT, earlier=earlier, records={"api": (record("draft"),)})

    assert [asked.contract for asked in run.outcome.asked] == ["api"]


def test_what_an_earlier_run_agreed_on_without_a_commit_rests_on_the_base() -> None:
    run = played(BY_PLAN, earlier={"A": EarlierWork(None, landed=True, contents={"api": "one"})})

    assert run.records["api"][-1].commit == BASE


def test_a_run_is_not_over_while_old_work_is_being_put_aside() -> None:
    run = played(COMMAND, only=("A",), by_hand=[PutBranchAside])
    run.starts()
    run.ends("A")
    run.rejects("api")
    run.starts()

    assert not run.run.is_over
    run.is_put_aside("A")
    assert run.starts() == ("A",)


# Two contracts of one owner.

TWO_CONTRACTS = """
    crew: {designer: {backend: claude}}
    contracts:
      - {id: api, owner: A, files: [api.txt], approval: person}
      - {id: low, owner: A, files: [low.txt], approval: person}
    tasks:
      - {id: A, role: designer, prompt: x}
      - {id: T, run: echo, needs: [{contract: api}, {contract: low}]}
"""
NO_API = "ann rejected the contract api v1: bad api"
NO_LOW = "ann rejected the contract low v1: bad low"


def two_drafts() -> Played:
    """A has written both, and a person is asked about both."""
    run = played(TWO_CONTRACTS, **AT_ONCE)
    run.starts()
    run.ends("A")
    run.starts()
    return run


def test_who_is_rejected_twice_at_once_is_told_both_reasons() -> None:
    run = two_drafts()
    for name in ("api", "low"):
        run.keep(replace(run.records[name][-1], status="rejected", by="ann", reason=f"bad {name}"))
    run.hear(RecordsRead(dict(run.records)))
    run.starts()

    assert run.work("A").rejections == (NO_API, NO_LOW)
    assert "ann rejected api and low, it goes back" in run.told("A")


def test_a_second_rejection_before_the_work_begins_again_is_told_as_well() -> None:
    run = two_drafts()
    run.rejects("api", "bad api")
    run.rejects("low", "bad low")
    run.starts()

    assert run.work("A").rejections == (NO_API, NO_LOW)


def test_what_was_rejected_while_its_owner_worked_goes_back_unless_it_was_changed() -> None:
    run = two_drafts()
    run.rejects("api", "bad api")
    run.starts()
    run.rejects("low", "bad low")
    run.ends("A", wrote="one")
    run.starts()

    assert run.work("A").rejections == (NO_LOW,), "it wrote the same again, and nobody had told it"
    run.ends("A", wrote="one")
    assert {asked.contract for asked in run.outcome.asked} == {"low", "api"}, "told, and the same again: a person says"

    changed = two_drafts()
    changed.rejects("api", "bad api")
    changed.starts()
    changed.rejects("low", "bad low")
    changed.ends("A", wrote="two")
    assert len(changed.works("A")) == 2
    assert {asked.version for asked in changed.outcome.asked} == {1}


def asked_with_old_grounds(**changes: object) -> Played:
    """A person is asked about what A has written, and the contract that A itself rests on gets another version."""
    plan = """
        contracts:
          - {id: low, owner: L, files: [low.txt]}
          - {id: api, owner: A, files: [api.txt], approval: person}
        tasks:
          - {id: L, run: echo}
          - {id: A, run: echo, needs: [{contract: low}]}
          - {id: T, run: echo, needs: [{contract: api}]}
    """
    run = played(plan, **AT_ONCE, **changes)
    run.starts()
    run.ends("L")
    run.starts()
    run.ends("A")
    run.starts()
    run.batch(rejected=[rework("L")])
    run.starts()
    run.ends("L", wrote="two")
    return run


def test_a_question_ends_with_the_owner_that_fails() -> None:
    run = asked_with_old_grounds()
    run.starts()
    run.fails("A")
    run.starts()
    run.batch()
    run.starts()

    assert run.run.is_over
    assert run.outcome.asked == ()
    assert run.orders(CloseQuestion)


@pytest.mark.parametrize("first", ["T", "X"])
def test_who_stands_on_work_that_was_put_aside_does_not_land(first: str) -> None:
    """X rests on T; both go again, and somebody stands on X's branch: its work would bring T's old one along."""
    run = played(BY_PLAN, ready=1.0, by_hand=[PutBranchAside])
    run.starts()
    for task in ("A", "Z"):
        run.ends(task)
    run.starts()
    run.ends("T")
    run.starts()
    run.ends("X")
    run.starts()
    run.batch(rejected=[rework("A")], held={"T": "A", "X": "A"}, landed=["Z"])
    run.starts()
    run.ends("A", wrote="two")
    for task in (first, "X" if first == "T" else "T"):
        run.is_put_aside(task, refused="somebody stands on it" if task == "X" else None)
    run.starts()
    run.ends("T")
    run.starts()

    assert "X" not in run.in_batch
    assert run.standings.rules.held == {"X": "X"}


def test_what_a_person_rejects_while_it_is_being_put_aside_does_not_stand_again() -> None:
    run = asked_with_old_grounds(by_hand=[PutBranchAside])
    run.rejects("api")
    run.is_put_aside("A", refused="somebody stands on it")

    assert run.starts() == ("A",), "and not T"
    assert run.in_batch == ("L",)
    assert run.work("A").rejections == ("ann rejected the contract api v1: too dear",)


def owner_rejected_after_e(need: str) -> Played:
    """E was built on what A wrote; a batch has rejected A, which has written a second version."""
    plan = f"""
        contracts: [{{id: api, owner: A, files: [api.txt], approval: person}}]
        tasks:
          - {{id: A, run: echo}}
          - {{id: E, run: echo, needs: [{need}]}}
    """
    run = played(plan, by_hand=[PutBranchAside], ready=1.0)
    run.starts()
    run.ends("A")
    run.approves("api")
    run.starts()
    run.ends("E")
    run.starts()
    run.batch(rejected=[rework("A")], held={"E": "A"})
    run.starts()
    run.ends("A", wrote="two")
    return run


def test_what_rests_on_a_branch_that_stays_and_is_done_anew_is_taken_back() -> None:
    """E was built on what a person rejects later; A's branch cannot be moved, and A starts anew all the same."""
    run = owner_rejected_after_e("A")
    run.rejects("api")
    run.is_put_aside("A", refused="somebody stands on it")
    run.is_put_aside("E")
    assert run.starts() == ("A",)
    run.ends("A", wrote="three")
    run.approves("api")

    assert run.starts() == ("E",)
    assert run.standings.rules.held == {}


def test_work_that_stands_again_in_a_run_that_was_stopped_is_not_done_once_more() -> None:
    """E cannot be moved and stands again; then A's old work is moved, and E rests on that."""
    run = owner_rejected_after_e("{contract: api}")
    run.stops()
    run.is_put_aside("E", refused="somebody stands on it")
    assert run.state("E") == "done"
    run.rejects("api")
    run.is_put_aside("A")

    run.closes()
    assert run.state("E") == "cancelled"


def test_what_its_user_has_to_land_and_goes_again_keeps_nothing_else_from_landing() -> None:
    earlier = {"T": EarlierWork("T-0", landed=False, built_on={"api": 1})}
    records = {"api": (record("approved"),)}
    run = played(BY_PLAN, earlier=earlier, records=records, **AT_ONCE)
    run.starts()
    assert run.in_batch == ("T",)
    run.batch(by_hand="git merge --ff-only tip-1")
    run.ends("Z")
    run.starts()
    assert (run.in_batches, run.standings.by_hand) == ([], "git merge --ff-only tip-1")

    run.ends("A", wrote="two")

    assert run.told("T")[-2:] == ["goes again", "done again, the contract api is version 2 now"]
    assert run.standings.by_hand is None
    run.starts()
    assert run.in_batch == ("Z", "A")


def test_a_batch_for_its_user_to_land_of_which_all_goes_again_keeps_nothing_else_from_landing() -> None:
    earlier = {"T": EarlierWork("T-0", landed=False, built_on={"api": 1})}
    run = played(BY_PLAN, earlier=earlier, records={"api": (record("approved"),)}, **AT_ONCE)
    run.starts()
    run.ends("A", wrote="two")
    run.batch(by_hand="git merge --ff-only tip-1")
    run.starts()

    assert (run.in_batch, run.standings.by_hand) == (("A",), None)
