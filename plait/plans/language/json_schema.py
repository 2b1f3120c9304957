"""The JSON Schema (2020-12) of plans and crews as people write them, for editors that complete and check YAML."""

from typing import Any

from plait.plans.language.crew import Crew
from plait.plans.language.merge_rules import PRESETS
from plait.plans.language.model import Plan

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_DURATION = {"type": "string", "examples": ["2h", "90m", "1h30m", "45s", "PT1H30M"]}

Schema = dict[str, Any]


def plan_schema() -> Schema:
    """The schema of a plan file."""
    schema = Plan.model_json_schema()
    _write_as_yaml(schema["$defs"])
    _shorten_servers(schema["$defs"])
    _flatten_crew(schema["$defs"]["Crew"])
    return {"$schema": _DIALECT, **schema, "title": "plait feature plan"}


def crew_schema() -> Schema:
    """The schema of a crew file."""
    schema = Crew.model_json_schema()
    _shorten_servers(schema["$defs"])
    _flatten_crew(schema)
    return {"$schema": _DIALECT, **schema, "title": "plait crew"}


def _write_as_yaml(parts: Schema) -> None:
    """Parts that may also be written as one word."""
    _describe_points(parts["Estimate"])
    _shorten_stages(parts)
    short = {
        "Need": {"type": "string", "description": "The id of a task: a hard need."},
        "Lock": {"type": "string", "description": "A path, locked exclusively."},
        "PathRule": {"enum": list(PRESETS), "description": "The name of a preset."},
        "Estimate": _DURATION | {"description": "One duration for all three points."},
    }
    for name, text in short.items():
        parts[name] = {"title": name, "description": parts[name]["description"], "anyOf": [text, parts[name]]}


def _shorten_stages(parts: Schema) -> None:
    """A stage may have one command in place of a list; `verify` may be one stage, or stages by name."""
    keys, stage = parts["VerifyStage"]["properties"], {"$ref": "#/$defs/VerifyStage"}
    command, several = keys["run"]["items"], {key: keys["run"][key] for key in ("type", "items", "maxItems")}
    keys["run"] = {"description": keys["run"]["description"], "anyOf": [command, several]}
    for part in ("Task", "Integration"):
        verify = parts[part]["properties"]["verify"]
        many = {key: verify.pop(key) for key in ("type", "items", "maxItems")}
        many["items"] = {"anyOf": [command, stage]}
        named = {"type": "object", "additionalProperties": {"anyOf": [command, several, stage]}}
        named["not"] = {"anyOf": [{"required": [key]} for key in ("run", "preset", "stage")]}
        verify["anyOf"] = [many, stage, named]


def _shorten_servers(parts: Schema) -> None:
    """A server may also be a list of words, which is its command, or an address."""
    entry = parts["ServerEntry"]
    command, url = (entry["properties"][key]["anyOf"][0] for key in ("command", "url"))
    parts["ServerEntry"] = {"title": "ServerEntry", "description": entry["description"], "anyOf": [command, url, entry]}


def _describe_points(estimate: Schema) -> None:
    """A dataclass has no descriptions for its fields."""
    words = {
        "optimistic": "How long it takes if all goes well.",
        "likely": "How long it takes most often.",
        "pessimistic": "How long it takes if much goes wrong.",
    }
    estimate["description"] = "How long a task takes: planning uses `likely`, simulation draws from all three."
    for name, description in words.items():
        estimate["properties"][name] |= {"description": description}


def _flatten_crew(crew: Schema) -> None:
    """In YAML the roles stand beside the other keys, and a role without anything is one of defaults."""
    crew["properties"].pop("roles")
    crew["additionalProperties"] = {
        "description": "A role by its name.",
        "anyOf": [{"$ref": "#/$defs/Role"}, {"type": "null"}],
    }
