"""Which edition of a plan a run is: the one that a person names, one that was killed, or today's."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime
from typing import TYPE_CHECKING

from plait.plans.errors import CallError
from plait.plans.language.editions import Edition, edition_of
from plait.plans.wording import quoted

if TYPE_CHECKING:  # the machine of a run comes with it, which `check` has no use for
    from plait.flows.runs import KnownRun


def edition_of_today() -> Edition:
    """The one of this machine's day."""
    import secrets

    return Edition(datetime.now().astimezone().date(), secrets.token_hex(4))


def named_edition(template: str, day: str) -> Edition:
    """The edition that a person names: by its day, such as `2026-11-30`, or its whole name.

    Raises:
        CallError: it is neither, or the plan has no editions of days.
    """
    named = edition_of(template, day) if template else None
    if named is not None:
        today = edition_of_today()
        return Edition(named.day if "{date}" in template else today.day, named.run or today.run)
    if "{date}" not in template:
        raise CallError(
            f"the plan has no edition of {quoted(day)}: its feature's name does not change with the day",
            hint="put {date} into it, such as `feature: nightly-{date}`",
        )
    try:
        return replace(edition_of_today(), day=date.fromisoformat(day))
    except ValueError:
        raise CallError(f"{quoted(day)} is not a day", hint="write it as 2026-11-30") from None


def killed_edition(template: str, runs: "Iterable[KnownRun]") -> Edition | None:
    """The newest edition of a plan, if its run was killed: whoever runs the plan again goes on with that one.

    Args:
        runs: Those of the repository, newest first.
    """
    newest = next((run for run in runs if run.template == template), None)
    if newest is None or newest.alive or newest.has_ended:
        return None
    killed = edition_of(template, newest.feature)
    # What the name does not hold is today's: nothing of the killed one is told by it.
    if killed is None:
        return None
    today = edition_of_today()
    return Edition(killed.day if "{date}" in template else today.day, killed.run or today.run)
