"""Why a task failed, as one of a few kinds, and what helps against each: said at the end of a run and in its report.

What crosses the end of a Prefect task is one string, so the kind is read from the reason: from its first line, which is
ours, and of what programs printed only from words that mean one thing.
"""

import re
from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from plait.plans.accounts.refusals import Kind, kind_of


class FailureCause(StrEnum):
    """What kept a task from being done."""

    SETUP = "set-up"
    MISSING_PROGRAM = "missing program"
    MISSING_MODULE = "missing module"
    LOGIN = "no login"
    QUOTA = "quota"
    TIMEOUT = "timeout"
    SILENCE = "silence"
    FLOOD = "flood"
    MEMORY = "memory"
    SIGNAL = "signal"
    IDLE = "nothing changed"
    SCOPE = "not its files"
    OUTPUTS = "promised files"
    CONTRACT = "contract"
    MARKERS = "conflict markers"
    CHECK = "check"
    COMMAND = "command"
    AGENT = "agent"
    UNKNOWN = "unknown"


ADVICE = {
    FailureCause.SETUP: "mend `setup` of its role or of the crew (no agent has worked)",
    FailureCause.MISSING_PROGRAM: "install the program that is missing, or have `setup` do it",
    FailureCause.MISSING_MODULE: "have `setup` install what its checks import, unless that is what it had to make",
    FailureCause.LOGIN: "log the agent's program in, or pass its key on with `environment`",
    FailureCause.QUOTA: "run it again when the account has quota, or give the role another agent",
    FailureCause.TIMEOUT: "give it a longer `timeout`, or cut it smaller",
    FailureCause.SILENCE: "see what it waited for, or give its role a longer `stall`",
    FailureCause.FLOOD: "have it print less",
    FailureCause.MEMORY: "give it more memory, or cut it smaller",
    FailureCause.SIGNAL: "see who killed its process: often the machine had no memory left",
    FailureCause.IDLE: "say more in its prompt, or that it may change nothing (`changes: optional`)",
    FailureCause.SCOPE: "widen `owns`, or tell it in its prompt which files are its own",
    FailureCause.OUTPUTS: "name the promised files in its prompt, or mend `outputs`",
    FailureCause.CONTRACT: "look at the contract with its owner, or say more of it in the prompt",
    FailureCause.MARKERS: "mend it yourself with `plait resolve`",
    FailureCause.CHECK: "look at what its check printed, then say more in its prompt, or cut it smaller",
    FailureCause.COMMAND: "look at its command, and at what that printed",
    FailureCause.AGENT: "look at what its agent printed last, then at the crew's command for it",
    FailureCause.UNKNOWN: "see why in its log",
}
"""The end of a sentence."""


class _Sign(NamedTuple):
    cause: FailureCause
    pattern: re.Pattern[str]
    everywhere: bool = False
    """Whether it is looked for in all that a program printed, and not in our own first line alone."""


def _sign(cause: FailureCause, pattern: str, *, everywhere: bool = False) -> _Sign:
    return _Sign(cause, re.compile(pattern, re.IGNORECASE), everywhere)


_MISSING = (
    r"exit status 12[67]\b|: (?:command )?not found\s*$|^env: .*no such file or directory|"
    r"cannot (?:be )?start(?:ed)?\b|could not be started|the program .* was not found|is not installed|"
    r"^npm .*missing script"
)
_SIGNS = (
    _sign(FailureCause.SETUP, r"\bset-up (?:failed|of)\b|^the set-up\b"),
    _sign(FailureCause.TIMEOUT, r"was stopped at its timeout|` timed out"),
    _sign(FailureCause.SILENCE, r"without a word"),
    _sign(FailureCause.FLOOD, r"printed too much"),
    _sign(FailureCause.MEMORY, r"too much memory"),
    _sign(FailureCause.IDLE, r"changed nothing"),
    _sign(FailureCause.SCOPE, r"it changed what it does not own|\bprotected\b"),
    _sign(FailureCause.OUTPUTS, r"what it promised is not there"),
    _sign(FailureCause.CONTRACT, r"\bthe contract\b"),
    _sign(FailureCause.MARKERS, r"conflict markers are left over"),
    _sign(FailureCause.MISSING_PROGRAM, _MISSING, everywhere=True),
)
_OF_AGENTS = (
    _sign(FailureCause.SIGNAL, r"was killed by"),
    _sign(FailureCause.COMMAND, r"^the script ended"),
    _sign(FailureCause.AGENT, r"^the agent "),
)
_OF_ACCOUNTS: dict[Kind, FailureCause] = {
    "login": FailureCause.LOGIN,
    "quota": FailureCause.QUOTA,
    "overload": FailureCause.QUOTA,
}
_OF_CHECKS = (
    _sign(
        FailureCause.MISSING_MODULE,
        r"ModuleNotFoundError|No module named|Cannot find (?:module|package)",
        everywhere=True,
    ),
    _sign(FailureCause.CHECK, r"` failed"),
)


def cause_of(reason: str | None) -> FailureCause:
    """The kind of a reason as tasks and tries have it.

    Example: "it said that it was done, but `pytest -q` failed:\\nsh: 1: pytest: not found" is a missing program, and
    "the agent ended with exit status 1: Please log in" no login.
    """
    lines = [line.strip() for line in (reason or "").splitlines() if line.strip()]
    if not lines:
        return FailureCause.UNKNOWN
    first = lines[0].removeprefix("rejected, and the repair failed: ")
    is_agents = first.startswith(("the agent ", "the script "))
    refusal: Kind | None = next(filter(None, map(kind_of, lines)), None) if is_agents else None
    return (
        _first_sign(_SIGNS, first, lines)
        or (_OF_ACCOUNTS[refusal] if refusal else None)
        or _first_sign(_OF_AGENTS if is_agents else _OF_CHECKS, first, lines)
        or FailureCause.UNKNOWN
    )


def _first_sign(signs: Iterable[_Sign], first: str, lines: list[str]) -> FailureCause | None:
    for sign in signs:
        if sign.pattern.search(first) or (sign.everywhere and any(sign.pattern.search(line) for line in lines)):
            return sign.cause
    return None


def advice_for(cause: FailureCause) -> str:
    """What helps, as the end of a sentence."""
    return ADVICE[cause]
