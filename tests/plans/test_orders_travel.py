"""What crosses the border of a Prefect task is the same after its way as JSON: orders, facts and reports."""

import json
import os
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from plait.plans.language.crew import merge_crews
from plait.plans.language.model import Plan
from plait.plans.tasks.bundling import bundle_name, bundle_of, bursts_of, with_bundles
from plait.plans.tasks.expansion import Expansion, PlannedTask, expand
from plait.plans.tasks.planned_contracts import Agreement
from plait.plans.tasks.work import (
    BatchOrder,
    BatchReport,
    Candidate,
    Informant,
    RepairOrder,
    Rework,
    RunFacts,
    Unlanded,
    WorkOrder,
    WorkReport,
    from_json,
    to_json,
)
from tests.plans.test_usage import USES
from tests.show.test_any_outcome import outcomes
from tests.support import bundles

SLOW = settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow])
"""Plans and outcomes take up to a tenth of a second each to draw."""
DURATIONS = st.sampled_from(["1ms", "0.1s", "0.7s", "1.234s", "45s", "90m", "1h30m", "PT2H0.5S", "2d", "3w", "520w"])
LINES = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=20)
ODD = st.binary(max_size=12).map(os.fsdecode) | st.sampled_from(["100%", "%dcff", "\udcff%0025", "a\nb", ""])
"""As names of files are, whatever bytes they have."""
OIDS = st.sampled_from(["a" * 40, "b" * 64])
WORDS = st.sampled_from(["A", "B", "C"])


@st.composite
def estimates(draw: st.DrawFn) -> Any:
    if draw(st.booleans()):
        return draw(DURATIONS)
    return {"optimistic": "1ms", "likely": draw(DURATIONS), "pessimistic": "520w"}


def some(values: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(values, max_size=2)


PATHS = st.sampled_from(["src/", "docs/*.md", "a b.txt", "**/é.py", "lock%1"])
FREE = {
    "title": LINES,
    "duration": estimates(),
    "priority": st.sampled_from(["critical", 2, "low"]),
    "complexity": st.sampled_from(["simple", "complex"]),
    "tags": some(LINES),
    "owns": some(PATHS),
    "locks": some(PATHS | st.fixed_dictionaries({"path": PATHS, "mode": st.sampled_from(["exclusive", "shared"])})),
    "outputs": some(PATHS),
    "verify": some(LINES | st.just({"stage": "tests", "run": "make", "timeout": "5m", "paths": ["src/"]})),
    "criteria": some(LINES),
    "retries": st.integers(0, 3),
    "timeout": DURATIONS,
    "review": st.just({"by": "qa"}),
    "uses": st.just({"port": 2}),
    "count": st.integers(1, 3),
    "bundle": st.booleans(),
    "changes": st.sampled_from(["required", "optional"]),
    "setup": some(LINES),
    "setup_inputs": some(PATHS),
    "lint": st.just({"ignore": [{"code": "PLAN103", "reason": "meant"}]}),
}
ROLES = {
    "slots": st.integers(1, 3),
    "backend": st.sampled_from(["command", "scripted", "claude"]),
    "command": st.just(["./agent", "{task}"]),
    "prompt_by": st.sampled_from(["stdin", "file"]),
    "model": st.just("large") | st.just({"simple": "small"}),
    "fallback": st.just(["qa"]),
    "priority": st.sampled_from(["high", 5]),
    "capabilities": some(LINES),
    "timeout": DURATIONS,
    "stall": DURATIONS,
    "start_up": DURATIONS,
    "memory": st.sampled_from(["512MiB", "1.5GB"]),
    "sandbox": st.sampled_from(["auto", "required", "off"]),
    "hosts": st.just(["pypi.org", "*.example.com:8443"]),
    "tokens": st.integers(1, 9),
    "usd": st.sampled_from([0.1, 2.5]),
    "environment": st.just(["TOKEN"]),
    "setup": some(LINES),
    "submodules": st.booleans(),
}


@st.composite
def few(draw: st.DrawFn, keys: dict[str, st.SearchStrategy[Any]]) -> dict[str, Any]:
    """A few of the keys, since all of them at once would be slow to draw."""
    return {key: draw(keys[key]) for key in draw(st.lists(st.sampled_from(sorted(keys)), max_size=4, unique=True))}


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Tasks with any of the keys, needing those before them in every way, with contracts and phases."""
    names = [f"T{number}" for number in range(draw(st.integers(1, 3)))]
    tasks = []
    for number, name in enumerate(names):
        first = names[0]
        kinds = [first, {"task": first, "kind": "information"}, {"any": [first]}, {"contract": "api"}]
        needs = draw(st.lists(st.sampled_from(kinds), max_size=2)) if number else []
        work = {"run": "do"} if draw(st.booleans()) else {"prompt": draw(LINES), "role": "backend"}
        tasks.append({"id": name, **work, **draw(few(FREE)), "needs": needs})
    contract = {"id": "api", "files": ["api.txt"], "tests": ["true"], "owner": draw(st.none() | st.just("T0"))}
    return Plan.model_validate(
        {
            "feature": "f",
            "goal": draw(LINES),
            "crew": {"backend": draw(few(ROLES)), "qa": None},
            "resources": {"port": 3},
            "contracts": [contract],
            "phases": draw(st.just([{"id": "first", "tasks": names[:2]}]) | st.just([])),
            "tasks": tasks,
            "integration": draw(few({"wait": DURATIONS, "timeout": DURATIONS, "verify": some(LINES)})),
        }
    )


def facts_of(plan: Plan, expansion: Expansion, place: str) -> RunFacts:
    crew = merge_crews(plan.crew)
    paths = (place, "/home", "/home/runs/r", "/plans")
    return RunFacts(
        *("r", plan.feature, plan.goal, *paths, "a" * 40, crew, plan.integration, frozenset({"backend", "qa"})),
        contracts=expansion.contracts,
        phases=expansion.phases,
    )


repairs = st.builds(
    RepairOrder,
    number=st.integers(1, 3),
    kind=st.sampled_from(["conflict", "pair"]),
    rejected=OIDS,
    onto=OIDS,
    partner=st.none() | WORDS,
    partner_commit=st.none() | OIDS,
    files=some(ODD).map(tuple),
    reason=ODD,
    commands=some(LINES).map(tuple),
)
informants = st.builds(Informant, WORDS, st.none() | OIDS, some(PATHS).map(tuple), ODD)


def orders_of(task: PlannedTask) -> st.SearchStrategy[WorkOrder]:
    return st.builds(
        WorkOrder,
        task=st.just(task),
        agent=st.just("backend-1"),
        start=OIDS,
        branch=st.just("feature/f/agent/backend/A"),
        expected=st.none() | OIDS,
        repair=st.none() | repairs,
        agreements=some(st.builds(Agreement, WORDS, st.integers(1, 9))).map(tuple),
        informants=some(informants).map(tuple),
        rejections=some(ODD).map(tuple),
    )


def travelled(value: Any) -> Any:
    """After its way to somebody else, who reads it as any JSON parser does."""
    return from_json(type(value), json.dumps(json.loads(to_json(value))))


@SLOW
@given(st.data(), plans(), ODD)
def test_orders_and_facts_of_any_plan_are_the_same_after_their_way(data: st.DataObject, plan: Plan, place: str) -> None:
    expansion = expand(plan, merge_crews(plan.crew))
    facts = facts_of(plan, expansion, place)
    order = data.draw(orders_of(data.draw(st.sampled_from(expansion.tasks))))

    assert travelled(order) == order
    assert travelled(facts) == facts


@SLOW
@given(bundles.plans())
def test_a_bundle_is_the_same_after_its_way(expansion: Expansion) -> None:
    bursts = bursts_of(expansion, bundles.CREW)
    made = [bundle_of(burst.tasks[:8], bundles.CREW, name=bundle_name(burst.tasks, [])) for burst in bursts]
    for task in with_bundles(expansion, made).tasks:
        order = WorkOrder(task, "qa-1", "a" * 40, "b", None)
        assert travelled(order) == order


def test_a_bundle_of_long_names_and_many_words_is_the_same_after_its_way() -> None:
    many = [
        {
            **bundles.SMALL,
            "id": f"{'long-name' * 6}-{number}",
            "prompt": "word " * 1_000,
            "criteria": ["criterion " * 100] * 4,
            "owns": [f"ui/{number}-{at}.py" for at in range(100)],
            "duration": f"11m0.{number + 1}s",
        }
        for number in range(8)
    ]
    (burst,) = bursts_of(bundles.expanded(*many), bundles.CREW)
    bundle = bundle_of(burst.tasks, bundles.CREW, name="bundle")

    order = WorkOrder(bundle, "qa-1", "a" * 40, "b", None)

    assert travelled(order) == order


candidates = st.builds(Candidate, WORDS, OIDS, some(WORDS).map(tuple), LINES, LINES, some(WORDS).map(tuple))


@given(
    st.builds(
        WorkReport,
        task=WORDS,
        agent=WORDS,
        commit=st.none() | OIDS,
        changed=some(ODD).map(tuple),
        summary=ODD,
        seconds=st.floats(0, 1e6),
        usage=st.none() | USES,
    )
    | st.builds(
        BatchOrder,
        id=WORDS,
        run=WORDS,
        branches=some(
            st.builds(Candidate, WORDS, OIDS, some(WORDS).map(tuple), LINES, LINES, some(WORDS).map(tuple))
        ).map(tuple),
        date=st.just("1700000000 +0000"),
        groups=some(some(WORDS).map(tuple)).map(tuple),
        landed=some(WORDS).map(tuple),
        merge_only=st.booleans(),
    )
)
def test_reports_of_work_and_orders_for_batches_are_the_same_after_their_way(value: Any) -> None:
    assert travelled(value) == value


@SLOW
@given(outcomes(), st.data())
def test_what_came_of_a_batch_is_the_same_after_its_way(outcome: Any, data: st.DataObject) -> None:
    rework = st.builds(
        Rework, WORDS, WORDS, st.none() | WORDS, st.none() | OIDS, some(ODD).map(tuple), ODD, some(LINES).map(tuple)
    )
    unlanded = st.builds(Unlanded, OIDS, some(WORDS).map(tuple), st.frozensets(WORDS))
    for batch in outcome.batches:
        report = BatchReport(
            batch,
            rework=tuple(data.draw(some(rework))),
            tip=data.draw(st.none() | OIDS),
            land_by_hand=data.draw(st.none() | ODD),
            unlanded=data.draw(st.none() | unlanded),
        )
        assert travelled(report) == report


@pytest.mark.parametrize("text", ["{}", "7", '{"id": "batch-1"}', "nothing"])
def test_what_is_no_order_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        from_json(BatchOrder, text)
