"""A plan becomes the tasks that run, with their needs, their hashes, and what a reader should know."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plait.plans.errors import CallError
from plait.plans.language.crew import DEFAULT_CREW, Crew, merge_crews
from plait.plans.language.model import MAX_TASKS, Plan, Task
from plait.plans.language.parsing import parse_plan
from plait.plans.names import agent_branch
from plait.plans.tasks.expansion import DEFAULT_SECONDS, Expansion, expand

CART = (Path(__file__).parent.parent / "data" / "cart.plan.yaml").read_text(encoding="utf-8")


def expanded(*tasks: dict[str, Any], **keys: Any) -> Expansion:
    plan = Plan.model_validate({"feature": "f", "tasks": [{"run": "x"} | task for task in tasks]} | keys)
    return expand(plan, merge_crews(plan.crew))


def hash_of(**keys: Any) -> str:
    task = {"id": "a", "role": "qa", "prompt": "p"} | keys
    return expand(Plan.model_validate({"feature": "f", "tasks": [task]}), DEFAULT_CREW).tasks[0].spec_hash


def test_the_cart_plan_expands() -> None:
    plan = parse_plan(CART)
    made = expand(plan, merge_crews(plan.crew))
    assert [task.id for task in made.tasks] == [f"TASK-00{number}" for number in range(1, 7)]
    assert [task.seconds / 3600 for task in made.tasks] == [2, 6, 5, 4, 4, 2]
    assert made.tasks[2].needs == (("TASK-001",),)
    assert made.tasks[5].needs == (("TASK-002",), ("TASK-003",), ("TASK-004",), ("TASK-005",))
    assert made.notices == ()
    assert made.unsupported == ("tasks[3].locks",)


def test_a_count_makes_instances_and_a_need_on_it_means_all_of_them() -> None:
    made = expanded({"id": "a", "count": 3}, {"id": "b", "needs": ["a"]}, {"id": "c", "count": 2, "needs": ["b"]})
    assert [task.id for task in made.tasks] == ["a.1", "a.2", "a.3", "b", "c.1", "c.2"]
    assert made.tasks[3].needs == (("a.1",), ("a.2",), ("a.3",))
    assert made.tasks[4].needs == made.tasks[5].needs == (("b",),)
    assert all(agent_branch("f", task.role, task.id) for task in made.tasks)


def test_a_choice_is_one_group_and_a_need_counts_once() -> None:
    made = expanded({"id": "a"}, {"id": "b"}, {"id": "c", "needs": [{"any": ["a", "b"]}, "a", {"task": "a"}]})
    assert made.tasks[2].needs == (("a", "b"), ("a",))


def test_defaults_of_role_and_duration() -> None:
    made = expanded({"id": "a"}, {"id": "b", "role": "qa", "duration": "30m"})
    assert [(task.role, task.seconds) for task in made.tasks] == [("command", DEFAULT_SECONDS), ("qa", 1800)]


def test_an_approved_contract_without_an_owner_is_no_need() -> None:
    made = expanded({"id": "a", "needs": [{"contract": "c"}]}, contracts=[{"id": "c", "status": "approved"}])
    assert made.tasks[0].needs == ()
    assert made.notices == ()  # the plan says so itself
    assert made.unsupported == ()


def test_a_plan_that_uses_only_what_is_carried_out_is_silent() -> None:
    made = expanded(
        {"id": "a", "tags": ["t"], "owns": ["src/"], "verify": ["make"], "uses": {"db": 1}},
        {"id": "b", "needs": ["a"]},
        resources={"db": 1},
        crew={"backend": {"fallback": ["architect"]}, "qa": {"usd": 3}},
    )
    assert (made.notices, made.unsupported) == ((), ())


def test_limits_of_roles_that_have_tasks_are_named() -> None:
    made = expanded(
        {"id": "a", "role": "qa"}, crew={"qa": {"usd": 3, "tokens": 5, "memory": "2GiB", "capabilities": ["x"]}}
    )
    assert made.unsupported == ("crew.qa.tokens", "crew.qa.usd")


@pytest.mark.parametrize(
    "keys",
    [
        {"title": "t"},
        {"prompt": "q"},
        {"prompt": None, "run": "x"},
        {"role": "backend"},
        {"owns": []},
        {"owns": ["src/"]},
        {"locks": ["x"]},
        {"locks": [{"path": "x", "mode": "shared"}]},
        {"outputs": ["x"]},
        {"verify": ["x"]},
        {"criteria": ["x"]},
        {"changes": "optional"},
        {"setup": ["x"]},
        {"setup_inputs": ["x"]},
    ],
)
def test_the_hash_changes_with_what_the_result_depends_on(keys: dict[str, Any]) -> None:
    assert hash_of(**keys) != hash_of()


@pytest.mark.parametrize(
    "keys",
    [
        {"duration": "5h"},
        {"priority": "low"},
        {"retries": 5},
        {"timeout": "1h"},
        {"tags": ["x"]},
        {"complexity": "simple"},
        {"changes": "required"},
        {"id": "other"},
    ],
)
def test_the_hash_stays_when_only_the_way_there_changes(keys: dict[str, Any]) -> None:
    assert hash_of(**keys) == hash_of()


def test_the_order_of_patterns_and_needs_does_not_change_the_hash() -> None:
    assert hash_of(owns=["a", "b"]) == hash_of(owns=["b", "a"])
    one = expanded({"id": "a"}, {"id": "b"}, {"id": "c", "needs": ["a", "b"]})
    other = expanded({"id": "b"}, {"id": "a"}, {"id": "c", "needs": ["b", "a"]})
    assert one.tasks[2].spec_hash == other.tasks[2].spec_hash


def test_work_that_rests_on_changed_work_has_another_hash() -> None:
    before = expanded({"id": "a"}, {"id": "b", "needs": ["a"]}, {"id": "c", "needs": ["b"]}, {"id": "d"})
    after = expanded({"id": "a", "run": "y"}, {"id": "b", "needs": ["a"]}, {"id": "c", "needs": ["b"]}, {"id": "d"})
    same = [one.spec_hash == other.spec_hash for one, other in zip(before.tasks, after.tasks, strict=True)]
    assert same == [False, False, False, True]


def test_the_hash_is_the_same_in_every_version() -> None:
    """A new value here makes every finished task of every user be done again: raise `format` knowingly."""
    assert hash_of()[:12] == "a51c54833e1b"


@pytest.mark.parametrize(
    ("tasks", "words"),
    [
        ([{"id": "a", "needs": ["z"]}], "needs z, which the plan does not have"),
        ([{"id": "a", "needs": ["b"]}, {"id": "b", "needs": ["a"]}], "go in a circle"),
        ([{"id": "a", "needs": ["a"]}], "go in a circle"),
        ([{"id": "a", "needs": [{"contract": "c"}]}], "the contract c, which the plan does not have"),
    ],
)
def test_a_plan_that_was_never_parsed_gets_a_clear_error(tasks: list[dict[str, Any]], words: str) -> None:
    with pytest.raises(CallError, match=words):
        expanded(*tasks)


def test_a_chain_as_long_as_a_plan_may_be_is_expanded() -> None:
    tasks = [Task(id=f"t{at}", run="x", needs=(f"t{at - 1}",) if at else ()) for at in range(MAX_TASKS)]  # type: ignore[arg-type]
    made = expand(Plan(feature="f", tasks=tuple(reversed(tasks))), Crew())
    assert len({task.spec_hash for task in made.tasks}) == MAX_TASKS


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Tasks that need only tasks before them, some with counts, some with choices."""
    tasks: list[dict[str, Any]] = []
    for at in range(draw(st.integers(1, 7))):
        earlier = [task["id"] for task in tasks]
        single = [task["id"] for task in tasks if task["count"] == 1]
        needs: list[Any] = draw(st.lists(st.sampled_from(earlier), max_size=3)) if earlier else []
        if single and draw(st.booleans()):
            needs.append({"any": draw(st.lists(st.sampled_from(single), min_size=1, max_size=3))})
        tasks.append({"id": f"t{at}", "run": "x", "count": draw(st.sampled_from([1, 1, 1, 2, 4])), "needs": needs})
    return Plan.model_validate({"feature": "f", "tasks": draw(st.permutations(tasks))})


@settings(deadline=None)
@given(plans())
def test_every_need_names_tasks_that_run_and_nothing_goes_in_a_circle(plan: Plan) -> None:
    made = expand(plan, DEFAULT_CREW)
    ids = [task.id for task in made.tasks]
    assert len(ids) == len(set(ids)) == sum(task.count for task in plan.tasks)
    waiting = {task.id: task.needs for task in made.tasks}
    done: set[str] = set()
    while waiting:
        ready = [name for name, needs in waiting.items() if all(set(group) <= done for group in needs)]
        assert ready
        done |= set(ready)
        waiting = {name: needs for name, needs in waiting.items() if name not in done}
    by_task: dict[str, set[str]] = {}
    for planned in made.tasks:
        by_task.setdefault(planned.task.id, set()).add(planned.spec_hash)
    assert all(len(hashes) == 1 for hashes in by_task.values())
