"""One order carried out by the agent host: which agent, and how each way of its end is told."""

import asyncio
import ctypes
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from plait.agent_host.orders import HostOrder
from plait.agent_host.telling import Teller
from plait.plans.agents.stream import Ended

FAILED: Final = 1
"""Exit status where the agent has not done what was asked; its last event says why."""
NOT_INSTALLED: Final = 3
_UNREADABLE: Final = 4
"""PR_SET_DUMPABLE of Linux."""


def host(text: bytes) -> int:
    """Carry out the order in this process, and give its exit status."""
    teller = Teller.in_place_of_output()
    _hide_memory()
    order = HostOrder.from_json(text)
    try:
        return asyncio.run(_until_told_to_stop(_agent_of(order, teller), teller))
    except ImportError as problem:  # pydantic-ai wraps those of its providers
        missing = problem.__cause__ if isinstance(problem.__cause__, ImportError) else problem
        extra = f"pip install 'prefect-plait[{order.kind}]'"
        teller.tell(Ended("unclear", words=f"the backend {order.kind} cannot import {missing.name}: {extra}"))
        return NOT_INSTALLED


def _agent_of(order: HostOrder, teller: Teller) -> Callable[[], Awaitable[int]]:
    """The libraries of the other kind are not imported."""
    if order.kind == "model":
        from plait.agent_host.model_agent import ModelWork  # noqa: PLC0415

        return ModelWork(order, teller).run
    from plait.agent_host.acp_client import AcpWork  # noqa: PLC0415

    return AcpWork(order, teller).run


async def _until_told_to_stop(work: Callable[[], Awaitable[int]], teller: Teller) -> int:
    """SIGTERM ends the work at its next pause, with what it has to say and to keep."""
    task = asyncio.ensure_future(work())
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    try:
        return await task
    except asyncio.CancelledError:
        teller.tell(Ended("interrupted", words="stopped"))
        return 128 + signal.SIGTERM


def _hide_memory() -> None:
    """No command that a model runs may read this process: its environment has the key of the provider.

    It helps against commands of the same user, and not where the user is root.
    """
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_UNREADABLE, 0, 0, 0, 0)
