"""What the parts of a plan say of each other: ids that must exist and be unique, needs that must not go in circles."""

from collections.abc import Iterator, Set

from plait.plans.errors import Problem
from plait.plans.language.crew import Crew
from plait.plans.language.legible import Legible, needed_ids
from plait.plans.language.model import Plan, Task
from plait.plans.language.phases import phase_needs
from plait.plans.language.places import Loc, Places
from plait.plans.wording import near_match, quoted

MAX_EXPANDED = 10_000
MAX_EXPANDED_NEEDS = 200_000
"""A need of a counted task on another is one of each on each: a few lines could make millions."""


def circles(draft: Legible, places: Places) -> Iterator[Problem]:
    """Each circle of needs once, as a path; needs on a contract go to its owner, `any` to each of its choices."""
    edges = _edges(draft)
    left = _on_circles(set(edges), edges)
    while left:
        path = _walk_into_circle(min(left), left, edges)
        shown = " -> ".join(draft.tasks[at].id for at in (path if len(path) <= 21 else [*path[:20], path[-1]]))
        message = f"the needs go in a circle: {shown} (each needs the next)"
        yield places.problem(edges[path[0]][path[1]], message, code="PLAN005")
        left = _on_circles(left - set(path), edges)


def _edges(draft: Legible) -> dict[int, dict[int, Loc]]:
    """For each task the tasks that it needs, with the place of the need, or of the phase, that says so."""
    position_of = {task.id: at for at, task in draft.tasks.items()}
    owner_of = {contract.id: contract.owner for contract in draft.contracts.values()}
    edges: dict[int, dict[int, Loc]] = {}
    for at, task in draft.tasks.items():
        edges[at] = {}
        for position, need in enumerate(task.needs):
            if need.is_note:
                continue
            names = [owner_of.get(need.contract)] if need.contract else [name for _, name in needed_ids(need)]
            for name in names:
                if name in position_of:
                    edges[at].setdefault(position_of[name], ("tasks", at, "needs", position))
    for at, contract in draft.contracts.items():
        if contract.owner not in position_of:
            continue
        for key in ("consumers", "fulfilled_by"):
            for i, name in enumerate(getattr(contract, key)):
                if name in position_of and name != contract.owner:
                    edges[position_of[name]].setdefault(position_of[contract.owner], ("contracts", at, key, i))
    place_of = {
        name: ("phases", at, "tasks", i) for at, phase in draft.phases.items() for i, name in enumerate(phase.tasks)
    }
    for name, needed in phase_needs(draft.phases.values(), {}).items():
        for other in needed if name in position_of else ():
            if other in position_of:
                edges[position_of[name]].setdefault(position_of[other], place_of[name])
    return edges


def _on_circles(tasks: set[int], edges: dict[int, dict[int, Loc]]) -> set[int]:
    """What is left when tasks whose needs are all gone are taken away, again and again."""
    missing = {at: sum(needed in tasks for needed in edges[at]) for at in tasks}
    dependents: dict[int, list[int]] = {at: [] for at in tasks}
    for at in tasks:
        for needed in edges[at]:
            if needed in tasks:
                dependents[needed].append(at)
    free = [at for at, count in missing.items() if not count]
    while free:
        for dependent in dependents[free.pop()]:
            missing[dependent] -= 1
            if not missing[dependent]:
                free.append(dependent)
    return {at for at, count in missing.items() if count}


def _walk_into_circle(start: int, left: set[int], edges: dict[int, dict[int, Loc]]) -> list[int]:
    """A circle as `[a, b, a]`: every task that is left needs another one that is left, so a walk must come back."""
    seen: dict[int, int] = {}
    path: list[int] = []
    at = start
    while at not in seen:
        seen[at] = len(path)
        path.append(at)
        at = next(needed for needed in edges[at] if needed in left)
    circle = path[seen[at] :]
    first = circle.index(min(circle))
    return [*circle[first:], *circle[:first], circle[first]]


def reference_problems(draft: Legible, places: Places) -> Iterator[Problem]:
    """Every bad reference, one after another: a caller that has seen enough stops asking."""
    yield from _repeated("tasks", draft.task_ids, places)
    yield from _repeated("contracts", draft.contract_ids, places)
    yield from _repeated("phases", tuple((at, phase.id) for at, phase in draft.phases.items()), places)
    for at, task in draft.tasks.items():
        yield from _needs_problems(draft, at, task, places)
        yield from _uses_problems(draft, at, task, places)
    yield from _contract_problems(draft, places)
    yield from _phase_problems(draft, places)
    yield from circles(draft, places)
    if sum(task.count for task in draft.tasks.values()) > MAX_EXPANDED:
        yield places.problem(("tasks",), f"the counts make more than {MAX_EXPANDED:,} tasks")
    elif _expanded_needs(draft) > MAX_EXPANDED_NEEDS:
        message = f"counts and phases make more than {MAX_EXPANDED_NEEDS:,} needs of one task on another"
        yield places.problem(("tasks",), message, "let one task stand between them, which needs all of the ones before")


def _expanded_needs(draft: Legible) -> int:
    """How many needs there are once every count is written out."""
    counts = {task.id: task.count for task in draft.tasks.values()}
    direct = {
        task.id: {name for need in task.needs if not need.is_note for _, name in needed_ids(need)}
        for task in draft.tasks.values()
    }
    phased = phase_needs(draft.phases.values(), direct)
    return sum(
        count * sum(counts.get(name, 1) for name in {*direct[task], *phased.get(task, ())})
        for task, count in counts.items()
    )


def _repeated(kind: str, ids: tuple[tuple[int, str], ...], places: Places) -> Iterator[Problem]:
    """Ids become file names and branches, and some file systems do not tell case apart."""
    first: dict[str, tuple[int, str]] = {}
    for at, name in ids:
        earlier, spelled = first.setdefault(name.casefold(), (at, name))
        if earlier != at:
            where = places.called((kind, earlier))
            differs = "" if spelled == name else f" as {quoted(spelled)}: only their case differs"
            message = f"{quoted(name)} is already the id of {where}{differs}"
            yield places.problem((kind, at, "id"), message, code="PLAN003")


def _needs_problems(draft: Legible, at: int, task: Task, places: Places) -> Iterator[Problem]:
    for position, need in enumerate(task.needs):
        loc: Loc = ("tasks", at, "needs", position)
        if need.contract is not None and need.contract not in draft.contracts_named:
            yield _unknown("contract", need.contract, (*loc, "contract"), draft.contracts_named, places)
        if need.contract in draft.superseded:
            message = f"the contract {quoted(need.contract)} is superseded: need the one that took its place"
            yield places.problem((*loc, "contract"), message, code="PLAN007")
        for step, name in needed_ids(need):
            if name not in draft.tasks_named:
                yield _unknown_task(name, (*loc, *step), draft, places)
            elif need.any and name in draft.counted:
                yield places.problem((*loc, *step), f"{quoted(name)} has a count, and cannot be one of several choices")


def _unknown_task(name: str, loc: Loc, draft: Legible, places: Places) -> Problem:
    whole, dot, number = name.rpartition(".")
    if dot and number.isdigit() and whole in draft.tasks_named:
        message = f"unknown task {quoted(name)}"
        return places.problem(loc, message, f"{quoted(whole)} means all of its instances", code="PLAN004")
    return _unknown("task", name, loc, draft.tasks_named, places)


def _unknown(kind: str, name: str, loc: Loc, known: Set[str], places: Places) -> Problem:
    if not name.strip():
        return places.problem(loc, "is empty", f"name a {kind}")
    message, code = f"unknown {kind} {quoted(name)}", "PLAN006" if kind == "role" else "PLAN004"
    return places.problem(loc, message, near_match(name, sorted(known)), code=code)


def _uses_problems(draft: Legible, at: int, task: Task, places: Places) -> Iterator[Problem]:
    for name, units in task.uses.items():
        loc: Loc = ("tasks", at, "uses", name)
        if name not in draft.resources:
            hint = near_match(name, draft.resources) or f"add resources: {{{name}: {units}}}"
            yield places.problem(loc, f"unknown resource {quoted(name)}", hint, at_key=True, code="PLAN004")
        elif (there := draft.resources[name]) is not None and units > there:
            message = f"uses {units} of {name}, and there are {there}: it could never start"
            yield places.problem(loc, message, code="PLAN007")


def _contract_problems(draft: Legible, places: Places) -> Iterator[Problem]:
    known = draft.tasks_named
    for at, contract in draft.contracts.items():
        if contract.owner is not None and contract.owner not in known:
            yield _unknown_task(contract.owner, ("contracts", at, "owner"), draft, places)
        if contract.owner in draft.counted:
            message = f"{quoted(contract.owner)} has a count, and a contract is written by one task"
            yield places.problem(("contracts", at, "owner"), message)
        for key in ("consumers", "fulfilled_by"):
            for position, name in enumerate(getattr(contract, key)):
                if name not in known:
                    yield _unknown_task(name, ("contracts", at, key, position), draft, places)


def _phase_problems(draft: Legible, places: Places) -> Iterator[Problem]:
    known, phase_of = draft.tasks_named, dict[str, str]()
    for at, phase in draft.phases.items():
        for position, name in enumerate(phase.tasks):
            loc: Loc = ("phases", at, "tasks", position)
            if name not in known:
                yield _unknown_task(name, loc, draft, places)
            elif name in phase_of:
                yield places.problem(loc, f"{quoted(name)} is already in the phase {phase_of[name]}")
            phase_of.setdefault(name, phase.id)


def role_problems(plan: Plan, known: Set[str], places: Places) -> Iterator[Problem]:
    """Roles that tasks, reviews and fallbacks name and that are not known."""
    yield from fallback_problems(plan.crew, known, places, at=("crew",))
    for loc, name in named_roles(plan):
        if name not in known:
            yield _unknown("role", name, loc, known, places)


def fallback_problems(crew: Crew, known: Set[str], places: Places, *, at: Loc) -> Iterator[Problem]:
    """Fallbacks of the roles of the crew that stands at this place."""
    for name, role in crew.roles.items():
        for position, fallback in enumerate(role.fallback):
            if fallback not in known:
                yield _unknown("role", fallback, (*at, "roles", name, "fallback", position), known, places)


def named_roles(plan: Plan) -> Iterator[tuple[Loc, str]]:
    """Each role that a task, a review or the integration names, and where."""
    for at, task in enumerate(plan.tasks):
        if task.role is not None:
            yield ("tasks", at, "role"), task.role
        if task.review is not None:
            yield ("tasks", at, "review", "by"), task.review.by
    if plan.integration.role is not None:
        yield ("integration", "role"), plan.integration.role
