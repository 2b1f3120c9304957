"""Contracts while a run goes on: which version is due, what has to be approved first, who rests on an old one."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from plait.plans.journal.manifest import EarlierWork, TaskFacts
from plait.plans.run.statuses import Built, ContractStanding, Draft, Landed, LandsByHand, Standing
from plait.plans.tasks.planned_contracts import PlannedContract, Record, due_version, is_same

ROUNDS = 5
"""How often a record is written again because a person has just answered."""


def due_record(contract: PlannedContract, last: Record | None, *, owner: str, commit: str, content: str) -> Record:
    """The record that belongs to what an owner has just written; `last` itself where nothing new has to be said.

    Example: v1 was approved, and the contents are others now: v2, a draft where a person approves, approved else.
    """
    record = last
    if record is None or record.status == "rejected" or not is_same(contract.version, record, content):
        version = due_version(contract.version, record, content)
        oid = record.oid if record and record.version == version else ""
        record = Record(contract.id, version, "draft", commit, content, owner=owner, oid=oid)
    if record.status == "draft" and not contract.by_person:
        record = replace(record, status="approved", by="tests" if contract.tests else "plan")
    return record


def with_written(standing: ContractStanding, record: Record) -> ContractStanding:
    """The contract once a record is in git."""
    others = (known for known in standing.records if known.version != record.version)
    records = tuple(sorted((*others, record), key=lambda known: known.version))
    return replace(standing, records=records, writing=None)


def drafted(standing: ContractStanding, *, owner: str, commit: str, content: str, rounds: int = 1) -> Draft | None:
    """What has to be written down of an owner's work; nothing when git says it already."""
    record = due_record(standing.contract, standing.newest, owner=owner, commit=commit, content=content)
    if record.oid and record in standing.records:
        return None
    return Draft(owner, commit, content, record, rounds)


def unapproved(contracts: Iterable[ContractStanding]) -> frozenset[str]:
    """The owners whose contracts are not settled."""
    return frozenset(owner for contract in contracts if (owner := contract.unapproved_owner) is not None)


def approvals_needed(
    task: TaskFacts,
    contracts: Mapping[str, ContractStanding],
    standings: Mapping[str, Standing],
    outside: Mapping[str, EarlierWork],
) -> Iterator[str]:
    """The contracts that have to be approved before a task can start: of alternatives, another may be there.

    Example: it needs A or B. A has a draft that waits, and B is done: it does not wait.
    """
    open_owners = unapproved(contracts.values())
    for name, contract in contracts.items():
        owner = contract.unapproved_owner
        if owner is None:
            continue
        alternatives = (group for group in task.needs if owner in group)
        if name in task.contracts or any(
            not any(_is_there(need, open_owners, standings, outside) for need in group) for group in alternatives
        ):
            yield name


def _is_there(
    task: str, open_owners: frozenset[str], standings: Mapping[str, Standing], outside: Mapping[str, EarlierWork]
) -> bool:
    if task in open_owners:
        return False
    standing = standings.get(task)
    return isinstance(standing.status, Built | LandsByHand | Landed) if standing else task in outside


def outdated_consumers(
    contract: PlannedContract, version: int, standings: Mapping[str, Standing], outside: Mapping[str, EarlierWork]
) -> list[str]:
    """Who rests on an older version than this, in this run or outside it."""
    consumers = []
    for task in contract.consumers:
        standing = standings.get(task)
        built_on = standing.built_on if standing else outside[task].built_on if task in outside else {}
        if built_on.get(contract.id, version) < version:
            consumers.append(task)
    return consumers


def with_what_rests_on(tasks: Iterable[str], standings: Mapping[str, Standing]) -> list[str]:
    """These tasks of the run, and all whose work contains theirs, each after what it rests on."""
    affected = dict.fromkeys(task for task in tasks if task in standings)
    causes = list(affected)
    for cause in causes:
        for task, standing in standings.items():
            if cause in standing.rests_on and task not in affected:
                affected[task] = None
                causes.append(task)
    return list(affected)
