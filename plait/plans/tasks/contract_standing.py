"""Where one contract of a run stands: its versions in git, what is being written down, whether a person is asked."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Self

from plait.plans.tasks.planned_contracts import PlannedContract, Record, due_record, newest


@dataclass(frozen=True, slots=True)
class Draft:
    """What an owner has written and git does not say yet."""

    owner: str
    commit: str
    content: str
    record: Record
    rounds: int = 1
    """How often it was tried to be written: a person who answers at the same moment comes first."""


@dataclass(frozen=True, slots=True)
class ContractStanding:
    """One contract of a run."""

    contract: PlannedContract
    records: tuple[Record, ...] = ()
    """Oldest version first."""
    writing: Draft | None = None
    """What is being written down."""
    asks: str | None = None
    """The owner of the newest version, while that waits for a person."""
    redone: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    """By version: who did their work again for it."""

    @property
    def newest(self) -> Record | None:
        return newest(self.records)

    def with_record(self, record: Record) -> Self:
        """The contract once a record is in git."""
        others = (known for known in self.records if known.version != record.version)
        records = tuple(sorted((*others, record), key=lambda known: known.version))
        return replace(self, records=records, writing=None)

    def with_redone(self, version: int, tasks: Iterable[str]) -> Self:
        """The contract once these did their work again for a version."""
        every = dict.fromkeys((*self.redone.get(version, ()), *tasks))
        return replace(self, redone={**self.redone, version: tuple(every)})

    def drafted(self, owner: str, commit: str, content: str, *, rounds: int = 1) -> Draft | None:
        """What has to be written down of an owner's work; nothing when git says it already."""
        record = due_record(self.contract, self.newest, owner=owner, commit=commit, content=content)
        is_known = record.oid and record in self.records
        return None if is_known else Draft(owner, commit, content, record, rounds)

    @property
    def is_open(self) -> bool:
        """Whether a person may still say something that the run has to hear."""
        return self.asks is not None or (self.newest is not None and self.newest.status != "approved")

    @property
    def unapproved_owner(self) -> str | None:
        """The task whose contract is not settled: neither it nor what rests on it starts or lands."""
        return self.writing.owner if self.writing else self.asks
