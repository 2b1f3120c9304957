"""Who waits for what another task has to tell, also when both go again."""

from pathlib import Path

import pytest

from plait.flows.delivering import prepare_run
from plait.flows.running.running import FeatureRun
from plait.flows.servers.client import EMBEDDED
from plait.plans.schedule.dispatch import Start
from plait.plans.tasks.outcomes import TaskState
from tests.flows.opened import opened

PLAN = """
    feature: cart
    goal: Fill a cart.
    tasks:
      - {id: SHOW, run: echo web > web.txt}
      - {id: TEST, run: echo test > test.txt, needs: [{task: SHOW, kind: information}]}
"""


@pytest.fixture(autouse=True)
def embedded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Role slots are files: these tests have no server."""
    monkeypatch.setenv(EMBEDDED, "1")


def may_start(run: FeatureRun, task: str) -> bool:
    """What the loop asks when it is about to start a task."""
    return run.may_start(Start(run.dispatcher.layout.jobs[run.dispatcher.layout.graph.place[task]], "command", 1))


def test_a_task_that_goes_again_together_with_its_informant_waits_for_it_once_more(repository: Path) -> None:
    """Both were done, and the contract that they rest on has changed: nobody holds them back any more."""
    with opened(PLAN, repository) as session:
        run = prepare_run(session, tell=lambda _text: None)
        informant = session.book.entries["SHOW"]
        run.waiting.causes.clear()

        assert not may_start(run, "TEST")

        informant.state, informant.commit = TaskState.DONE, "1" * 40
        run.informing.look()
        assert may_start(run, "TEST")


def test_what_was_given_up_is_not_waited_for_again(repository: Path) -> None:
    with opened(PLAN, repository) as session:
        run = prepare_run(session, tell=lambda _text: None)

        assert run.informing.give_up()
        assert may_start(run, "TEST")
        assert not run.informing.give_up()


def test_whom_others_wait_to_read_is_as_urgent_as_in_the_forecast(repository: Path) -> None:
    plan = """
        feature: cart
        goal: Fill a cart.
        tasks:
          - {id: ALONE, run: "true", duration: 2h}
          - {id: SHOW, run: "true", duration: 1h}
          - {id: TEST, run: "true", duration: 3h, needs: [{task: SHOW, kind: information}]}
    """
    with opened(plan, repository) as session:
        run = prepare_run(session, tell=lambda _text: None)

        assert run.dispatcher.ready[0] == "SHOW"
