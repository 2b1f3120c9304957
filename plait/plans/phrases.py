"""How mistakes are worded: what was written, what could stand there, what it is near to."""

from collections.abc import Iterable
from difflib import get_close_matches
from itertools import islice

_SHOWN = 48
_CANDIDATES = 500
"""difflib takes microseconds a candidate: a hostile plan must not buy minutes of them."""


def quoted(value: object) -> str:
    """The text in quotes, control characters escaped, cut at 48 characters."""
    text = value if isinstance(value, str) else str(value)
    return repr(text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…")


def listed(words: Iterable[str], last: str = "or") -> str:
    """`a, b or c`."""
    every = tuple(words)
    return " ".join((", ".join(every[:-1]), last, every[-1])) if len(every) > 1 else "".join(every)


def near_match(word: str, candidates: Iterable[str]) -> str | None:
    """`did you mean 'backend'?`, or None when nothing is near."""
    by_folded = {candidate.casefold(): candidate for candidate in islice(candidates, _CANDIDATES)}
    found = get_close_matches(word[:100].casefold(), by_folded, n=1, cutoff=0.6)
    return f"did you mean {quoted(by_folded[found[0]])}?" if found else None


def kind_of(value: object) -> str:
    """What was written, in the words of YAML."""
    if value is None or value == "":
        return "nothing"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    return quoted(value)
