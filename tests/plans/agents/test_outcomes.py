"""Each outcome of a try has its policy."""

from typing import get_args

from plait.plans.agents.outcomes import POLICIES, Outcome


def test_each_outcome_has_a_policy_and_nothing_else_has() -> None:
    assert set(POLICIES) == set(get_args(Outcome))


def test_what_belongs_to_the_account_costs_no_try() -> None:
    pausing = {outcome for outcome, policy in POLICIES.items() if "pause account" in policy.steps}

    assert pausing == {"rate limited", "overloaded", "quota ended", "login needed"}
    assert not any(POLICIES[outcome].costs_try for outcome in pausing)


def test_only_what_is_done_is_accepted() -> None:
    assert [outcome for outcome, policy in POLICIES.items() if "accept" in policy.steps] == ["done"]
