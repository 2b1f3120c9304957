"""The model door of a run, opened with the first agent that goes through it, and each try's way in."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from plait.door.model_door import ModelDoor
from plait.door.price_files import load_prices
from plait.plans.agents.door_sight import DoorSight
from plait.plans.agents.launching import DoorEntry
from plait.plans.budgets.doors import upstream_of, variables_of
from plait.plans.budgets.limits import Expense, Limits
from plait.plans.language.backends import Backend
from plait.workspace.environment import our_values, user_environment


@dataclass(frozen=True, slots=True)
class WayIn:
    """How one try reaches its provider; by default by its program's own login or key."""

    entry: DoorEntry | None = None
    sight: Callable[[], DoorSight] | None = None
    """What the door saw of it by now."""
    socket: Path | None = None
    """The door's unix socket, for whoever has no network."""


@dataclass(slots=True)
class RunDoor:
    """One door for all agents of a run."""

    home: Path
    run: str
    run_limits: Limits = field(default_factory=Limits)
    day_limits: Limits = field(default_factory=Limits)
    _door: ModelDoor | None = None
    _opening: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def way_in(
        self,
        task: str,
        backend: Backend,
        *,
        model: str | None,
        account: str,
        limits: Limits,
        environment: Mapping[str, str],
    ) -> Iterator[WayIn]:
        """Inside, a try has its token; afterwards that is worth nothing.

        Args:
            environment: What the agent is given: a key in it goes before those of ours.

        Raises:
            CallError: the address or the key of its provider is none, or the list of prices has mistakes.
        """
        values = {**our_values(variables_of(backend, model)), **environment}
        upstream = upstream_of(backend, model, values)
        if upstream is None:
            yield WayIn()
            return
        door = self._opened()
        entry = door.open_for(task, upstream, account=account, limits=limits)
        try:
            yield WayIn(entry, lambda: door.sight_of(entry), door.socket)
        finally:
            door.close(entry)

    @property
    def expense(self) -> Expense:
        """What has gone through it."""
        door = self._door
        return door.run_expense if door is not None else Expense()

    def end(self, words: str) -> None:
        """Let nothing more through: the run's budget is spent."""
        door = self._door
        if door is not None:
            door.end_budget(words)

    def shut(self) -> None:
        """Close it, where it was opened."""
        with self._opening:
            door, self._door = self._door, None
        if door is not None:
            door.shut()

    def _opened(self) -> ModelDoor:
        with self._opening:
            if self._door is None:
                self._door = ModelDoor(
                    self.home,
                    prices=load_prices(self.home),
                    environment=user_environment(),
                    run=self.run,
                    run_limits=self.run_limits,
                    day_limits=self.day_limits,
                )
            return self._door
