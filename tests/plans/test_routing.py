"""Tasks that name no role: who is chosen, why, and what nothing may change about that."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plait.plans.language.crew import DEFAULT_CREW, Role, merge_crews
from plait.plans.language.parsing import parse_plan
from plait.plans.tasks.expansion import expand
from plait.plans.tasks.routing import Candidate, route, route_plan

TASK = parse_plan(
    "feature: f\ntasks: [{id: A, title: Show the cart, prompt: Build the page of the cart., owns: ['web/**/*.tsx']}]"
).tasks[0]


def candidate(
    name: str, *, able: bool = True, record: tuple[int, int] = (0, 0), writes: bool = True, **said: object
) -> Candidate:
    role = Role.model_validate(said)
    return Candidate(name, role, is_able=able, changes_files=writes, succeeded=record[0], tried=record[1])


FRONTEND = candidate("frontend", capabilities=["react", "css"], record=(9, 10))
SERVER = candidate("server", capabilities=["python", "sql"])


def test_the_reason_names_capability_paths_and_record() -> None:
    chosen = route(TASK, [SERVER, FRONTEND])
    assert str(chosen) == (
        "A goes to frontend: capability react (owns web/**/*.tsx); its name (owns web/**/*.tsx); done 9 of 10 before"
    )


def test_a_description_decides_where_there_are_no_capabilities() -> None:
    chosen = route(TASK, [candidate("ann", description="Reviews SQL"), candidate("bob", description="Builds carts")])
    assert (chosen.role, chosen.reason) == ("bob", "described with cart")


def test_the_record_decides_between_equals_and_the_crews_order_where_there_is_none() -> None:
    assert route(TASK, [candidate("x"), candidate("y")]).role == "x"
    better = route(TASK, [candidate("x", record=(1, 9)), candidate("y", record=(8, 9))])
    assert (better.role, better.reason) == ("y", "no words tell roles apart, its record does; done 8 of 9 before")


def test_a_good_record_outweighs_no_capability() -> None:
    assert (
        route(TASK, [candidate("x", record=(99, 99)), candidate("y", capabilities=["react"], record=(0, 9))]).role
        == "y"
    )


def test_who_can_change_no_file_is_not_chosen_for_a_task_that_must_change_one() -> None:
    reader = candidate("reader", capabilities=["react", "cart"], writes=False)
    assert route(TASK, [reader, SERVER]).role == "server"
    assert route(TASK, [reader]).role == "reader"


@pytest.mark.parametrize(
    ("said", "role"),
    [
        ("prompt: Show carts., owns: ['web/**/*.tsx']", "frontend"),
        ("prompt: Add a table., owns: ['db/migrations/*.sql']", "database"),
        ("prompt: Say how to install it., owns: ['docs/**']", "writer"),
        ("prompt: Cover the cart., owns: ['tests/**']", "qa"),
        ("prompt: Deploy it., owns: ['.github/workflows/x.yml']", "devops"),
        ("prompt: Add the endpoint., owns: ['app/api/*.py']", "backend"),
    ],
)
def test_the_default_crew_has_its_usual_words(said: str, role: str) -> None:
    task = parse_plan(f"feature: f\ntasks: [{{id: A, {said}}}]").tasks[0]
    names = sorted(set(DEFAULT_CREW.roles) - {"command"}, key=lambda name: name != "backend")
    assert route(task, [candidate(name) for name in names]).role == role


PLAN = """feature: f
tasks:
  - {id: A, prompt: Build the page., owns: ['web/*.tsx']}
  - {id: B, role: server, prompt: Build the page., owns: ['web/*.tsx'], needs: [A]}
  - {id: C, run: make}
"""


def test_only_tasks_with_a_prompt_and_no_role_are_given_one() -> None:
    plan, routes = route_plan(parse_plan(PLAN), [SERVER, FRONTEND])
    assert [task.role for task in plan.tasks] == ["frontend", "server", None]
    assert [chosen.task for chosen in routes] == ["A"]


def test_who_has_begun_a_task_goes_on_with_it_as_long_as_there_is_such_a_role() -> None:
    plan, routes = route_plan(parse_plan(PLAN), [SERVER, FRONTEND], kept={"A": "server"})
    assert plan.tasks[0].role == "server"
    assert routes[0].reason == "it has begun it in an earlier run"
    assert route_plan(parse_plan(PLAN), [FRONTEND], kept={"A": "server"})[0].tasks[0].role == "frontend"


def test_another_choice_is_no_other_work() -> None:
    hashes = []
    for kept in ({"A": "server"}, {"A": "frontend"}):
        plan, routes = route_plan(parse_plan(PLAN), [SERVER, FRONTEND], kept=kept)
        made = expand(plan, merge_crews(plan.crew), routes)
        assert made.tasks[0].role == kept["A"]
        hashes.append([task.spec_hash for task in made.tasks])
    assert hashes[0] == hashes[1]
    named = parse_plan(PLAN.replace("{id: A,", "{id: A, role: server,"))
    assert expand(named, merge_crews(named.crew)).tasks[0].spec_hash != hashes[0][0]


WORDS = st.sampled_from(["react", "sql", "python", "cart", "page", "docs", "kubernetes"])
CANDIDATES = st.lists(
    st.builds(
        lambda name, words, text, able, record, writes: candidate(
            name,
            able=able,
            writes=writes,
            record=(min(record), max(record)),
            **({"capabilities": words} if words else {}),
            **({"description": " ".join(text)} if text else {}),
        ),
        st.sampled_from(["web", "server", "docs", "qa", "x", "y"]),
        st.lists(WORDS, max_size=3),
        st.lists(WORDS, max_size=3),
        st.booleans(),
        st.tuples(st.integers(0, 9), st.integers(0, 9)),
        st.booleans(),
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda entry: entry.name,
)


@settings(deadline=None)
@given(CANDIDATES, st.randoms())
def test_nobody_without_a_program_is_chosen_while_another_has_one_and_losers_order_says_nothing(
    candidates: list[Candidate],
    chance: Random,
) -> None:
    chosen = route(TASK, candidates)
    by_name = {entry.name: entry for entry in candidates}
    assert by_name[chosen.role].is_able or not any(entry.is_able for entry in candidates)

    losers = [entry for entry in candidates if entry.name != chosen.role]
    chance.shuffle(losers)
    assert route(TASK, [by_name[chosen.role], *losers]) == chosen
    if losers:
        fewer = route(TASK, [entry for entry in candidates if entry.name != losers[0].name])
        assert fewer.role == chosen.role, "who is not chosen decides nothing between others"
