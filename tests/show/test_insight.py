"""What a report says could be better, from runs in which one thing went wrong each."""

from dataclasses import replace

import pytest

from plait.advice.bounds import Bound
from plait.advice.forecasts.forecast_record import Forecast, RoleForecast, TaskForecast, WhatIf
from plait.plans.tasks.outcomes import (
    Approval,
    Conditions,
    FeatureOutcome,
    Rejection,
    RunState,
    StageOutcome,
    TaskOutcome,
    VerifiedTree,
)
from plait.plans.tasks.states import TaskState
from plait.show.insight import MOST, insights
from plait.show.metrics import measure
from tests.support.outcomes import a_batch, a_task, an_outcome, at


def run_of(*tasks: TaskOutcome, elapsed: float, **fields: object) -> FeatureOutcome:
    return an_outcome(**{"tasks": tasks, "batches": (), "elapsed_seconds": elapsed, "ended_at": at(elapsed), **fields})


def said(outcome: FeatureOutcome, forecast: Forecast | None = None) -> str:
    return " ".join(insights(outcome, measure(outcome), forecast))


def expecting(**seconds: float) -> Forecast:
    tasks = tuple(
        TaskForecast(task, "backend", "backend-1", 0.0, length, 0.0, critical=True, waits=0.0)
        for task, length in seconds.items()
    )
    longest = max(seconds.values())
    return Forecast(
        elapsed=longest,
        work=sum(seconds.values()),
        speed_up=1.0,
        efficiency=1.0,
        agents=1,
        bound=Bound(longest, "critical path"),
        bound_ratio=1.0,
        critical_path=tuple(seconds),
        tasks=tasks,
        roles=(),
        bottleneck="",
    )


def test_a_role_that_works_all_the_time_is_named_as_the_bottleneck() -> None:
    outcome = run_of(a_task("A", end=50), a_task("B", start=50, end=100), a_task("C", "qa", end=10), elapsed=100)

    assert "The agents of backend worked 100 % of the time" in said(outcome)


def test_a_role_that_nobody_was_expected_to_wait_for_is_no_bottleneck() -> None:
    outcome = run_of(a_task("A", end=50), a_task("B", start=50, end=100), a_task("C", "qa", end=10), elapsed=100)
    expected = replace(expecting(A=50, B=50), roles=(RoleForecast("backend", 2, 100.0, 0.5, 0.0),))
    waiting = replace(expected, roles=(RoleForecast("backend", 1, 100.0, 1.0, 20.0),))

    assert "agents of backend" not in said(outcome, expected)
    assert "one more of them" in said(outcome, waiting)


def test_a_role_is_no_bottleneck_where_a_resource_is_or_where_one_more_agent_was_said_to_gain_nothing() -> None:
    outcome = run_of(a_task("A", end=50), a_task("B", start=50, end=100), a_task("C", "qa", end=10), elapsed=100)
    waiting = replace(expecting(A=50, B=50), roles=(RoleForecast("backend", 1, 100.0, 1.0, 20.0),))
    for_a_resource = replace(waiting, bound=Bound(50.0, "work of resource db"))
    in_vain = replace(waiting, what_if=(WhatIf("backend", 2, waiting.elapsed),))

    assert "agents of backend" in said(outcome, waiting)
    assert "agents of backend" not in said(outcome, for_a_resource)
    assert "agents of backend" not in said(outcome, in_vain)


TURNS = Conditions(
    slots={"backend": 2}, resources={"db": 1}, uses={"A": {"db": 1}, "B": {"db": 1}}, bound_kind="work of resource db"
)


def test_of_a_run_in_which_only_a_resource_was_short_the_resource_is_named_and_no_role() -> None:
    tasks = (a_task("A", end=46), a_task("B", start=50, end=95))
    text = said(run_of(*tasks, elapsed=100, bound_seconds=91, conditions=TURNS))

    assert "The resource db was in use 91 % of the time: one more unit of it would have ended the run about" in text
    assert "46 s until the resource db was free" in text
    assert "agents of backend" not in text


def test_agents_without_work_count_in_how_busy_their_role_was() -> None:
    outcome = run_of(a_task("A", end=46), a_task("B", start=50, end=95), elapsed=100, conditions=TURNS)

    assert measure(outcome).busiest_share == 0.455
    assert measure(outcome.model_copy(update={"conditions": None})).busiest_share == 0.91


def test_a_role_of_which_one_more_would_have_helped_is_named_with_what_that_gains() -> None:
    one = Conditions(slots={"backend": 1}, bound_kind="work of role backend")
    outcome = run_of(a_task("A", end=40), a_task("B", start=40, end=90), elapsed=100, bound_seconds=90, conditions=one)

    assert "The agents of backend worked 90 % of the time: one more of them would have ended the run about 40 s" in (
        said(outcome)
    )


def a_poor_run() -> FeatureOutcome:
    """Two tasks waited for a person while another went on; one took longer than was thought and held up nothing."""
    asked = Approval(contract="cart-api", version=1, owner="A", asked_at=at(4), answered_at=at(14), holds=("B", "C"))
    return run_of(
        a_task("A", end=4),
        a_task("B", start=14, end=20),
        a_task("C", start=14, end=19.5),
        a_task("L", "qa", end=12),
        elapsed=23,
        bound_seconds=12,
        approvals=(asked,),
        batches=(a_batch(started_at=at(20), ended_at=at(23), landed=("A", "B", "C")),),
        conditions=Conditions(needs={"B": (("A",),), "C": (("A",),)}, slots={"backend": 2, "qa": 1}),
    )


def test_an_approval_weighs_what_it_held_waited_and_a_poor_run_is_told_where_its_last_tasks_waited() -> None:
    outcome = a_poor_run()
    sentences = insights(outcome, measure(outcome), expecting(A=4, B=6, C=6, L=3))

    assert sentences[0] == (
        "The last to end was A → B, which took 10 s of work, 10 s until somebody approved cart-api and 3 s of "
        "verification."
    )
    assert sentences[1].startswith("B and C waited 10 s until somebody approved cart-api: answer sooner")
    assert len(sentences) in (2, MOST)
    assert "L (qa)" not in " ".join(sentences), "it held up nothing"


def test_what_a_task_would_have_waited_for_anyway_does_not_count_as_waiting_for_a_person() -> None:
    outcome = a_poor_run()
    needs = {"B": (("A",), ("L",)), "C": (("L",),)}
    later = outcome.model_copy(update={"conditions": Conditions(needs=needs, slots={"backend": 2, "qa": 1})})

    assert "B and C waited 2 s until somebody approved" not in said(later), "the 2 s cost less than a tenth"
    assert len(insights(later, measure(later))) >= 2


def test_a_poor_run_without_anything_that_cost_much_has_two_sentences_all_the_same() -> None:
    tasks = [a_task(name, start=start, end=start + 9) for name, start in (("A", 0), ("B", 12), ("C", 24))]
    chained = Conditions(needs={"B": (("A",),), "C": (("B",),)}, slots={"backend": 1})
    outcome = run_of(*tasks, elapsed=36, bound_seconds=27, conditions=chained)

    assert insights(outcome, measure(outcome)) == (
        "The last to end was A → B → C, which took 27 s of work and 9 s in which none of them was at work.",
        "The longest of them was C with 9 s: cut smaller, its parts could run beside one another.",
    )


def test_a_good_run_is_told_in_a_sentence_what_it_was_bound_by() -> None:
    tasks = (a_task("A", end=10), a_task("B", start=10, end=20))
    path = Conditions(needs={"B": (("A",),)}, slots={"backend": 1}, bound_kind="critical path")
    outcome = run_of(*tasks, elapsed=20, bound_seconds=20, conditions=path)
    role = outcome.model_copy(update={"conditions": path.model_copy(update={"bound_kind": "work of role backend"})})

    cut = outcome.model_copy(update={"state": RunState.CANCELLED})
    assert insights(cut, measure(cut)) == (), "a person made it so short"
    assert insights(outcome, measure(outcome)) == (
        "A → B ended last: only shorter tasks, or fewer needs among them, end it before 20 s.",
    )
    assert "The work of backend was what all waited for" in said(role)


def test_a_command_has_no_prompt_and_one_try_is_not_told_as_several() -> None:
    failed = a_task("A", "command", end=90, state=TaskState.FAILED)
    again = a_task("A", end=90, tries=3, state=TaskState.FAILED)
    other = a_task("B", "qa", end=100)

    assert "A (command) failed after 1 min 30 s: look at its command, and at what that printed." in (
        said(run_of(failed, other, elapsed=100))
    )
    assert "A (backend) failed 3 times, and 1 min 30 s went into that: say more in its prompt" in (
        said(run_of(again, other, elapsed=100))
    )
    named = Conditions(commands=("A",), slots={"backend": 1, "qa": 1})
    assert "look at its command" in said(run_of(again, other, elapsed=100, conditions=named))


def test_the_task_that_needed_most_tries_is_named_with_what_they_cost() -> None:
    outcome = run_of(a_task("A", end=90, tries=3), a_task("B", "qa", end=300), elapsed=300)

    assert "A (backend) needed 3 tries, and 1 min 00 s went into those that failed" in said(outcome)


def test_two_that_did_not_fit_are_named_with_their_file() -> None:
    clash = Rejection(task="PAGE", kind="conflict", partner="CART", files=("shop/page.py",))
    outcome = run_of(a_task("CART", "qa"), a_task("PAGE"), elapsed=200, batches=(a_batch(rejected=(clash,)),))

    assert "CART and PAGE did not fit together in shop/page.py" in said(outcome)


def test_time_in_which_only_verification_went_on_is_told() -> None:
    outcome = run_of(a_task("A"), elapsed=200, batches=(a_batch(started_at=at(50), ended_at=at(190), verifications=4),))

    assert "For 2 min 10 s nothing but verification went on (4 verifications)" in said(outcome)


@pytest.mark.parametrize(("seconds", "told"), [(0.9, False), (1.0, True)])
def test_nobody_is_told_to_make_checks_quicker_that_take_no_second(seconds: float, told: bool) -> None:
    task = a_task("A", end=1)
    batch = a_batch(started_at=at(1), ended_at=at(1 + seconds), verifications=1)
    outcome = run_of(task, elapsed=2.5, batches=(batch,))

    assert ("nothing but verification" in said(outcome)) is told


@pytest.mark.parametrize(
    ("checking", "setup", "blamed"), [(20, "x", True), (60, "x", True), (70, "x", False), (20, "", False)]
)
def test_where_verification_was_mostly_set_up_that_is_what_to_look_at(
    checking: float, setup: str, blamed: bool
) -> None:
    batch = a_batch(
        started_at=at(50),
        ended_at=at(190),
        tree="t",
        setup=(setup,) if setup else (),
        stages=(StageOutcome(verdict="green", seconds=checking),),
        trees=(VerifiedTree(branches=("A",), tree="t", verdict="green", seconds=130.0, log="a.log"),),
    )
    outcome = run_of(a_task("A"), elapsed=200, batches=(batch,))

    assert ("most of that was set-up" in said(outcome), "quick checks first" in said(outcome)) == (blamed, not blamed)


def test_time_in_which_only_a_person_was_waited_for_is_told() -> None:
    asked = Approval(contract="cart-api", version=1, owner="A", asked_at=at(60), answered_at=at(180))
    outcome = run_of(a_task("A"), elapsed=200, approvals=(asked,))

    assert "For 2 min 00 s nothing went on but waiting until somebody approved cart-api" in said(outcome)


def test_a_task_that_took_much_longer_than_expected_is_told() -> None:
    outcome = run_of(a_task("A", end=100), a_task("B", "qa", end=30), elapsed=120)

    assert "A (backend) took 1 min 40 s in place of 30 s" in said(outcome, expecting(A=30, B=30))


def test_of_a_failed_task_nobody_says_that_the_next_forecast_counts_with_it() -> None:
    outcome = run_of(a_task("A", end=100, state=TaskState.FAILED), a_task("B", "qa", end=30), elapsed=120)

    assert "in place of" not in said(outcome, expecting(A=30, B=30))


def test_a_chain_is_told_where_most_tasks_waited_for_one_another() -> None:
    tasks = [a_task(name, start=place * 10, end=place * 10 + 10) for place, name in enumerate("ABCD")]

    assert "(A → B → C → D)" in said(run_of(*tasks, elapsed=40), expecting(A=10, B=10, C=10, D=10))


def test_a_run_without_trouble_is_left_in_peace() -> None:
    tasks = [a_task(name, role, end=20) for name, role in (("A", "backend"), ("B", "qa"), ("C", "writer"))]

    assert said(run_of(*tasks, a_task("D", "qa", start=20, end=40), elapsed=60)) == ""


def test_there_are_never_more_than_three_and_none_for_a_run_that_did_nothing() -> None:
    clash = Rejection(task="B", kind="pair", partner="A")
    busy = run_of(
        a_task("A", end=90, tries=4),
        a_task("B", start=90, end=180, tries=2),
        elapsed=200,
        batches=(a_batch(started_at=at(180), ended_at=at(200), rejected=(clash,)),),
    )

    assert len(insights(busy, measure(busy), expecting(A=10, B=10, C=10))) == MOST
    assert insights(run_of(elapsed=10), measure(run_of(elapsed=10))) == ()
