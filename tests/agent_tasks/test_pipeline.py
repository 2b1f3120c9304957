"""Batches that are in work at once: the later one is verified ahead, lands behind, and is built again when need be."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from plait.agent_tasks.integrate import integrate
from plait.agent_tasks.pipeline import Pipeline, left_behind
from plait.flows.running.session import Session
from plait.plans.journal.events import BatchSettled
from plait.plans.tasks.outcomes import BatchOutcome, BatchState, Held
from plait.plans.tasks.work import BatchOrder, BatchReport, Candidate
from tests.conftest import DATE, BranchWith
from tests.flows.opened import opened
from tests.support.patience import patience
from tests.support.repositories import files_of

PLAN = """
    feature: shop
    goal: Sell things.
    tasks:
      - {id: A, run: "true"}
    integration:
      slots: 2
      verify: ["echo $(ls *.txt | tr '\\n' ' ') >> LOG; test ! -f first.txt || sleep 1.5; test ! -f bad.txt"]
"""
TIP = "feature/shop/integration"


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

    assert (report.outcome.landed, report.outcome.rejected) == ((), ())
    assert "batch-1" in (report.outcome.reason or "")


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
