"""Tells a name that a person gave a flow run from one that Prefect drew."""

import re
from functools import cache
from importlib.resources import files

_STAR = re.compile(
    r"(alpha|beta|gamma|delta|epsilon|zeta|eta|theta|iota|kappa|lambda|mu|nu|xi|omicron|pi|rho|sigma|tau|upsilon|phi|chi"
    r"|psi|omega)[0-9]*-([a-z]+(ae|i|is|um)|doradus)(-[a-z]+)?"
)
"""What the page's form proposes, as `gamma3-orionis` (Prefect 3.9's first page; its second one proposes nothing)."""


def is_generated(name: str) -> bool:
    """Whether nobody typed the name: the server draws an adjective and an animal, as `witty-octopus`."""
    first, _, second = name.partition("-")
    adjectives, animals = _words()
    return _STAR.fullmatch(name) is not None or (first in adjectives and second in animals)


@cache
def _words() -> tuple[frozenset[str], frozenset[str]]:
    """The words that Prefect's names are drawn from: first ones and second ones."""
    lists = [file for file in files("coolname.data").iterdir() if file.name.endswith(".txt")]
    kept = {file.name: _lines(file.read_text(encoding="utf-8")) for file in lists}
    animals = [words for name, words in kept.items() if name.startswith("animal")]
    others = [words for name, words in kept.items() if not name.startswith("animal")]
    return frozenset().union(*others), frozenset().union(*animals)


def _lines(text: str) -> frozenset[str]:
    return frozenset(filter(None, map(str.strip, text.splitlines())))
