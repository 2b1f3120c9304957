"""How a command in this process follows the flow that it calls: what Prefect's parameters cannot carry."""

import threading
from contextvars import ContextVar
from dataclasses import dataclass, field

from plait.flows.inputs.requests import Brief
from plait.flows.running.watching import Watcher
from plait.plans.tasks.outcomes import FeatureOutcome


@dataclass(slots=True)
class Call:
    """One call of the flow from a command: the plan as it was read, who follows, and the outcome when it is over."""

    brief: Brief
    plan: str = ""
    """Where the plan was read from, from wherever one looks; nothing of standard input and of a form."""
    stop: threading.Event = field(default_factory=threading.Event)
    watcher: Watcher = field(default_factory=Watcher)
    preflight: bool = True
    """Whether agents wait at the start for what the checks say of base, where that is known soon."""
    outcome: FeatureOutcome | None = None
    trouble: BaseException | None = None
    """What ended the run before it had an outcome."""
    environment: bool = False
    """Whether this machine, not a branch, kept something from landing."""


CALL: ContextVar[Call | None] = ContextVar("plait_call", default=None)
"""Set by `plait run` around the flow; a run of a deployment finds nothing here."""
