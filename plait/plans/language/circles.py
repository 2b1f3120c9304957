"""Needs that go in a circle: each circle once, as a path."""

from collections.abc import Iterator

from plait.plans.errors import Problem
from plait.plans.language.legible import Legible, needed_ids
from plait.plans.language.phases import phase_needs
from plait.plans.language.places import Loc, Places


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
        name: ("phases", at, "tasks", i) for at, one in draft.phases.items() for i, name in enumerate(one.tasks)
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
