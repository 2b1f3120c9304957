"""Contracts in a plan: who writes them, who rests on them, what makes a version, and when their tests run."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.plans.errors import CallError, PlanError
from plait.plans.language.crew import merge_crews
from plait.plans.language.model import Plan
from plait.plans.language.parsing import parse_plan
from plait.plans.tasks.drafting import DRAFT_SECONDS
from plait.plans.tasks.expansion import Expansion, expand
from plait.plans.tasks.planned_contracts import (
    Agreement,
    PlannedContract,
    Record,
    broken_by,
    commands_of,
    due_version,
    is_same,
    to_be_tested,
)
from plait.plans.wording import fenced


def expanded(*tasks: dict[str, Any], **keys: Any) -> Expansion:
    plan = Plan.model_validate({"feature": "f", "tasks": [{"run": "x"} | task for task in tasks]} | keys)
    return expand(plan, merge_crews(plan.crew))


def hashes(made: Expansion) -> dict[str, str]:
    return {task.id: task.spec_hash for task in made.tasks}


def agent(name: str, **keys: Any) -> dict[str, Any]:
    return {"id": name, "run": None, "prompt": "Do it.", "role": "web"} | keys


def a_contract(**keys: Any) -> PlannedContract:
    given: dict[str, Any] = {"id": "c", "version": 1, "owner": "o", "consumers": ("x", "y"), "fulfilled_by": ()}
    return PlannedContract(**given | {"files": (), "mock": (), "tests": ("t",), "by_person": False} | keys)


def a_record(**keys: Any) -> Record:
    given: dict[str, Any] = {"contract": "c", "version": 1, "status": "approved", "commit": "0", "content": "same"}
    return Record(**given | keys)


def test_a_contract_need_is_one_on_its_owner_and_consumers_that_it_names_have_it_too() -> None:
    made = expanded(
        {"id": "o"},
        {"id": "x", "needs": [{"contract": "c"}]},
        {"id": "y", "count": 2},
        {"id": "z"},
        contracts=[{"id": "c", "owner": "o", "consumers": ["y"], "fulfilled_by": ["z", "o"]}],
    )
    assert [(task.id, task.needs, task.contracts) for task in made.tasks] == [
        ("o", (), ()),
        ("x", (("o",),), ("c",)),
        ("y.1", (("o",),), ("c",)),
        ("y.2", (("o",),), ("c",)),
        ("z", (("o",),), ("c",)),
    ]
    assert made.tasks[0].writes == ("c",)
    (contract,) = made.contracts
    assert (contract.owner, contract.consumers, contract.fulfilled_by) == ("o", ("x", "y.1", "y.2", "z"), ("z", "o"))
    assert (made.notices, made.unsupported) == ((), ())


def test_an_owner_may_change_the_files_that_it_has_to_write_whatever_else_it_owns() -> None:
    made = expanded(
        {"id": "o", "owns": ["src/", "apis/"]},
        {"id": "free"},
        {"id": "x", "owns": ["x"], "needs": [{"contract": "c"}, {"contract": "d"}]},
        contracts=[
            {"id": "c", "owner": "o", "files": ["apis/*.yaml", "c.md"], "mock": ["mocks/"]},
            {"id": "d", "owner": "free", "files": ["d.md"]},
        ],
    )
    assert [task.task.owns for task in made.tasks] == [("src/**", "apis/**", "c.md", "mocks/**"), None, ("x",)]


def test_a_contract_that_nobody_writes_gets_a_task_before_its_first_consumer() -> None:
    tests = ["python -m pytest -q tests/contract checks/api.py::test_it", "./run.sh ../out /etc/x"]
    made = expanded(
        {"id": "first"},
        agent("x", needs=[{"contract": "c"}], title="Show it", prompt="Show ``` the cart.", priority=2),
        contracts=[{"id": "c", "files": ["api.yaml"], "mock": ["mock/"], "tests": tests}],
        crew={"web": {}},
    )
    assert [task.id for task in made.tasks] == ["first", "contract-c", "x"]
    task = made.tasks[1].task
    assert (task.role, made.tasks[1].seconds, task.priority, made.tasks[1].writes) == ("web", DRAFT_SECONDS, 2, ("c",))
    assert task.owns == ("api.yaml", "mock/**", "tests/contract/**", "checks/api.py")
    assert "- x (web): Show it" in str(task.prompt)
    assert "````\nShow ``` the cart.\n````" in str(task.prompt)
    assert made.notices == (
        "contract-c writes the contract c, which no task owns: it goes to the role web and is thought to take 30m",
    )


@pytest.mark.parametrize(
    ("crew", "role"),
    [({}, "architect"), ({"web": {}}, "web"), ({"web": {}, "architect": {}}, "architect")],
)
def test_an_architect_writes_it_where_the_crew_was_given_one(crew: dict[str, Any], role: str) -> None:
    tasks = ({"id": "a", "needs": [{"contract": "c"}]}, agent("x", needs=[{"contract": "c"}]))
    assert expanded(*tasks, contracts=[{"id": "c"}], crew=crew).tasks[0].role == role


def test_a_contract_without_files_gets_one_and_long_names_stay_names() -> None:
    made = expanded(agent("x", needs=[{"contract": "n" * 64}]), contracts=[{"id": "n" * 64}])
    assert len(made.tasks[0].id) == 64
    assert made.tasks[0].task.owns == made.contracts[0].files == (f"contracts/{'n' * 64}.md",)


def test_nobody_writes_what_nobody_needs_and_the_reader_is_told() -> None:
    made = expanded({"id": "a"}, contracts=[{"id": "c"}])
    assert [task.id for task in made.tasks] == ["a"]
    assert made.notices == ("nobody writes the contract c: it has no owner, and no task needs it",)


def test_the_id_of_the_inserted_task_may_not_be_taken() -> None:
    tasks = ({"id": "Contract-c"}, {"id": "x", "needs": [{"contract": "c"}]})
    with pytest.raises(CallError, match="there is one of that name"):
        expanded(*tasks, contracts=[{"id": "c"}])


def test_a_new_version_changes_the_hash_of_its_owner_and_of_all_that_rests_on_it() -> None:
    def made(version: int, **keys: Any) -> dict[str, str]:
        contract = {"id": "c", "version": version} | keys
        tasks = ({"id": "o"}, {"id": "x", "needs": [{"contract": "c"}]}, {"id": "y", "needs": ["x"]}, {"id": "z"})
        return hashes(expanded(*tasks, contracts=[contract]))

    written, on_base = {"owner": "o"}, {"status": "approved"}
    for keys, changed in ((written, "oxy"), (on_base, "xy")):
        one, two = made(1, **keys), made(2, **keys)
        assert "".join(task for task in one if one[task] != two[task]) == changed
        assert made(1, **keys, approval="person") == one


def test_the_words_of_a_consumers_prompt_do_not_change_what_was_agreed() -> None:
    def made(prompt: str) -> dict[str, str]:
        return hashes(expanded(agent("x", needs=[{"contract": "c"}], prompt=prompt), contracts=[{"id": "c"}]))

    one, other = made("Do it."), made("Do it well.")
    assert one["contract-c"] == other["contract-c"]
    assert one["x"] != other["x"]


def test_information_is_no_need_but_belongs_to_the_hash() -> None:
    def made(run: str, needs: list[Any]) -> Expansion:
        return expanded({"id": "a", "run": run, "count": 2}, agent("b", needs=needs))

    informed = [{"task": "a", "kind": "information"}]
    one = made("x", informed)
    assert (one.tasks[2].needs, one.tasks[2].information) == ((), ("a.1", "a.2"))
    assert one.tasks[2].waits_for == (("a.1",), ("a.2",))
    assert one.unsupported == ()
    assert len({hashes(made("x", informed))["b"], hashes(made("y", informed))["b"], hashes(made("x", []))["b"]}) == 3


def test_a_need_of_kind_none_is_counted_nowhere() -> None:
    def made(needs: list[Any]) -> Expansion:
        return expanded({"id": "a"}, agent("b", needs=needs))

    noted, without = made([{"task": "a", "kind": "none"}]), made([])
    assert (noted.tasks[1].waits_for, noted.notices, noted.unsupported) == ((), (), ())
    assert hashes(noted) == hashes(without)


def test_a_command_is_not_told_anything_and_the_reader_hears_of_it() -> None:
    made = expanded({"id": "a"}, {"id": "b", "needs": [{"task": "a", "kind": "information"}]})
    assert made.notices == ("b is a command: it waits for a, but has no prompt that could tell it anything",)


@pytest.mark.parametrize(
    ("contract", "needs", "words"),
    [
        ("owner: a, consumers: [b]", "a: {needs: [b]}, b: {}", "go in a circle: a -> b -> a"),
        ("owner: a, fulfilled_by: [z]", "a: {}", "unknown task 'z'"),
        ("owner: a", "a: {count: 2}", "a contract is written by one task"),
        ("owner: a, status: superseded", "a: {}, b: {needs: [{contract: c}]}", "is superseded"),
        ("owner: a", "a: {needs: [{contract: c}]}", "go in a circle"),
    ],
)
def test_mistakes_have_a_place(contract: str, needs: str, words: str) -> None:
    rows = [f"  - {{id: {name[0]}, run: x, {name.partition('{')[2]}" for name in needs.split(", ") if ": {" in name]
    text = f"feature: f\ncontracts: [{{id: c, {contract}}}]\ntasks:\n" + "\n".join(rows)
    with pytest.raises(PlanError, match=words) as caught:
        parse_plan(text)
    assert caught.value.problems[0].line > 1


@pytest.mark.parametrize(
    ("present", "fulfilled_by", "due"),
    [
        ("o", (), False),
        ("x", (), False),
        ("ox", (), True),
        ("oxy", ("y",), True),
        ("ox", ("y",), False),
        ("oy", ("x", "y"), False),
    ],
)
def test_tests_are_due_once_there_is_something_real(present: str, fulfilled_by: tuple[str, ...], due: bool) -> None:
    assert bool(to_be_tested([a_contract(fulfilled_by=fulfilled_by)], set(present))) is due


def test_contracts_on_base_are_tested_with_any_consumer_and_those_without_tests_never() -> None:
    on_base, silent = a_contract(owner=None), a_contract(tests=())
    assert to_be_tested([on_base, silent], {"o", "x"}) == (on_base,)
    assert commands_of([on_base, on_base]) == ("t",)
    assert broken_by("t", [on_base, silent]) == ("c",)
    assert broken_by(None, [on_base]) == ()


@pytest.mark.parametrize(
    ("planned", "last", "content", "version"),
    [
        (1, None, "same", 1),
        (3, None, "same", 3),
        (1, a_record(), "same", 1),
        (1, a_record(), "other", 2),
        (4, a_record(), "other", 4),
        (2, a_record(), "same", 2),
        (1, a_record(status="draft", version=2), "other", 2),
        (1, a_record(status="rejected", version=2), "other", 2),
    ],
)
def test_an_approved_version_is_never_written_over(
    planned: int, last: Record | None, content: str, version: int
) -> None:
    assert due_version(planned, last, content) == version


@given(st.integers(1, 5), st.lists(st.sampled_from("ab"), min_size=1, max_size=8))
def test_versions_rise_with_what_is_written_and_only_with_that(planned: int, written: list[str]) -> None:
    last: Record | None = None
    for content in written:
        if is_same(planned, last, content):
            continue
        version = due_version(planned, last, content)
        assert version >= planned
        assert last is None or version == last.version + 1
        last = a_record(version=version, content=content)


@given(st.text(alphabet="`~\nab", max_size=60))
def test_no_text_closes_its_own_quotation(text: str) -> None:
    opening, *body, closing = fenced(text).split("\n")
    assert opening == closing
    assert all(not line.strip().startswith(opening) for line in body)


def test_who_writes_a_contract_that_nobody_owns_is_told_its_files_its_mock_and_its_tests() -> None:
    keys = {"files": ["api.yaml"], "mock": ["mock.py"], "tests": ["pytest tests/api"]}
    made = expanded(agent("x", needs=[{"contract": "c"}]), contracts=[{"id": "c", **keys}])
    (writer,) = [task for task in made.tasks if task.writes]
    prompt = writer.task.prompt or ""
    assert "The contract goes into: `api.yaml`." in prompt
    assert "stands in for the real thing until that is there goes into: `mock.py`." in prompt
    assert "It is tested by: `pytest tests/api`." in prompt


@pytest.mark.parametrize(
    ("approval", "status", "by_person"),
    [("person", "draft", True), ("person", "approved", False), ("tests", "draft", False)],
)
def test_a_person_is_asked_for_drafts_that_persons_approve(approval: str, status: str, by_person: bool) -> None:
    contract = {"id": "c", "owner": "o", "tests": ["true"], "approval": approval, "status": status}
    made = expanded({"id": "o"}, {"id": "x", "needs": [{"contract": "c"}]}, contracts=[contract])
    assert [one.by_person for one in made.contracts] == [by_person]


def test_an_agreement_is_told_with_its_version() -> None:
    assert str(Agreement("api", 2)) == "api v2"
