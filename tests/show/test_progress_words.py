"""What a person is waited for, and how long is left beside that, in words."""

from plait.plans.tasks.outcomes import Approval
from plait.show.progress import Eta, asked_for, held_by, spell_left
from tests.support.outcomes import at

ETA = Eta(at=at(0), p10_seconds=300, p50_seconds=723, p80_seconds=900, p90_seconds=1200)


def asked(contract: str = "cart-api", *holds: str) -> Approval:
    return Approval(contract=contract, version=1, owner="API", asked_at=at(0), holds=holds)


def test_the_time_that_is_left_is_told_with_its_spread_and_no_finer_than_it_is_known() -> None:
    assert spell_left(ETA) == "about 12 min left (5 min to 20 min)"
    assert spell_left(ETA, spread=False) == "about 12 min left"


def test_beside_a_person_there_is_no_spread_that_could_mislead() -> None:
    assert spell_left(ETA, [asked()]) == "about 12 min left, plus the time until cart-api is approved"
    both = spell_left(ETA, [asked(), asked("prices"), asked()])
    assert both == "about 12 min left, plus the time until cart-api and prices are approved"


def test_nothing_is_left_once_the_median_is_over() -> None:
    assert spell_left(ETA.after(at(800))) == ""


def test_who_wrote_it_and_who_waits_for_it_are_named() -> None:
    assert asked_for(asked()) == "the contract cart-api v1, written by API"
    assert held_by(asked("cart-api", "PAGE")) == "PAGE starts after that"
    assert held_by(asked("cart-api", "PAGE", "TESTS")) == "PAGE and TESTS start after that"
    assert held_by(asked()) == ""
