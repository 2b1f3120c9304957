"""An open session without Prefect: a plan read, its repository opened, nothing started."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent

from plait.flows.inputs.requests import read_brief
from plait.flows.running.session import Session, open_session
from plait.plans.names import agent_branch
from plait.plans.tasks.work import RepairOrder, WorkOrder


@contextmanager
def opened(
    text: str,
    repository: Path,
    *,
    run_id: str = "run-1",
    only: tuple[str, ...] = (),
    fresh: bool = False,
    base: str | None = None,
    refresh: bool = False,
) -> Iterator[Session]:
    """The session of a plan's text."""
    brief = read_brief(dedent(text), source="plan.yaml", crew=None, folder=repository)
    stop = threading.Event()
    with open_session(
        brief,
        run_id=run_id,
        repository=repository,
        base=base,
        only=only,
        fresh=fresh,
        refresh=refresh,
        stop=stop,
    ) as one:
        yield one


def order_of(
    session: Session,
    task: str,
    *,
    start: str | None = None,
    expected: str | None = None,
    repair: RepairOrder | None = None,
) -> WorkOrder:
    """What the loop would order."""
    planned = next(planned for planned in session.tasks if planned.id == task)
    branch = agent_branch(session.shop.feature, planned.role, task)
    first = start or session.shop.base
    return WorkOrder(
        task=planned, agent=f"{planned.role}-1", start=first, branch=branch, expected=expected, repair=repair
    )
