"""Names of tasks in a sentence: the first few, and how many more there are."""

from collections.abc import Sequence

from plait.plans.phrases import listed

_NAMED = 3


def few(names: Sequence[str], *, beyond: int = 0) -> str:
    """`A, B and C`, or `A, B, C and 4 more`; `beyond` are some that have no name here."""
    rest = len(names[_NAMED:]) + beyond
    return listed([*names[:_NAMED], f"{rest} more"] if rest else names, "and")
