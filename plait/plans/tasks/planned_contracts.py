"""Contracts as a run carries them out: who writes each, who rests on it, which version is due, when its tests run."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Literal

AGAINST = "PLAIT_CONTRACT"
"""The variable that tells a contract's tests what they run against: `mock` at approval, `real` at integration."""

RecordStatus = Literal["draft", "approved", "rejected"]


@dataclass(frozen=True, slots=True)
class PlannedContract:
    """One contract of a plan, with the tasks that it is about by the ids that run."""

    id: str
    version: int
    """The least that its next version may be."""
    owner: str | None
    """The task that writes it, of the plan or inserted; nothing when it is on base."""
    consumers: tuple[str, ...]
    """The tasks that rest on it: those that need it, those that it names, those that fulfil it."""
    fulfilled_by: tuple[str, ...]
    files: tuple[str, ...]
    mock: tuple[str, ...]
    tests: tuple[str, ...]
    by_person: bool
    """Whether a person approves it, and not its tests alone."""


@dataclass(frozen=True, slots=True)
class Record:
    """What git remembers of one version of a contract."""

    contract: str
    version: int
    status: RecordStatus
    commit: str
    """The contract's commit: the one that its consumers start from."""
    content: str
    """A hash of its files and its mock: what the consumers see of it."""
    by: str = ""
    """Who approved or rejected it: `tests`, `plan`, or a person."""
    owner: str = ""
    reason: str = ""
    """Why a person rejected it."""
    oid: str = ""
    """The object that holds the record, for a compare-and-swap."""

    @property
    def rejection(self) -> str:
        """What its owner is told when a person has rejected it."""
        return f"{self.by} rejected the contract {self.contract} v{self.version}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Agreement:
    """A contract as a task gets it: what the prompt and the commit of its consumer say."""

    contract: str
    version: int

    def __str__(self) -> str:
        return f"{self.contract} v{self.version}"


def newest(records: Iterable[Record]) -> Record | None:
    """The record of the highest version."""
    return max(records, key=lambda record: record.version, default=None)


def due_version(planned: int, last: Record | None, content: str) -> int:
    """The version that contents get which have just been written.

    An approved version is never written over: other contents are a new version, and so is a number that the plan
    raised. A draft that nobody approved was never anybody's version, so its number is given again.
    """
    if last is None:
        return planned
    settled = last.status == "approved"
    return max(planned, last.version + 1 if settled and last.content != content else last.version)


def is_same(planned: int, last: Record | None, content: str) -> bool:
    """Whether what was written is the last version once more, so that what became of that still holds."""
    return last is not None and last.content == content and last.version >= planned


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


def to_be_tested(contracts: Iterable[PlannedContract], present: Collection[str]) -> tuple[PlannedContract, ...]:
    """The contracts whose tests have something real to test in a tree that holds the work of these tasks.

    The owner's work has to be there (or the contract on base), and with it all that fulfil the contract; where the
    plan does not say who does, any consumer.
    """
    return tuple(contract for contract in contracts if contract.tests and _is_real(contract, present))


def _is_real(contract: PlannedContract, present: Collection[str]) -> bool:
    if contract.owner is not None and contract.owner not in present:
        return False
    if contract.fulfilled_by:
        return all(task in present for task in contract.fulfilled_by)
    return any(task in present for task in contract.consumers)


def commands_of(contracts: Iterable[PlannedContract]) -> tuple[str, ...]:
    """The tests of several contracts, each command once, in order."""
    return tuple(dict.fromkeys(command for contract in contracts for command in contract.tests))


def broken_by(command: str | None, contracts: Iterable[PlannedContract]) -> tuple[str, ...]:
    """The contracts that a failed command is a test of."""
    return tuple(contract.id for contract in contracts if command in contract.tests)


def missing_files(contract: PlannedContract, missing: Iterable[str]) -> str:
    """A sentence on patterns that no file matches."""
    return f"the contract {contract.id} is not there: no file {' and none '.join(missing)}"
