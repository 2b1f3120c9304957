"""Tasks that write the contracts that nobody else writes, put before those who wait for them."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from plait.plans.errors import CallError
from plait.plans.language.crew import DEFAULT_CREW, Crew
from plait.plans.language.durations import Estimate, format_duration
from plait.plans.language.model import Contract, Need, Plan, Task
from plait.plans.names import SLUG_LENGTH
from plait.plans.paths import matches, normalize
from plait.plans.wording import fenced, shortened

DRAFT_SECONDS = 1800.0
"""How long writing a contract is thought to take: half an hour, as in the contract-first example of the manual."""

_ARCHITECT = "architect"
_PROMPTS, _PROMPT_LENGTH, _TITLES = 15, 3_000, 100
_PATH = re.compile(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.*-]+)*/?")


@dataclass(frozen=True, slots=True)
class Drafted:
    """A plan in which every contract that has to be written has a task that writes it."""

    plan: Plan
    """Every consumer says itself what it needs, and every written contract names its owner."""
    inserted: frozenset[str]
    """Ids of tasks that the plan did not have."""
    notices: tuple[str, ...]


def with_contract_tasks(plan: Plan, crew: Crew) -> Drafted:
    """Give each consumer its need, and each contract that is neither written by a task nor on base one that writes it.

    Raises:
        CallError: a task needs a contract that the plan does not have, or has the id that the new task would get.
    """
    plan = plan.model_copy(update={"tasks": tuple(_told_consumers(plan))})
    plan = plan.model_copy(update={"tasks": tuple(_able_owners(plan))})
    consumers = consumers_of(plan)
    orphans = [contract for contract in plan.contracts if is_unwritten(contract) and consumers[contract.id]]
    whole = {contract.id: _complete(contract) for contract in orphans}
    made = {name: _task(contract, consumers[name], plan, crew) for name, contract in whole.items()}
    before = {consumers[name][0].id: list[Task]() for name in made}
    for name, task in made.items():
        before[consumers[name][0].id].append(task)
    tasks = tuple(written for task in plan.tasks for written in (*before.get(task.id, ()), task))
    contracts = tuple(
        whole[contract.id].model_copy(update={"owner": made[contract.id].id}) if contract.id in made else contract
        for contract in plan.contracts
    )
    return Drafted(
        plan.model_copy(update={"tasks": tasks, "contracts": contracts}),
        frozenset(task.id for task in made.values()),
        (*_inserted_notices(made), *_idle_notices(plan, consumers)),
    )


def is_unwritten(contract: Contract) -> bool:
    """Whether somebody has yet to write it, and the plan does not say who."""
    return contract.owner is None and contract.status == "draft"


def consumers_of(plan: Plan) -> dict[str, tuple[Task, ...]]:
    """For each contract the tasks that need it, in the plan's order."""
    consumers: dict[str, list[Task]] = {contract.id: [] for contract in plan.contracts}
    for task in plan.tasks:
        for name in dict.fromkeys(need.contract for need in task.needs if need.contract):
            if name not in consumers:
                raise CallError(f"{task.id} needs the contract {name}, which the plan does not have")
            consumers[name].append(task)
    return {name: tuple(tasks) for name, tasks in consumers.items()}


def _told_consumers(plan: Plan) -> Iterator[Task]:
    """Each task with the needs that contracts say it has."""
    named: dict[str, list[str]] = {}
    for contract in plan.contracts:
        for name in dict.fromkeys((*contract.consumers, *contract.fulfilled_by)):
            if name != contract.owner and contract.status != "superseded":
                named.setdefault(name, []).append(contract.id)
    for task in plan.tasks:
        has = {need.contract for need in task.needs}
        more = tuple(Need(contract=name) for name in named.get(task.id, ()) if name not in has)
        yield task.model_copy(update={"needs": (*task.needs, *more)}) if more else task


def _able_owners(plan: Plan) -> Iterator[Task]:
    """Each task with the paths that it has to write for the contracts that it owns: else no try of it could succeed."""
    named: dict[str, list[str]] = {}
    for contract in plan.contracts:
        if contract.owner is not None and contract.status != "superseded":
            named.setdefault(contract.owner, []).extend((*contract.files, *contract.mock))
    for task in plan.tasks:
        owns = task.owns
        more = () if owns is None else dict.fromkeys(path for path in named.get(task.id, ()) if not matches(path, owns))
        yield task.model_copy(update={"owns": (*(owns or ()), *more)}) if more else task


def _complete(contract: Contract) -> Contract:
    """A contract that says nowhere in which file it is gets one."""
    files = contract.files or (f"contracts/{contract.id}.md",)
    return contract.model_copy(update={"files": files})


def _task(contract: Contract, consumers: tuple[Task, ...], plan: Plan, crew: Crew) -> Task:
    name = _name(contract.id)
    if any(task.id.casefold() == name.casefold() for task in plan.tasks):
        raise CallError(
            f"the contract {contract.id} has no owner, and the task that would write it cannot be called {name}: "
            "there is one of that name",
            hint=f"give the contract an owner, such as owner: {name}",
        )
    return Task(
        id=name,
        title=f"Write the contract {contract.id}",
        role=_role(crew, consumers),
        prompt=_prompt(contract, consumers),
        duration=Estimate(DRAFT_SECONDS, DRAFT_SECONDS, DRAFT_SECONDS),
        owns=tuple(dict.fromkeys((*contract.files, *contract.mock, *_tested_paths(contract)))),
        outputs=contract.files,
        priority=min(task.priority for task in consumers),
    )


def _name(contract: str) -> str:
    name = f"contract-{contract}"
    if len(name) <= SLUG_LENGTH:
        return name
    return f"{name[: SLUG_LENGTH - 9]}-{hashlib.sha256(contract.encode()).hexdigest()[:8]}"


def _role(crew: Crew, consumers: tuple[Task, ...]) -> str:
    """The architect where somebody put one into the crew, or where nobody chose a crew at all; else a consumer's."""
    chosen = {name for name, role in crew.roles.items() if role is not DEFAULT_CREW.roles.get(name)}
    if _ARCHITECT in chosen or not chosen:
        return _ARCHITECT
    return next((task.role for task in consumers if task.role and task.is_for_agent), _ARCHITECT)


def _tested_paths(contract: Contract) -> Iterator[str]:
    """The files and directories that its tests name: whoever writes the contract writes those, too."""
    for command in contract.tests:
        for word in command.split()[1:]:
            path = word.partition("::")[0]
            if not _PATH.fullmatch(path) or ".." in path or path.startswith("-"):
                continue
            if path.endswith(".py"):
                yield normalize(path)
            elif "/" in path:
                yield normalize(path.rstrip("/") + "/")


def _prompt(contract: Contract, consumers: tuple[Task, ...]) -> str:
    parts = [
        f"Write the contract `{contract.id}`: what the tasks below agree on, so that they can be worked on at the same "
        "time by agents who never talk to each other. Say everything that two of them could understand differently: "
        "names, types, units, formats, errors, limits. Do not build the thing itself.",
        f"The contract goes into: {_spelled(contract.files)}.",
    ]
    if contract.mock:
        parts.append(f"What stands in for the real thing until that is there goes into: {_spelled(contract.mock)}.")
    if contract.tests:
        parts.append(
            f"It is tested by: {_spelled(contract.tests)}. Write these tests so that they test the mock now, and the "
            "real thing once that is there."
        )
    parts.append("These tasks will rest on it:")
    parts += [_described(task, whole=at < _PROMPTS) for at, task in enumerate(consumers[:_TITLES])]
    return "\n\n".join(parts)


def _described(task: Task, *, whole: bool) -> str:
    head = f"- {task.id} ({task.role or 'a command'}): {task.subject}"
    return f"{head}\n\n{fenced(shortened(task.prompt, _PROMPT_LENGTH))}" if whole and task.prompt else head


def _spelled(words: tuple[str, ...]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _inserted_notices(made: Mapping[str, Task]) -> Iterator[str]:
    for contract, task in made.items():
        yield (
            f"{task.id} writes the contract {contract}, which no task owns: it goes to the role {task.role} "
            f"and is thought to take {format_duration(DRAFT_SECONDS)}"
        )


def _idle_notices(plan: Plan, consumers: Mapping[str, tuple[Task, ...]]) -> Iterator[str]:
    for contract in plan.contracts:
        if is_unwritten(contract) and not consumers[contract.id]:
            yield f"nobody writes the contract {contract.id}: it has no owner, and no task needs it"
