"""What a provider's error means for a try: whether it is asked again, after how long, and how its end is told."""

from dataclasses import dataclass
from typing import Any, Final

from pydantic_ai.exceptions import (
    AgentRunError,
    ContentFilterError,
    ModelAPIError,
    ModelConnectionError,
    ModelHTTPError,
    ModelQuotaExceededError,
    ModelRateLimitError,
    ModelRequestTimeout,
    ModelServerError,
    ModelUnavailableError,
    UnexpectedModelBehavior,
    UsageLimitExceeded,
)

from plait.plans.agents.stream import Ended

MOST_RETRIES: Final = 3
LONGEST_WAIT: Final = 30.0
"""Seconds. Who is told to wait longer is better off without a slot: plait pauses the account and starts it again."""
_FIRST_WAIT: Final = 1.0
_PASSING: Final = (
    ModelRateLimitError,
    ModelUnavailableError,
    ModelServerError,
    ModelConnectionError,
    ModelRequestTimeout,
)


class AnswerCut(AgentRunError):
    """The provider's answer broke off without an error: what there is of it is nothing to go on with."""

    def __init__(self) -> None:
        super().__init__("the answer broke off")


@dataclass(frozen=True, slots=True)
class Wait:
    """It is asked once more, after so many seconds."""

    seconds: float
    status: int | None
    words: str


def wait_before_retry(problem: AgentRunError, *, retries: int) -> Wait | None:
    """How long to wait before the provider is asked again; nothing where that would be of no use."""
    if not _may_pass(problem) or retries >= MOST_RETRIES:
        return None
    asked = getattr(problem, "retry_after", None)
    if asked is not None and asked > LONGEST_WAIT:
        return None
    seconds = _FIRST_WAIT * 2**retries if asked is None else max(asked, 0.1)
    return Wait(seconds, status_of(problem), words_of(problem))


def _may_pass(problem: AgentRunError) -> bool:
    """Overload, broken connections, and answers that are none: garbage of a proxy, or nothing."""
    if isinstance(problem, ModelQuotaExceededError):
        return False
    is_no_answer = type(problem) is ModelAPIError or "without content" in str(problem)
    return isinstance(problem, (AnswerCut, *_PASSING)) or (is_no_answer and status_of(problem) is None)


def ended_by(problem: AgentRunError, *, turns: int) -> Ended:
    """How the try ended, as an event."""
    words = words_of(problem)
    match problem:
        case UsageLimitExceeded():
            return Ended("turn limit", words=f"it has asked its model {turns} times, as often as it may", turns=turns)
        case ContentFilterError():
            return Ended("refused", words=words, turns=turns)
        case AnswerCut():
            return Ended("provider error", words=words, turns=turns)
        case UnexpectedModelBehavior() if "without content" in words:
            return Ended("provider error", words=words, turns=turns)
        case ModelAPIError():
            wait = problem.retry_after
            told = f"{words} (retry after {wait:.0f} seconds)" if wait is not None else words
            return Ended("provider error", status=status_of(problem), words=told, turns=turns)
        case _:
            return Ended("unclear", words=words, turns=turns)


def status_of(problem: AgentRunError) -> int | None:
    """The HTTP status, where it is known."""
    return problem.status_code if isinstance(problem, ModelHTTPError) else None


def words_of(problem: AgentRunError) -> str:
    """What the provider said, without what the libraries put around it."""
    body = getattr(problem, "body", None)
    inner: Any = body.get("error", body) if isinstance(body, dict) else None
    if isinstance(inner, dict) and isinstance(message := inner.get("message"), str):
        kind = inner.get("code") or inner.get("type") or inner.get("status")
        return f"{kind}: {message}" if isinstance(kind, str) else message
    return str(problem)
