"""The secrets that this process knows of: taken out of texts for people, prompts, messages, records and logs."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache

from plait.plans.language.secret_values import secret_values
from plait.plans.redaction import Redaction
from plait.workspace.output import plain

_KNOWN: Counter[str] = Counter()
"""How many runs of this process know of each."""
_BLOCKS: dict[str, str] = {}
"""The Secret blocks that a run of this process has opened: their values are in no plan, order or file."""


class Redactor:
    """Takes secrets out of texts that are kept or shown; what is left is fit for terminals, JSON and databases."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._redaction = Redaction([encoded(secret) for secret in secrets])

    def __call__(self, text: str) -> str:
        return self._redaction.hide(plain(text).encode()).decode("utf-8", "replace")


@contextmanager
def kept_secret(secrets: Iterable[str]) -> Iterator[None]:
    """Inside, these are in no log that a program of ours writes, and in no text that `without_secrets` has seen."""
    values = Counter(dict.fromkeys(secrets, 1))
    _KNOWN.update(values)
    try:
        yield
    finally:
        _KNOWN.subtract(values)
        for value in [value for value in values if _KNOWN[value] <= 0]:
            del _KNOWN[value]


@contextmanager
def opened_blocks(values: Mapping[str, str]) -> Iterator[None]:
    """Inside, these Secret blocks have these values, which are in no log and no text either."""
    _BLOCKS.update(values)
    with kept_secret(secret_values({f"SECRET_{number}": value for number, value in enumerate(values.values())})):
        yield


def opened_block(name: str) -> str | None:
    """The value of a Secret block; nothing where no run has opened it."""
    return _BLOCKS.get(name)


def known_secrets() -> tuple[str, ...]:
    """All of them, in the order in which they became known."""
    return tuple(_KNOWN)


def without_secrets(text: str) -> str:
    """The text without any secret that is known now."""
    return _redactor(known_secrets())(text)


@lru_cache(maxsize=8)
def _redactor(secrets: tuple[str, ...]) -> Redactor:
    return Redactor(secrets)


def encoded(secret: str) -> bytes:
    """A secret as programs print it; what came from the environment may hold bytes that are no text."""
    try:
        return secret.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return secret.encode("utf-8", "replace")
