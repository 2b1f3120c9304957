"""What whoever calls the flow in this process gets from its final state."""

import pickle

import pytest
from prefect.client.schemas.objects import State
from prefect.exceptions import CancelledRun, FailedRun
from prefect.states import get_state_exception

from plait.flows.feature import DeliveryCancelled, NotDelivered, _state_of
from plait.plans.tasks.outcomes import RunState
from plait.show.outcome_json import outcome_record
from tests.support.outcomes import an_outcome


@pytest.mark.parametrize(("state", "name"), [(RunState.COMPLETED, "Completed"), (RunState.PARTIAL, "PartialSuccess")])
def test_a_run_that_landed_something_gives_branch_commit_and_outcome(state: RunState, name: str) -> None:
    outcome = an_outcome(state=state)
    final: State[object] = _state_of(outcome)

    assert (final.type.value, final.name) == ("COMPLETED", name)
    assert final.data == {"branch": outcome.branch, "commit": outcome.commit, "outcome": outcome_record(outcome)}


@pytest.mark.parametrize(
    ("state", "error", "of_prefect"),
    [(RunState.FAILED, NotDelivered, FailedRun), (RunState.CANCELLED, DeliveryCancelled, CancelledRun)],
)
def test_a_run_that_did_not_end_well_raises_what_prefect_would_and_carries_the_same(
    state: RunState, error: type[NotDelivered], of_prefect: type[Exception]
) -> None:
    outcome = an_outcome(state=state, reason="nothing works")
    final: State[object] = _state_of(outcome)

    raised = get_state_exception(final)

    assert isinstance(raised, error)
    assert isinstance(raised, of_prefect)
    assert str(raised) == final.message
    assert str(raised).endswith("nothing works")
    assert raised.result is not None
    assert raised.result["outcome"]["state"] == state.value


def test_its_errors_survive_pickling_and_a_message_alone() -> None:
    again = pickle.loads(pickle.dumps(NotDelivered("no", {"branch": "b"})))  # noqa: S301
    assert (str(again), again.result) == ("no", {"branch": "b"})
    assert (str(DeliveryCancelled("no")), DeliveryCancelled("no").result) == ("no", None)
