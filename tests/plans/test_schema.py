"""The JSON Schema says what the parser accepts, with a description of every key."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from plait.plans.language.crew import Crew, Role
from plait.plans.language.model import Contract, Integration, Need, Phase, Plan, Task
from plait.plans.language.schema import crew_schema, plan_schema

CART = yaml.safe_load((Path(__file__).parent.parent / "data" / "cart.plan.yaml").read_text(encoding="utf-8"))
CART.pop("budget")


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


def test_the_default_of_a_duration_is_written_as_one() -> None:
    assert plan_schema()["$defs"]["Integration"]["properties"]["wait"]["default"] == "10m"


def fits(value: Any, schema: dict[str, Any], root: dict[str, Any]) -> bool:
    """As much of JSON Schema as these schemas use."""
    if "$ref" in schema:
        return fits(value, root["$defs"][schema["$ref"].removeprefix("#/$defs/")], root)
    for several in ("anyOf", "oneOf"):
        if several in schema and not any(fits(value, choice, root) for choice in schema[several]):
            return False
    if "enum" in schema and value not in schema["enum"]:
        return False
    types = {"string": str, "integer": int, "number": (int, float), "array": list, "object": dict, "null": type(None)}
    if "type" in schema and not isinstance(value, types[schema["type"]]):
        return False
    if isinstance(value, list):
        return all(fits(item, schema.get("items", {}), root) for item in value)
    if isinstance(value, dict) and schema.get("type") == "object":
        return _mapping_fits(value, schema, root)
    return True


def _mapping_fits(value: dict[str, Any], schema: dict[str, Any], root: dict[str, Any]) -> bool:
    known = schema.get("properties", {})
    others = schema.get("additionalProperties", True)
    if not set(schema.get("required", ())) <= value.keys():
        return False
    return all(
        fits(item, known[key], root) if key in known else others is True or (others and fits(item, others, root))
        for key, item in value.items()
    )


def test_the_cart_plan_fits_its_schema() -> None:
    assert fits(CART, plan_schema(), plan_schema())
    assert fits(CART["crew"], crew_schema(), crew_schema())


@pytest.mark.parametrize(
    "change",
    [
        {"tasks": "x"},
        {"tsks": []},
        {"budget": {}},
        {"tasks": [{"id": "a", "retries": "x"}]},
        {"tasks": [{"id": "a", "needs": [{"tsk": "b"}]}]},
        {"tasks": [{"id": "a", "duration": 90}]},
        {"tasks": [{"id": "a", "priority": "urgent"}]},
        {"crew": {"qa": {"slot": 1}}},
        {"integration": {"land": "maybe"}},
    ],
)
def test_what_the_parser_refuses_does_not_fit(change: dict[str, Any]) -> None:
    assert not fits(CART | change, plan_schema(), plan_schema())
