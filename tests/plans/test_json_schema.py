"""The JSON Schema says what the parser accepts, with a description of every key."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from plait.advice.lint.examples import EXAMPLES
from plait.plans.language.crew import Crew, Role
from plait.plans.language.json_schema import crew_schema, plan_schema
from plait.plans.language.model import Contract, Integration, Need, Phase, Plan, Task

ROOT = Path(__file__).parents[2]
CART = yaml.safe_load((ROOT / "tests/data/cart.plan.yaml").read_text(encoding="utf-8"))


def parts(schema: Any) -> Iterator[dict[str, Any]]:
    """Every schema within a schema."""
    if isinstance(schema, dict):
        yield schema
        for inner in schema.values():
            yield from parts(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from parts(inner)


BOTH = pytest.mark.parametrize("schema", [plan_schema(), crew_schema()], ids=["plan", "crew"])


@BOTH
def test_every_reference_resolves_and_all_is_json(schema: dict[str, Any]) -> None:
    assert schema["$schema"].endswith("2020-12/schema")
    names = [part["$ref"] for part in parts(schema) if "$ref" in part]
    assert {name.removeprefix("#/$defs/") for name in names} <= schema["$defs"].keys()
    assert json.loads(json.dumps(schema)) == schema


@BOTH
def test_every_key_has_a_description(schema: dict[str, Any]) -> None:
    for part in parts(schema):
        for name, key in part.get("properties", {}).items():
            assert len(key.get("description", "")) > 10, name


@BOTH
def test_unknown_keys_are_refused_everywhere(schema: dict[str, Any]) -> None:
    assert all("additionalProperties" in part for part in parts(schema) if "properties" in part)


@pytest.mark.parametrize("model", [Plan, Task, Need, Contract, Phase, Integration, Role, Crew])
def test_the_web_form_has_help_for_every_field(model: type[Plan]) -> None:
    for name, key in model.model_json_schema()["properties"].items():
        assert key.get("description"), name


def fits(value: Any, schema: dict[str, Any]) -> bool:
    return Draft202012Validator(schema).is_valid(value)


@BOTH
def test_a_schema_is_one(schema: dict[str, Any]) -> None:
    Draft202012Validator.check_schema(schema)


def test_the_cart_plan_fits_its_schema() -> None:
    assert fits(CART, plan_schema())
    assert fits(CART["crew"], crew_schema())


VERIFY = [
    ["make test"],
    ["make lint", {"stage": "tests", "run": ["make", "make test"], "timeout": "10m", "memory": "4GiB"}],
    {"stage": "tests", "run": "pytest", "paths": ["src/"], "cache": [".pytest_cache"], "junit": "report.xml"},
    {"syntax": "ruff check .", "tests": ["pytest -q"], "security": {"run": "bandit -r src", "timeout": "5m"}},
    {"preset": "python"},
    [{"preset": "auto"}, "make end-to-end"],
]


@pytest.mark.parametrize(
    "change",
    [
        {"tasks": "x"},
        {"tsks": []},
        {"budget": {"usd": 0}},
        {"budget": {"time": 5}},
        {"budget": {"day": {"time": "2h"}}},
        {"tasks": [{"id": "a", "retries": "x"}]},
        {"tasks": [{"id": "a", "needs": [{"tsk": "b"}]}]},
        {"tasks": [{"id": "a", "duration": 90}]},
        {"tasks": [{"id": "a", "priority": "urgent"}]},
        {"crew": {"qa": {"slot": 1}}},
        {"integration": {"land": "maybe"}},
        {"integration": {"verify": [" "]}},
        {"integration": {"verify": "make"}},
        {"integration": {"verify": [{"stage": "a b", "run": "x"}]}},
        {"integration": {"verify": [{"run": "x", "shell": "y"}]}},
        {"integration": {"verify": {"preset": "cobol"}}},
        {"integration": {"verify": {"tests": {"run": 3}}}},
        {"goal": ""},
        {"tasks": [{"id": "a", "run": "x", "needs": [{"task": "b", "kind": "contract"}]}]},
        {"tasks": [{"id": " ", "run": "x"}]},
        {"tasks": [{"id": "a", "role": "qa", "prompt": ""}]},
        {"tasks": [{"id": "a", "run": "x", "title": " "}]},
    ],
)
def test_what_the_parser_refuses_does_not_fit(change: dict[str, Any]) -> None:
    assert not fits(CART | change, plan_schema())


@pytest.mark.parametrize("verify", VERIFY)
def test_commands_stages_and_presets_fit(verify: Any) -> None:
    assert fits(CART | {"integration": {"verify": verify}}, plan_schema())
    assert Integration.model_validate({"verify": verify}).verify


@pytest.mark.parametrize("template", sorted((ROOT / "flows/templates").glob("*.yaml")), ids=lambda path: path.name)
def test_the_templates_fit_the_schema(template: Path) -> None:
    assert fits(yaml.safe_load(template.read_text(encoding="utf-8")), plan_schema())


@pytest.mark.parametrize("code", [code for code in EXAMPLES if code > "PLAN008"])
def test_the_plans_of_the_lint_page_fit_the_schema(code: str) -> None:
    for example in EXAMPLES[code]:
        assert fits({"feature": "f", **yaml.safe_load(example)}, plan_schema())
