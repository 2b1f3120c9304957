"""Holds tasks back for what is not the end of a task that they need: an approval, another's draft."""

from dataclasses import dataclass, field

from plait.flows.running.dispatching import Dispatching
from plait.plans.tasks.outcomes import TaskState

_NOT_STARTED = (TaskState.PENDING, TaskState.READY, TaskState.HELD)


@dataclass(slots=True)
class Waiting:
    """What each task of one run waits for beside its needs."""

    dispatching: Dispatching
    causes: dict[str, set[str]] = field(default_factory=dict)
    """By task; the words are the caller's."""

    def hold(self, task: str, cause: str) -> None:
        """Let a task that has not started wait; nothing happens to another."""
        dispatcher = self.dispatching.dispatcher
        if dispatcher.state_of(task) in _NOT_STARTED:
            self.note(task, cause)
            dispatcher.hold(task)

    def note(self, task: str, cause: str) -> None:
        """Remember why a task is about to be put aside by whoever asks whether it may start."""
        self.causes.setdefault(task, set()).add(cause)

    def release(self, cause: str, *tasks: str) -> None:
        """A cause is no more, for these tasks or for all: what waits for nothing else may go on."""
        dispatcher = self.dispatching.dispatcher
        for task in tasks or tuple(self.causes):
            if cause not in self.causes.get(task, ()):
                continue
            self.causes[task].discard(cause)
            if not self.causes[task]:
                del self.causes[task]
                if dispatcher.state_of(task) is TaskState.HELD:  # not blocked meanwhile
                    dispatcher.release(task, now=self.dispatching.clock())

    def waiting_for(self, cause: str) -> tuple[str, ...]:
        """The tasks that wait for it."""
        return tuple(task for task, causes in self.causes.items() if cause in causes)

    def is_held(self, task: str) -> bool:
        return task in self.causes
