"""A person is asked whether a finished feature lands on base: the end of the run says so, and the page has a form."""

from pathlib import Path

import pytest
from prefect.client.schemas.objects import StateType

from plait.agent_tasks.after_landing import finish_at_base
from plait.flows.feature import DeliverOptions, _state_of
from plait.flows.landing_asked import land_on_base
from plait.plans.tasks.base_outcome import BaseOutcome
from plait.plans.tasks.outcomes import RunState
from plait.show.base_lines import told_of_base
from tests.flows.finished import PLAN, finish, stand_elsewhere
from tests.flows.opened import opened
from tests.support.outcomes import an_outcome
from tests.support.repositories import git

APPROVE = f"{PLAN}      land: approve\n"


def end_of(repository: Path, plan: str, *, is_complete: bool = True) -> BaseOutcome | None:
    """What the end of a run does about base."""
    with opened(plan, repository, run_id="run-2") as session:
        return finish_at_base(session.shop, is_complete=is_complete, tell=lambda _text: None)


def test_the_end_of_a_complete_run_asks_and_moves_nothing(repository: Path) -> None:
    finish(repository, APPROVE)
    stand_elsewhere(repository)
    before = git(repository, "rev-parse", "main")

    asked = end_of(repository, APPROVE)

    assert asked is not None
    assert (asked.state, asked.keeps_back, asked.is_done) == ("asked", False, False)
    assert told_of_base(asked) == [
        "cart waits for a person to land it on main",
        "next:",
        "  plait land cart # brings it onto main",
    ]
    assert git(repository, "rev-parse", "main") == before
    state = _state_of(an_outcome(state=RunState.COMPLETED, brought=asked))
    assert (state.type, state.name) == (StateType.COMPLETED, "ReadyToLand")
    assert "cart waits for a person to land it on main" in str(state.message)


def test_nobody_is_asked_about_a_part_nor_about_what_is_there_nor_where_the_plan_does_not_say_so(
    repository: Path,
) -> None:
    finish(repository, APPROVE)
    part = end_of(repository, APPROVE, is_complete=False)
    assert part is not None
    assert (part.state, part.reason) == ("left", "it is asked about only when all of its tasks have landed")
    assert end_of(repository, PLAN) is None
    git(repository, "merge", "--quiet", "--no-edit", "feature/cart/integration")
    there = end_of(repository, APPROVE)
    assert there is not None
    assert there.state == "already"


def test_the_form_of_the_page_lands_it_as_the_command_does(repository: Path) -> None:
    finish(repository, APPROVE)
    stand_elsewhere(repository)

    landed = land_on_base.fn(str(repository), "cart", way="squash")
    again = land_on_base.fn(str(repository), "cart")

    assert landed.type is StateType.COMPLETED
    assert str(landed.message).startswith("cart has landed on main, as one commit")
    assert (again.type, "on main already" in str(again.message)) == (StateType.COMPLETED, True)


@pytest.mark.parametrize(
    ("feature", "place", "told"),
    [
        ("cart", "repository", "main is checked out in"),
        ("cart", "", "no repository was named"),
        ("other", "repository", "no run of other is known"),
    ],
)
def test_what_keeps_it_from_base_is_a_readable_reason(repository: Path, feature: str, place: str, told: str) -> None:
    finish(repository, APPROVE)

    state = land_on_base.fn(str(repository) if place else "", feature)

    assert (state.type, told in str(state.message)) == (StateType.FAILED, True)
    assert "Traceback" not in str(state.message)


def test_the_form_of_a_run_says_whether_it_lands() -> None:
    assert DeliverOptions().land == "as the plan says"
    assert DeliverOptions(land="auto").land == "auto"
