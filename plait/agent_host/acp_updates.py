"""What an ACP program tells of its work, as events: its updates, its reasons to stop, and its errors."""

from collections.abc import Iterator
from typing import Any, Final

from acp import RequestError
from acp.schema import (
    AgentMessageChunk,
    PromptResponse,
    SessionInfoUpdate,
    ToolCallProgress,
    ToolCallStart,
    ToolCallUpdate,
)

from plait.plans.accounts.refusals import kind_of
from plait.plans.agents.readers.lines import line_of, mapping, paths_of, status_of
from plait.plans.agents.stream import AgentEvent, Ended, Retrying, Said, ToolEnded, ToolStarted

AUTH_REQUIRED: Final = -32000
_STATUS_KEYS: Final = ("httpStatusCode", "http_status_code", "statusCode", "status_code", "api_error_status", "code")
_STATUS_OF_KIND: Final = {
    "rate_limit": 429,
    "authentication_failed": 401,
    "authentication_error": 401,
    "overloaded": 529,
    "overloaded_error": 529,
    "server_error": 500,
    "billing_error": 402,
}
_LONGEST_REFUSAL: Final = 400
"""Characters of a last message that may be an account's refusal in prose; longer ones are about the work."""
_MOST_TEXT: Final = 1 << 20
_DEEPEST: Final = 6


class Telling:
    """Turns updates into events, in their order; keeps what the end is judged by."""

    def __init__(self) -> None:
        self._words = ""
        self._open: set[str] = set()
        self.last_words = ""
        self.tools_used = 0
        self.error: Retrying | None = None
        """The provider's refusal that the program told beside its stream, and did not get over."""

    def take(self, update: Any) -> Iterator[AgentEvent]:
        """The events of one update."""
        match update:
            case AgentMessageChunk():
                self._words = (self._words + (getattr(update.content, "text", None) or ""))[-_MOST_TEXT:]
            case ToolCallStart() | ToolCallProgress():
                yield from self.flush()
                yield from self._tool(update)
            case SessionInfoUpdate():
                yield from self._info(mapping(update.field_meta))

    def flush(self) -> Iterator[AgentEvent]:
        """What it has said so far, as one event."""
        words, self._words = self._words.strip(), ""
        if words:
            self.last_words = words
            yield Said(words)

    def started(self, call: ToolCallUpdate) -> Iterator[AgentEvent]:
        """The beginning of a tool's use, where it has not been told."""
        if call.tool_call_id not in self._open:
            self._open.add(call.tool_call_id)
            self.tools_used += 1
            self.error = None
            yield ToolStarted(
                call.tool_call_id, call.kind or "tool", paths=paths_of_call(call), detail=line_of(call.title)
            )

    def _tool(self, update: ToolCallStart | ToolCallProgress) -> Iterator[AgentEvent]:
        call = ToolCallUpdate.model_validate(update.model_dump(exclude={"session_update"}))
        yield from self.started(call)
        if update.status in ("completed", "failed"):
            self._open.discard(update.tool_call_id)
            is_good = update.status == "completed"
            yield ToolEnded(
                update.tool_call_id,
                is_good=is_good,
                paths=paths_of_call(call),
                detail="" if is_good else _text_of(call) or "failed",
            )

    def _info(self, meta: Any) -> Iterator[AgentEvent]:
        """What codex-acp tells of its provider: it ends a turn that was refused as if all had been well."""
        error = mapping(mapping(meta.get("codex")).get("error"))
        if error:
            words = line_of(error.get("additionalDetails")) or line_of(error.get("message"))
            self.error = Retrying(status=status_in(error), words=words)
            yield self.error


def _text_of(call: ToolCallUpdate) -> str:
    """The first words among what a tool gave."""
    texts = (getattr(getattr(part, "content", None), "text", None) for part in call.content or ())
    return next((line for text in texts if (line := line_of(text))), "")


def paths_of_call(call: ToolCallUpdate) -> tuple[str, ...]:
    """Files that a tool is about: those that it names, those of its changes, those among what it was given."""
    given = mapping(call.raw_input)
    return paths_of(
        [place.path for place in call.locations or ()],
        [getattr(part, "path", None) for part in call.content or ()],
        *(given.get(key) for key in ("file_path", "filePath", "absolute_path", "path", "notebook_path")),
    )


def ended_well(answer: PromptResponse, telling: Telling) -> Ended:
    """How a turn ended that the program answered."""
    words = telling.last_words
    match answer.stop_reason:
        case "end_turn":
            refused = telling.error
            if refused is None and len(words) <= _LONGEST_REFUSAL and kind_of(words):
                refused = Retrying(status=None, words=words)
            if refused is not None:
                return Ended("provider error", status=refused.status, words=words or refused.words)
            return Ended("completed", words=words)
        case "max_turn_requests":
            return Ended("turn limit", words=words)
        case "refusal":
            return Ended("refused", words=words)
        case "cancelled":
            return Ended("interrupted", words=words)
        case _:
            return Ended("unclear", words=f"it stopped: {answer.stop_reason}. {words}")


def ended_badly(problem: RequestError) -> Ended:
    """How a turn ended that the program answered with an error."""
    data = problem.data if isinstance(problem.data, dict) else {}
    words = str(problem)
    detail = line_of(data.get("message")) or line_of(data.get("details"))
    if detail and detail not in words:
        words = f"{words}: {detail}"
    if "maximum number of turns" in words:
        return Ended("turn limit", words=words)
    status = 401 if problem.code == AUTH_REQUIRED else status_in(data) or status_of(problem.code)
    is_refused = status is not None or kind_of(words) is not None
    return Ended("provider error" if is_refused else "unclear", status=status, words=words)


def status_in(data: Any, depth: int = 0) -> int | None:
    """The HTTP status that is somewhere in an error's data, under a name that means it."""
    if depth > _DEEPEST or not isinstance(data, dict):
        return None
    for key in _STATUS_KEYS:
        if (status := status_of(data.get(key))) is not None:
            return status
    kind = data.get("errorKind")
    if isinstance(kind, str) and kind in _STATUS_OF_KIND:
        return _STATUS_OF_KIND[kind]
    return next((status for value in data.values() if (status := status_in(value, depth + 1)) is not None), None)
