"""Whom a red batch suspects at first: by what was rejected before, and by the files that its output names."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

_NAMED = 0.5
"""How probable it is that one of the branches that changed a file named in the failing output is to blame for it."""
_DOUBT = 2.0
"""How many batches it takes until what was seen of a role or a path counts for half."""
_WORD = re.compile(r"[\w.+@-]+(?:/[\w.+@-]+)*")
_SHORTEST = 4
"""Of a name without a folder: `a.py`; shorter ones are words of any text."""


@dataclass(frozen=True, slots=True)
class Tally:
    """How often branches of one kind were in a batch, and how often rejected."""

    rejected: float = 0.0
    taken: float = 0.0

    def share(self, usual: float) -> float:
        """Of them who was rejected; `usual` where little was seen."""
        return (self.rejected + _DOUBT * usual) / (self.taken + _DOUBT)


@dataclass(frozen=True, slots=True)
class Changes:
    """What is known of a branch before it is tested with others."""

    role: str = ""
    paths: Collection[str] = ()
    """The files that it changed, from the root."""


def suspicions(
    branches: Mapping[str, Changes],
    *,
    output: str = "",
    by_role: Mapping[str, Tally] | None = None,
    by_path: Mapping[str, Tally] | None = None,
) -> dict[str, float]:
    """By branch, how probable it is (0 to 1) that it is bad, of a batch of which one at least is.

    Example: of ten branches one changed `shop/cart.py`, and the output says `shop/cart.py:7: TypeError`: that one has
    0.5, and the others 0.1 each. `output` is what the failing command printed, or the end of it.
    """
    if not branches:
        return {}
    usual = 1.0 / len(branches)
    words = set(_WORD.findall(output))
    named = {name: _names(changes.paths, words) for name, changes in branches.items()}
    blamed = sum(named.values())
    priors = {}
    for name, changes in branches.items():
        shares = [(by_role or {}).get(changes.role, Tally()).share(usual)]
        shares += [(by_path or {})[path].share(usual) for path in changes.paths if path in (by_path or {})]
        # Where nearly all of them changed what is named, as a lock file or the one test file, that tells little.
        told = _NAMED / blamed if named[name] and blamed < len(branches) else 0.0
        priors[name] = min(0.9, max(told, *shares))
    return priors


def _names(paths: Collection[str], words: Collection[str]) -> bool:
    """Whether a path is named, from the root, below another folder, or by the file's own name."""
    for path in paths:
        base = path.rpartition("/")[2]
        if len(base) < _SHORTEST:
            continue
        if any(word in (path, base) or word.endswith(f"/{path}") for word in words):
            return True
    return False
