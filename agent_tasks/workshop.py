"""What is open during one run: the repository, the crew's agents, the folders, the stop signal."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from plait.blocks.agents.base import CodingAgent
from plait.plans.language.crew import Crew, Role
from plait.plans.language.model import Plan
from plait.plans.tasks.contracts import PlannedContract
from plait.plans.tasks.expansion import PlannedTask
from plait.plans.tasks.work import WorkOrder
from plait.workspace.control import Control
from plait.workspace.verification import Verifier


@dataclass(frozen=True, slots=True)
class Workshop:
    """Everything that steps of work share; opened once by the flow, never stored."""

    run_id: str
    plan: Plan
    crew: Crew
    control: Control
    home: Path
    """PLAIT_HOME."""
    directory: Path
    """This run's own folder below PLAIT_HOME: logs, checkouts, results."""
    base: str
    """The commit that the feature starts from."""
    agents: Mapping[str, CodingAgent]
    """By role."""
    verifier: Verifier
    """Of `integration.verify`."""
    stop: threading.Event
    hear: Callable[[str, str], None]
    """Told a task's id and the last line that its agent printed."""
    tell: Callable[[str], None]
    """Told in a line what a person who watches should know."""
    contracts: tuple[PlannedContract, ...] = ()
    phases: tuple[tuple[str, ...], ...] = ()
    """The tasks of each phase of the plan: they land together or not at all."""

    @property
    def feature(self) -> str:
        return self.plan.feature

    @property
    def cache(self) -> Path:
        return self.home / "cache"

    def contract(self, name: str) -> PlannedContract:
        """The plan's contract of this name."""
        return next(contract for contract in self.contracts if contract.id == name)

    def helpers_of(self, task: PlannedTask) -> tuple[str, ...]:
        """The roles that may do a task while its own has no slot for it; without an agent only what takes none."""
        helpers = self.crew.role(task.role).fallback
        return helpers if task.task.run is not None else tuple(role for role in helpers if role in self.agents)

    def role_of(self, order: WorkOrder) -> Role:
        """The role of the agent that carries an order out; nothing but defaults for a command without a role."""
        return self.crew.role(order.role)

    def setup_of(self, order: WorkOrder) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The set-up commands for an order's checkout and the lock files that decide whether they run again."""
        for holder in (order.task.task, self.role_of(order), self.crew):
            if holder.setup:
                return holder.setup, holder.setup_inputs
        return (), ()

    def folder_of(self, task_id: str) -> Path:
        """Where a task's tries, logs and results are kept."""
        return self.directory / "tasks" / task_id
