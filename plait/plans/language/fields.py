"""The kinds of value that the keys of plans and crews hold, each with its rule and its JSON Schema."""

import re
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, WithJsonSchema

from plait.plans.language.editions import check_feature
from plait.plans.names import base_problem, check_slug, foreign_problem
from plait.plans.paths import normalize
from plait.plans.persons import read_person
from plait.plans.wording import either, kind_of, near_match, quoted

MAX_COMMANDS = 50
MAX_ENTRIES = 1_000

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_NOT_IN_A_LINE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


class _Absent:
    """What looks as if it were not there: pydantic 2 warns at each import of a key that hides a method of its own."""

    def __get__(self, instance: object, owner: type) -> Any:
        raise AttributeError


class Part(BaseModel):
    """A piece of a plan or crew: fixed once made, and every key known."""

    # Deferred: of a plan only the whole is read, and each part would be built once for itself and once within it.
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, defer_build=True)
    if not TYPE_CHECKING:
        copy: ClassVar[Any] = _Absent()
        """The method has been `model_copy` for years, and roles have a key of this name."""


def check_controls(text: str) -> str:
    """The text itself; ValueError where it has control characters other than tabs and line breaks."""
    if bad := _CONTROL.search(text):
        raise ValueError(f"has the control character {bad.group()!a}")
    return text


def _check_prose(text: str) -> str:
    check_controls(text)
    if not text.strip():
        raise ValueError("is empty")
    return text


def _check_line(text: str) -> str:
    """Titles stand in commit messages, where a line break could forge a trailer, and on terminals."""
    if bad := _NOT_IN_A_LINE.search(text):
        raise ValueError(f"must be one line, without {bad.group()!a}")
    return _check_prose(text)


def _check_path(text: str) -> str:
    if text and not text.strip():
        raise ValueError("is blank")
    return normalize(text)


def _check_base(text: str) -> str:
    if problem := base_problem(text):
        raise ValueError(problem)
    return text


def _check_foreign(text: str) -> str:
    if problem := foreign_problem(text):
        raise ValueError(problem)
    return text


def _check_pattern(text: str) -> str:
    try:
        re.compile(text, re.IGNORECASE)
    except (re.error, RecursionError, OverflowError) as problem:
        raise ValueError(f"{quoted(text)} is no regular expression: {problem}") from None
    return text


def _check_person(text: str) -> str:
    read_person(text)
    return text


def _check_lint_code(text: str) -> str:
    if not re.fullmatch("PLAN[0-9]{3}", text):
        raise ValueError(f"{quoted(text)} is not the code of a rule, such as PLAN103")
    return text


Slug = Annotated[str, AfterValidator(check_slug), Field(json_schema_extra={"pattern": "^[A-Za-z0-9][A-Za-z0-9_-]*$"})]
"""The name of a feature, task, role, contract or resource."""

FeatureName = Annotated[
    str,
    AfterValidator(check_feature),
    Field(json_schema_extra={"pattern": r"^([A-Za-z0-9]|\{date\}|\{run\})([A-Za-z0-9_-]|\{date\}|\{run\})*$"}),
]
"""The name of a feature, or of its editions: `nightly-{date}`."""

LintCode = Annotated[str, AfterValidator(_check_lint_code), Field(json_schema_extra={"pattern": "^PLAN[0-9]{3}$"})]
"""The code of a rule of `plait check`; whether there is such a rule, lint itself says."""

PersonLine = Annotated[str, StringConstraints(max_length=200), AfterValidator(_check_person)]
"""A name and an address, as in `Ada Byron <ada@example.com>`."""

BaseName = Annotated[str, AfterValidator(_check_base)]
"""What a feature starts from: a branch, `origin/x`, a tag, a commit or a full ref."""
ForeignBranch = Annotated[str, AfterValidator(_check_foreign)]
"""A branch by its name, a fetched one as `origin/x`, or a full ref such as `refs/pull/12/head`."""
PathPattern = Annotated[str, AfterValidator(_check_path)]
_NOT_BLANK = Field(json_schema_extra={"pattern": r"\S"})
Line = Annotated[str, StringConstraints(max_length=200), AfterValidator(_check_line), _NOT_BLANK]
Prose = Annotated[str, StringConstraints(max_length=100_000), AfterValidator(_check_prose), _NOT_BLANK]
Goal = Annotated[str, StringConstraints(max_length=20_000), AfterValidator(check_controls), _NOT_BLANK]
Command = Annotated[str, StringConstraints(max_length=20_000), AfterValidator(_check_prose), _NOT_BLANK]
"""A shell command, of one line or several."""

Commands = Annotated[tuple[Command, ...], Field(max_length=MAX_COMMANDS)]
PathPatterns = Annotated[tuple[PathPattern, ...], Field(max_length=MAX_ENTRIES)]
SearchPattern = Annotated[Line, AfterValidator(_check_pattern)]
"""A regular expression for a line; whoever searches with it has to end a search that takes long."""

PRIORITIES = {"critical": 1, "high": 2, "medium": 3, "low": 4, "idle": 5}


def _priority(value: Any) -> int:
    numbers = {str(number): number for number in PRIORITIES.values()}
    if isinstance(value, int | str) and not isinstance(value, bool):
        if (number := PRIORITIES.get(str(value), numbers.get(str(value)))) is not None:
            return number
        hint = near_match(str(value), PRIORITIES)
        raise ValueError(f"must be {either(PRIORITIES)}, or 1 to 5, not {quoted(value)}{f' ({hint})' if hint else ''}")
    raise ValueError(f"must be {either(PRIORITIES)}, or 1 to 5, not {kind_of(value)}")


Priority = Annotated[
    int,
    BeforeValidator(_priority),
    WithJsonSchema({"anyOf": [{"enum": list(PRIORITIES)}, {"type": "integer", "minimum": 1, "maximum": 5}]}),
]
"""1 is the most urgent, 5 is for idle slots."""

_SIZES = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}


def _size(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    match = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,3})?)\s*([kmgt]i?)b?", str(value)[:40], re.IGNORECASE)
    if match is None or float(match[1]) == 0:
        raise ValueError(f"{kind_of(value)} is not a size: write it as 512MiB or 2GiB")
    return int(float(match[1]) * _SIZES[match[2].lower()])


Bytes = Annotated[int, BeforeValidator(_size), WithJsonSchema({"type": "string", "examples": ["512MiB", "2GiB"]})]
"""A size in bytes, written as `2GiB`."""
