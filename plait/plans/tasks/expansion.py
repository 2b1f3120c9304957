"""From a plan to the tasks that run: counts multiplied, needs as groups of ids, each with the hash of its spec."""

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from plait.plans.errors import CallError
from plait.plans.language.crew import Crew
from plait.plans.language.environment import meanings
from plait.plans.language.model import COMMAND_ROLE, Contract, Need, Plan, Task
from plait.plans.language.phases import phase_needs, phase_of
from plait.plans.tasks.drafting import consumers_of, with_contract_tasks
from plait.plans.tasks.planned_contracts import PlannedContract
from plait.plans.tasks.routing import Route
from plait.plans.tasks.unsupported import unsupported_keys

DEFAULT_SECONDS = 3600.0
"""How long a task without `duration` is thought to take: an hour."""

CHOICE_SECONDS = 10.0
"""What it takes to choose among candidates that are there."""

Needs = tuple[tuple[str, ...], ...]
"""Groups of ids: of each group one must have succeeded, so that `("A",)` is a hard need."""


@dataclass(frozen=True, slots=True)
class PlannedTask:
    """One task that runs: one agent, one branch."""

    id: str
    """The plan's id, or `ID.1`, `ID.2`, … where it has a count."""
    task: Task
    role: str
    needs: Needs
    seconds: float
    """How long it is thought to take: the likely duration."""
    spec_hash: str
    """SHA-256 over all that its result depends on, its needs' hashes included: the same hash, the same work."""
    phase: str | None = None
    """The phase that it is part of."""
    writes: tuple[str, ...] = ()
    """The contracts that it owns."""
    contracts: tuple[str, ...] = ()
    """The contracts that it rests on; those that a task writes are among its needs, too."""
    information: tuple[str, ...] = ()
    """The tasks whose text it gets: it waits while they may still give it, and starts without when they cannot."""
    candidates: tuple[str, ...] = ()
    """Of a task with `best_of`: the tasks whose work is held beside each other. It takes the best of them, and has no
    agent of its own, but for repairs."""
    candidate_of: str = ""
    """Of such a candidate: the task that it is one for. Its work has no branch, and does not land by itself."""
    members: tuple["PlannedTask", ...] = ()
    """The small tasks that it is, in order, when it is a bundle of them for one agent."""

    @property
    def waits_for(self) -> Needs:
        """All that keeps it from starting when nothing fails: its needs, and the drafts that it wants to read."""
        return tuple(dict.fromkeys((*self.needs, *((source,) for source in self.information))))


@dataclass(frozen=True, slots=True)
class Expansion:
    """All tasks of a plan, in its order, and what its reader should know."""

    tasks: tuple[PlannedTask, ...]
    notices: tuple[str, ...]
    """Sentences about needs that are treated as others than they are."""
    unsupported: tuple[str, ...]
    """Paths of keys that this version parses but does not carry out."""
    contracts: tuple[PlannedContract, ...] = ()
    """All that are not superseded."""
    phases: tuple[tuple[str, ...], ...] = ()
    """The tasks of each phase, by the ids that run."""
    routes: tuple[Route, ...] = ()
    """Who was chosen for tasks that name no role, and why."""


def expand(plan: Plan, crew: Crew, routes: tuple[Route, ...] = ()) -> Expansion:
    """Expand a plan that `parse_plan` made, with the crew that it runs with.

    Args:
        routes: The roles that were chosen and that the plan does not have of itself: no part of what a task is, so that
            another choice does not make it be done again.

    Raises:
        CallError: the plan was not parsed, and a need names nothing or goes in a circle; or a contract without an
            owner would be written by a task whose id is taken.
    """
    unsupported = tuple(unsupported_keys(plan, crew))
    drafted = with_contract_tasks(plan, crew)
    plan = drafted.plan
    phased = phase_needs(plan.phases, {task.id: _hard_needs(task) for task in plan.tasks})
    groups = {task.id: _groups(plan, task, phased.get(task.id, ())) for task in plan.tasks}
    phases = phase_of(plan)
    consumers, owned = consumers_of(plan), _owned(plan)
    informed = {task.id: _informants(task) for task in plan.tasks}
    hashes = _hashes(plan, groups, informed, drafted.inserted, {route.task for route in routes})
    instances = {task.id: tuple(_instances(task)) for task in plan.tasks}
    planned = [
        PlannedTask(
            id=name,
            task=task,
            role=task.role or COMMAND_ROLE,
            needs=_needs_of_instances(groups[task.id], instances),
            seconds=task.duration.likely if task.duration else DEFAULT_SECONDS,
            spec_hash=hashes[task.id],
            phase=phases.get(task.id),
            writes=tuple(contract.id for contract in owned.get(task.id, ())),
            contracts=tuple(dict.fromkeys(need.contract for need in task.needs if need.contract)),
            information=tuple(instance for source in informed[task.id] for instance in instances[source]),
        )
        for task in plan.tasks
        for name in instances[task.id]
    ]
    return Expansion(
        tasks=tuple(part for task in planned for part in with_candidates(task, crew)),
        notices=(*map(str, routes), *drafted.notices, *_notices(plan)),
        routes=routes,
        unsupported=unsupported,
        contracts=tuple(
            _contract(contract, consumers[contract.id], instances)
            for contract in plan.contracts
            if contract.status != "superseded"
        ),
        phases=tuple(
            tuple(name for task in phase.tasks for name in instances[task]) for phase in plan.phases if phase.tasks
        ),
    )


def with_candidates(planned: PlannedTask, crew: Crew) -> Iterator[PlannedTask]:
    """A task with `best_of: 3` as `ID.1`, `ID.2` and `ID.3`, which are tried, and itself, which takes the best.

    The first is of the task's own role, the others of the roles that this falls back on, in turn.
    """
    if not planned.task.best_of:
        yield planned
        return
    roles = (planned.role, *crew.role(planned.role).fallback)
    names = tuple(f"{planned.id}.{number}" for number in range(1, planned.task.best_of + 1))
    for at, name in enumerate(names):
        yield replace(planned, id=name, role=roles[at % len(roles)], candidate_of=planned.id, writes=(), phase=None)
    yield replace(planned, candidates=names, information=names, seconds=CHOICE_SECONDS)


def _contract(
    contract: Contract, consumers: Iterable[Task], instances: Mapping[str, tuple[str, ...]]
) -> PlannedContract:
    def running(tasks: Iterable[str]) -> tuple[str, ...]:
        return tuple(name for task in tasks for name in instances[task])

    return PlannedContract(
        id=contract.id,
        version=contract.version,
        owner=contract.owner,
        consumers=running(task.id for task in consumers),
        fulfilled_by=running(contract.fulfilled_by),
        files=contract.files,
        mock=contract.mock,
        tests=contract.tests,
        by_person=contract.approval == "person" and contract.status == "draft",
    )


def _instances(task: Task) -> Iterator[str]:
    if task.count == 1:
        yield task.id
    else:
        yield from (f"{task.id}.{number}" for number in range(1, task.count + 1))


def _hard_needs(task: Task) -> tuple[str, ...]:
    return tuple(need.task for need in task.needs if need.task and need.kind == "hard")


def _groups(plan: Plan, task: Task, phased: tuple[str, ...]) -> Needs:
    """The task's needs, those that come of phases included, as groups of the plan's ids, each group once."""
    owners = {contract.id: contract.owner for contract in plan.contracts}
    groups = (_group(need, owners) for need in task.needs if need.kind == "hard")
    return tuple(dict.fromkeys([*(group for group in groups if group), *((need,) for need in phased)]))


def _informants(task: Task) -> tuple[str, ...]:
    """The plan's ids of the tasks whose text it gets."""
    return tuple(dict.fromkeys(need.task for need in task.needs if need.task and need.kind == "information"))


def _group(need: Need, owners: Mapping[str, str | None]) -> tuple[str, ...]:
    if need.contract is None:
        return need.any or (str(need.task),)
    if need.contract not in owners:
        raise CallError(f"a task needs the contract {need.contract}, which the plan does not have")
    owner = owners[need.contract]
    return (owner,) if owner else ()


def _needs_of_instances(groups: Needs, instances: Mapping[str, tuple[str, ...]]) -> Needs:
    """A need on a counted task is one on each of its instances."""
    needs: list[tuple[str, ...]] = []
    for group in groups:
        if len(group) == 1:
            needs += [(name,) for name in instances[group[0]]]
        else:
            needs.append(tuple(name for choice in group for name in instances[choice]))
    return tuple(needs)


def _hashes(
    plan: Plan,
    groups: Mapping[str, Needs],
    informed: Mapping[str, tuple[str, ...]],
    inserted: Collection[str],
    routed: Collection[str],
) -> dict[str, str]:
    """Each task's hash after those of the tasks that it needs: work that rests on changed work is done again."""
    tasks, owned = {task.id: task for task in plan.tasks}, _owned(plan)
    on_base = [contract for contract in plan.contracts if contract.owner is None]
    hashes: dict[str, str] = {}
    for name in _needed_first({name: (*groups[name], *((source,) for source in informed[name])) for name in groups}):
        needs = sorted(sorted([choice, hashes[choice]] for choice in group) for group in groups[name])
        more: dict[str, Any] = {"needs": needs} | _contracts_of(tasks[name], owned, on_base)
        if informed[name]:
            more["information"] = sorted([source, hashes[source]] for source in informed[name])
        if name in inserted:  # what was agreed stays so when the words of a consumer's prompt change
            more["prompt"] = None
        if name in routed:
            more["role"] = None
        hashes[name] = _hash(_specification(tasks[name]) | more)
    return hashes


def _needed_first(groups: Mapping[str, Needs]) -> Iterator[str]:
    """The ids in an order in which each comes after all that it needs; without recursion."""
    done, open_ = set[str](), set[str]()
    stack = list(groups)[::-1]
    while stack:
        name = stack[-1]
        if name not in groups:
            raise CallError(f"a task needs {name}, which the plan does not have")
        waiting = (
            [needed for group in groups[name] for needed in group if needed not in done] if name not in done else []
        )
        if waiting and name in open_:
            raise CallError(f"the needs of {name} go in a circle")
        if waiting:
            open_.add(name)
            stack += waiting
            continue
        stack.pop()
        if name not in done:
            done.add(name)
            yield name


def _specification(task: Task) -> dict[str, Any]:
    """What the result depends on; not when, how often, how urgently and how long it is tried."""
    return {
        "format": 1,
        "title": task.title,
        "prompt": task.prompt,
        "run": task.run,
        **({"branch": task.branch} if task.branch is not None else {}),
        "role": task.role or COMMAND_ROLE,
        "owns": None if task.owns is None else sorted(task.owns),
        "locks": sorted([lock.path, lock.mode] for lock in task.locks),
        "outputs": sorted(task.outputs),
        "verify": [check if isinstance(check, str) else check.meaning for check in task.verify],
        "criteria": task.criteria,
        "changes_required": task.changes_required,
        "setup": task.setup,
        "setup_inputs": sorted(task.setup_inputs),
        **({"copy": sorted(task.copy)} if task.copy else {}),
        **({"environment": sorted(meanings(task.environment))} if task.environment else {}),
    }


def _contracts_of(task: Task, owned: Mapping[str, Sequence[Contract]], on_base: Sequence[Contract]) -> dict[str, Any]:
    """What contracts add to a specification: those that it writes, and those on base that it rests on."""
    needed = {need.contract for need in task.needs if need.contract}
    writes = [_terms(contract) for contract in owned.get(task.id, ())]
    rests = [_terms(contract) for contract in on_base if contract.id in needed] if needed else []
    return ({"writes": writes} if writes else {}) | ({"contracts": rests} if rests else {})


def _owned(plan: Plan) -> dict[str, list[Contract]]:
    """By task of the plan the contracts that it writes."""
    owned: dict[str, list[Contract]] = {}
    for contract in plan.contracts:
        if contract.owner is not None and contract.status != "superseded":
            owned.setdefault(contract.owner, []).append(contract)
    return owned


def _terms(contract: Contract) -> list[Any]:
    files, mock = sorted(contract.files), sorted(contract.mock)
    return [contract.id, contract.version, files, mock, contract.tests]


def _hash(specification: Mapping[str, Any]) -> str:
    text = json.dumps(specification, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _notices(plan: Plan) -> Iterator[str]:
    """What a reader might take for something else than it is."""
    for task in plan.tasks:
        for need in task.needs:
            if need.kind == "information" and not task.is_for_agent:
                what = "command" if task.run is not None else "branch"
                yield f"{task.id} is a {what}: it waits for {need.task}, but has no prompt that could tell it anything"
