"""The integrator in a process of its own, as a run does it: lock, reconcile, batch after batch until all is said."""

import os
import sys
import time
from pathlib import Path

from plait.agent_tasks.integrate import integrate
from plait.plans.errors import PlaitError
from plait.plans.tasks.outcomes import BatchState
from plait.plans.tasks.work import BatchOrder, Candidate
from plait.workspace import stale_locks
from tests.chaos.failpoints import Failpoints
from tests.chaos.site import TIP, Order, Site, own_environment
from tests.flows.opened import opened
from tests.workspace.histories import DATE

BATCH = 4
PATIENCE = 6
"""How often in a row git may fail before the process gives up: a git that outlived a kill holds locks for a moment."""


GAVE_UP = 4
"""The exit status of a process that said why it cannot go on; anything else is a fault of plait's."""


def work(folder: str, failpoints: Failpoints | None = None) -> None:
    """Land everything that waits.

    Raises:
        SystemExit: with `GAVE_UP`, where it cannot go on.
    """
    site = Site(Path(folder))
    own_environment(site)
    if failpoints is not None:
        failpoints.put_on_path()
    stale_locks.STALE_LOCK = 0.3
    try:
        _work(site)
    except PlaitError as reason:
        print(f"{TIP}: {reason}", file=sys.stderr)
        sys.exit(GAVE_UP)


def _work(site: Site) -> None:
    with opened(site.plan, site.clone, run_id=f"run-{os.getpid()}-{time.monotonic_ns()}") as session:
        failures = 0
        number = 0
        while batch := site.waiting()[:BATCH]:
            number += 1
            order = BatchOrder(f"batch-{number}", session.shop.run_id, _candidates(batch), DATE)
            outcome = integrate.fn(order, session.shop.facts).outcome
            for rejection in outcome.rejected:
                site.tell(rejection.task, rejection.kind)
            for held in outcome.held:
                site.tell(held.task, "held")
            failures = failures + 1 if outcome.state is BatchState.INFRASTRUCTURE else 0
            if failures == PATIENCE:
                raise PlaitError(f"it cannot land: {outcome.reason}")
            time.sleep(0.1 * failures)


def _candidates(batch: list[Order]) -> tuple[Candidate, ...]:
    refs = (f"refs/heads/feature/storm/agent/command/{order.task}" for order in batch)
    return tuple(
        Candidate(order.task, order.tip, tuple(order.needs), title=f"Do {order.task}", ref=ref)
        for order, ref in zip(batch, refs, strict=True)
    )
