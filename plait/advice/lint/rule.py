"""What a rule of lint is, and what one says of a plan."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from plait.advice.lint.facts import Facts
from plait.plans.language.places import Loc
from plait.plans.wording import listed

_NAMED = 3

Severity = Literal["error", "warning"]
"""error: it cannot run, or never succeed. warning: it runs, and probably not as it is meant."""


def few(names: Sequence[str], *, beyond: int = 0) -> str:
    """`A, B and C`, or `A, B, C and 4 more`; `beyond` are some that have no name here."""
    rest = len(names[_NAMED:]) + beyond
    return listed([*names[:_NAMED], f"{rest} more"] if rest else names, limit=None)


@dataclass(frozen=True, slots=True)
class Hit:
    """A rule applies here; the place in the text is found later."""

    loc: Loc
    """The key concerned, such as `("tasks", 2, "owns", 0)`; of a key that is missing, what it is missing from."""
    message: str
    """What is so, naming tasks and paths, without a full stop."""
    tasks: tuple[str, ...] = ()
    """The plan's ids of the tasks that it is about: what silences go by."""
    hint: str | None = None
    """How to mend this one; None: as the rule says."""
    beyond: int = 0
    """How many more of the kind at this place were not looked at."""


Check = Callable[[Facts], Iterable[Hit]]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of lint, and what its page says of it."""

    code: str
    """`PLAN` and three digits; the first digit tells the kind."""
    name: str
    says: str
    """What it finds, in a sentence."""
    reason: str
    """Why that is bad."""
    fix: str
    """What to do about it."""
    severity: Severity
    check: Check


def rule(
    code: str, name: str, *, says: str, reason: str, fix: str, severity: Severity = "warning"
) -> Callable[[Check], Rule]:
    """Make a rule of a function that goes through the facts of a plan."""

    def made(check: Check) -> Rule:
        return Rule(code, name, says, reason, fix, severity, check)

    return made


def nothing(_: Facts) -> Iterator[Hit]:
    """The check of what is found elsewhere."""
    return iter(())
