"""Pause on the Prefect page: what a person does there is the wish to pause, and what is wished elsewhere is shown."""

import logging
from dataclasses import dataclass
from math import inf
from uuid import UUID

import httpx
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State, StateType
from prefect.states import Paused, Running

from plait.flows.running.watching import Watcher
from plait.workspace.control import Control
from plait.workspace.pausing import ask_to_pause, ask_to_resume, wish_to_pause

EVERY = 2.0
"""Seconds between two looks: each is a request of some 10 ms, made by the loop that starts agents."""
ON_PAGE = "somebody on the Prefect page"

_LOG = logging.getLogger("plait")


@dataclass(slots=True)
class PagePause(Watcher):
    """Keeps the state of the flow run and the wish that is kept beside the repository in step.

    The page offers `Suspend`, which ends the process and has a limit of five minutes by default (Prefect 3.9.1). It
    is made a `Paused` without a limit: the process stays, and `Resume` on the page lets it go on.
    """

    control: Control
    feature: str
    flow_run: UUID
    _is_shown: bool = False
    """Whether the page shows what was wished."""
    _looked_at: float = -inf

    def ticked(self, now: float) -> None:
        """Look at both sides, and bring the one that is behind up to the other; a lost server is for others to tell."""
        if now - self._looked_at < EVERY:
            return
        self._looked_at = now
        try:
            self._compare(wish_to_pause(self.control, self.feature))
        except (httpx.HTTPError, RuntimeError) as problem:
            _LOG.warning("the page could not be asked whether the run is paused: %s", problem)

    def _compare(self, wish: str | None) -> None:
        with get_client(sync_client=True) as client:
            state = client.read_flow_run(self.flow_run).state
        is_paused = state is not None and state.type is StateType.PAUSED
        if is_paused and wish is None and not self._is_shown:  # somebody has paused it on the page
            ask_to_pause(self.control, self.feature, by=ON_PAGE)
            self._show_paused(state)
        elif is_paused and wish is None:  # `plait resume`
            self._set(Running())
        elif not is_paused and wish is not None and self._is_shown:  # somebody has resumed it on the page
            ask_to_resume(self.control, self.feature)
        elif not is_paused and wish is not None:  # `plait pause`
            self._show_paused(state)
        self._is_shown = wish_to_pause(self.control, self.feature) is not None

    def _show_paused(self, state: State | None) -> None:
        """A pause without a time limit that leaves the process alone; from another pause there is only `Running`."""
        if state is not None and state.type is StateType.PAUSED:
            self._set(Running())
        self._set(Paused(reschedule=False))

    def _set(self, state: State) -> None:
        with get_client(sync_client=True) as client:
            client.set_flow_run_state(self.flow_run, state)
