"""Batches that are in work at once: the later one is verified ahead, lands behind, and is built again when need be."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from plait.agent_tasks.integrate import integrate
from plait.agent_tasks.pipeline import Passage, Pipeline, left_behind
from plait.flows.running.session import Session
from plait.plans.journal.events import BatchSettled
from plait.plans.tasks.outcomes import BatchOutcome, BatchState, Held
from plait.plans.tasks.work import BatchOrder, BatchReport, Candidate
from tests.agent_tasks.batches import TIP
from tests.conftest import DATE, BranchWith
from tests.flows.opened import opened
from tests.support.patience import patience
from tests.support.repositories import files_of, git

PLAN = """
    feature: shop
    goal: Sell things.
    tasks:
      - {id: A, run: "true"}
    integration:
      slots: 2
      verify: ["echo $(ls *.txt | tr '\\n' ' ') >> LOG; test ! -f first.txt || sleep 1.5; test ! -f bad.txt"]
"""


def order_of(
    number: int, branches: Sequence[Candidate], *, follows: int | None = None, ahead: Sequence[str] = ()
) -> BatchOrder:
    before = None if follows is None else f"batch-{follows}"
    return BatchOrder(f"batch-{number}", "run-1", tuple(branches), DATE, follows=before, ahead=tuple(ahead))


def both(session: Session, first: BatchOrder, second: BatchOrder) -> list[BatchReport]:
    """Both in work at once; the machine hears of the first one's end before the second one may land."""
    pipeline = session.shop.pipeline

    def carried_out(order: BatchOrder) -> BatchReport:
        report = integrate.fn(order, session.shop.facts)
        pipeline.end(order.id, report)
        return report

    with patience(60), ThreadPoolExecutor(2) as pool:
        return [future.result() for future in [pool.submit(carried_out, order) for order in (first, second)]]


def test_a_batch_is_verified_on_the_unlanded_tip_before_it_and_lands_without_another_verification(
    repository: Path, branch_with: BranchWith, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    a = Candidate("A", branch_with("a", {"first.txt": "a\n"}), ())
    b = Candidate("B", branch_with("b", {"second.txt": "b\n"}), ())
    with opened(PLAN.replace("LOG", str(log)), repository) as session:
        first, second = both(session, order_of(1, [a]), order_of(2, [b], follows=1, ahead=["A"]))

    assert (first.outcome.landed, second.outcome.landed) == (("A",), ("B",))
    assert {"first.txt", "second.txt"} <= set(files_of(repository, TIP))
    assert sorted(log.read_text().splitlines()) == ["first.txt", "first.txt second.txt"]
    assert (first.outcome.verifications, second.outcome.verifications) == (1, 1)


def test_what_lands_as_it_was_built_stops_nobody_who_looks_ahead_though_not_all_of_the_batch_lands(
    repository: Path, branch_with: BranchWith, tmp_path: Path
) -> None:
    """C conflicts with A, and was in no tree: the one that lands is the one that B was looked at with."""
    log = tmp_path / "log"
    a = Candidate("A", branch_with("a", {"first.txt": "a\n", "README.md": "a\n"}), ())
    c = Candidate("C", branch_with("c", {"README.md": "c\n"}), ())
    b = Candidate("B", branch_with("b", {"second.txt": "b\n"}), ())
    plan = PLAN.replace("test ! -f bad.txt", "test ! -f second.txt || sleep 1").replace("LOG", str(log))
    with opened(plan, repository) as session:
        first, second = both(session, order_of(1, [a, c]), order_of(2, [b], follows=1, ahead=["A", "C"]))

    assert (first.outcome.landed, second.outcome.landed) == (("A",), ("B",))
    assert first.outcome.state is BatchState.PART_LANDED
    assert sorted(log.read_text().splitlines()) == ["first.txt", "first.txt second.txt"]


def test_a_batch_whose_tip_before_it_turns_red_is_built_on_what_has_landed(
    repository: Path, branch_with: BranchWith, tmp_path: Path
) -> None:
    a = Candidate("A", branch_with("a", {"first.txt": "a\n", "bad.txt": "red\n"}), ())
    b = Candidate("B", branch_with("b", {"second.txt": "b\n"}), ())
    with opened(PLAN.replace("LOG", str(tmp_path / "log")), repository) as session:
        first, second = both(session, order_of(1, [a]), order_of(2, [b], follows=1, ahead=["A"]))

    assert [no.task for no in first.outcome.rejected] == ["A"]
    assert (second.outcome.landed, second.outcome.state) == (("B",), BatchState.LANDED)
    assert "first.txt" not in files_of(repository, TIP)


def test_what_is_red_on_base_as_well_does_not_count_ahead_either(
    repository: Path, branch_with: BranchWith, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    plan = PLAN.replace("slots: 2", "slots: 2\n      base: new-failures").replace(
        "test ! -f bad.txt", "test -f never.txt"
    )
    a = Candidate("A", branch_with("a", {"first.txt": "a\n"}), ())
    b = Candidate("B", branch_with("b", {"second.txt": "b\n"}), ())
    with opened(plan.replace("LOG", str(log)), repository) as session:
        first, second = both(session, order_of(1, [a]), order_of(2, [b], follows=1, ahead=["A"]))

    assert (first.outcome.landed, second.outcome.landed) == (("A",), ("B",))
    assert sorted(log.read_text().splitlines()) == ["", "first.txt", "first.txt second.txt"]


def ahead(session: Session, tip: str, second: BatchOrder, *, until: Callable[[Passage], object]) -> Passage:
    """A batch's passage; it has looked ahead from an unlanded tip, and now that is rejected."""
    pipeline = session.shop.pipeline
    pipeline.enter("batch-1").built(tip, session.shop.control.store.tree_of(tip))
    with patience(20), ThreadPoolExecutor(1) as pool:
        future = pool.submit(integrate.fn, second, session.shop.facts)
        try:
            while not until(pipeline.enter(second.id)):
                time.sleep(0.05)
        finally:  # or it would wait for ever
            pipeline.end("batch-1", BatchReport(BatchOutcome(id="batch-1", state=BatchState.REJECTED)))
        future.result()
    return pipeline.enter(second.id)


def test_who_has_looked_ahead_from_a_tip_that_does_not_land_says_so_to_those_behind(
    repository: Path, branch_with: BranchWith, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    tip = branch_with("a", {"first.txt": "a\n"})
    b = Candidate("B", branch_with("b", {"second.txt": "b\n"}), ())

    def is_verified(_: Passage) -> bool:
        if done := log.exists() and log.read_text().endswith("end\n"):
            time.sleep(0.5)  # its verdict is there then, and nothing runs that could be stopped
        return done

    plan = PLAN.replace("test ! -f bad.txt", "test ! -f bad.txt; echo end >> LOG").replace("LOG", str(log))
    with opened(plan, repository) as session:
        passage = ahead(session, tip, order_of(2, [b], follows=1, ahead=["A"]), until=is_verified)

    assert passage.red.is_set()
    assert files_of(repository, TIP).keys() >= {"second.txt"}


def test_what_is_red_ahead_is_nothing_to_look_ahead_from(
    repository: Path, branch_with: BranchWith, tmp_path: Path
) -> None:
    tip = branch_with("a", {"first.txt": "a\n"})
    b = Candidate("B", branch_with("b", {"bad.txt": "b\n"}), ())
    with opened(PLAN.replace("LOG", str(tmp_path / "log")), repository) as session:
        second = order_of(2, [b], follows=1, ahead=["A"])
        assert ahead(session, tip, second, until=lambda passage: passage.red.is_set()).tip is not None


def test_trouble_with_a_tip_that_does_not_land_is_no_trouble(
    repository: Path, branch_with: BranchWith, tmp_path: Path
) -> None:
    """The command is killed, as for want of memory, where A is in the tree."""
    log = tmp_path / "killed"
    rule = f"merge: [{{paths: [x.lock], regenerate: 'echo killed >> {log}; kill -9 $$'}}]"
    tip = branch_with("a", {"x.lock": "a\n"})
    b = Candidate("B", branch_with("b", {"x.lock": "b\n"}), ())
    plan = PLAN.replace("slots: 2", f"slots: 2\n      {rule}").replace("LOG", str(tmp_path / "log"))
    with opened(plan, repository) as session:
        second = order_of(2, [b], follows=1, ahead=["A"])
        ahead(session, tip, second, until=lambda _: log.exists() and log.read_text().count("killed") == 2)

    assert files_of(repository, TIP)["x.lock"] == "b"


def test_a_tip_that_is_built_again_because_somebody_pushed_is_looked_ahead_from_no_more(
    repository: Path, branch_with: BranchWith, tmp_path: Path
) -> None:
    branch_with("theirs", {"third.txt": "theirs\n"})
    push = f"test ! -f first.txt || test -f third.txt || git -C {repository} branch -f {TIP} theirs"
    a = Candidate("A", branch_with("a", {"first.txt": "a\n"}), ())
    plan = PLAN.replace("test ! -f bad.txt", push).replace("LOG", str(tmp_path / "log"))
    with opened(plan, repository) as session, patience(60):
        passage = session.shop.pipeline.enter("batch-1")
        report = integrate.fn(order_of(1, [a]), session.shop.facts)

    assert report.outcome.state is BatchState.LANDED
    assert {"first.txt", "third.txt"} <= set(files_of(repository, TIP))
    assert passage.red.is_set()


def test_what_rests_on_a_branch_that_did_not_land_is_left_for_another_batch(
    repository: Path, branch_with: BranchWith, tmp_path: Path
) -> None:
    bad = branch_with("a", {"first.txt": "a\n", "bad.txt": "red\n"})
    above = Candidate("B", branch_with("b", {"second.txt": "b\n"}, start="a"), ("A",))
    free = Candidate("C", branch_with("c", {"third.txt": "c\n"}), ())
    with opened(PLAN.replace("LOG", str(tmp_path / "log")), repository) as session:
        first = order_of(1, [Candidate("A", bad, ())])
        _, second = both(session, first, order_of(2, [above, free], follows=1, ahead=["A"]))

    assert second.outcome.landed == ("C",)
    assert second.outcome.held == (Held(task="B", by="A"),)
    assert second.outcome.state is BatchState.PART_LANDED
    assert not {"first.txt", "second.txt"} & set(files_of(repository, TIP))


def test_nothing_lands_behind_a_batch_that_waits_for_its_user(
    repository: Path, branch_with: BranchWith, tmp_path: Path
) -> None:
    b = Candidate("B", branch_with("b", {"second.txt": "b\n"}), ())
    with opened(PLAN.replace("LOG", str(tmp_path / "log")), repository) as session:
        by_hand = BatchOutcome(id="batch-1", state=BatchState.READY_TO_LAND, landed=("A",))
        session.shop.pipeline.end("batch-1", BatchReport(by_hand))
        report = integrate.fn(order_of(2, [b], follows=1, ahead=["A"]), session.shop.facts)

        session.shop.pipeline.end("batch-2", report)

    assert (report.outcome.landed, report.outcome.rejected) == ((), ())
    assert "batch-1" in (report.outcome.reason or "")
    assert session.shop.pipeline.enter("batch-2").stuck, "nor behind this one"


def test_a_phase_is_whole_with_what_landed_in_the_batch_before(
    repository: Path, branch_with: BranchWith, tmp_path: Path
) -> None:
    b = Candidate("B", branch_with("b", {"second.txt": "b\n"}), ())
    with opened(PLAN.replace("LOG", str(tmp_path / "log")), repository) as session:
        before = BatchOutcome(id="batch-1", state=BatchState.LANDED, landed=("A",))
        session.shop.pipeline.end("batch-1", BatchReport(before))
        order = replace(order_of(2, [b], follows=1, ahead=["A"]), groups=(("A", "B"),))
        report = integrate.fn(order, session.shop.facts)

    assert report.outcome.landed == ("B",)


@pytest.mark.parametrize(
    ("state", "overtaken", "stuck", "landed"),
    [
        (BatchState.REJECTED, False, False, set()),
        (BatchState.PART_LANDED, False, False, {"A"}),
        (BatchState.INFRASTRUCTURE, False, True, set()),
        (BatchState.INFRASTRUCTURE, True, False, set()),
        (BatchState.READY_TO_LAND, False, True, set()),
    ],
)
def test_what_ends_otherwise_than_it_was_built_stops_who_looks_ahead_and_sometimes_all_behind_it(
    state: BatchState, overtaken: bool, stuck: bool, landed: set[str]
) -> None:
    pipeline = Pipeline()
    outcome = BatchOutcome(id="batch-1", state=state, landed=("A",) if "land" in state else (), tree="other")
    pipeline.enter("batch-1").built("tip", "tree")
    pipeline.end("batch-1", BatchReport(outcome, overtaken=overtaken))

    passage = pipeline.enter("batch-1")
    assert (passage.red.is_set(), passage.ended.is_set(), passage.stuck) == (True, True, stuck)
    assert pipeline.landed == landed


def test_what_has_settled_is_over_for_those_behind_it() -> None:
    pipeline = Pipeline()
    pipeline.settle("batch-1", ("A",))

    passage = pipeline.enter("batch-1")
    assert (passage.red.is_set(), passage.ended.is_set(), passage.stuck) == (True, True, False)
    assert pipeline.landed == {"A"}


def test_a_batch_that_somebody_overtakes_again_and_again_gives_up_for_now(
    repository: Path, branch_with: BranchWith, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    push = tmp_path / "push.sh"
    push.write_text(
        f"""
        export GIT_DIR={repository}/.git GIT_INDEX_FILE={tmp_path}/index
        export GIT_AUTHOR_NAME=x GIT_AUTHOR_EMAIL=x@y GIT_COMMITTER_NAME=x GIT_COMMITTER_EMAIL=x@y
        git read-tree main
        git update-index --add --cacheinfo 100644,$(echo $$ | git hash-object -w --stdin),push.txt
        git update-ref refs/heads/{TIP} $(git commit-tree $(git write-tree) -p main -m push)
        """
    )
    monkeypatch.setattr("plait.agent_tasks.integrate.PAUSE_SECONDS", 0.01)
    a = Candidate("A", branch_with("a", {"a.txt": "a\n"}), ())
    plan = PLAN.replace("test ! -f bad.txt", f"sh {push}").replace("LOG", str(tmp_path / "log"))
    with opened(plan, repository) as session, patience(60):
        report = integrate.fn(order_of(1, [a]), session.shop.facts)

    assert (report.outcome.state, report.overtaken) == (BatchState.INFRASTRUCTURE, True)
    assert "moved by somebody else 5 times" in (report.outcome.reason or "")
    assert "a.txt" not in files_of(repository, TIP)


def test_who_is_left_behind_follows_from_what_did_not_land() -> None:
    branches = [Candidate(task, task, needs) for task, needs in (("B", ("A",)), ("C", ("B",)), ("D", ("E",)))]
    order = order_of(2, branches, follows=1, ahead=["A", "E"])

    assert left_behind(order, landed={"E"}) == {"B": "A", "C": "B"}
    assert left_behind(order, landed={"A", "E"}) == {}


def test_a_pipeline_knows_what_has_landed_whoever_ended_when() -> None:
    pipeline = Pipeline()
    pipeline.end("batch-1", BatchReport(BatchOutcome(id="batch-1", state=BatchState.LANDED, landed=("A",))))
    pipeline.end("batch-2", None)

    assert pipeline.landed == {"A"}
    assert (pipeline.enter("batch-1").red.is_set(), pipeline.enter("batch-1").stuck) == (False, False)
    assert (pipeline.enter("batch-2").red.is_set(), pipeline.enter("batch-2").stuck) == (True, True)
    assert isinstance(pipeline.enter("batch-2").ended, threading.Event)


def test_what_landed_once_and_is_in_a_batch_again_has_not_landed_for_who_comes_behind() -> None:
    pipeline, again = Pipeline(), order_of(2, [Candidate("A", "a", ())])
    behind = order_of(3, [Candidate("B", "b", ("A",))], follows=2, ahead=["A"])
    pipeline.settle("batch-1", ["A"])
    pipeline.begin(again)  # somebody had set the feature branch back
    pipeline.end("batch-2", BatchReport(BatchOutcome(id="batch-2", state=BatchState.REJECTED)))

    assert left_behind(behind, landed=pipeline.landed) == {"B": "A"}


def test_what_lands_is_told_before_it_is_known_why_the_rest_does_not(
    repository: Path, branch_with: BranchWith, tmp_path: Path
) -> None:
    """Three together are red: which of them it is not is known first, and lands."""
    names = [f"t{number}" for number in range(8)]
    candidates = [Candidate(name, branch_with(name, {f"{name}.txt": "x\n"}), ()) for name in names]
    plan = PLAN.replace("test ! -f bad.txt", "test ! -f t2.txt || test ! -f t5.txt").replace(
        "LOG", str(tmp_path / "log")
    )
    told: list[BatchSettled] = []
    with opened(plan, repository) as session, patience(60):
        session.shop.pipeline.on_settled = told.append
        report = integrate.fn(order_of(1, candidates), session.shop.facts)

    assert [(no.task, no.kind, no.partner) for no in report.outcome.rejected] == [("t5", "pair", "t2")]
    assert [(event.batch, event.landed) for event in told] == [("batch-1", report.outcome.landed)]
    assert told[0].tip == report.tip


def test_what_its_user_lands_by_hand_is_not_told_as_landed(
    repository: Path, branch_with: BranchWith, tmp_path: Path
) -> None:
    names = [f"t{number}" for number in range(8)]
    candidates = [Candidate(name, branch_with(name, {f"{name}.txt": "x\n"}), ()) for name in names]
    git(repository, "switch", "--quiet", "--create", TIP)
    plan = PLAN.replace("test ! -f bad.txt", "test ! -f t2.txt || test ! -f t5.txt").replace(
        "LOG", str(tmp_path / "log")
    )
    told: list[BatchSettled] = []
    with opened(plan, repository) as session, patience(60):
        session.shop.pipeline.on_settled = told.append
        report = integrate.fn(order_of(1, candidates), session.shop.facts)

    assert report.outcome.state is BatchState.READY_TO_LAND
    assert told == []


def test_a_batch_that_waits_goes_on_before_it_is_known_why_nothing_of_the_one_before_it_lands(
    repository: Path, branch_with: BranchWith, tmp_path: Path
) -> None:
    bad = Candidate("A", branch_with("a", {"first.txt": "a\n", "bad.txt": "red\n"}), ())
    b = Candidate("B", branch_with("b", {"second.txt": "b\n"}), ())
    told: list[BatchSettled] = []

    def settled(event: BatchSettled) -> None:
        told.append(event)
        session.shop.pipeline.settle(event.batch, event.landed)

    with opened(PLAN.replace("LOG", str(tmp_path / "log")), repository) as session:
        session.shop.pipeline.on_settled = settled
        first, second = both(session, order_of(1, [bad]), order_of(2, [b], follows=1, ahead=["A"]))

    assert [(event.batch, event.landed) for event in told] == [("batch-1", ())]
    assert [(no.task, no.kind) for no in first.outcome.rejected] == [("A", "fails-alone")]
    assert (first.outcome.state, second.outcome.landed) == (BatchState.REJECTED, ("B",))


def test_what_a_flake_spoke_against_waits_for_the_next_batch_when_another_batch_went_on_meanwhile(
    repository: Path, branch_with: BranchWith, tmp_path: Path
) -> None:
    flaky = Candidate("A", branch_with("a", {"first.txt": "a\n"}), ())
    b = Candidate("B", branch_with("b", {"second.txt": "b\n"}), ())
    once = f"test ! -f first.txt || test -f {tmp_path}/seen || ! touch {tmp_path}/seen"

    def settled(event: BatchSettled) -> None:
        session.shop.pipeline.settle(event.batch, event.landed)

    plan = PLAN.replace("LOG", str(tmp_path / "log")).replace("test ! -f bad.txt", once)
    with opened(plan, repository) as session:
        session.shop.pipeline.on_settled = settled
        first, second = both(session, order_of(1, [flaky]), order_of(2, [b], follows=1, ahead=["A"]))

    assert (first.outcome.landed, first.outcome.rejected, first.outcome.acquitted) == ((), (), ("A",))
    assert second.outcome.landed == ("B",)
