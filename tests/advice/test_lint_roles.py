"""Roles that nobody made: slips of the pen are told from roles of their own."""

import pytest

from tests.advice.linted import agents, codes, linted, said


def roles(*names: str) -> str:
    tasks = "".join(f"  - {{id: T{number}, role: {name}, run: make t{number}}}\n" for number, name in enumerate(names))
    return f"tasks:\n{tasks}"


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("backnd", "backend"),
        ("Backend", "backend"),
        ("front-end", "frontend"),
        ("review", "reviewer"),
        ("archtect", "architect"),
    ],
)
def test_a_role_that_is_nearly_one_of_the_default_crew_is_found(name: str, meant: str) -> None:
    assert said(roles(name)) == [f"PLAN601 no crew has the role {name}, and {meant} is nearly the same"]


@pytest.mark.parametrize(
    "name", ["data-engineer", "backend-go", "backend2", "ux", "dba", "designer", "tester", "qa-web"]
)
def test_a_role_of_its_own_needs_no_crew(name: str) -> None:
    assert codes(roles(name, "backend", "qa-app")) == []


def test_of_two_roles_that_nobody_made_the_rarer_is_the_slip() -> None:
    (found,) = linted(roles("data-enginer", "data-engineer", "data-engineer")).shown
    assert found.message == "no crew has the role data-enginer, and data-engineer is nearly the same"
    assert "write `data-engineer`" in found.hint


def test_a_reviewer_that_is_misspelled_is_found_too() -> None:
    (found,) = linted(agents("A owns: [a/**], review: {by: reviewr}")).shown
    assert (found.rule.code, found.path) == ("PLAN601", "tasks[0].review.by")


def test_a_role_that_the_plan_makes_may_be_called_anything() -> None:
    assert codes("crew: {backnd: {}}\n" + roles("backnd")) == []
