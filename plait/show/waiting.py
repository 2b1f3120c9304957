"""What a run waits for that only a person can do, and how long is left beside that, in words."""

from collections.abc import Iterable, Sequence

from plait.plans.phrasing import listed, spell_roughly
from plait.plans.tasks.outcomes import Approval
from plait.show.progress import Eta


def asked_for(asked: Approval) -> str:
    """`the contract cart-api v1, written by API`; not escaped."""
    return f"the contract {asked.contract} v{asked.version}, written by {asked.owner}"


def held_by(asked: Approval) -> str:
    """`PAGE and TESTS start after that`; nothing where nobody waits; not escaped."""
    return f"{listed(asked.holds)} {'starts' if len(asked.holds) == 1 else 'start'} after that" if asked.holds else ""


def spell_left(eta: Eta, asked: Sequence[Approval] = (), *, spread: bool = True) -> str:
    """`about 12 min left (8 min to 20 min)`: the median, and what four of five runs end within.

    While a person is waited for, no spread: `about 12 min left, plus the time until cart-api is approved`.
    Nothing once the median is over.
    """
    if eta.p50_seconds <= 0:
        return ""
    left = f"about {spell_roughly(eta.p50_seconds)} left"
    if asked:
        return f"{left}, plus the time until {_named(asked)} approved"
    low, high = spell_roughly(eta.p10_seconds), spell_roughly(eta.p90_seconds)
    return f"{left} ({low} to {high})" if spread and low != high else left


def _named(asked: Iterable[Approval]) -> str:
    names = tuple(dict.fromkeys(one.contract for one in asked))
    return f"{listed(names)} {'is' if len(names) == 1 else 'are'}"
