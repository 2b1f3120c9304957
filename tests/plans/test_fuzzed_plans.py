"""Eleven thousand broken texts: each is a plan, or a plan error in plain words, and never anything else.

Seeds make most of them: drawing each part from hypothesis would take ten times as long.
"""

import json
import random
import re
from pathlib import Path

from hypothesis import example, given, note, settings
from hypothesis import strategies as st

from plait.plans.errors import PlanError, Problem
from plait.plans.language.crew import merge_crews
from plait.plans.language.json_schema import plan_schema
from plait.plans.language.parsing import parse_plan
from plait.plans.tasks.expansion import expand

CART = (Path(__file__).parent.parent / "data" / "cart.plan.yaml").read_text(encoding="utf-8")
SMALL = "feature: f\ntasks:\n  - {id: a, role: qa, prompt: p}\n  - id: b\n    run: x\n    needs: [a]\n"
VALID = (SMALL, SMALL, CART, CART)

JARGON = re.compile(
    r"(?i)Input should|pydantic|https?:|Value error|validation|tuple|dict\b|NoneType|unable to parse|literal"
)
WORDS = """
    feature goal base crew tasks id role prompt run needs duration count uses locks owns any task contract kind
    - : [ ] { } & * ! | > ' " # % @ ` , ? <<: &a *a !!int ~ null no 1e400 .nan 2h -1 0 999999999999 é ../x .git
"""
SIGNS = ("\n", "\n  ", "\n    - ", ": ", "---\n", "\t", "\0", "\ufeff", "\u2028", "\\x00", '"\\ud800"', "a" * 300)
TOKENS = (*WORDS.split(), *SIGNS)
KEYS = sorted(
    {key for part in plan_schema()["$defs"].values() for key in part.get("properties", {})} | {"tasks", "crew"}
)
VALUES = ("", "a", "qa", "1", "-1", "2h", "x y", "critical", "src/**", "../x", "required", "hard", None)

seeds = st.integers(min_value=0, max_value=2**32)


def problems_of(text: str | bytes) -> tuple[Problem, ...]:
    """What is wrong with the text; nothing when it is a plan, which then expands."""
    try:
        plan = parse_plan(text, source="p")
    except PlanError as error:
        return error.problems or (Problem("an error without a problem\n"),)
    expand(plan, merge_crews(plan.crew))
    return ()


def check(text: str | bytes) -> None:
    note(repr(text))
    for problem in problems_of(text):
        shown = problem.at("p")
        assert shown.isprintable(), shown
        assert len(shown) < 600, shown
        assert not JARGON.search(re.sub(r"'[^']*'|\"[^\"]*\"", "", problem.message)), shown


@settings(max_examples=3000, deadline=None, database=None)
@given(st.sampled_from(VALID), seeds)
def test_a_changed_plan_is_a_plan_or_a_plan_error(text: str, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311  it draws tests, no secrets
    for _ in range(dice.randrange(1, 5)):
        start = dice.randrange(len(text) + 1)
        end = min(len(text), start + dice.choice((0, 0, 1, 5, 40)))
        text = text[:start] + dice.choice(TOKENS) + text[end:]
    check(text)


@settings(max_examples=4000, deadline=None, database=None)
@given(seeds)
def test_a_heap_of_yaml_is_a_plan_or_a_plan_error(seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311
    between = dice.choice(("", "", " "))
    check(between.join(dice.choice(TOKENS) for _ in range(dice.randrange(1, 40))))


@settings(max_examples=1500, deadline=None, database=None)
@given(st.binary(max_size=200) | st.text(max_size=200))
@example("feature: f\ntasks: {a: b}")
def test_anything_at_all_is_a_plan_or_a_plan_error(text: str | bytes) -> None:
    check(text)


def anything(dice: random.Random, depth: int = 0) -> object:
    """A value of any shape, its mappings with keys of the language."""
    match dice.choice(("value", "value", "list", "mapping", "mapping") if depth < 5 else ("value",)):
        case "list":
            return [anything(dice, depth + 1) for _ in range(dice.randrange(4))]
        case "mapping":
            return {dice.choice(KEYS): anything(dice, depth + 1) for _ in range(dice.randrange(6))}
        case _:
            return dice.choice(VALUES)


@settings(max_examples=2500, deadline=None, database=None)
@given(seeds)
def test_right_keys_with_wrong_values_are_a_plan_error(seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311
    tasks = [{"id": f"t{at}", "run": "x", dice.choice(KEYS): anything(dice)} for at in range(3)]
    plan = {"feature": "f", "tasks": tasks, dice.choice(KEYS): anything(dice), "crew": anything(dice, 4)}
    check(json.dumps(plan))
