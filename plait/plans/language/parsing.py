"""From the text of a plan or crew to the thing itself, or to all of its mistakes at once."""

from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar

from pydantic import ValidationError

from plait.plans.errors import PlanError, Problem
from plait.plans.language.complaints import complaints
from plait.plans.language.crew import DEFAULT_CREW, Crew
from plait.plans.language.documents import MAX_PROBLEMS, Document, read
from plait.plans.language.given_variables import secret_problems
from plait.plans.language.legible import Legible
from plait.plans.language.model import Plan, Task, work_problem
from plait.plans.language.places import NOWHERE, Places
from plait.plans.language.references import fallback_problems, reference_problems, role_problems
from plait.plans.wording import kind_of

_M = TypeVar("_M", Plan, Crew)

_ENOUGH = MAX_PROBLEMS + 1
"""One more than is shown, so that it is known that there are more."""


def parse_plan(text: str | bytes, *, source: str = "plan") -> Plan:
    """Read a plan (YAML or JSON, UTF-8); `source` is what mistakes are shown with, such as the file's name.

    Raises:
        PlanError: with every mistake, in order of place.
    """
    return plan_of(read_plan(text, source=source), source=source)


def read_plan(text: str | bytes, *, source: str) -> Document:
    """What the text of a plan says, with the place of each value; nothing of it is understood yet.

    Raises:
        PlanError: it cannot be read at all, or is no mapping.
    """
    return _read_mapping(text, source, "a plan is a mapping of keys such as feature: and tasks:")


def plan_of(document: Document, *, source: str) -> Plan:
    """The plan that a document (of one file, or of a folder of them) says.

    Raises:
        PlanError: with every mistake, in order of place.
    """
    plan, problems = _validated(Plan, document)
    problems += islice(_unfinished_tasks(plan, document), _ENOUGH)
    problems += _empty_goal(document)
    problems += secret_problems(plan, document.places) if plan else ()
    draft = Legible.of(plan) if plan else Legible.salvaged(document.data)
    problems += islice(reference_problems(draft, document.places), _ENOUGH)
    return _unless(plan, document.problems, problems, source)


def parse_crew(text: str | bytes, *, source: str = "crew") -> Crew:
    """Read a crew file: the same keys as a plan's `crew`.

    Raises:
        PlanError: with every mistake, in order of place.
    """
    document = _read_mapping(text, source, "a crew is a mapping of roles such as backend: {slots: 2}")
    crew, problems = _validated(Crew, document)
    if crew:
        known = DEFAULT_CREW.roles.keys() | crew.roles.keys()
        problems += islice(fallback_problems(crew, known, document.places, at=()), _ENOUGH)
    return _unless(crew, document.problems, problems, source)


def check_roles(
    plan: Plan,
    crew: Crew,
    *,
    text: str | bytes = "",
    source: str = "plan",
    places: Places = NOWHERE,
    described: Collection[str] = (),
) -> tuple[Problem, ...]:
    """Roles that the plan names and the crew does not have; with the plan's text or its places, each with its place.

    `described`: names that agent files give, which are roles as well and nobody's crew.

    While nobody has said who the crew is (the plan names no roles, and the crew is the default one), any role is
    fine and has one slot.
    """
    if all(role is DEFAULT_CREW.roles.get(name) for name, role in crew.roles.items()):
        # By identity: a given crew that says the same as the default one has still been given.
        return ()
    places = read(text, source=source).places if text else places
    return tuple(islice(role_problems(plan, {*crew.roles, *described}, places), MAX_PROBLEMS))


def _read_mapping(text: str | bytes, source: str, expected: str) -> Document:
    document = read(text, source=source)
    if document.data in (None, ""):
        raise PlanError(source, (*document.problems, Problem("is empty")))
    if not isinstance(document.data, dict):
        problem = document.places.problem((), f"{expected}, not {kind_of(document.data)}")
        raise PlanError(source, (*document.problems, problem))
    return document


def _validated(model: type[_M], document: Document) -> tuple[_M | None, list[Problem]]:
    try:
        return model.model_validate(document.data), []
    except ValidationError as error:
        return None, list(islice(complaints(error, model, document.places), _ENOUGH))


def _unfinished_tasks(plan: Plan | None, document: Document) -> Iterator[Problem]:
    """Tasks without prompt and run among those whose other mistakes keep pydantic from looking."""
    tasks = document.data.get("tasks")
    for at, task in enumerate(tasks if plan is None and isinstance(tasks, list) else ()):
        if isinstance(task, dict) and not _was_looked_at(task):
            given: dict[str, Any] = {key: task.get(key) for key in ("prompt", "run", "branch")}
            if problem := work_problem(**given):
                yield document.places.problem(("tasks", at), problem)


def _empty_goal(document: Document) -> Iterator[Problem]:
    """A plan without the key has no goal; one with the key and nothing behind it is still to be written."""
    goal = document.data.get("goal")
    if isinstance(goal, str) and not goal.strip():
        hint = "say in a sentence what is there when it is done, or drop the key"
        yield document.places.problem(("goal",), "is empty", hint)


def _was_looked_at(task: dict[str, Any]) -> bool:
    try:
        Task.model_validate(task)
    except ValidationError as error:
        return any(detail["loc"] == () for detail in error.errors(include_url=False))
    return True


def _unless(made: _M | None, unreadable: Iterable[Problem], problems: list[Problem], source: str) -> _M:
    """What was made, unless there is a mistake; what follows from a place that could not be read is left out."""
    spoiled = {_place(problem) for problem in unreadable}
    rest: list[Problem] = [problem for problem in problems if _place(problem) not in spoiled]
    every: list[Problem] = sorted((*unreadable, *rest), key=_place)
    if every[MAX_PROBLEMS:]:
        every = [*every[:MAX_PROBLEMS], Problem(f"has more mistakes than these {MAX_PROBLEMS}")]
    if every or made is None:
        raise PlanError(source, tuple(dict.fromkeys(every)))
    return made


def _place(problem: Problem) -> tuple[str, int, int]:
    return problem.file, problem.line, problem.column
