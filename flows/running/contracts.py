"""Contracts during a run: what owners write is recorded and approved, and who rests on it starts then."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from plait.agent_tasks.workshop import Workshop
from plait.flows.running.book import Book, Entry
from plait.flows.running.integrating import Integrating
from plait.flows.running.redoing import Redoing
from plait.flows.running.reuse import Reuse
from plait.flows.running.waiting import Waiting
from plait.plans.errors import CallError
from plait.plans.tasks.outcomes import ContractOutcome, TaskState
from plait.plans.tasks.planned_contracts import Agreement, PlannedContract, Record, due_version, is_same, newest
from plait.plans.wording import listed
from plait.workspace.contract_refs import contract_content, read_records, write_record
from plait.workspace.errors import RefMoved
from plait.workspace.git import git_date

LOOK_SECONDS = 1.0
"""How often a person's answer is looked for."""

_FINISHED = (TaskState.DONE, TaskState.LANDED)
_ROUNDS = 5
"""How often a record is written again because a person has just answered."""


@dataclass(slots=True)
class Contracting:
    """The contracts of one run; git holds what was agreed."""

    shop: Workshop
    book: Book
    integrating: Integrating
    waiting: Waiting
    redoing: Redoing
    reuse: Reuse
    records: dict[str, tuple[Record, ...]] = field(default_factory=dict)
    """By contract, oldest version first."""
    drafts: dict[str, str] = field(default_factory=dict)
    """Contracts that wait for a person, and their owners."""
    rejections: dict[str, str] = field(default_factory=dict)
    """By owner: why a person rejected what it made."""
    _looked: float = 0.0

    def __post_init__(self) -> None:
        if self.shop.contracts:
            self.records = read_records(self.shop.control, self.shop.feature)

    @property
    def is_waiting(self) -> bool:
        """Whether a person has to say something before the run can end."""
        return any(self._keeps_waiting(name, owner) for name, owner in self.drafts.items())

    def _keeps_waiting(self, name: str, owner: str) -> bool:
        """Whether anything of this run waits for a draft: its owner's work, or what would start from it."""
        if owner in self.book.entries:
            return self.book.entries[owner].state in _FINISHED
        state_of = self.waiting.dispatching.dispatcher.state_of
        return any(state_of(task) is TaskState.HELD for task in self.waiting.waiting_for(_cause(name)))

    # At the start of a run.

    def begin(self) -> None:
        """Take up what earlier runs finished, agreed on and left waiting."""
        for task, finished in self.reuse.finished.items() if self.shop.contracts else ():
            self.redoing.recall(task, finished.commit)
        for contract in self.shop.contracts:
            owner, last = contract.owner or "", self._last(contract)
            done = self.reuse.finished.get(owner)
            if owner in self.reuse.sent_back and last and last.status == "rejected":
                self.rejections[owner] = _rejection(last)
            elif done and not (done.commit is None and last and last.status == "approved"):
                self._take_up(contract, owner, done.at or self.shop.base)
        self._show()

    def _take_up(self, contract: PlannedContract, owner: str, commit: str) -> None:
        """What an earlier run made counts, unless it was rejected since this one looked: `look` sends it back."""
        last = self._last(contract)
        if last and last.status == "rejected" and last.content == self._content(contract, commit):
            self._wait_for_person(contract, owner, last)
        else:
            self._written(contract, owner, commit)

    # While it goes on.

    def written(self, entry: Entry, *, at: str) -> None:
        """A task has finished, for the first time or again: what it owns is approved, or waits for a person."""
        self.rejections.pop(entry.planned.id, None)
        for name in entry.planned.writes:
            self._written(self.shop.contract(name), entry.planned.id, at)
        if entry.planned.writes:
            self._show()

    def look(self, now: float) -> None:
        """See whether a person has answered by now."""
        if not self.drafts or now < self._looked + LOOK_SECONDS:
            return
        self._looked = now
        self.records = read_records(self.shop.control, self.shop.feature)
        for name, owner in tuple(self.drafts.items()):
            last = newest(self.records.get(name, ()))
            if last is None or name not in self.drafts:  # another contract of the same owner was rejected
                continue
            if last.status == "approved":
                self.book.tell(f"contract {name} v{last.version}: approved by {last.by}")
                self._let_go(name, owner)
            elif last.status == "rejected":
                self._send_back(owner, last)
        self._let_others_go()
        self._show()

    def agreements(self, entry: Entry) -> tuple[Agreement, ...]:
        """The versions that a task which starts now rests on; from now on it is known to."""
        last = {name: newest(self.records.get(name, ())) for name in entry.planned.contracts}
        found = tuple(Agreement(name, record.version) for name, record in last.items() if record)
        self.redoing.note(entry.planned.id, found)
        return found

    def hold_back(self, entry: Entry) -> None:
        """Let a task wait for what it rests on, as far as that waits for a person."""
        for name, owner in self.drafts.items():
            if self._needs_approved(entry, name, owner):
                self.waiting.hold(entry.planned.id, _cause(name))

    def may_start(self, entry: Entry) -> bool:
        """Whether no person has to approve first what a task would start from; if so, it waits for that."""
        waits = [name for name, owner in self.drafts.items() if self._needs_approved(entry, name, owner)]
        for name in waits:
            self.waiting.note(entry.planned.id, _cause(name))
        return not waits

    def _needs_approved(self, entry: Entry, name: str, owner: str) -> bool:
        """Whether a task can start from nothing else than a draft: of alternatives, another may be there."""
        if name in entry.planned.contracts:
            return True
        return any(owner in group and not any(map(self._is_there, group)) for group in entry.planned.needs)

    def _is_there(self, task: str) -> bool:
        if task in self.integrating.unapproved:
            return False
        entry = self.book.entries.get(task)
        return entry.state in _FINISHED if entry else task in self.reuse.finished

    def _let_others_go(self) -> None:
        """Who has got another alternative than a draft does not wait for it any more."""
        for name, owner in self.drafts.items():
            for task in self.waiting.waiting_for(_cause(name)):
                if not self._needs_approved(self.book.entries[task], name, owner):
                    self.waiting.release(_cause(name), task)

    # What becomes of a draft.

    def _written(self, contract: PlannedContract, owner: str, commit: str) -> None:
        record = self._recorded(contract, owner, commit)
        self.redoing.redo(contract, record.version)
        if record.status == "draft":
            self._wait_for_person(contract, owner, record)

    def _recorded(self, contract: PlannedContract, owner: str, commit: str) -> Record:
        """The record of what was written, as it is in git now: approved, or a draft for a person."""
        content = self._content(contract, commit)
        for _ in range(_ROUNDS):
            last = self._last(contract)
            try:
                if last is None or last.status == "rejected" or not is_same(contract.version, last, content):
                    version = due_version(contract.version, last, content)
                    oid = last.oid if last and last.version == version else ""
                    last = Record(contract.id, version, "draft", commit, content, owner=owner, oid=oid)
                if last.status == "draft" and not contract.by_person:
                    last = self._record(replace(last, status="approved", by="tests" if contract.tests else "plan"))
                    self.book.tell(f"contract {contract.id} v{last.version}: approved by {last.by}")
                return last if last.oid and last in self.records.get(contract.id, ()) else self._record(last)
            except RefMoved:
                self.records = read_records(self.shop.control, self.shop.feature)
        raise CallError(f"the contract {contract.id} is being answered again and again", hint="run it once more")

    def _last(self, contract: PlannedContract) -> Record | None:
        return newest(self.records.get(contract.id, ()))

    def _content(self, contract: PlannedContract, commit: str) -> str:
        return contract_content(self.shop.control, commit, contract)

    def _record(self, record: Record) -> Record:
        """Write it down.

        Raises:
            RefMoved: a person has just answered.
        """
        kept = write_record(self.shop.control, self.shop.feature, record, run=self.shop.run_id, date=git_date())
        others = (one for one in self.records.get(record.contract, ()) if one.version != record.version)
        self.records[record.contract] = (*others, kept)
        return kept

    def _wait_for_person(self, contract: PlannedContract, owner: str, draft: Record) -> None:
        """Nothing that needs the owner starts, and nothing of it lands, until a person has said yes."""
        self.drafts[contract.id] = owner
        self.integrating.unapproved.add(owner)
        self.integrating.finished_at.pop(owner, None)
        self.book.ask(contract.id, draft.version, owner=owner)
        command = f"plait approve {self.shop.feature} {contract.id}"
        said = f"contract {contract.id} v{draft.version} waits for a person: {command}"
        if owner in self.book.entries:
            self.book.entries[owner].reason = said
        for entry in self.book.entries.values():
            self.hold_back(entry)
        held = self.waiting.waiting_for(_cause(contract.id))
        also = f", and with it {listed(held)}" if held else ""
        self.book.tell(f"contract {contract.id} v{draft.version} by {owner} waits for a person{also}: {command}")

    def _let_go(self, name: str, owner: str) -> None:
        """What waited for a contract goes on; once its owner waits for no other one, its work may land."""
        del self.drafts[name]
        self.book.answered(name)
        if owner not in self.drafts.values():
            self.integrating.unapproved.discard(owner)
            entry = self.book.entries.get(owner)
            if entry is not None:
                entry.reason = None
            if entry is not None and entry.commit and entry.state is TaskState.DONE:
                self.integrating.finished_at[owner] = self.waiting.dispatching.clock()
        self.waiting.release(_cause(name))

    def _send_back(self, owner: str, rejected: Record) -> None:
        """The owner gets its work back, with what the person said; when it cannot, its consumers are given up."""
        names = [name for name, of in self.drafts.items() if of == owner]
        for name in names:
            del self.drafts[name]
            self.book.answered(name)
        entry = self.book.entries.get(owner)
        if entry is None:
            self._give_up(owner, names, rejected)
            return
        for name in names:
            self.waiting.release(_cause(name))
        self.integrating.unapproved.discard(owner)
        self.rejections[owner] = _rejection(rejected)
        dispatching = self.waiting.dispatching
        if dispatching.dispatcher.state_of(owner) is not TaskState.DONE:
            return  # it is at work again already, for another reason
        self._begin_anew(entry)
        blocked = dispatching.dispatcher.reopen(owner, now=dispatching.clock())
        self.book.enter(owner, TaskState.PENDING, says=f"{rejected.by} rejected {rejected.contract}, it goes back")
        self.integrating.block(blocked)

    def _give_up(self, owner: str, names: list[str], rejected: Record) -> None:
        """Nobody of this run can write a rejected contract anew: what waits for it is blocked, all else goes on."""
        dispatching = self.waiting.dispatching
        reason = f"the contract {rejected.contract} was rejected, and {owner}, which writes it, is not part of this run"
        for task in dict.fromkeys(task for name in names for task in self.waiting.waiting_for(_cause(name))):
            blocked = dispatching.dispatcher.settle(task, now=dispatching.clock(), ok=False)
            self.book.enter(task, TaskState.BLOCKED, reason=reason)
            self.integrating.block(blocked)
        for name in names:
            self.waiting.release(_cause(name))

    def _begin_anew(self, entry: Entry) -> None:
        """An agent goes on from what was rejected; a command starts as it did before, and so does what rests on it."""
        if entry.commit and entry.planned.task.run is not None and self.redoing.put_aside(entry):
            self.redoing.redo_resting_on(entry.planned.id)

    def _show(self) -> None:
        """Put all versions into the book, and who waits for those that wait for a person."""
        for name in self.drafts:
            self.book.held_for(name, self.waiting.waiting_for(_cause(name)))
        self.book.contracts = tuple(one for contract in self.shop.contracts for one in self._versions(contract))

    def _versions(self, contract: PlannedContract) -> Iterator[ContractOutcome]:
        records = sorted(self.records.get(contract.id, ()), key=lambda record: record.version)
        if contract.owner is None:
            yield ContractOutcome(id=contract.id, version=contract.version, status="approved")
        elif not records:
            yield ContractOutcome(id=contract.id, version=contract.version, status="draft", owner=contract.owner)
        for record in records if contract.owner else ():
            told = "waiting" if record.status == "draft" else record.status
            yield ContractOutcome(
                id=contract.id,
                version=record.version,
                status=told if record is records[-1] else "superseded",
                owner=contract.owner,
                commit=record.commit,
                by=record.by,
                redone=tuple(self.redoing.redone.get((contract.id, record.version), ())),
            )


def _cause(contract: str) -> str:
    return f"contract {contract}"


def _rejection(record: Record) -> str:
    return f"{record.by} rejected the contract {record.contract} v{record.version}: {record.reason}"
