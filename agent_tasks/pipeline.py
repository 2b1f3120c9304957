"""The batches of a run that are in work at once: each knows the one before it, and what has become of that."""

import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from plait.plans.journal.events import BatchSettled
from plait.plans.tasks.outcomes import BatchState
from plait.plans.tasks.work import BatchOrder, BatchReport

LOOK_SECONDS = 0.05
"""How often a batch that waits for the one before it looks at the stop signal."""


@dataclass(slots=True)
class Passage:
    """One batch on its way."""

    tip: str | None = None
    """The commit that its branches merge to, while that may still land as it is."""
    tree: str | None = None
    """The tree of that."""
    red: threading.Event = field(default_factory=threading.Event)
    """Set once it is known that it does not land as it was built: what rests on that is built again."""
    ended: threading.Event = field(default_factory=threading.Event)
    awaited: bool = False
    """Whether another batch waits for this one."""
    stuck: bool = False
    """Whether it ended so that nothing can land behind it now: by hand, broken, stopped."""

    def built(self, tip: str, tree: str) -> None:
        """Others may look ahead from this commit; from the first one only, as it is the likeliest to land."""
        if self.tip is None:
            self.tip, self.tree = tip, tree


@dataclass(slots=True)
class Pipeline:
    """All of them, by id; written by the threads of batches and by the loop."""

    passages: dict[str, Passage] = field(default_factory=dict)
    landed: set[str] = field(default_factory=set)
    """Tasks that have landed in this run, as they were in the newest batch that they were in."""
    on_settled: Callable[[BatchSettled], None] = lambda _event: None
    """Told when what lands of a batch has landed, be it nothing, and why the rest does not is still to be seen."""

    def enter(self, batch: str) -> Passage:
        """The batch's own."""
        return self.passages.setdefault(batch, Passage())

    def begin(self, order: BatchOrder) -> None:
        """A batch is in work: what is in it has not landed as it is now, whatever landed of it before.

        Example: A has landed, and somebody sets the feature branch back. A is in a batch again, and is rejected: B,
        which rests on it and is in the batch behind, must not bring it along.
        """
        self.enter(order.id)
        self.landed -= {branch.task for branch in order.branches}

    def settle(self, batch: str, landed: Collection[str]) -> None:
        """A batch has landed what it can, as the machine has heard it: the next one may go on."""
        passage = self.enter(batch)
        self.landed |= set(landed)
        passage.red.set()
        passage.ended.set()

    def end(self, batch: str, report: BatchReport | None) -> None:
        """A batch is over, as the machine has heard it; without a report it was stopped, or broke."""
        passage = self.enter(batch)
        if report is None:
            passage.stuck = True
        else:
            state = report.outcome.state
            passage.stuck |= state in (BatchState.READY_TO_LAND, BatchState.INFRASTRUCTURE) and not report.overtaken
            self.landed |= set() if report.outcome.ready else set(report.outcome.landed)
            is_as_built = report.outcome.tree is not None and report.outcome.tree == passage.tree
            if state is BatchState.LANDED or (is_as_built and not passage.stuck):
                passage.ended.set()  # who looks ahead from there goes on: what did not land was in no tree of theirs
                return
        passage.red.set()
        passage.ended.set()


class EitherEvent(threading.Event):
    """Set when one of two is, for who asks it again and again: what ends one verification, or the whole run."""

    def __init__(self, first: threading.Event, second: threading.Event) -> None:
        super().__init__()
        self._both = first, second

    def is_set(self) -> bool:
        """Whether one of them is."""
        return any(event.is_set() for event in self._both)


def wait_for(event: threading.Event, *, stop: threading.Event) -> bool:
    """Wait until an event is set; false when stopped before."""
    while not event.wait(LOOK_SECONDS):
        if stop.is_set():
            return event.is_set()
    return True


def left_behind(order: BatchOrder, *, landed: Collection[str]) -> dict[str, str]:
    """The branches of a batch that rest on one of a batch before it which did not land, each with that one.

    Example: B needs A. A was in the batch before and was rejected: `{"B": "A"}`; C, which needs B, goes with it.
    """
    missing = set(order.ahead) - set(landed)
    behind: dict[str, str] = {}
    for branch in order.branches:  # in merge order: needs come first
        cause = next((need for need in branch.needs if need in missing or need in behind), None)
        if cause is not None:
            behind[branch.task] = cause
    return behind
