"""Which finished branches may not land yet: what they rest on is not there, or their phase is not whole."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from plait.flows.running.book import Book
from plait.flows.running.reuse import Finished
from plait.plans.language.phases import waiting_for
from plait.plans.tasks.outcomes import TaskState
from plait.plans.tasks.work import RepairOrder

_THERE = (TaskState.DONE, TaskState.LANDED)


@dataclass(frozen=True, slots=True)
class Holding:
    """What one run's finished branches wait for; reads what the loop and the integration write."""

    book: Book
    phases: tuple[tuple[str, ...], ...]
    """The tasks of each phase, also those that are not part of this run."""
    outside: Mapping[str, Finished]
    """Finished tasks that are not part of this run (`--only`)."""
    finished_at: Mapping[str, float]
    """Branches that are finished and not landed."""
    repairs: Mapping[str, RepairOrder]
    """Branches that were handed back."""
    unapproved: set[str]
    """Finished tasks whose contract a person has not approved yet: neither they nor what rests on them lands."""

    @property
    def landed(self) -> tuple[str, ...]:
        """All tasks that have landed, of this run or before it."""
        before = (task for task, done in self.outside.items() if done.landed)
        return (*before, *(entry.planned.id for entry in self.book.in_state(TaskState.LANDED)))

    def held(self) -> dict[str, str]:
        """Finished branches that wait, each with the task that it waits for: one in repair, given up, or held itself.

        That is a need, or in a phase any other of its tasks, which then need only be unfinished.
        """
        held = self.held_by_needs()
        if not self.phases:
            return held
        finished = {task: self.needs_of(task) for task in self.finished_at}
        return waiting_for(finished, landed=set(self.landed), groups=self.phases, held=held)

    def held_by_needs(self) -> dict[str, str]:
        """Those of them that would wait if there were no phases, or that would bring a part of another phase with them.

        Followed from the needs to what rests on them, each once: asked at every tick, and paths in a graph are many.
        """
        resting: dict[str, list[str]] = {}
        for task, needs in self._unlanded():
            for need in needs:
                resting.setdefault(need, []).append(task)
        held = self._splitting()
        causes = [*held, *(need for need in resting if not self._may_land(need))]
        while causes:
            cause = causes.pop()
            for task in resting.get(cause, ()):
                if task not in held:
                    held[task] = cause
                    causes.append(task)
        return {task: cause for task, cause in held.items() if task in self.finished_at}

    def why_held(self, task: str, by: str) -> str:
        """In words, what a finished branch waits for, or waited for in vain."""
        phase = self.book.entries[task].planned.phase
        together = phase is not None and any(task in group and by in group for group in self.phases)
        whole = f": the phase {phase} lands whole or not at all" if together else ""
        absent = "" if by in self.book.entries else ", which is not part of this run"
        return f"held back with {by}{absent}{whole}"

    def needs_of(self, task: str) -> tuple[str, ...]:
        """The tasks of this run whose branches a branch rests on."""
        return tuple(need for need in self.book.entries[task].rests_on if need in self.book.entries)

    def carried(self, task: str) -> tuple[str, ...]:
        """The tasks outside this run that have not landed, and that would land with this one's branch."""
        found, path = dict[str, None](), list(self.book.entries[task].rests_on)
        while path:
            need = path.pop()
            done = self.outside.get(need)
            if done is not None and not done.landed and need not in found:
                found[need] = None
                path += done.rests_on
        return tuple(found)

    def parts_of_phases(self, tasks: Iterable[str]) -> dict[str, str]:
        """Of these tasks, those that wait for nothing but the rest of their phase, each with one that it lacks."""
        held, by_needs = self.held(), self.held_by_needs()
        return {task: held[task] for task in tasks if task in held and task not in by_needs}

    def _may_land(self, need: str) -> bool:
        """Whether a task's work is on the feature branch, or may come there with what rests on it."""
        entry = self.book.entries.get(need)
        if need in self.unapproved or need in self.repairs:
            return False
        if entry is None:
            return need in self.outside
        return need in self.finished_at or entry.state in _THERE

    def _unlanded(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """The finished branches that have not landed, each with what it rests on; those outside come with others."""
        for task in self.finished_at:
            yield task, self.book.entries[task].rests_on
        for task, done in self.outside.items():
            if not done.landed:
                yield task, done.rests_on

    def _splitting(self) -> dict[str, str]:
        """Finished branches that would bring a part of a phase with them, each with a task of the phase that is left.

        Only what is finished outside this run comes so: what is part of it waits for its phase itself.
        """
        if not (self.phases and self.outside):
            return {}
        landed, found = set(self.landed), dict[str, str]()
        for task in self.finished_at:
            with_it = {task, *self.carried(task)}
            parts = (group for group in self.phases if (with_it - {task}).intersection(group))
            left = next((one for group in parts for one in group if one not in with_it | landed), None)
            if left is not None:
                found[task] = left
        return found
