"""What a try of an agent program came to, by all that is known: its stream, its end, its account, the model door."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from types import MappingProxyType
from typing import Final, Literal

from plait.plans.accounts.refusals import Refusal, kind_of, last_lines, refusal_in
from plait.plans.agents.course import Course, course_of
from plait.plans.agents.door_sight import DoorSight
from plait.plans.agents.outcomes import Outcome, Verdict
from plait.plans.agents.program_ends import ENDS, ProgramEnds
from plait.plans.agents.stream import AgentEvent, Ended
from plait.plans.language.backends import Backend
from plait.plans.usage import Usage
from plait.plans.wording import count, listed, one_line

Cause = Literal[
    "exited",
    "signalled",
    "timeout",
    "stalled",
    "cancelled",
    "flooded",
    "memory",
    "lost",
    "not started",
    "going nowhere",
    "budget",
]
"""Why its process is gone: by itself, or ended by us. The first eight are those of `plait/workspace/process.py`; it is
`going nowhere` when `is_going_nowhere` was seen, and `budget` when its tokens or dollars were at their limit."""

ZoneOf = Callable[[str], tzinfo | None]

_ENDED_BY_US: Final[Mapping[Cause, tuple[Outcome, str]]] = MappingProxyType(
    {
        "timeout": ("timed out", "it was stopped at its timeout"),
        "stalled": ("stalled", "it was stopped after a long time without a word"),
        "going nowhere": ("stalled", "it asked for an answer again and again, and got no whole one"),
        "budget": ("budget spent", "it was stopped at the limit of its budget"),
        "flooded": ("crashed", "it was stopped because it printed too much"),
        "memory": ("crashed", "it was stopped because it used too much memory"),
    }
)
_MAY_HAVE_ENDED: Final[frozenset[Cause]] = frozenset({"timeout", "stalled"})
"""What it said before counts: a program may say that it has ended, and then wait for something that it started."""

_BY_STATUS: Final[Mapping[int, Outcome]] = MappingProxyType(
    {
        401: "login needed",
        402: "quota ended",
        429: "rate limited",
        **dict.fromkeys((500, 502, 503, 504, 529), "overloaded"),
    }
)
"""403 is not in it: it may be a matter of what was asked; 400 neither, unless its words speak of the account."""
_IN_WORDS: Final[Mapping[str, Outcome]] = MappingProxyType({"quota": "quota ended", "login": "login needed"})
_RATE: Final = re.compile(r"\brate[ _-]?limit|RateLimit|too many requests|\b429\b|RetryableQuotaError", re.IGNORECASE)
_COLOURS: Final = re.compile(r"\x1b\[[0-9;:?]{0,20}[A-Za-z]")
_SHOWN: Final = 300


def verdict(
    backend: Backend,
    events: Iterable[AgentEvent] | Course,
    *,
    status: int | None,
    stderr_tail: str,
    cause: Cause,
    now: datetime,
    zone_of: ZoneOf,
    door: DoorSight | None = None,
    before: Usage | None = None,
) -> Verdict:
    """What a try came to.

    Exit status 0 proves nothing, and a stream without its end neither: such a try has crashed. What the door saw wins
    over what a program says, and what belongs to the account over what our limits did meanwhile. `done` is a claim.

    Args:
        events: All of the try, or what they came to. A backend without a table is judged by these and its exit alone.
        status: Its exit status; negative where a signal ended it.
        stderr_tail: The last that it printed to standard error.
        now: With the zone of this machine, for times that a refusal names.
        before: What the session's earlier tries have used up in all.

    Example: claude ends with `is_error: true, api_error_status: 429`: rate limited, whatever `subtype: success` says.
    """
    course = events if isinstance(events, Course) else course_of(events)
    case = _Case(course, ENDS.get(backend, ProgramEnds()), status, stderr_tail, cause, door, now, zone_of)
    judged = case.judged()
    session = None if case.lost_session else course.spending.session
    return replace(
        judged,
        words=judged.words or case.words,
        usage=_usage(course, door, before),
        session=session,
        answer=course.ended.answer if course.ended else None,
        denials=course.denials,
        notes=tuple(_notes(case)),
    )


def when_empty(judged: Verdict) -> Verdict:
    """What a try is that changed nothing although its program says done: not allowed to, where a tool was denied."""
    if judged.outcome != "done":
        return judged
    if judged.denials:
        return replace(judged, outcome="permission denied", reason=_denied(judged.denials))
    return replace(judged, outcome="empty", reason="it says that it is done, and changed nothing")


@dataclass(frozen=True, slots=True)
class _Case:
    """All that is known of a try that is over."""

    course: Course
    ends: ProgramEnds
    status: int | None
    stderr_tail: str
    cause: Cause
    door: DoorSight | None
    now: datetime
    zone_of: ZoneOf

    def judged(self) -> Verdict:
        ended, by_us = self.course.ended, _ENDED_BY_US.get(self.cause)
        if self.cause == "cancelled":
            return Verdict("cancelled", "the run was cancelled")
        if self.door and self.door.spent:
            return Verdict("budget spent", f"the model door stopped it: {one_line(self.door.spent, _SHOWN)}")
        if self.cause == "budget":
            return Verdict(*_ENDED_BY_US["budget"])
        if self.door and self.door.refusal:
            return self._refused_at_door(self.door.refusal, self.door.status)
        if ended and (by_us is None or self.cause in _MAY_HAVE_ENDED):
            return self._by_its_word(ended)
        if refused := self._refused_while_waiting():
            return refused
        if by_us is not None:
            return Verdict(*by_us)
        return self._without_a_word()

    def _by_its_word(self, ended: Ended) -> Verdict:
        match ended.ending:
            case "completed":
                return self._completed()
            case "provider error":
                return self._provider_error(ended)
            case "turn limit":
                return Verdict("turn limit", "it was at the limit of its turns")
            case "budget":
                return Verdict("budget spent", "it was at the limit of its own budget")
        if self.cause in _ENDED_BY_US:
            return Verdict(*_ENDED_BY_US[self.cause])  # our signal is what interrupted it
        if known := self.ends.known_words(ended.words):
            return Verdict(known.outcome, known.reason)
        if ended.ending == "refused":
            return Verdict("crashed", "its model refused to answer")
        return Verdict(
            "crashed", "it was interrupted" if ended.ending == "interrupted" else "it ended in no good order"
        )

    def _completed(self) -> Verdict:
        if self.cause not in _MAY_HAVE_ENDED and self.status not in (0, None):
            return Verdict("crashed", f"it says that it is done, and ended with {_spelled(self.status)}")
        answered = self.door.status if self.door else None
        if not self.ends.is_told_of_errors and answered is not None and answered >= 400:
            outcome = _BY_STATUS.get(answered, "crashed")
            return Verdict(outcome, f"it says that it is done, and its provider's last answer was {answered}")
        if self.course.denials and not self.course.has_worked:
            return Verdict("permission denied", _denied(self.course.denials))
        return Verdict("done")

    def _provider_error(self, ended: Ended) -> Verdict:
        status = ended.status or self.ends.provider_status(self.status)
        # `API Error: 429` ends it, and the warning before that tells which quota it was: the more telling one first.
        warned = self._lately() if status in (429, None) else ()
        lines = sorted((ended.words, *warned), key=lambda line: kind_of(line) in (None, "overload"))
        if refused := self._of_account(status, lines):
            return replace(refused, words=one_line(ended.words, _SHOWN))
        if known := self.ends.known_words(ended.words):
            return Verdict(known.outcome, known.reason)
        return Verdict("crashed", f"its provider gave no good answer{f' (status {status})' if status else ''}")

    def _refused_while_waiting(self) -> Verdict | None:
        """Ended by us, or by itself, while its provider refused it: that is why nothing came."""
        retrying = self.course.retrying
        if retrying is None or retrying.is_broken or self.cause in ("flooded", "memory"):
            return None
        return self._of_account(retrying.status, (retrying.words,))

    def _without_a_word(self) -> Verdict:
        """Its process is gone, and its stream has no end."""
        if known := self.ends.known_status(self.status):
            return Verdict(known.outcome, known.reason)
        words = self.printed
        if known := self.ends.known_words(words):
            return Verdict(known.outcome, known.reason)
        if self.status != 0 or not self.course.has_worked:
            lines = tuple(one_line(line, 2_000) for line in last_lines(words, few=self.course.has_worked))
            if refused := self._of_account(self.ends.provider_status(self.status), lines):
                return refused
        if self.status == 0 and self.course.is_denied_last:
            return Verdict("permission denied", f"it ended when it was denied a tool: {self.course.denials[-1]}")
        if self.cause == "not started":
            return Verdict("crashed", "it could not be started")
        if self.cause == "lost":
            return Verdict("crashed", "nobody knows how it ended")
        return Verdict("crashed", f"it ended with {_spelled(self.status)}, and did not say how")

    def _refused_at_door(self, refusal: Refusal, status: int | None) -> Verdict:
        outcome = _outcome_of(refusal, status, refusal.words)
        return Verdict(outcome, _told_of_account(outcome, status), one_line(refusal.words, _SHOWN), until=refusal.until)

    def _of_account(self, status: int | None, lines: Iterable[str]) -> Verdict | None:
        """What an error says of the account; nothing where it is about something else."""
        told = tuple(line for line in lines if line)
        refusal = refusal_in(told, self.now, self.zone_of)
        is_about_request = status is not None and 400 <= status < 500 and status not in _BY_STATUS
        if refusal is not None and not (is_about_request and refusal.kind == "overload"):
            outcome = _outcome_of(refusal, status, refusal.words)
        elif status is not None and status in _BY_STATUS:
            outcome = _BY_STATUS[status]
        else:
            return None
        until = refusal.until if refusal else None
        return Verdict(
            outcome, _told_of_account(outcome, status), one_line(told[0], _SHOWN) if told else "", until=until
        )

    def _lately(self) -> tuple[str, ...]:
        """Its last warning, which may name a time: claude tells when a subscription's window ends."""
        return tuple(reversed(self.course.warnings[-3:]))

    @property
    def words(self) -> str:
        """The last words that it has for people, or the last line of what it printed."""
        ended, work = self.course.ended, self.course.work
        if ended:
            return one_line(ended.words, _SHOWN) or work.words
        if self.course.retrying and self.course.retrying.words:
            return one_line(self.course.retrying.words, _SHOWN)
        printed = one_line(next(iter(last_lines(self.printed, few=True)), ""), _SHOWN)
        has_failed = self.cause == "not started" or (self.cause == "exited" and self.status != 0)
        return (printed or work.words) if has_failed else (work.words or work.tool or printed)

    @property
    def printed(self) -> str:
        """What it printed that was no event, without the colours of a terminal."""
        return _COLOURS.sub("", "\n".join((*self.course.texts, self.stderr_tail)))

    @property
    def lost_session(self) -> bool:
        """Whether nobody can go on with its session: it is not there, or too long. Only its errors say so."""
        ended = self.course.ended
        if ended is None:
            return not self.course.has_worked and self.ends.is_session_lost(self.printed)
        return ended.ending in ("provider error", "unclear", "refused") and self.ends.is_session_lost(ended.words)


def _outcome_of(refusal: Refusal, status: int | None, words: str) -> Outcome:
    known = _IN_WORDS.get(refusal.kind)
    if known:
        return known
    return "rate limited" if status == 429 or (status is None and _RATE.search(words)) else "overloaded"


_ACCOUNT: Final[Mapping[Outcome, str]] = MappingProxyType(
    {
        "login needed": "its provider wants a login or a key",
        "quota ended": "its account's quota has ended",
        "rate limited": "its provider limits how often it is asked",
        "overloaded": "its provider is overloaded",
    }
)


def _told_of_account(outcome: Outcome, status: int | None) -> str:
    return f"{_ACCOUNT[outcome]}{f' (status {status})' if status else ''}"


def _denied(denials: tuple[str, ...]) -> str:
    return f"nothing came of it, as it was not allowed to: {one_line(denials[-1], _SHOWN)}"


def _spelled(status: int | None) -> str:
    if status is None:
        return "no exit status"
    return f"signal {-status}" if status < 0 else f"exit status {status}"


def _usage(course: Course, door: DoorSight | None, before: Usage | None) -> Usage | None:
    """What the door saw, as it saw each answer; else what the program has told."""
    told = course.spending.usage(before)
    if door is None or not door.calls:
        return told
    return Usage(
        input_tokens=max(0, door.tokens.read),
        output_tokens=max(0, door.tokens.written),
        cached_input_tokens=max(0, min(door.tokens.cached, door.tokens.read)),
        usd=door.usd if door.usd is not None else told and told.usd,
        turns=told.turns if told and told.turns else door.calls,
        model=one_line(door.model or course.spending.model or "", 200) or None,
        session=told.session if told else course.spending.session,
        exact=door.is_exact,
    )


def _notes(case: _Case) -> Iterator[str]:
    """What people should know although it decides nothing."""
    course = case.course
    for name, state in course.servers:
        if state and state not in ("connected", "pending", "disabled"):
            yield one_line(f"the MCP server {name} did not work: {state}", _SHOWN)
    if course.ended and course.ended.ending == "completed" and case.cause in _MAY_HAVE_ENDED:
        yield "it said that it was done, and did not end by itself"
    if case.door is not None and not case.door.calls and course.spending.calls:
        yield "the model door saw none of its calls: it asked its provider by another way"
    words = case.words
    yield from (warning for warning in course.warnings if warning and warning != words)
    if course.unknown:
        kinds = listed(course.unknown)
        yield f"{count(len(course.unknown), 'kind')} of events that this version of plait does not know: {kinds}"
    if note := case.ends.note(case.stderr_tail):
        yield note
