"""What the next try of a task goes on from: the session of an earlier one, its files, both, or nothing of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Final

from plait.plans.agents.outcomes import POLICIES, Outcome
from plait.plans.tasks.work import Try

CUT_SHORT: Final[frozenset[Outcome]] = frozenset(
    {
        "timed out",
        "stalled",
        "crashed",
        "cancelled",
        "turn limit",
        "budget spent",
        "rate limited",
        "overloaded",
        "quota ended",
        "login needed",
    }
)
"""Outcomes of work that was not at its end: whoever comes next goes on from its last checkpoint."""


@dataclass(frozen=True, slots=True)
class Continuation:
    """What a try goes on from; by default from nothing, as a first try."""

    session: str | None = None
    """The program's name of the session that is resumed."""
    checkpoint: str | None = None
    """The commit whose files the checkout is to hold, in the place of what the task starts from."""

    @property
    def goes_on(self) -> bool:
        return self.session is not None or self.checkpoint is not None


ANEW: Final = Continuation()


def continuation_of(tries: Sequence[Try], *, role: str, dispatch: str, start: str, resumes: bool) -> Continuation:
    """What the next try goes on from, after these, oldest first.

    Args:
        role: Of the agent that will work: sessions stay with their role.
        dispatch: What the tries of one order share: what came before it is work that counted.
        start: The commit that the task starts from; files of a try that had another start do not fit.
        resumes: Whether the role's program can go on with a session.

    Example: a claude that was stopped at its timeout goes on with its session, on the files that it had left. If that
    fails as well, a new session starts from the last checkpoint of the second. An agent without sessions that had
    no checkpoint yet starts as if nothing had been. A claude whose tests were red goes on with session and files;
    aider starts anew. A repair is given to the session that made the branch; its files are the merge.
    """
    if not tries:
        return ANEW
    last = tries[-1]
    if last.dispatch != dispatch:
        made = next((attempt for attempt in reversed(tries) if attempt.failed is None), None)
        return Continuation(made.session) if made and resumes and _is_of(made, role) else ANEW
    if last.failed is None or last.outcome is None:
        return ANEW
    policy, fits = POLICIES[last.outcome], last.start == start
    wants_session = "same session" in policy.steps or not policy.costs_try
    has_files = fits if last.checkpoint is not None else not last.left_work
    if wants_session and resumes and has_files and _may_resume(tries, role):
        return Continuation(last.session, last.checkpoint)
    if last.outcome in CUT_SHORT and fits:
        return Continuation(checkpoint=last.checkpoint)
    return ANEW


def _is_of(attempt: Try, role: str) -> bool:
    return attempt.agent.rpartition("-")[0] == role


def _may_resume(tries: Sequence[Try], role: str) -> bool:
    """Whether the last try's session is worth going on with: once after each failure that counts, and not twice."""
    last = tries[-1]
    if last.session is None or not _is_of(last, role):
        return False
    same = takewhile(lambda attempt: attempt.session == last.session, reversed(tries))
    counted = sum(POLICIES[attempt.outcome].costs_try for attempt in same if attempt.failed and attempt.outcome)
    return counted <= 1
