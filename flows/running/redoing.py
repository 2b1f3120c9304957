"""Work that rests on an old version of a contract is done again, and with it whatever rests on that work."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from plait.agent_tasks.workshop import Workshop
from plait.flows.running.book import Book, Entry
from plait.flows.running.integrating import Integrating
from plait.flows.running.reuse import move_aside
from plait.plans.errors import CallError
from plait.plans.tasks.outcomes import TaskState
from plait.plans.tasks.planned_contracts import Agreement, PlannedContract
from plait.workspace.trailers import trailers_of


@dataclass(slots=True)
class Redoing:
    """Which version each task of a run was built on, and who has to go again."""

    shop: Workshop
    book: Book
    integrating: Integrating
    built_on: dict[str, dict[str, int]] = field(default_factory=dict)
    """By task: the versions of contracts that its work rests on."""
    stale: set[str] = field(default_factory=set)
    """Tasks that run, and will have to do their work again."""
    redone: dict[tuple[str, int], list[str]] = field(default_factory=dict)
    """By contract and version: who did their work again for it."""
    _aside: int = 0

    def note(self, task: str, agreements: Iterable[Agreement]) -> None:
        """A task starts from these."""
        self.built_on[task] = {one.contract: one.version for one in agreements}

    def recall(self, task: str, commit: str | None) -> None:
        """What the commit of an earlier run's task says that it rests on."""
        said = trailers_of(self.shop.control, commit).get("Plait-Contracts", "") if commit else ""
        pairs = [one.rpartition(" v") for one in said.split(", ")]
        self.built_on[task] = {name: int(version) for name, _, version in pairs if version.isdecimal()}

    def redo(self, contract: PlannedContract, version: int) -> None:
        """Take back what rests on an older version than this."""
        old = [task for task in contract.consumers if self.built_on.get(task, {}).get(contract.id, version) < version]
        self._keep_out(old)
        for task in self._with_what_rests_on(old):
            if self._take_back(self.book.entries[task]):
                self.redone.setdefault((contract.id, version), []).append(task)
                self.book.tell(f"{task}: done again, the contract {contract.id} is version {version} now")

    def redo_resting_on(self, started_anew: str) -> None:
        """Take back what rests on work that was put aside: what its task makes next does not descend from that."""
        for task in self._with_what_rests_on([started_anew]):
            if task != started_anew and self._take_back(self.book.entries[task]):
                self.book.tell(f"{task}: done again, {started_anew} starts anew")

    def again(self, entry: Entry, commit: str | None) -> None:
        """A task has ended whose contract changed while it ran: its work is put aside, and it starts anew."""
        task, dispatching = entry.planned.id, self.integrating.dispatching
        self.stale.discard(task)
        entry.commit = commit or entry.commit
        blocked = dispatching.dispatcher.requeue(task, now=dispatching.clock())
        self.put_aside(entry)
        self.book.enter(task, TaskState.PENDING, says="goes again, its contract has changed")
        self.integrating.block(blocked)

    def _keep_out(self, tasks: Iterable[str]) -> None:
        """What is not part of this run cannot go again in it: it does not land with others either."""
        outside = self.integrating.outside
        self.integrating.unapproved.update(task for task in tasks if task in outside and not outside[task].landed)

    def _with_what_rests_on(self, tasks: Iterable[str]) -> Iterator[str]:
        found = dict.fromkeys(task for task in tasks if task in self.book.entries)
        causes = list(found)
        for cause in causes:
            for task, entry in self.book.entries.items():
                if cause in entry.rests_on and task not in found:
                    found[task] = None
                    causes.append(task)
        return iter(found)

    def _take_back(self, entry: Entry) -> bool:
        """Whether it had started, and can start again."""
        task, dispatching = entry.planned.id, self.integrating.dispatching
        state = dispatching.dispatcher.state_of(task)
        if state is TaskState.RUNNING:
            self.stale.add(task)
            return True
        to_repair = task in self.integrating.repairs
        if entry.state is TaskState.LANDED or not (state is TaskState.DONE or to_repair) or not self.put_aside(entry):
            return False
        self.integrating.repairs.pop(task, None)
        self.integrating.finished_at.pop(task, None)
        blocked = dispatching.dispatcher.reopen(task, now=dispatching.clock()) if state is TaskState.DONE else []
        self.book.enter(task, TaskState.PENDING, says="goes again")
        self.integrating.block(blocked)
        return True

    def put_aside(self, entry: Entry) -> bool:
        """Keep the old work below `refs/plait/old/`; not when somebody stands on its branch."""
        self._aside += 1
        try:
            move_aside(self.shop.control, [entry.branch], run_id=f"{self.shop.run_id}/again-{self._aside}")
        except CallError as problem:
            self.book.tell(f"{entry.planned.id}: its old work stays where it is, and cannot be done again: {problem}")
            return False
        entry.commit = None
        return True
