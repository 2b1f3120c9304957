"""What pydantic has against a plan, in plain sentences with the place in the text."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from plait.plans.errors import Problem
from plait.plans.language.budget import Budget, DayBudget
from plait.plans.language.crew import Crew, Role
from plait.plans.language.durations import Estimate
from plait.plans.language.model import Contract, Integration, Lint, Lock, Need, Phase, Plan, Review, Silence, Task
from plait.plans.language.places import Loc, Places
from plait.plans.language.verify_stages import VerifyStage
from plait.plans.wording import either, kind_of, near_match, quoted

_KEYS_BELOW: Mapping[str, tuple[str, ...]] = {
    "tasks": tuple(Task.model_fields),
    "needs": tuple(Need.model_fields),
    "locks": tuple(Lock.model_fields),
    "review": tuple(Review.model_fields),
    "contracts": tuple(Contract.model_fields),
    "phases": tuple(Phase.model_fields),
    "integration": tuple(Integration.model_fields),
    "budget": tuple(Budget.model_fields),
    "day": tuple(DayBudget.model_fields),
    "lint": tuple(Lint.model_fields),
    "ignore": tuple(Silence.model_fields),
    "duration": tuple(Estimate.__slots__),
    "VerifyStage": tuple(VerifyStage.model_fields),
}

_OTHER_WORDS = {
    "agent": "role",
    "agents": "crew",
    "branch": "base",
    "cmd": "run",
    "command": "run",
    "dependencies": "needs",
    "depends": "needs",
    "depends_on": "needs",
    "description": "prompt",
    "estimate": "duration",
    "files": "owns",
    "instructions": "prompt",
    "name": "title",
    "paths": "owns",
    "requires": "needs",
    "roles": "crew",
    "shell": "run",
    "steps": "tasks",
    "test": "verify",
    "tests": "verify",
}
"""What other tools call the same thing."""

_HOMES: Mapping[str, type[BaseModel]] = {
    "at the top of the plan": Plan,
    "in a task": Task,
    "in a contract": Contract,
    "below integration": Integration,
    "in a role of the crew": Role,
    "in the crew": Crew,
    "below budget": Budget,
}
"""Where keys stand, for those that are written elsewhere; crew files are told of the crew's alone."""


def complaints(error: ValidationError, root: type[Plan] | type[Crew], places: Places) -> Iterator[Problem]:
    """One problem for each of pydantic's errors that a reader can do something about."""
    for detail in error.errors(include_url=False):
        if not _follows_from_others(detail):
            yield _problem(detail, root, places)


def _follows_from_others(detail: Any) -> bool:
    """pydantic calls a list too short when its entries are broken."""
    given = detail["input"]
    return detail["type"] == "too_short" and isinstance(given, list) and len(given) >= detail["ctx"]["min_length"]


def _problem(detail: Any, root: type[Plan] | type[Crew], places: Places) -> Problem:
    loc: Loc = tuple(detail["loc"])
    match detail["type"]:
        case "missing":
            return places.problem(loc, f"{loc[-1]} is missing", _missing_hint(loc, detail["input"]))
        case "extra_forbidden" | "unexpected_keyword_argument":
            return _unknown_key(loc, root, places)
        case _ if loc[-1:] == ("[key]",):
            return places.problem(loc, _sentence(detail), _hint(detail), at_key=True)
        case _:
            return places.problem(loc, _sentence(detail), _hint(detail))


def _missing_hint(loc: Loc, given: Any) -> str | None:
    if loc == ("feature",) and isinstance(given, dict):
        return "the feature's name, such as shopping-cart: its branches are feature/shopping-cart/…"
    return None


def _unknown_key(loc: Loc, root: type[Plan] | type[Crew], places: Places) -> Problem:
    key, keys = str(loc[-1]), _keys_at(loc[:-1], root)
    other = _OTHER_WORDS.get(key.casefold())
    hint = f"did you mean {quoted(other)}?" if other in keys else near_match(key, keys) or _home(key, root)
    return places.problem(loc, f"unknown key {quoted(key)}", hint, at_key=True, code="PLAN002")


def _home(key: str, root: type[Plan] | type[Crew]) -> str | None:
    """Where a key stands that is known, and not here. `land: auto` beside `tasks`: `land stands below integration`."""
    models = {where: model for where, model in _HOMES.items() if root is Plan or model in (Crew, Role)}
    homes = [where for where, model in models.items() if key in model.model_fields]
    return f"{key} stands {either(homes)}" if homes else None


def _keys_at(loc: Loc, root: type[Plan] | type[Crew]) -> tuple[str, ...]:
    """The keys that a mapping at this place may have."""
    names = [step for step in loc if isinstance(step, str)]
    if names[-2:-1] == ["roles"]:
        return tuple(Role.model_fields)
    return _KEYS_BELOW.get(names[-1], ()) if names else tuple(root.model_fields)


def _sentence(detail: Any) -> str:
    given, context, kind = detail["input"], detail.get("ctx", {}), str(detail["type"])
    if kind == "value_error":
        return str(context["error"])
    if kind == "literal_error":
        return f"must be {context['expected'].replace(chr(39), '')}, not {kind_of(given)}"
    if kind in _LIMITS:
        word, limit = _LIMITS[kind]
        return f"must be {word} {context[limit]}, not {kind_of(given)}"
    if kind in ("too_short", "too_long", "string_too_short", "string_too_long"):
        return _length(kind, context, given)
    expected = next((words for start, words in _EXPECTED.items() if kind.startswith(start)), None)
    return f"must be {expected}, not {kind_of(given)}" if expected else f"cannot be {kind_of(given)}"


_LIMITS = {
    "greater_than": ("more than", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("less than", "lt"),
    "less_than_equal": ("at most", "le"),
}

_EXPECTED = {
    "int_": "a whole number",
    "bool_": "true or false",
    "float_": "a number",
    "finite_number": "a number",
    "string_": "text",
    "tuple_": "a list",
    "dict_": "a mapping of keys",
    "model_": "a mapping of keys",
    "dataclass_": "a duration, or a mapping of optimistic, likely and pessimistic",
}
"""By the beginning of pydantic's names for its errors."""


def _length(kind: str, context: Mapping[str, Any], given: Any) -> str:
    what = "characters" if kind.startswith("string") else "entries"
    if kind.endswith("short"):
        return "is empty" if context["min_length"] == 1 else f"must have at least {context['min_length']} {what}"
    return f"has {len(given)} {what}; at most {context['max_length']}"


def _hint(detail: Any) -> str | None:
    given: object = detail["input"]
    loc, kind = detail["loc"], str(detail["type"])
    if kind == "literal_error" and given == "contract" and loc[-1:] == ("kind",):
        return "a need on a contract names it and has no kind: write {contract: ID}, with ID from `contracts:`"
    if kind == "literal_error" and isinstance(given, str):
        return near_match(given, re.findall("'([^']*)'", detail["ctx"]["expected"]))
    if kind.startswith("tuple") and isinstance(given, str) and 0 < len(given) <= 40 and given.isprintable():
        return f"write it as a list: [{given}]" if not set(given) & set(",:[]{}#&*!|>'\"%@`") else "write it as a list"
    if given in (None, "") and kind.startswith(("tuple", "dict", "model_")):
        return "drop the key, or fill it in"
    if kind == "string_type" and isinstance(given, dict):
        return "quote a text that has ': ' in it"
    if kind == "model_type" and loc[-2:-1] == ("roles",):
        return near_match(str(loc[-1]), Crew.model_fields)
    return None
