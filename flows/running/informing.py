"""Needs for information: who waits for whose draft, and what there is to tell."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from plait.flows.running.book import Book, Entry
from plait.flows.running.reuse import Finished
from plait.flows.running.waiting import Waiting
from plait.plans.language.model import Plan
from plait.plans.tasks.outcomes import TaskState
from plait.plans.tasks.work import Informant

_CAUSE = "information"
_TO_COME = (TaskState.PENDING, TaskState.READY, TaskState.RUNNING)


@dataclass(slots=True)
class Informing:
    """The drafts of one run: published when a task has finished for the first time."""

    plan: Plan
    book: Book
    waiting: Waiting
    outside: Mapping[str, Finished]
    _given_up: set[str] = field(default_factory=set)
    """Tasks that start without what they wanted to read."""

    def begin(self) -> None:
        """Hold every task back whose informants may still publish."""
        for task, entry in self.book.entries.items():
            if any(map(self._may_publish, entry.planned.information)):
                self.waiting.hold(task, _CAUSE)

    def may_start(self, entry: Entry) -> bool:
        """Whether nothing is still to come that a task wants to read: it may go again together with that."""
        task = entry.planned.id
        if task in self._given_up or not any(map(self._may_publish, entry.planned.information)):
            return True
        self.waiting.note(task, _CAUSE)
        return False

    def look(self) -> None:
        """Let those go on that have nothing more to wait for: who did not succeed will not publish."""
        for task in self._waiting():
            if not any(map(self._may_publish, self.book.entries[task].planned.information)):
                self.waiting.release(_CAUSE, task)

    def give_up(self) -> bool:
        """Let all go on, when nothing else does: information never keeps a run from its end; whether any waited."""
        waited = self._waiting()
        if waited:
            self._given_up.update(waited)
            self.waiting.release(_CAUSE, *waited)
        return bool(waited)

    def informants(self, entry: Entry) -> tuple[Informant, ...]:
        """What a task can be told now."""
        return tuple(map(self._informant, entry.planned.information))

    def _waiting(self) -> tuple[str, ...]:
        return self.waiting.waiting_for(_CAUSE)

    def _may_publish(self, source: str) -> bool:
        entry = self.book.entries.get(source)
        return entry is not None and entry.commit is None and entry.state in _TO_COME

    def _informant(self, source: str) -> Informant:
        outputs = next((task.outputs for task in self.plan.tasks if task.id in (source, source.rpartition(".")[0])), ())
        entry, done = self.book.entries.get(source), self.outside.get(source)
        commit = entry.commit if entry else done.commit if done else None
        finished = entry.state is TaskState.LANDED if entry else done is not None
        missing = "" if commit or finished else self._why_not(source, entry)
        return Informant(source, commit, outputs, missing)

    def _why_not(self, source: str, entry: Entry | None) -> str:
        if entry is None:
            return f"{source} is not part of this run and has not been done before: start without it."
        return f"{source} has nothing to show ({entry.state.value}): start without it."
