"""How long an account is left alone that has refused: until the time that it names, else longer each time."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from plait.plans.accounts.named_times import LATEST
from plait.plans.accounts.refusals import Kind, Refusal

QUOTA_WAIT: Final = 6 * 3_600.0
"""Seconds that a run waits for accounts when nothing else goes on in it: longer than the windows of five hours."""

_FIRST: Final[Mapping[Kind, float]] = MappingProxyType({"quota": 300.0, "login": 120.0, "overload": 60.0})
_LONGEST: Final[Mapping[Kind, float]] = MappingProxyType({"quota": 3_600.0, "login": 900.0, "overload": 900.0})
"""Seconds without a time that is named: a quota comes back within hours, a login when a person has mended it, an
overload within minutes. Each refusal in a row doubles it."""
_SOONEST: Final = 5.0
"""Seconds that the first pause takes at least although it is named."""
_SLACK: Final = 2.0
"""Seconds after the time that is named: clocks differ."""
_SPREAD: Final = 0.1
_WIDEST_SPREAD: Final = 60.0


@dataclass(frozen=True, slots=True)
class AccountPause:
    """Why nothing is started with an account, and until when."""

    kind: Kind
    words: str
    """What a program said last."""
    since: float
    """Seconds since the epoch, as all moments here: when it refused first after it had worked."""
    until: float
    is_named: bool = False
    """Whether `until` is what it said itself."""
    in_a_row: int = 1
    """How often it has refused since it last worked, those that began beside each other counted once."""
    waited: float = 0.0
    """Seconds that it has cost since it last worked: those in which the run did nothing but wait for it, and from the
    second refusal in a row on what the refused tries had taken."""

    def is_on(self, now: float) -> bool:
        """Whether nothing may start now."""
        return now < self.until


def paused_by(refusal: Refusal, now: float, *, before: AccountPause | None = None, worked: float = 0.0) -> AccountPause:
    """The pause that a refusal makes of what was before; `worked`: the seconds that the refused try had taken.

    Example: three refusals without a time, of a quota: 5, 10 and 20 minutes. One that names a time ends then, but no
    sooner than an overload would: `retry after 1 s`, said again and again, starts nobody every second.
    """
    beside = before is not None and before.is_on(now)
    in_a_row = 1 if before is None else before.in_a_row + (not beside)
    ends = refusal.until if refusal.until is not None and now < refusal.until <= now + LATEST else None
    if ends is None:
        until = now + _doubled(refusal.kind, in_a_row, first=_FIRST[refusal.kind])
    else:
        until = max(ends + _SLACK, now + _doubled("overload", in_a_row, first=_SOONEST))
    named = ends is not None
    pause = AccountPause(refusal.kind, refusal.words, now, until, is_named=named, in_a_row=in_a_row)
    if before is None:
        return pause
    if beside and not named:  # what is known is kept: this one does not know better, and was started before it
        pause = replace(pause, kind=before.kind, words=before.words, until=before.until, is_named=before.is_named)
    elif beside:
        pause = replace(pause, until=max(until, before.until))
    return replace(pause, since=before.since, waited=before.waited + (0.0 if beside else worked))


def spread_out(pause: AccountPause, now: float, share: float) -> AccountPause:
    """The pause with a part of its length added, so that not all who wait for it come back in the same second.

    Args:
        pause: Until when it is.
        now: Seconds since the epoch.
        share: From 0 to 1, drawn at random: of the tenth of its length, of at most a minute, that it may grow by.
    """
    room = min(_WIDEST_SPREAD, (pause.until - now) * _SPREAD)
    return replace(pause, until=pause.until + max(0.0, room) * share)


def _doubled(kind: Kind, in_a_row: int, *, first: float) -> float:
    return min(_LONGEST[kind], first * 2.0 ** min(in_a_row - 1, 20))
