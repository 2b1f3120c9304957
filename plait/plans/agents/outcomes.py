"""What a try of an agent came to, in a closed list, and what is done about each: one table."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from plait.plans.usage import Usage

Outcome = Literal[
    "done",
    "empty",
    "false done",
    "out of scope",
    "check failed",
    "permission denied",
    "rate limited",
    "overloaded",
    "quota ended",
    "login needed",
    "budget spent",
    "turn limit",
    "timed out",
    "stalled",
    "crashed",
    "cancelled",
]
"""The first five, `done` aside, are found by the harvest; the others by the program's stream, its end and the door."""

Step = Literal["accept", "same session", "new try", "other agent", "fallback role", "pause account", "person", "stop"]


@dataclass(frozen=True, slots=True)
class Policy:
    """What is done about an outcome: each step in turn, until one can be done."""

    steps: tuple[Step, ...]
    costs_try: bool = True
    """false: it belongs to the account, to a person or to the run, and not to the work."""
    hint: str = ""
    """What a person can do about it, in a sentence."""


_AGAIN: Final[tuple[Step, ...]] = ("same session", "new try", "other agent", "fallback role", "person")
_AFRESH: Final[tuple[Step, ...]] = ("new try", "other agent", "fallback role", "person")

POLICIES: Final[Mapping[Outcome, Policy]] = MappingProxyType(
    {
        "done": Policy(("accept",)),
        "empty": Policy(_AGAIN),
        "false done": Policy(_AGAIN),
        "out of scope": Policy(_AFRESH),
        "check failed": Policy(_AGAIN),
        "permission denied": Policy(
            ("new try", "fallback role", "person"), hint="see what was denied: allow it in the role, or ask for less"
        ),
        "rate limited": Policy(("pause account",), costs_try=False),
        "overloaded": Policy(("pause account",), costs_try=False),
        "quota ended": Policy(("pause account",), costs_try=False),
        "login needed": Policy(("pause account",), costs_try=False, hint="log the program in, or give it a key"),
        "budget spent": Policy(("person",), costs_try=False, hint="raise its `usd` or `tokens`, and run again"),
        "turn limit": Policy(_AGAIN),
        "timed out": Policy(("same session", "new try", "fallback role", "person")),
        "stalled": Policy(_AGAIN),
        "crashed": Policy(_AGAIN),
        "cancelled": Policy(("stop",), costs_try=False),
    }
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a program's stream, its end and the door say together. `done` is a claim until the harvest has looked."""

    outcome: Outcome
    reason: str = ""
    """In a sentence for people; empty when it is done."""
    words: str = ""
    """The agent's last words, or its error, in a line."""
    until: float | None = None
    """Of the four that belong to the account: when it works again, in seconds since the epoch, where it is known."""
    usage: Usage | None = None
    session: str | None = None
    answer: str | None = None
    """Structured output as JSON, where it was asked for and given."""
    denials: tuple[str, ...] = ()
    """Tools that were denied, each with its reason, in a line."""
    notes: tuple[str, ...] = ()
    """What people should know although it decides nothing: an MCP server that failed, an untested version."""
