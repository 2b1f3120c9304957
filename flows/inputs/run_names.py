"""Tells a name that a person gave a flow run from one that Prefect drew."""

from functools import cache
from importlib.resources import files
from string import digits


def is_generated(name: str) -> bool:
    """Whether nobody typed the name: the server draws one where none is given, the forms of its two pages propose one.

    Example: `witty-octopus` is the server's, `gamma3-orionis` the first page's, `Ergonomic-Toucan` the second one's.
    """
    first, _, rest = name.partition("-")
    adjectives, animals = _words()
    if first in adjectives and rest in animals:
        return True
    if first in _proposed("second page, 1") and rest in _proposed("second page, 2"):
        return True
    return first.rstrip(digits) in _proposed("first page, 1") and _is_star(rest)


def _is_star(name: str) -> bool:
    """`orionis`, or with the third word that is not always there: `canis-majoris-nebula`."""
    stars = _proposed("first page, 2")
    star, _, region = name.rpartition("-")
    return name in stars or (star in stars and region in _proposed("first page, 3"))


@cache
def _proposed(which: str) -> frozenset[str]:
    """Words of which a form makes names (Prefect 3.9.0, `server/ui/assets` and `server/ui-v2/assets`)."""
    paragraphs = files("plait.flows.inputs").joinpath("drawn_names.txt").read_text(encoding="utf-8").split("\n\n")
    _, _, words = next(paragraph for paragraph in paragraphs if paragraph.startswith(which)).partition(":")
    return frozenset(words.split())


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
