"""Brings Prefect's sender of events to its end, in bounded time."""

import queue
import sys
from concurrent.futures import wait
from contextlib import suppress
from typing import Any

GIVES_UP_WITHIN = 12.0
"""Seconds that the sender tries for one event without a server: 10 attempts, most of them a second apart."""


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
