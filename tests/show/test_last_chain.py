"""What held up the end of a run, from runs in which it is known."""

import pytest

from plait.advice.waits import Scarce, Work, why_waited
from plait.plans.tasks.outcomes import Approval, Conditions, FeatureOutcome, Rejection, Span, TaskOutcome
from plait.show.delays import gains_of_one_more
from plait.show.last_chain import last_chain
from tests.support.outcomes import a_batch, a_task, an_outcome, at

CART = Conditions(needs={"B": (("A",),), "C": (("B",),)}, slots={"backend": 2})


def run_of(*tasks: TaskOutcome, elapsed: float, conditions: Conditions | None, **fields: object) -> FeatureOutcome:
    told = {"batches": (), "elapsed_seconds": elapsed, "ended_at": at(elapsed), "conditions": conditions}
    return an_outcome(**{"tasks": tasks, **told, **fields})


def totals(outcome: FeatureOutcome) -> dict[tuple[str, str], float]:
    chain = last_chain(outcome)
    assert chain is not None
    assert sum(step.seconds for step in chain.steps) == pytest.approx(outcome.elapsed_seconds)
    return {what: pytest.approx(seconds) for what, seconds in chain.totals().items()}


def chained(outcome: FeatureOutcome) -> tuple[str, ...]:
    chain = last_chain(outcome)
    return chain.tasks if chain else ()


def test_a_chain_of_needs_is_followed_back_and_accounts_for_all_of_the_run() -> None:
    tasks = (a_task("A", end=10), a_task("B", start=10, end=30), a_task("C", start=31, end=40), a_task("D", end=35))
    outcome = run_of(*tasks, elapsed=42, conditions=CART)

    assert chained(outcome) == ("A", "B", "C")
    assert totals(outcome) == {("work", ""): 39, ("nothing", ""): 3}


def test_a_wait_is_for_the_role_while_its_agents_are_all_at_work() -> None:
    tasks = (a_task("A", end=10), a_task("B", start=25, end=30), a_task("D", end=20), a_task("E", start=10, end=25))
    outcome = run_of(*tasks, elapsed=30, conditions=CART)

    assert totals(outcome) == {("work", ""): 15, ("role", "backend"): 10, ("nothing", ""): 5}


def test_a_wait_is_for_the_resource_while_an_agent_is_free() -> None:
    with_db = Conditions(slots={"backend": 2}, resources={"db": 1}, uses={"A": {"db": 1}, "B": {"db": 1}})
    outcome = run_of(a_task("A", end=10), a_task("B", start=10, end=20), elapsed=20, conditions=with_db)

    assert totals(outcome) == {("work", ""): 10, ("resource", "db"): 10}
    db, backend = Scarce("resource", "db"), Scarce("role", "backend")
    assert gains_of_one_more(outcome, [db, backend]) == {db: pytest.approx(10), backend: 0}


def test_a_wait_for_a_person_lies_between_the_task_that_asked_and_the_one_that_was_held() -> None:
    asked = Approval(contract="cart-api", version=1, owner="A", asked_at=at(10), answered_at=at(22), holds=("B",))
    outcome = run_of(
        a_task("A", end=10), a_task("B", start=22, end=30), elapsed=30, conditions=CART, approvals=(asked,)
    )

    assert totals(outcome) == {("work", ""): 18, ("approval", "cart-api"): 12}


def test_batches_repairs_and_failed_tries_are_told_apart_from_work() -> None:
    spans = (Span(started_at=at(0), ended_at=at(12)), Span(started_at=at(20), ended_at=at(25), repair=1))
    task = a_task("A", end=25, tries=4).model_copy(update={"spans": spans})
    no = a_batch("batch-1", started_at=at(12), ended_at=at(20), rejected=(Rejection(task="A", kind="conflict"),))
    yes = a_batch("batch-2", started_at=at(25), ended_at=at(30), landed=("A",))
    outcome = run_of(task, elapsed=30, conditions=CART, batches=(no, yes))

    assert totals(outcome) == {("verification", ""): 13, ("retry", ""): 9, ("repair", ""): 5, ("work", ""): 3}


def test_of_alternatives_the_first_to_end_is_followed_and_what_an_earlier_run_finished_took_no_time() -> None:
    either = Conditions(needs={"C": (("A", "B"), ("OLD",))}, slots={"backend": 3})
    old = a_task("OLD", start=None).model_copy(update={"commit": "c" * 40})
    tasks = (a_task("A", end=10), a_task("B", end=9), a_task("C", start=10, end=20), old)

    assert chained(run_of(*tasks, elapsed=20, conditions=either)) == ("B", "C")


def test_of_older_runs_and_of_those_that_did_nothing_no_chain_is_known() -> None:
    assert last_chain(run_of(a_task("A"), elapsed=60, conditions=None)) is None
    assert last_chain(run_of(a_task("A", start=None), elapsed=60, conditions=CART)) is None


def test_two_that_need_each_other_as_a_damaged_record_may_say_gain_nothing() -> None:
    damaged = Conditions(needs={"A": (("B",),), "B": (("A",),)}, slots={"backend": 1})
    outcome = run_of(a_task("A", end=10), a_task("B", start=10, end=20), elapsed=20, conditions=damaged)

    assert gains_of_one_more(outcome, [Scarce("role", "backend")]) == {}
    assert chained(outcome) == ("A", "B")


def test_waits_are_split_at_the_moments_in_which_what_was_short_changed() -> None:
    wanted = Work(0, 30, "qa", {"db": 2})
    others = [Work(-5, 10, "qa", {}), Work(5, 20, "backend", {"db": 1}), Work(40, 50, "qa", {})]

    assert why_waited(wanted, others, slots={"qa": 1}, resources={"db": 2}) == {
        Scarce("role", "qa"): 10,
        Scarce("resource", "db"): 10,
    }
