"""Pause and Cancel on the Prefect page: what a person does there is done here, and a pause from elsewhere is shown."""

import logging
import threading
from contextvars import copy_context
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas import OrchestrationResult
from prefect.client.schemas.objects import State
from prefect.client.schemas.responses import SetStateStatus
from prefect.states import Paused, Running

from plait.flows.running.watching import LiveRun, Watcher
from plait.plans.tasks.planned_contracts import Record
from plait.workspace.control import Control
from plait.workspace.pause_wishes import ask_to_pause, ask_to_resume, wish_to_pause

EVERY = 1.0
"""Seconds between two looks: each is a request of some 10 ms."""
AFTER_TROUBLE = 30.0
"""Seconds until the next look when one has failed."""
PATIENCE = 5.0
"""Seconds that an answer is waited for; also for the last one, at the end of the run."""
ON_PAGE = "somebody on the Prefect page"
WAITING = "Waiting for approval"
"""The name of the state while a person is asked: agents that need no answer go on, so it is a kind of running."""

_LOG = logging.getLogger("plait")


@dataclass(slots=True)
class PagePause(Watcher):
    """Keeps the state of the flow run and the wish that is kept beside the repository in step, in a thread of its own.

    The page offers `Suspend`, which ends the process and has a limit of five minutes by default (Prefect 3.9.1). It
    is made a `Paused` without a limit: the process stays, and `Resume` on the page lets it go on. `Cancel` stops the
    run from here as well: no runner of Prefect's looks after `plait run`, and a suspended run becomes `Cancelled` at
    once, since Prefect takes its process to be gone (`BypassCancellingFlowRunsWithNoInfra`).
    """

    control: Control
    feature: str
    flow_run: UUID
    stop: threading.Event
    """Set when the run was cancelled on the page."""
    _is_shown: bool = False
    """Whether the page shows what was wished."""
    _asked: set[str] = field(default_factory=set)
    """The contracts that a person is asked about."""
    _ended: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def ticked(self, _now: float) -> None:
        """Begin to look, with the run's first tick: a slow server must not keep the loop from starting agents."""
        if self._thread is None:
            # Prefect keeps the settings of a run in its context, and a thread begins with an empty one.
            within = partial(copy_context().run, self._follow)
            self._thread = threading.Thread(target=within, name="plait-page-pause", daemon=True)
            self._thread.start()

    def asked(self, draft: Record) -> None:
        """The state's name says so, with the next look."""
        self._asked.add(draft.contract)

    def answered(self, contract: str, _record: Record | None) -> None:
        self._asked.discard(contract)

    def ended(self, _live: LiveRun) -> None:
        """Look no more: from here on the state is the flow's own."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join(PATIENCE)

    def _follow(self) -> None:
        """Bring the side that is behind up to the other, again and again; a lost server is for others to tell."""
        wait, is_over = 0.0, False
        while not is_over:
            is_over, wait = self._ended.wait(wait), EVERY
            if is_over and not self.stop.is_set():
                return
            try:
                self._compare(wish_to_pause(self.control, self.feature))
            except Exception as problem:  # whatever it is, also a flow run that was deleted there: the run goes on
                wait = AFTER_TROUBLE
                _LOG.warning("the page could not be asked whether the run is paused: %s", problem)

    def _compare(self, wish: str | None) -> None:
        with _client() as client:
            state = client.read_flow_run(self.flow_run).state
        if state is None:
            return
        if state.is_cancelling() or state.is_cancelled():
            self.stop.set()
            if wish == ON_PAGE:  # whoever starts it there again does not look for a pause
                ask_to_resume(self.control, self.feature)
        elif self._ended.is_set():  # the last look is for that alone: a signal may have come before it was seen
            return
        elif state.is_paused() and wish is None and not self._is_shown:  # somebody has paused it on the page
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
        elif state.is_running() and state.name != (shown := WAITING if self._asked else Running().name):
            self._set(Running(name=shown))

    def _show_paused(self, state: State) -> bool:
        """A pause without a time limit that leaves the process alone; from another pause there is only `Running`."""
        return (not state.is_paused() or self._set(Running())) and self._set(Paused(reschedule=False))

    def _set(self, state: State) -> bool:
        """Whether the server has taken it: a run that is being cancelled, or is over, is not paused any more."""
        if self._ended.is_set():
            return False
        with _client() as client:
            answer: OrchestrationResult[Any] = client.set_flow_run_state(self.flow_run, state)
        if answer.status is not SetStateStatus.ACCEPT:
            _LOG.warning("the page could not be made to show %s: %s", state.name, answer.details)
        return answer.status is SetStateStatus.ACCEPT


def _client() -> SyncPrefectClient:
    """One that gives up soon: the end of the run waits for its answer."""
    return get_client(sync_client=True, httpx_settings={"timeout": PATIENCE})
