"""From a folder of task specs, Markdown with front matter, to the document of a plan: each value with file and line."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from plait.plans.errors import PlanError, Problem
from plait.plans.language.documents import Document, checked_text
from plait.plans.language.parsing import read_plan
from plait.plans.language.places import Loc, Place, Places
from plait.plans.names import SLUG_LENGTH, check_slug
from plait.plans.specs.front_matter import RECORD_KEYS, split_spec
from plait.plans.specs.sections import Body, read_body
from plait.plans.wording import kind_of

MAX_FOLDER_BYTES = 4 * 1024 * 1024
"""All specs of a folder together; each one is bounded like a plan."""

_BOM = b"\xef\xbb\xbf"
_ID = re.compile(r"^[ \t]*id[ \t]*:[ \t]*['\"]?([A-Za-z0-9_-]+)", re.MULTILINE)
_ISSUE = re.compile(r"#?[0-9]{1,10}|https?://[!-~]{1,300}|[\w.-]{1,100}/[\w.-]{1,100}#[0-9]{1,10}", re.ASCII)
_TOP = Place(1, 1)


@dataclass(frozen=True, slots=True)
class SpecFile:
    """One file of the folder."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class SpecFolder:
    """A folder of specs as it was read from the disk; what could not be read is among the problems."""

    place: Path
    """Absolute, links resolved."""
    specs: tuple[SpecFile, ...]
    """In the order that people count in: `2-b.md` before `10-a.md`."""
    plan: SpecFile | None = None
    """`plan.yaml`: all keys of a plan, tasks of its own included."""
    problems: tuple[Problem, ...] = ()
    """Each with the name of its file, if it has one."""


@dataclass(frozen=True, slots=True)
class Spec:
    """One file understood as far as a task of a plan."""

    task: Mapping[str, Any]
    """The keys of a task; nothing of what plait has written into it."""
    record: Mapping[str, Any]
    """What plait, or somebody, has written: status, branch, commit."""
    values: Mapping[Loc, Place]
    keys: Mapping[Loc, Place]
    problems: tuple[Problem, ...]


def read_specs(folder: SpecFolder, *, source: str) -> Document:
    """The plan that a folder says, in the shape that `plait.plans.language.parsing.plan_of` takes.

    Args:
        source: What the folder is called in mistakes, such as `specs`.

    Raises:
        PlanError: there is no task in it, and nothing that was meant to be one.
    """
    document = _plan_document(folder, source)
    composed = _Composed(dict(document.data), dict(document.places.values), dict(document.places.keys))
    composed.problems += [*document.problems, *(_in_file(problem, source) for problem in folder.problems)]
    if folder.plan:
        composed.files[()] = _shown(source, folder.plan.name)
    tasks = composed.own_tasks()
    for file in folder.specs:
        spec = read_spec(file)
        composed.place(("tasks", len(tasks)), spec, _shown(source, file.name))
        tasks.append(dict(spec.task))
    if not tasks and not composed.problems:
        raise PlanError(source, (Problem("holds no task", hint="each *.md file is one, or plan.yaml has tasks"),))
    feature = feature_of(folder.place)
    if "feature" not in composed.data and feature:
        composed.data = {"feature": feature, **composed.data}
    composed.data["tasks"] = tasks
    composed.values.setdefault(("tasks",), Place())  # what is below it is found only when it is somewhere itself
    places = Places(composed.values, composed.keys, composed.files)
    return Document(composed.data, places, tuple(composed.problems))


def task_ids(document: Document, folder: SpecFolder) -> dict[str, str]:
    """The ids of the tasks that `read_specs` made from files, with the files' names."""
    tasks = document.data["tasks"][-len(folder.specs) :] if folder.specs else []
    return {task["id"]: file.name for task, file in zip(tasks, folder.specs, strict=True)}


def feature_of(place: Path) -> str | None:
    """What a feature is called whose plan does not say it: as its folder is, or the one around `specs` or `tasks`."""
    folder = place.parent if place.name.casefold() in ("specs", "tasks") else place
    return slug_of(folder.name)


def slug_of(text: str) -> str | None:
    """The text as a name, other characters made dashes; nothing when none is left."""
    slug = re.sub(r"[^A-Za-z0-9_-]+", "-", text).strip("-_")[:SLUG_LENGTH].rstrip("-_")
    try:
        return check_slug(slug)
    except ValueError:
        return None


def read_spec(file: SpecFile) -> Spec:
    """Understand one file; a broken one stands in the plan all the same, so that needs on it are not mistakes too."""
    try:
        return _read_spec(file)
    except PlanError as error:
        named = _ID.search(file.content[:4096].decode("utf-8", "replace"))
        stand_in = {"id": named[1] if named else slug_of(_stem(file.name)) or "spec", "run": "true"}
        return Spec(stand_in, {}, {(): _TOP}, {}, error.problems)


def _read_spec(file: SpecFile) -> Spec:
    """Raises PlanError."""
    text = checked_text(file.content.removeprefix(_BOM), source=file.name)
    parts = split_spec(text, source=file.name)
    front, body = parts.front(source=file.name), read_body(parts.body)
    task = {key: value for key, value in front.data.items() if key not in (*RECORD_KEYS, "issue")}
    record = {key: front.data[key] for key in RECORD_KEYS if key in front.data}
    spec = Spec(task, record, dict(front.places.values) | {(): _TOP}, front.places.keys, front.problems)
    return _with_body(_with_id(spec, file.name), body, front)


def _with_id(spec: Spec, name: str) -> Spec:
    if "id" in spec.task:
        return spec
    slug = slug_of(_stem(name))
    if slug is None:
        problem = Problem("no id can be made of the file's name", 1, 1, hint="add a line such as id: TASK-1")
        return replace(spec, task={"id": "spec", **spec.task}, problems=(*spec.problems, problem))
    return replace(spec, task={"id": slug, **spec.task})


def _with_body(spec: Spec, body: Body, front: Document) -> Spec:
    """Add what the Markdown says: a title where there is none, the prompt, the criteria."""
    task, values, problems = dict(spec.task), dict(spec.values), list(spec.problems)
    if body.title and "title" not in task:
        task["title"] = body.title.text
        values[("title",)] = body.title.place
    if "run" not in task:
        problems += _add_prompt(task, values, body, front)
    criteria = task.get("criteria", [])
    if body.criteria and isinstance(criteria, list):
        task["criteria"] = [*criteria, *(criterion.text for criterion in body.criteria)]
        values.setdefault(("criteria",), body.criteria[0].place)
        values |= {("criteria", at): criterion.place for at, criterion in enumerate(body.criteria, len(criteria))}
    return replace(spec, task=task, values=values, problems=tuple(problems))


def _add_prompt(task: dict[str, Any], values: dict[Loc, Place], body: Body, front: Document) -> Iterator[Problem]:
    """The Markdown is the prompt; one in the front matter does for a spec that has no text."""
    if body.prompt and "prompt" in task:
        message = "the prompt is the text below the front matter, so it cannot be given here too"
        yield front.places.problem(("prompt",), message, "leave the key out", at_key=True)
    elif body.prompt:
        task["prompt"] = body.prompt.text
        values[("prompt",)] = body.prompt.place
    elif "prompt" not in task:
        task["prompt"] = "nothing"  # or the model would say the same in words that suit no file
        hint = "write it below the front matter, such as ## Problem statement and a text"
        yield Problem("says nothing of what is to be done", 1, 1, hint=hint)
    if "issue" in front.data:
        issue = front.data["issue"]
        if not isinstance(issue, str) or not _ISSUE.fullmatch(issue):
            message = f"must be an issue's number or address, not {kind_of(issue)}"
            yield front.places.problem(("issue",), message, "such as 12, '#12', owner/name#12 or https://…")
        elif isinstance(task["prompt"], str):
            task["prompt"] += f"\n\n### Issue\n\n{issue}"


@dataclass(slots=True)
class _Composed:
    """A document in the making."""

    data: dict[str, Any]
    values: dict[Loc, Place]
    keys: dict[Loc, Place]
    problems: list[Problem] = field(default_factory=list)
    files: dict[Loc, str] = field(default_factory=dict)

    def own_tasks(self) -> list[Any]:
        """Those of `plan.yaml`; what is no list is a mistake of its own."""
        tasks = self.data.get("tasks", [])
        if isinstance(tasks, list):
            return list(tasks)
        problem = Places(self.values, self.keys).problem(("tasks",), f"must be a list, not {kind_of(tasks)}")
        self.problems.append(replace(problem, file=self.files.get((), "")))
        return []

    def place(self, at: Loc, spec: Spec, file: str) -> None:
        """Note where a spec's values stand, and its mistakes, for the task at this place of the plan."""
        self.files[at] = file
        self.values.update({(*at, *loc): place for loc, place in spec.values.items()})
        self.keys.update({(*at, *loc): place for loc, place in spec.keys.items()})
        self.problems += [replace(problem, file=file) for problem in spec.problems]


def _plan_document(folder: SpecFolder, source: str) -> Document:
    """What `plan.yaml` says; one that cannot be read says nothing but its mistakes."""
    if folder.plan is None:
        return Document({}, Places(), ())
    file = _shown(source, folder.plan.name)
    try:
        document = read_plan(folder.plan.content, source=file)
    except PlanError as error:
        return Document({}, Places(), tuple(replace(problem, file=file) for problem in error.problems))
    return replace(document, problems=tuple(replace(problem, file=file) for problem in document.problems))


def _in_file(problem: Problem, source: str) -> Problem:
    return replace(problem, file=_shown(source, problem.file)) if problem.file else problem


def _shown(source: str, name: str) -> str:
    return f"{source.rstrip('/')}/{name}"


def _stem(name: str) -> str:
    return name.rpartition(".")[0] or name
