"""What a scripted agent's YAML says: for each task and each try, the edits, delays and mishaps to play."""

import re
from collections.abc import Sequence
from operator import itemgetter
from pathlib import PurePosixPath
from typing import Annotated, Any, Self, TypeVar, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from plait.plans.errors import PlanError, Problem
from plait.plans.language.documents import read
from plait.plans.language.durations import Seconds
from plait.plans.language.fields import Part
from plait.plans.language.places import Loc, Places
from plait.plans.usage import Usage
from plait.plans.wording import kind_of, listed, near_match, quoted

_SIZE = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)\s*(B|kB|KB|MB|GB)")
_SIZE_BYTES = {"B": 1, "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9}
_LONGEST_SLEEP = 3600.0
_MAX_PROBLEMS = 100
_T = TypeVar("_T")


def _at_most_an_hour(seconds: float) -> float:
    if seconds > _LONGEST_SLEEP:
        raise ValueError("must be an hour at most; `hang: {}` never ends")
    return seconds


def _bytes_or_forever(value: object) -> int | str:
    text = str(value).strip()
    if text == "forever":
        return text
    match = _SIZE.fullmatch(text)
    if match is None:
        raise ValueError("must be a size such as 5MB, or `forever`")
    return int(float(match[1]) * _SIZE_BYTES[match[2]])


def _inside(path: str) -> str:
    if path.startswith("/") or "\0" in path or "\n" in path:
        raise ValueError("must be a path from the checkout's root, such as src/cart.py")
    if path != str(PurePosixPath(path)) or path == "." or ".." in PurePosixPath(path).parts:
        raise ValueError("must name a file below the checkout, without '.', '..' or empty parts")
    return path


def _mode(value: object) -> int:
    text = str(value)
    if not re.fullmatch(r"0?[0-7]{3}", text):
        raise ValueError("must be octal permission bits such as 755")
    return int(text, 8)


# Not `min_length`, of which pydantic complains also where the only entry is broken.
def _not_empty(entries: tuple[_T, ...]) -> tuple[_T, ...]:
    if not entries:
        raise ValueError("is empty")
    return entries


Pause = Annotated[Seconds, AfterValidator(_at_most_an_hour)]
InsidePath = Annotated[str, AfterValidator(_inside)]
"""A path below the checkout."""
Mode = Annotated[int, BeforeValidator(_mode)]
Arguments = Annotated[tuple[str, ...], AfterValidator(_not_empty)]
Line = Annotated[str, Field(pattern=r"^[^\r\n\x00]*$")]


class FileText(Part):
    """A file and text for it."""

    path: InsidePath
    text: str


class Replacement(Part):
    """Text that is in a file exactly once, and what takes its place."""

    path: InsidePath
    old: str = Field(min_length=1)
    new: str


class Permissions(Part):
    """A file and its permission bits."""

    path: InsidePath
    mode: Mode


class Symlink(Part):
    """A symbolic link to make; where it points to may be anywhere, as with any agent."""

    path: InsidePath
    to: str = Field(min_length=1)


class Nothing(Part):
    """`{}`."""


class Failure(Part):
    """How the agent gives up."""

    status: int = Field(ge=1, le=255)
    say: Line = ""


class Step(Part):
    """One thing that the agent does: exactly one of these keys."""

    say: Line | None = Field(default=None, description="Print a line.")
    write: FileText | None = Field(default=None, description="Make a file, or all of it anew.")
    append: FileText | None = Field(default=None, description="Add to the end of a file, or make it.")
    replace: Replacement | None = Field(default=None, description="Put `new` where `old` is, exactly once.")
    resolve: FileText | None = Field(default=None, description="Replace all of a file, as after a conflict.")
    delete: InsidePath | None = Field(default=None, description="Delete a file.")
    chmod: Permissions | None = Field(default=None, description="Set permission bits, such as 755.")
    symlink: Symlink | None = Field(default=None, description="Make a symbolic link.")
    sleep: Pause | None = Field(default=None, description="Wait so long.")
    run: Arguments | None = Field(default=None, description="Run a program with arguments; `python` is the player's.")
    flood: Annotated[int | str, BeforeValidator(_bytes_or_forever)] | None = Field(
        default=None, description="Print so much, or `forever`."
    )
    hang: Nothing | None = Field(default=None, description="Never end, and print nothing.")
    children: Annotated[int, Field(ge=1, le=50)] | None = Field(
        default=None, description="Leave so many processes that refuse to end."
    )
    usage: Usage | None = Field(default=None, description="Tell what a model would have used up; several add up.")
    answer: str | None = Field(
        default=None,
        description="What it says to whoever asks it: of a review the verdict as JSON, of a plan its text.",
    )
    fail: Failure | None = Field(default=None, description="End with this exit status.")

    @model_validator(mode="after")
    def _one_key(self) -> Self:
        if len(self.model_fields_set) != 1 or getattr(self, *self.model_fields_set) is None:
            raise ValueError(f"must have exactly one of the keys {', '.join(type(self).model_fields)}")
        return self


class ScriptEntry(Part):
    """What the agent does in one try."""

    try_: int | None = Field(default=None, alias="try", ge=1, description="The first try that this is for.")
    repair: int | None = Field(default=None, ge=1, description="The first repair order that this is for.")
    review: int | None = Field(default=None, ge=1, description="The first review of the task's work that this is.")
    answers: int | None = Field(default=None, ge=1, description="The first answer to a review that this is.")
    say: tuple[Line, ...] = Field(default=(), description="Lines to print: the last one at the end, the others before.")
    steps: tuple[Step, ...] = ()
    done: bool = Field(default=True, description="Whether it says at the end that it is done.")

    @model_validator(mode="after")
    def _one_order(self) -> Self:
        if sum(number is not None for number in (self.repair, self.review, self.answers)) > 1:
            raise ValueError("must be for one of `repair`, `review` and `answers`")
        return self

    def for_player(self) -> dict[str, Any]:
        """What the player reads: `{"say": [...], "steps": [{verb: value}, ...]}`; seconds, bytes, bits as numbers."""
        steps = [_one_verb(step) for step in self.steps]
        return {"say": list(self.say), "steps": steps}


def _in_order(entries: tuple[ScriptEntry, ...]) -> tuple[ScriptEntry, ...]:
    reached: dict[tuple[str, int], int] = {}
    for order, number, _ in _numbered(entries):
        if number != 1 and order not in reached:
            raise ValueError(f"must begin with try 1, not {number}: there is nothing to do before")
        if number <= reached.get(order, 0):
            raise ValueError(f"must have its tries in order: {number} comes after {reached[order]}")
        reached[order] = number
    return entries


Entries = Annotated[tuple[ScriptEntry, ...], AfterValidator(_not_empty), AfterValidator(_in_order)]


class Script(Part):
    """Everything that the scripted agents of a run do."""

    tasks: dict[str, Entries] = Field(default={}, description="What is done for each task, try by try.")
    default: Entries | None = Field(default=None, description="What is done for a task that is not named.")

    def entry(
        self, task: str, *, attempt: int, repair: int = 0, review: int = 0, answers: int = 0
    ) -> ScriptEntry | None:
        """
        What to do in this try of this task (all 0), of this repair order, of this review or of this answer to one.

        Without `try` an entry is for the try after that of the entry before it; the last serves all later tries. The
        same holds for `repair` orders, reviews and answers. Nothing when the script does not say.
        """
        kind, number = _kind_of(repair, review, answers)
        entries = self.tasks.get(task, self.default or ())
        of_this_kind = [numbered for numbered in _numbered(entries) if numbered[0][0] == kind]
        reached = [numbered for numbered in of_this_kind if numbered[0][1] <= number and numbered[1] <= attempt]
        return max(reached, key=itemgetter(0, 1))[2] if reached else None


def _kind_of(repair: int | None, review: int | None, answers: int | None) -> tuple[str, int]:
    """What an order is, and its number among such orders: the task itself has 0."""
    orders = (("repair", repair), ("review", review), ("answers", answers))
    return next(((kind, number) for kind, number in orders if number), ("task", 0))


def _numbered(entries: Sequence[ScriptEntry]) -> list[tuple[tuple[str, int], int, ScriptEntry]]:
    """Each entry with the order that it is for, and the try from which it is played."""
    numbered: list[tuple[tuple[str, int], int, ScriptEntry]] = []
    for entry in entries:
        order = _kind_of(entry.repair, entry.review, entry.answers)
        before = max((number for known, number, _ in numbered if known == order), default=0)
        numbered.append((order, entry.try_ or before + 1, entry))
    return numbered


def _one_verb(step: Step) -> dict[str, Any]:
    (verb,) = step.model_fields_set
    value = step.model_dump()[verb]
    return {verb: None if value == "forever" and verb == "flood" else value}


def read_script(text: str | bytes, source: str) -> Script:
    """
    The script that a YAML text holds; `source` names it in mistakes.

    Raises:
        PlanError: All of its mistakes, with line and column.
    """
    document = read(text, source=source)
    problems = list(document.problems)
    try:
        script = Script.model_validate(document.data)
    except ValidationError as error:
        problems += [_problem_of(mistake, document.places) for mistake in error.errors(include_url=False)]
    if problems:
        problems.sort(key=lambda problem: (problem.line, problem.column))
        raise PlanError(source, tuple(problems[:_MAX_PROBLEMS]))
    return script


_WORDS = {"missing": "is missing", "string_type": "must be text", "int_parsing": "must be a whole number"}


def _problem_of(mistake: ErrorDetails, places: Places) -> Problem:
    loc, given = mistake["loc"], mistake["input"]
    if mistake["type"] == "extra_forbidden":
        known = _keys_beside(loc)
        hint = near_match(str(loc[-1]), known) or f"there are {listed(known, limit=None)}"
        return places.problem(loc, f"unknown key {quoted(loc[-1])}", hint, at_key=True)
    if mistake["type"] in ("dict_type", "model_type", "tuple_type"):
        kind = "a list" if mistake["type"] == "tuple_type" else "a mapping"
        return places.problem(loc, f"must be {kind}, not {kind_of(given)}")
    message = mistake["msg"].removeprefix("Value error, ").replace("Input should", "should")
    return places.problem(loc, _WORDS.get(mistake["type"], message))


def _keys_beside(loc: Loc) -> tuple[str, ...]:
    """The keys that could stand where an unknown one stands."""
    match loc[:-1]:
        case ():
            part: type[BaseModel] = Script
        case (*_, "steps", int()):
            part = Step
        case (*_, int()):
            part = ScriptEntry
        case (*_, verb):
            part = next(kind for kind in get_args(Step.model_fields[str(verb)].annotation) if kind is not type(None))
    return tuple(field.alias or name for name, field in part.model_fields.items())
