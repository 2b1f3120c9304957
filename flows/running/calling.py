"""How a command in this process follows the flow that it calls: what Prefect's parameters cannot carry."""

import threading
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field

from plait.flows.inputs.requests import Brief
from plait.flows.running.book import Book
from plait.plans.tasks.outcomes import FeatureOutcome


@dataclass(slots=True)
class Call:
    """One call of the flow from a command: the plan as it was read, who listens, and the outcome when it is over."""

    brief: Brief
    stop: threading.Event = field(default_factory=threading.Event)
    on_start: Callable[[Book], None] = lambda _book: None
    """Given the book of the run as soon as there is one."""
    on_note: Callable[[str], None] = lambda _text: None
    """Told what a person should know: notices, steps, warnings."""
    outcome: FeatureOutcome | None = None
    trouble: BaseException | None = None
    """What ended the run before it had an outcome."""
    environment: bool = False
    """Whether this machine, not a branch, kept something from landing."""


CALL: ContextVar[Call | None] = ContextVar("plait_call", default=None)
"""Set by `plait run` around the flow; a run of a deployment finds nothing here."""
