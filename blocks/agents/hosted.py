"""Agents that are no program of their own: they live in a process of plait's, the agent host, under the same shim."""

import importlib.util
import sys
from abc import ABC
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Literal

from plait import agent_host
from plait.agent_host.orders import HostOrder
from plait.blocks.agents.base import AgentOrder, AgentReport
from plait.blocks.agents.program import ProgramAgent
from plait.plans.agents.launching import Launch, LaunchFile, LaunchOrder
from plait.plans.errors import EnvironmentProblem
from plait.plans.language.backends import BACKENDS, Backend

_START = Path(agent_host.__file__).with_name("start.py")


class HostedAgent(ProgramAgent, ABC):
    """What the blocks of hosted agents share; each has its own order for the host, and a library of its own."""

    kind: ClassVar[Literal["model", "acp"]]

    def work(self, order: AgentOrder) -> AgentReport:
        """
        Carry the order out in a process of its own.

        Raises:
            EnvironmentProblem: The library is not installed.
        """
        require_library(self.kind)
        return super().work(order)

    def launch(self, order: LaunchOrder) -> Launch:
        """The host, with its order in a file that it deletes as soon as it has read it."""
        path = f"{order.temporary}/host-order.json"
        return Launch(
            # The environment is the agent's, and so is the folder that it starts in: neither says what is imported.
            argv=(sys.executable, "-I", str(_START), path),
            without=self.hidden_variables(order),
            files=(LaunchFile(path, self.host_order(order).as_json()),),
            reads=(str(_START.parents[1]), *import_path()),
        )

    def host_order(self, order: LaunchOrder) -> HostOrder:
        """What the host is asked for."""
        raise NotImplementedError

    def hidden_variables(self, order: LaunchOrder) -> frozenset[str]:
        """Those that must not be in its environment."""
        return frozenset(self.facts.keys) if order.door else frozenset()


def require_library(backend: Backend) -> None:
    """
    Look whether a backend's library is there, without importing it: that takes seconds.

    Raises:
        EnvironmentProblem: It is not installed.
    """
    if importlib.util.find_spec(BACKENDS[backend].library) is None:
        raise EnvironmentProblem(
            f"the backend {backend} needs a library that is not installed",
            hint=f"pip install 'prefect-plait[{backend}]'",
        )


def import_path() -> tuple[str, ...]:
    """Where this process has its modules from; the folder that it was started in is none of them."""
    return tuple(place for place in sys.path if place.startswith("/"))


def placed(values: Mapping[str, str], words: tuple[str, ...]) -> tuple[str, ...]:
    """Words of a command, with values in the place of those that stand for one."""
    return tuple(values.get(word, word) for word in words)
