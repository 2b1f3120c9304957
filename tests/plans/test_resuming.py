"""What the next try of a task goes on from."""

from datetime import UTC, datetime
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.plans.agents.outcomes import POLICIES, Outcome
from plait.plans.tasks.resuming import ANEW, CUT_SHORT, Continuation, continuation_of
from plait.plans.tasks.work import Try

THEN = datetime(2026, 1, 1, tzinfo=UTC)
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)


def a_try(
    outcome: Outcome = "crashed",
    *,
    session: str | None = "s1",
    checkpoint: str | None = "c1",
    dispatch: str = "work",
    agent: str = "backend-1",
    start: str = "base",
    failed: bool = True,
    left_work: bool = True,
) -> Try:
    return Try(
        1,
        dispatch,
        agent,
        THEN,
        THEN,
        "why" if failed else None,
        outcome=outcome,
        start=start,
        session=session,
        checkpoint=checkpoint,
        left_work=left_work,
    )


def after(*tries: Try, resumes: bool = True, dispatch: str = "work", start: str = "base") -> Continuation:
    return continuation_of(tries, role="backend", dispatch=dispatch, start=start, resumes=resumes)


def test_a_first_try_starts_from_nothing() -> None:
    assert after() == ANEW
    assert not ANEW.goes_on


@pytest.mark.parametrize("outcome", sorted(CUT_SHORT))
def test_work_that_was_cut_short_goes_on_with_its_session_on_its_files(outcome: Outcome) -> None:
    assert after(a_try(outcome)) == Continuation("s1", "c1")


@pytest.mark.parametrize("outcome", ["empty", "false done", "check failed"])
def test_work_that_does_not_pass_goes_back_to_its_session_and_anew_to_whoever_has_none(outcome: Outcome) -> None:
    assert after(a_try(outcome)) == Continuation("s1", "c1")
    assert after(a_try(outcome), resumes=False) == ANEW


@pytest.mark.parametrize("outcome", ["out of scope", "permission denied"])
def test_what_a_session_would_only_repeat_is_begun_anew(outcome: Outcome) -> None:
    assert after(a_try(outcome)) == ANEW


def test_an_agent_without_sessions_goes_on_from_the_last_checkpoint_where_there_is_one() -> None:
    assert after(a_try("timed out"), resumes=False) == Continuation(None, "c1")
    assert after(a_try("timed out", checkpoint=None), resumes=False) == ANEW
    assert after(a_try("timed out", agent="frontend-1")) == Continuation(None, "c1")


def test_a_session_is_tried_once_after_a_failure_that_counts_and_then_a_new_one_begins_on_its_files() -> None:
    twice = (a_try("crashed"), a_try("crashed", checkpoint="c2"))
    assert after(*twice) == Continuation(None, "c2")
    assert after(*twice, a_try("crashed", session="s2", checkpoint="c3")) == Continuation("s2", "c3")


def test_refusals_by_an_account_do_not_use_up_a_session() -> None:
    assert after(*[a_try("quota ended")] * 5) == Continuation("s1", "c1")


def test_no_session_is_resumed_whose_files_are_lost() -> None:
    assert after(a_try("crashed", checkpoint=None)) == ANEW
    assert after(a_try("crashed", checkpoint=None, left_work=False)) == Continuation("s1", None)


def test_files_of_another_start_do_not_fit() -> None:
    assert after(a_try("crashed"), start="newer base") == ANEW


def test_a_repair_goes_to_the_session_that_made_the_branch_without_its_files() -> None:
    made = a_try("done", failed=False, checkpoint=None)
    assert after(a_try("crashed", session="s0"), made, dispatch="repair 1") == Continuation("s1", None)
    assert after(made, dispatch="repair 1", resumes=False) == ANEW
    assert after(a_try("done", failed=False, agent="frontend-1"), dispatch="repair 1") == ANEW


TRIES = st.builds(
    a_try,
    st.sampled_from(OUTCOMES),
    session=st.sampled_from([None, "s1", "s2"]),
    checkpoint=st.sampled_from([None, "c1", "c2"]),
    dispatch=st.sampled_from(["work", "repair 1"]),
    agent=st.sampled_from(["backend-1", "backend-2", "frontend-1"]),
    start=st.sampled_from(["base", "newer"]),
    failed=st.booleans(),
    left_work=st.booleans(),
)


@given(st.lists(TRIES, max_size=6), st.booleans())
def test_whatever_went_before_a_session_is_the_roles_own_and_a_checkpoint_is_the_last_trys(
    tries: list[Try], resumes: bool
) -> None:
    found = continuation_of(tries, role="backend", dispatch="work", start="base", resumes=resumes)
    if found.session is not None:
        assert resumes
        assert found.session in {attempt.session for attempt in tries if attempt.agent.startswith("backend-")}
    if found.checkpoint is not None:
        last = tries[-1]
        assert (last.checkpoint, last.start, last.dispatch) == (found.checkpoint, "base", "work")
        assert last.failed is not None
        assert last.outcome is not None
        assert "accept" not in POLICIES[last.outcome].steps
