"""Pause on the Prefect page: what a person does there is the wish to pause, and what is wished elsewhere is shown."""

import logging
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas import OrchestrationResult
from prefect.client.schemas.objects import State
from prefect.client.schemas.responses import SetStateStatus
from prefect.states import Paused, Running

from plait.flows.running.watching import Watcher
from plait.workspace.control import Control
from plait.workspace.pause_wishes import ask_to_pause, ask_to_resume, wish_to_pause

EVERY = 2.0
"""Seconds between two looks: each is a request of some 10 ms, made by the loop that starts agents."""
AFTER_TROUBLE = 30.0
"""Seconds until the next look when one has failed."""
PATIENCE = 5.0
"""Seconds that an answer is waited for."""
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
    _look_at: float = 0.0

    def ticked(self, now: float) -> None:
        """Look at both sides, and bring the one that is behind up to the other; a lost server is for others to tell."""
        if now < self._look_at:
            return
        self._look_at = now + EVERY
        try:
            self._compare(wish_to_pause(self.control, self.feature))
        except Exception as problem:  # whatever it is, also a flow run that was deleted on the page: the run goes on
            self._look_at = now + AFTER_TROUBLE
            _LOG.warning("the page could not be asked whether the run is paused: %s", problem)

    def _compare(self, wish: str | None) -> None:
        with _client() as client:
            state = client.read_flow_run(self.flow_run).state
        if state is None:
            return
        if state.is_paused() and wish is None and not self._is_shown:  # somebody has paused it on the page
            ask_to_pause(self.control, self.feature, by=ON_PAGE)
            self._is_shown = self._show_paused(state)
        elif state.is_paused() and wish is None:  # `plait resume`
            self._is_shown = not self._set(Running())
        elif state.is_running() and wish is not None and self._is_shown:  # somebody has resumed it on the page
            ask_to_resume(self.control, self.feature)
            self._is_shown = False
        elif state.is_running() and wish is not None:  # `plait pause`
            self._is_shown = self._show_paused(state)
        elif state.is_paused():
            self._is_shown = True

    def _show_paused(self, state: State) -> bool:
        """A pause without a time limit that leaves the process alone; from another pause there is only `Running`."""
        return (not state.is_paused() or self._set(Running())) and self._set(Paused(reschedule=False))

    def _set(self, state: State) -> bool:
        """Whether the server has taken it: a run that is being cancelled is not paused any more."""
        with _client() as client:
            answer: OrchestrationResult[Any] = client.set_flow_run_state(self.flow_run, state)
        if answer.status is not SetStateStatus.ACCEPT:
            _LOG.warning("the page could not be made to show %s: %s", state.name, answer.details)
        return answer.status is SetStateStatus.ACCEPT


def _client() -> SyncPrefectClient:
    """One that gives up soon: it is asked by the loop that starts agents."""
    return get_client(sync_client=True, httpx_settings={"timeout": PATIENCE})
