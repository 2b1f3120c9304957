"""Prefect in this process: whose server it talks to, and what of it has to be held back or brought to its end."""

import os
import queue
import sys
from collections.abc import Iterator
from concurrent.futures import wait
from contextlib import contextmanager, suppress
from typing import Any

EMBEDDED = "PLAIT_EMBEDDED"
"""Set for the length of a run whose Prefect server dies with it."""
GIVES_UP_WITHIN = 12.0
"""Seconds that the sender tries for one event without a server: 10 attempts, most of them a second apart."""


def is_embedded() -> bool:
    """Whether this process has a Prefect server of its own, which ends with it."""
    return bool(os.environ.get(EMBEDDED))


@contextmanager
def without_heartbeats() -> Iterator[None]:
    """Call a flow without the thread that says it is alive: it costs one second at the flow's end.

    For embedded runs, where no automation listens. The variable PREFECT_FLOWS_HEARTBEAT_FREQUENCY cannot say "never".
    """
    from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

    with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        yield


def finish_events(*, patience: float) -> int:
    """Wait until the states of the task runs are sent, drop what is late, and give how many were dropped.

    To be called before a server is stopped, and before a process ends that may have lost its server: as a process ends,
    the sender tries each event for ten seconds, so that a thousand of them held it for hours.

    Args:
        patience: Seconds to wait for what can be sent; a thousand events take about one.
    """
    module = sys.modules.get("prefect.events.worker")
    if module is None:
        return 0
    senders = list(module.EventsWorker._instances.values())
    late = module.EventsWorker.drain_all(timeout=patience).not_done
    if not late:
        return 0
    dropped = sum(_empty(sender._queue) for sender in senders)
    wait(late, timeout=GIVES_UP_WITHIN)
    return dropped


def _empty(events: "queue.Queue[Any]") -> int:
    """Take everything out, and tell the reader to end."""
    dropped = 0
    with suppress(queue.Empty):
        while True:
            dropped += events.get_nowait() is not None
            events.task_done()
    events.put_nowait(None)
    return dropped
