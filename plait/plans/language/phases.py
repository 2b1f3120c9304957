"""Phases: what must end before what may start, and tasks that land together or not at all."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from plait.plans.language.model import Phase, Plan


class _Branch(Protocol):
    """What is known of a branch: the task that made it, and those that it rests on."""

    @property
    def task(self) -> str: ...
    @property
    def needs(self) -> tuple[str, ...]: ...


def phase_needs(phases: Iterable[Phase], direct: Mapping[str, Collection[str]]) -> dict[str, tuple[str, ...]]:
    """What the phases add to the needs of the plan's tasks, by id; `direct` are the hard needs that each has.

    A task needs all of the phase before its own, and in a sequential phase the task before it. Of those that others of
    the same phase need already only the last are named: the rest follows.
    """
    needs: dict[str, tuple[str, ...]] = {}
    before: tuple[str, ...] = ()
    for phase in phases:
        if not phase.tasks:
            continue
        for place, task in enumerate(phase.tasks):
            previous = phase.tasks[place - 1 : place] if phase.order == "sequential" and place else ()
            needs[task] = previous or before
        inside = [{*direct.get(task, ()), *needs[task]} for task in phase.tasks]
        before = tuple(task for task in phase.tasks if not any(task in needed for needed in inside))
    return {task: needed for task, needed in needs.items() if needed}


def phase_of(plan: Plan) -> dict[str, str]:
    """The phase of each task of the plan that is in one."""
    return {task: phase.id for phase in plan.phases for task in phase.tasks}


def held_back(
    branches: Sequence[_Branch], *, left_out: Collection[str], groups: Sequence[Collection[str]]
) -> dict[str, str]:
    """What of a batch must not land because something of its group is left out, or because it rests on such a branch.

    By task, the task that is left out; those that are left out themselves are not among them.
    """
    out, back = set(left_out), dict[str, str]()
    while further := dict(_next_back(branches, out, groups)):
        back |= further
        out |= set(further)
    return back


def absent_from(groups: Sequence[Collection[str]], *, here: Collection[str], landed: Collection[str]) -> frozenset[str]:
    """What the groups of these tasks lack: tasks that are neither here nor have landed."""
    known = {*here, *landed}
    return frozenset(
        task for group in groups if any(member in here for member in group) for task in group if task not in known
    )


def mates_of(
    tasks: Collection[str], branches: Sequence[_Branch], *, groups: Sequence[Collection[str]]
) -> frozenset[str]:
    """The tasks that can land only together with these, or after them: of their groups, or resting on them."""
    mates = set(tasks)
    while True:
        more = {task for group in groups if any(member in mates for member in group) for task in group}
        more |= {branch.task for branch in branches if any(need in mates for need in branch.needs)}
        if more <= mates:
            return frozenset(mates)
        mates |= more


def _next_back(
    branches: Sequence[_Branch], out: set[str], groups: Sequence[Collection[str]]
) -> Iterator[tuple[str, str]]:
    for branch in branches:
        if branch.task not in out:
            kin = [task for group in groups if branch.task in group for task in group]
            by = next((task for task in (*kin, *branch.needs) if task in out), None)
            if by is not None:
                yield branch.task, by
