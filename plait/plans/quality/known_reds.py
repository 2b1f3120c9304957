"""What of a red tree is red on base as well: with `integration.base: new-failures` that does not count."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from plait.plans.quality.failing_tests import MOST
from plait.plans.wording import listed


@dataclass(frozen=True, slots=True)
class RedCommand:
    """A command that failed, as far as it is known what of it."""

    stage: str
    """Empty for a plain command."""
    command: str
    failing: tuple[str, ...] = ()
    """The tests that failed; nothing where none is named."""
    timed_out: bool = False

    @property
    def words(self) -> str:
        """`` `pytest` in tests/test_cart.py::test_total``."""
        return f"`{self.command}`{f' in {listed(self.failing, limit=5)}' if self.failing else ''}"


def new_failures(red: RedCommand, known: Iterable[RedCommand]) -> RedCommand | None:
    """What of a red command is new: the same with the tests that are not red on base; nothing where all of it is.

    Where base names its tests the tree has to name its own: a run that broke off before any test is another failure.
    A time-out is excused by a time-out alone, and a list of names that is cut off by nothing.

    >>> before = RedCommand("", "pytest", ("a", "b"))
    >>> new_failures(RedCommand("", "pytest", ("b",)), [before]) is None
    True
    >>> new_failures(RedCommand("", "pytest", ("b", "c")), [before]).failing
    ('c',)
    """
    before = next((other for other in known if (other.stage, other.command) == (red.stage, red.command)), None)
    if before is None or (red.timed_out and not before.timed_out) or len(red.failing) >= MOST:
        return red
    if not before.failing:
        return None
    fresh = _without(red.failing, before.failing)
    if red.failing and not fresh:
        return None
    return RedCommand(red.stage, red.command, fresh, red.timed_out)


def _without(names: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    before = frozenset(known)
    return tuple(name for name in names if name not in before)
