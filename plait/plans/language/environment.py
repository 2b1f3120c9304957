"""The `environment` of a crew, role, task or integration: which variables a program gets, and which are never given."""

import re
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, WithJsonSchema, model_validator

from plait.plans.language.fields import Part, check_controls
from plait.plans.wording import kind_of, quoted

NEVER_GIVEN = ("GIT_*", "PREFECT_*", "PLAIT_PROCESS")
"""A stray GIT_DIR sends an agent's git into another repository; a Prefect API with its key is code execution."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_SECRET = re.compile(
    r"KEY(?!RING|BOARD)|TOKEN|SECRET|PASSW|PASSPHRASE|(?:^|_)PASS(?:$|_)|_PWD(?:$|_)|CREDENTIAL|AUTH(?!OR|ORITY)",
    re.IGNORECASE,
)
_NAME_SCHEMA = {"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$"}
_SECRET_SCHEMA = {
    "type": "object",
    "properties": {
        "secret": {
            "type": "string",
            "pattern": "^[a-z0-9][a-z0-9-]*$",
            "description": "The name of a Secret block of Prefect; in crew files alone.",
        }
    },
    "required": ["secret"],
    "additionalProperties": False,
}
_VALUES_SCHEMA = {
    "type": "object",
    "propertyNames": _NAME_SCHEMA,
    "additionalProperties": {"anyOf": [{"type": ["string", "number", "boolean", "null"]}, _SECRET_SCHEMA]},
}


def is_secret_name(name: str) -> bool:
    """Whether a variable of this name most likely holds what nobody else may see."""
    return _SECRET.search(name) is not None


def is_never_given(name: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in NEVER_GIVEN)


def _check_variable(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError(f"{quoted(text)} is not the name of an environment variable")
    if is_never_given(text):
        raise ValueError(f"{quoted(text)} is never passed on to a program that plait starts")
    return text


Variable = Annotated[str, AfterValidator(_check_variable)]
_Value = Annotated[str, StringConstraints(max_length=20_000), AfterValidator(check_controls)]
_BlockName = Annotated[str, StringConstraints(max_length=200, pattern=r"^[a-z0-9][a-z0-9-]*$")]


class GivenVariable(Part):
    """A variable by its name, with the value of the user's shell; or with one of its own, or of a Secret block."""

    name: Variable
    value: _Value | None = None
    secret: _BlockName | None = None
    """The name of a Secret block of Prefect, in place of a value."""

    @model_validator(mode="before")
    @classmethod
    def _as_written(cls, data: Any) -> Any:
        """`NAME`, or the mapping `NAME: value` or `NAME: {secret: block}` with this one key."""
        if isinstance(data, str):
            return {"name": data}
        if isinstance(data, dict) and "name" not in data and len(data) == 1:
            ((name, value),) = data.items()
            if isinstance(value, dict):
                if list(value) != ["secret"]:
                    raise ValueError(f"the value of {quoted(str(name))} must be a text, or the mapping secret: block")
                return {"name": name, **value}
            return {"name": name, "value": _as_text(value)}
        return data


def _as_text(value: Any) -> Any:
    """Of a crew block numbers come as numbers; of a text none does."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _as_list(written: Any) -> Any:
    if isinstance(written, dict):
        return [{name: value} for name, value in written.items()]
    if not isinstance(written, list | tuple):
        raise ValueError(f"must be a list of names, or a mapping of NAME: value, not {kind_of(written)}")  # noqa: TRY004
    return written


Environment = Annotated[
    tuple[GivenVariable, ...],
    BeforeValidator(_as_list),
    Field(max_length=200),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "array", "maxItems": 200, "items": {"anyOf": [_NAME_SCHEMA, _VALUES_SCHEMA]}},
                _VALUES_SCHEMA,
            ],
        }
    ),
]
"""Variables, each once: `[NAME, {OTHER: value}]`, or `{OTHER: value}`."""


def added(*environments: Iterable[GivenVariable]) -> tuple[GivenVariable, ...]:
    """All of them together; of two for one name the later counts."""
    variables = {variable.name: variable for environment in environments for variable in environment}
    return tuple(variables.values())


def from_shell(environment: Iterable[GivenVariable]) -> tuple[str, ...]:
    """The names of those that have the shell's value."""
    return tuple(variable.name for variable in environment if variable.value is None and variable.secret is None)


def own_values(environment: Iterable[GivenVariable]) -> Mapping[str, str]:
    """Those with a value of their own."""
    return {variable.name: variable.value for variable in environment if variable.value is not None}


def from_blocks(environment: Iterable[GivenVariable]) -> Mapping[str, str]:
    """By name, the Secret block that has the value."""
    return {variable.name: variable.secret for variable in environment if variable.secret is not None}


def unsecret(environment: Iterable[GivenVariable]) -> tuple[GivenVariable, ...]:
    """The same without values of their own that are secret by name: whoever uses these has them from the shell."""
    return tuple(
        GivenVariable(name=variable.name) if variable.value and is_secret_name(variable.name) else variable
        for variable in environment
    )


def values_of(environment: Iterable[GivenVariable]) -> tuple[str, ...]:
    """Those with a value of their own, each as one text, by name: whoever has the same ones has them in this order."""
    variables = tuple(environment)
    named = [f"{name}: secret {block}" for name, block in from_blocks(variables).items()]
    return tuple(sorted([*named, *(f"{name}={value}" for name, value in own_values(variables).items())]))


def meanings(environment: Iterable[GivenVariable]) -> Iterator[str]:
    """What decides about the result of a command, as one text each."""
    for variable in environment:
        if variable.secret is not None:
            yield f"{variable.name}: secret {variable.secret}"
        else:
            yield variable.name if variable.value is None else f"{variable.name}={variable.value}"
