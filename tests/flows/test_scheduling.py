"""A plan with a schedule: refused where later nights would find nothing to do, in whatever form the plan is given."""

from pathlib import Path
from textwrap import dedent

import pytest

from plait.flows.landing import LandCall, land_feature, undo_feature
from plait.flows.scheduling import PlanDeployment, cron_schedule, planned_deployment
from plait.plans.errors import CallError
from tests.flows.finished import PLAN, finish, stand_elsewhere
from tests.flows.opened import opened
from tests.flows.test_bundles import BUNDLE, land, work
from tests.flows.test_bundles import PLAN as BUNDLES

NIGHTLY = "0 2 * * *"


def deployed(plan: Path | str, repository: Path, *, cron: str = NIGHTLY) -> list[str]:
    """What is doubtful of it; CallError: it is refused."""
    doubts: list[str] = []
    wanted = PlanDeployment(str(plan), str(repository), cron=cron, timezone="Europe/Berlin")
    planned_deployment(wanted, say=doubts.append)
    return doubts


@pytest.mark.parametrize("place", ["shop/plan.yaml", "beside it/my plan.yaml"])
def test_a_schedule_over_what_has_landed_is_refused_whether_the_plan_is_deployed_as_path_or_as_text(
    repository: Path, place: str
) -> None:
    plan = repository.parent / place
    plan.parent.mkdir(exist_ok=True)
    plan.write_text(dedent(PLAN))
    assert "once 'cart' has landed, later nights find nothing to do" in deployed(plan, repository)[0]
    finish(repository)

    with pytest.raises(CallError, match="'cart' has landed as the plan is") as refused:
        deployed(plan, repository)
    assert "nightly-{date}" in refused.value.hint
    assert deployed(plan, repository, cron="") == []
    plan.write_text(dedent(PLAN).replace("feature: cart", "feature: cart-{date}"))
    assert deployed(plan, repository) == []


def test_what_landed_as_a_bundle_has_landed(repository: Path) -> None:
    plan = repository / "plan.yaml"
    plan.write_text(dedent(BUNDLES))
    with opened(BUNDLES, repository) as session:
        tip = work(session, BUNDLE)
        land(repository, tip)
        assert deployed(plan, repository)
        land(repository, work(session, "LIST", start=tip))

    with pytest.raises(CallError, match="'labels' has landed as the plan is"):
        deployed(plan, repository)


def test_what_was_taken_back_out_of_base_is_done_anew_and_may_have_a_schedule(repository: Path) -> None:
    plan = repository / "plan.yaml"
    plan.write_text(dedent(PLAN))
    finish(repository)
    stand_elsewhere(repository)
    assert land_feature(LandCall("cart", repository)).is_done
    assert undo_feature("cart", repository).state == "undone"

    assert deployed(plan, repository)


@pytest.mark.parametrize(
    ("cron", "told"),
    [
        ("0 2 * *", "is not a schedule"),
        ("every night", "is not a schedule"),
        ("* * * * * *", "more than five fields"),
        ("0 2 31 2 *", "never comes"),
    ],
)
def test_what_is_no_schedule_is_refused(cron: str, told: str) -> None:
    with pytest.raises(CallError, match=told) as refused:
        cron_schedule(cron, "UTC")
    assert "0 2 * * *" in refused.value.hint


@pytest.mark.parametrize("cron", ["0 2 * * *", "@daily", "30 1 * * mon-fri", "0 2 29 2 *"])
def test_what_comes_is_a_schedule(cron: str) -> None:
    assert cron_schedule(cron, "Europe/Berlin").cron == cron
