"""Which values nobody is to read: of variables with the name of a secret, and of all that agents are given."""

import re
from collections.abc import Iterable, Iterator, Mapping

from plait.plans.language.environment import GivenVariable, from_shell, is_secret_name, own_values
from plait.plans.redaction import SHORTEST

_ORDINARY = re.compile(r"[A-Za-z]+|[\w./~-]*/[\w./~-]*")
"""A word, or a path: no secret, and often in what agents and tests print."""
_COMMON = frozenset(["changeme", "disabled", "localhost", "password", "passphrase", "required", "undefined"])
"""What variables of secret names hold where there is nothing to hide; a text without these words would say less."""
_PASSWORD = re.compile(r"://[^/\s:@]*:([^/\s@]+)@")


def secret_values(
    environment: Mapping[str, str], allowed: Iterable[str] = (), *, words: Iterable[str] = ()
) -> tuple[str, ...]:
    """The values to be taken out of texts, each once; of one with several lines also each line.

    Args:
        allowed: Names of variables that agents get, whatever they are called.
        words: Of files that checkouts get from the user's clone.
    """
    secret = [value for name, value in environment.items() if is_secret_name(name)]
    passwords = [password for value in environment.values() for password in _PASSWORD.findall(value)]
    given = (*(environment.get(name, "") for name in allowed), *words)
    values = [*secret, *passwords, *(value for value in given if not _ORDINARY.fullmatch(value))]
    return tuple(dict.fromkeys(line for value in values for line in _lines(value) if _is_telling(line)))


def given_secrets(
    given: Iterable[GivenVariable], shell: Mapping[str, str], *, words: Iterable[str] = ()
) -> tuple[str, ...]:
    """Of the variables that a program gets, the values to be taken out of what it prints."""
    variables = tuple(given)
    names = from_shell(variables)
    known = {**{name: shell[name] for name in names if name in shell}, **own_values(variables)}
    return secret_values(known, names, words=words)


def _lines(value: str) -> Iterator[str]:
    yield value.strip()
    if "\n" in value:  # a key has several
        yield from (line.strip() for line in value.splitlines())


def _is_telling(value: str) -> bool:
    return len(value.encode("utf-8", "surrogatepass")) >= SHORTEST and value.casefold() not in _COMMON
