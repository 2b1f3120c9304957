"""Runs what the agent host runs, in this process: its import of a second is paid once, and its events come back."""

import asyncio
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest import mock

from plait.agent_host.orders import HostOrder
from plait.agent_host.telling import Teller
from plait.plans.agents.event_lines import EventLineReader
from plait.plans.agents.launching import LaunchOrder
from plait.plans.agents.stream import AgentEvent, Ended
from tests.support.agents import ENVIRONMENT


def host_order(kind: Any, folder: Path, *, url: str = "", command: tuple[str, ...] = (), **given: Any) -> HostOrder:
    """An order whose checkout, HOME and temporary folder are in `folder`."""
    for name in ("checkout", "home", "temporary"):
        (folder / name).mkdir(exist_ok=True)
    launch = LaunchOrder(
        **{
            "program": kind,
            "prompt": "Say hello.",
            "directory": str(folder / "checkout"),
            "home": str(folder / "home"),
            "temporary": str(folder / "temporary"),
            "new_session": "session-1",
            **given,
        }
    )
    return HostOrder(kind, launch, tuple(sys.path), url=url, command=command)


def worked(order: HostOrder, environment: Mapping[str, str] | None = None) -> tuple[AgentEvent, ...]:
    """All that it tells, in order; the last event is its end."""
    variables = {**ENVIRONMENT, "HOME": order.launch.home, **(environment or {})}
    log = Path(order.launch.temporary) / "events"
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    try:
        with mock.patch.dict(os.environ, variables, clear=True):
            status = asyncio.run(_work(order, Teller(descriptor)).run())
    finally:
        os.close(descriptor)
    reader = EventLineReader()
    events = (*reader.feed(log.read_bytes()), *reader.close())
    assert (status == 0) == (ended(events).ending == "completed")
    return events


def ended(events: tuple[AgentEvent, ...]) -> Ended:
    """The last event, which is its end."""
    last = events[-1]
    assert isinstance(last, Ended)
    return last


def of_kind(events: tuple[AgentEvent, ...], *kinds: type) -> list[Any]:
    """Those of some kinds."""
    return [event for event in events if isinstance(event, kinds)]


def _work(order: HostOrder, teller: Teller) -> Any:
    if order.kind == "model":
        from plait.agent_host.model_agent import ModelWork

        return ModelWork(order, teller)
    from plait.agent_host.acp_client import AcpWork

    return AcpWork(order, teller)
