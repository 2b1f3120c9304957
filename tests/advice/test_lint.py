"""Lint as a whole: order, silences, selection, the plans that ship, and what it costs."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plait.advice.lint.facts import Facts
from plait.advice.lint.findings import lint
from plait.advice.lint.rules import ON_THE_MACHINE, RULES, chosen, rule_named
from plait.plans.errors import CallError, PlanError
from plait.plans.language.crew import merge_crews
from plait.plans.language.model import Plan, Task
from plait.plans.language.parsing import parse_crew, parse_plan
from plait.plans.tasks.expansion import expand
from tests.advice.linted import OVERLAP, VERIFIED, codes, facts_of, ignoring, lint_of, linted, said
from tests.support.drawn import needs
from tests.support.effort import effort

ROOT = Path(__file__).parents[2]
# Order.


def test_findings_come_by_line() -> None:
    found = linted("tasks:\n  - {id: A, role: qa, prompt: todo}\n  - {id: B, role: qa, prompt: do it}\n").shown
    assert [finding.line for finding in found] == sorted(finding.line for finding in found)
    assert [finding.rule.code for finding in found] == ["PLAN401", "PLAN101", "PLAN404", "PLAN101", "PLAN404"]
    assert found[1].path == "tasks[0]"


# Silences.


def test_a_silence_without_tasks_covers_all_that_its_rule_finds() -> None:
    found = linted(ignoring("code: PLAN103") + OVERLAP)
    assert found.shown == ()
    assert len(found.silenced) == 3
    assert {finding.reason for finding in found.silenced} == {"it is meant"}


def test_a_silence_with_tasks_covers_what_is_found_about_these_and_no_others() -> None:
    assert said(ignoring("code: PLAN103, tasks: [A, B]") + OVERLAP) == [
        "PLAN103 A and C may both change src/x.py, and likewise B"
    ]
    assert said(ignoring("code: PLAN103, tasks: [A, B, C]") + OVERLAP) == []


def test_a_silence_at_a_task_covers_whatever_is_found_about_it() -> None:
    quiet = OVERLAP.replace("id: C,", "id: C, lint: {ignore: [{code: PLAN103, reason: r}]},")
    assert said(quiet) == ["PLAN103 A and B may both change src/x.py"]


@pytest.mark.parametrize(
    ("silence", "message"),
    [
        ("code: PLAN401", "there is no PLAN401 to silence"),
        ("code: PLAN103, tasks: [A]", "there is no PLAN103 about A alone to silence"),
        ("code: PLAN999", "there is no rule PLAN999 to silence"),
        ("code: PLAN005", "PLAN005 cannot be silenced"),
        ("code: PLAN901", "PLAN901 cannot be silenced"),
        ("code: PLAN103, tasks: [A, Z]", "PLAN103 is silenced for Z, which the plan does not have"),
    ],
)
def test_a_silence_that_covers_nothing_is_found(silence: str, message: str) -> None:
    found = linted(ignoring("code: PLAN103", silence) + OVERLAP).shown
    if silence.startswith("code: PLAN103"):
        found = linted(ignoring(silence, "code: PLAN103") + OVERLAP).shown
    assert [(finding.rule.code, finding.message) for finding in found] == [("PLAN901", message)]
    assert found[0].line == 2


def test_a_silence_of_a_rule_that_was_not_looked_at_is_no_finding() -> None:
    plan = ignoring("code: PLAN401") + OVERLAP
    assert [one.rule.code for one in linted(plan, rules=chosen(["PLAN9"], [])).shown] == []


def test_errors_cannot_be_silenced() -> None:
    plan = (
        "crew: {qa: {backend: command}}\ntasks:\n  - {id: A, role: qa, owns: [a], prompt: Test all of it.}\n" + VERIFIED
    )
    assert codes(ignoring("code: PLAN009") + plan) == ["PLAN901", "PLAN009"]
    assert linted(plan).errors == 1


@pytest.mark.parametrize(
    ("lint_key", "said"),
    [
        ("{ignore: [{code: PLAN103}]}", "reason is missing"),
        ("{ignore: [{code: PLAN103, reason: ' '}]}", "is empty"),
        ("{ignore: [{code: F401, reason: r}]}", "'F401' is not the code of a rule"),
        ("{ignroe: []}", "did you mean 'ignore'?"),
        ("{ignore: [{code: PLAN103, reason: r, task: A}]}", "did you mean 'tasks'?"),
    ],
)
def test_a_silence_needs_a_code_and_a_reason(lint_key: str, said: str) -> None:
    with pytest.raises(PlanError) as error:
        parse_plan(f"feature: f\nlint: {lint_key}\ntasks:\n  - {{id: A, run: x}}\n")
    assert said in str(error.value)


ANY_KEYS = st.fixed_dictionaries(
    {
        "role": st.sampled_from(["backend", "qa"]),
        "prompt": st.sampled_from(["todo", "Write src/a.py", "Go by docs/x.md now"]),
    },
    optional={
        "owns": st.lists(st.sampled_from(["src/**", "src/a.py", "docs/x.md", "**/*.md"]), max_size=2),
        "outputs": st.just(["docs/x.md"]),
        "locks": st.just([{"path": "src/a.py"}]),
        "duration": st.sampled_from(["1h", "4h"]),
        "timeout": st.just("2h"),
        "priority": st.sampled_from(["low", "high"]),
        "count": st.just(2),
        "changes": st.just("optional"),
    },
)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_whatever_is_found_can_be_silenced_and_is_then_gone(data: st.DataObject) -> None:
    drawn = data.draw(needs(alternatives=False))
    tasks = [
        {"id": name, "needs": [need for (need,) in groups], **data.draw(ANY_KEYS)} for name, groups in drawn.items()
    ]
    plan = Plan.model_validate({"feature": "f", "crew": {"qa": {"slots": 8}}, "tasks": tasks})
    everything = {finding.rule.code for finding in lint_of(plan).shown}
    silences = {"ignore": [{"code": code, "reason": "r"} for code in sorted(everything)]}
    quiet = lint_of(Plan.model_validate({**plan.model_dump(), "lint": silences}))
    assert quiet.shown == ()
    assert {finding.rule.code for finding in quiet.silenced} == everything


# Selection.


def test_codes_select_by_their_beginning() -> None:
    assert {rule.code[:5] for rule in chosen(["PLAN1", "plan2"], [])} == {"PLAN1", "PLAN2"}
    assert "PLAN103" not in {rule.code for rule in chosen([], ["PLAN103"])}
    assert chosen([], []) == (*RULES, *ON_THE_MACHINE)


def test_an_unknown_rule_is_refused_with_a_hint() -> None:
    with pytest.raises(CallError) as error:
        chosen(["PLAN19"], [])
    assert "plait check --rules" in str(error.value.hint)
    with pytest.raises(CallError) as error:
        rule_named("overlaping-own")
    assert "did you mean 'overlapping-owns'?" in str(error.value.hint)


# Plans that ship.


def test_the_plans_that_ship_are_clean() -> None:
    readme = re.search(r"```yaml\n(feature: shopping-cart.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    assert readme is not None
    cart = (ROOT / "tests/data/cart.plan.yaml").read_text("utf-8").partition("\nbudget:")[0]
    crew = parse_crew((ROOT / "examples/shop.crew.yaml").read_text("utf-8"))
    assert lint_of(parse_plan(readme[1])).shown == ()
    assert lint_of(parse_plan(cart)).shown == ()
    assert lint_of(parse_plan((ROOT / "examples/hello.plan.yaml").read_text("utf-8"))).shown == ()
    shop = parse_plan((ROOT / "examples/shop.plan.yaml").read_text("utf-8"))
    merged = merge_crews(shop.crew, crew)
    found = lint(Facts(shop, merged, expand(shop, merged)))
    assert found.shown == ()
    assert len(found.silenced) == 2


# Effort.


def big(size: int) -> Plan:
    """A plan that overlaps, needs and names, as large as none that can be read from a text."""
    tasks = tuple(
        Task.model_validate(
            {
                "id": f"T{number}",
                "role": ("backend", "frontend", "qa")[number % 3],
                "prompt": f"Write src/m{number % 97}/f{number}.py and look at docs/{number // 2}.md.",
                "needs": [f"T{number - step}" for step in (1, 7, 50) if number >= step and number % step == 0],
                "owns": [f"src/m{number % 97}/f{number}.py", f"tests/m{number % 997}/**", f"docs/{number}.md"],
            }
        )
        for number in range(size)
    )
    plan = Plan.model_validate({"feature": "f", "tasks": [{"id": "X", "run": "x"}]})
    return plan.model_copy(update={"tasks": tasks})


@pytest.mark.parametrize("size", [100, 3_000])
def test_lint_costs_as_much_a_task_in_large_plans_as_in_small_ones(size: int) -> None:
    facts = facts_of(big(size))
    with effort(most=1200 * size):
        assert lint(facts).shown


def test_patterns_made_to_be_slow_cost_seconds_and_no_more() -> None:
    owns = [[f"**/*{number}*x{number + step}/**/*{number}" for step in range(50)] for number in range(200)]
    tasks = [{"id": f"T{number}", "role": "qa", "prompt": "p", "owns": owned} for number, owned in enumerate(owns)]
    facts = facts_of(Plan.model_validate({"feature": "f", "tasks": tasks}))
    with effort(most=20_000_000):
        assert any("too many patterns" in finding.message for finding in lint(facts).shown)
