"""A name and an address as git writes them: `Name <mail>`."""

import re
from dataclasses import dataclass

_PERSON = re.compile(r"([^<>]+) <([^<>\s]+)>")
_NOT_IN_A_HEADER = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_CRUD = "".join(map(chr, range(33))) + ".,:;<>\"\\'"
"""What git drops at both ends of a name and of an address."""


@dataclass(frozen=True, slots=True)
class Person:
    """Who has written or signed off a commit."""

    name: str
    mail: str

    def __str__(self) -> str:
        return f"{self.name} <{self.mail}>"


PLAIT = Person("plait", "plait@localhost")
"""The committer of all commits that plait makes, and the author of its merges where nobody else is named."""


def read_person(text: str) -> Person:
    """What `Name <mail>` says.

    Raises:
        ValueError: it is something else, or git would write something else.
    """
    parts = _PERSON.fullmatch(text)
    if parts is None or _NOT_IN_A_HEADER.search(text) or len(text) > 200:
        raise ValueError("must be a name and an address, such as Ada Byron <ada@example.com>")
    person = Person(parts[1], parts[2])
    if any(word != strip_name(word) for word in (person.name, person.mail)):
        raise ValueError("has a blank, a point or a quotation mark where git drops it: at an end of name or address")
    return person


def strip_name(word: str) -> str:
    """A name or an address as git keeps it; nothing where git refuses it."""
    return word.strip(_CRUD)
