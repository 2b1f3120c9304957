"""What whoever calls the flow in this process gets from its final state."""

import pickle
from pathlib import Path

import pytest
from prefect.client.schemas.objects import State
from prefect.exceptions import CancelledRun, FailedRun
from prefect.states import get_state_exception

from plait.flows.feature import DeliveryCancelled, NotDelivered, _state_of
from plait.flows.inputs.parameters import feature_as_written
from plait.plans.tasks.outcomes import RunState
from plait.show.outcome_json import outcome_record
from tests.support.outcomes import an_outcome


@pytest.mark.parametrize(
    ("plan", "feature"),
    [
        ("feature: cart\ntasks: [\n", "cart"),
        ("goal: x\nfeature:  cart-2   # the second\n", "cart-2"),
        ("feature: night-{date}\ntasks: 3\n", ""),
        ("tasks:\n  - {id: A,\n     feature: x}\n", ""),
        ("plans/broken.yaml", "by-path"),
        ("plans/none.yaml", ""),
    ],
)
def test_a_run_whose_plan_has_mistakes_is_called_by_the_feature_that_a_line_of_it_names(
    plan: str, feature: str, tmp_path: Path
) -> None:
    (tmp_path / "plans").mkdir()
    (tmp_path / "plans" / "broken.yaml").write_text("feature: by-path\ntasks: 3\n")
    assert feature_as_written(plan, str(tmp_path)) == feature


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
