"""Reads what `gemini --output-format stream-json` prints, as measured on 0.61.0."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from plait.plans.agents.readers.lines import (
    LONGEST_ANSWER,
    LONGEST_LINE,
    TOOL_PATHS,
    JsonLineReader,
    answer_of,
    count_of,
    line_of,
    mapping,
    name_of,
    paths_of,
    prose_of,
    status_of,
    subject_of,
)
from plait.plans.agents.stream import (
    AgentEvent,
    Denied,
    Ended,
    Ending,
    Said,
    Started,
    Tokens,
    ToolEnded,
    ToolStarted,
    Unknown,
    Used,
    Warned,
)

_DENIALS: Final = frozenset(
    {"permission_denied", "policy_violation", "path_not_in_workspace", "sandbox_expansion_required", "stop_execution"}
)
"""Errors of tools (`ToolErrorType` in its source) that are refusals."""
_DENIED: Final = re.compile(
    r"path not in workspace|blocked: command substitution|denied by policy|requires (?:user )?(?:approval|confirmation)"
    r"|user (?:rejected|cancelled|denied)|not allowed (?:by|in)",
    re.IGNORECASE,
)
_ERRORS: Final[Mapping[str, Ending]] = {
    "FatalTurnLimitedError": "turn limit",
    "FatalCancellationError": "interrupted",
    "FatalToolExecutionError": "unclear",
    "FatalInputError": "unclear",
    "FatalConfigError": "unclear",
    "FatalSandboxError": "unclear",
    "FatalUntrustedWorkspaceError": "unclear",
}
_STATUS: Final = re.compile(r"\"code\": ?(\d{3})\b|\bstatus:? (\d{3})\b")
_STATUSES: Final[Mapping[str, int]] = {"FatalAuthenticationError": 401}


class GeminiReader(JsonLineReader):
    """The events of gemini. It tells tokens at its end alone, no cost, and retries in silence."""

    def __init__(self, longest: int = LONGEST_LINE) -> None:
        super().__init__(longest)
        self._pieces: list[str] = []
        """Of the message that it says now."""
        self._length = 0
        self._error = ""
        self._tools: dict[str, str] = {}
        """By the id of its use, the name of a tool that has begun."""

    def _events(self, record: dict[str, Any]) -> Iterator[AgentEvent]:
        match record.get("type"):
            case "init":
                model = name_of(record.get("model")) or None
                yield Started(session=name_of(record.get("session_id")) or None, model=model)
            case "message":
                yield from self._message(record)
            case "tool_use":
                yield self._tool_use(record)
            case "tool_result":
                yield from self._tool_result(record)
            case "error":
                self._error = line_of(record.get("message"))
                yield Warned(self._error)
            case "result":
                stats = record.get("stats")
                if isinstance(stats, dict):
                    is_exact = not _has_broken_off(stats)
                    yield Used(_tokens(stats), "try", is_exact=is_exact, model=_model(mapping(stats.get("models"))))
                    if not is_exact:
                        yield Warned(
                            "an answer of its provider broke off: gemini calls that a success after a tool was used"
                        )
                yield self._ended(record)
            case kind:
                yield Unknown(name_of(kind))

    def _message(self, record: dict[str, Any]) -> Iterator[AgentEvent]:
        text = record.get("content")
        if record.get("role") != "assistant" or not isinstance(text, str):
            return
        if record.get("delta") is not True:
            self._forget()
        if self._length < LONGEST_ANSWER:
            self._pieces.append(text[:LONGEST_ANSWER])
            self._length += len(text)
        yield from (Said(words) for words in [prose_of(text)] if words)

    def _forget(self) -> None:
        self._pieces, self._length = [], 0

    def _tool_use(self, record: dict[str, Any]) -> ToolStarted:
        self._forget()
        call, tool, given = name_of(record.get("tool_id")), name_of(record.get("tool_name")), _given(record)
        self._tools[call] = tool
        if len(self._tools) > 256:
            self._tools.pop(next(iter(self._tools)))
        return ToolStarted(call, tool, paths_of(*(given.get(key) for key in TOOL_PATHS)), subject_of(given))

    def _tool_result(self, record: dict[str, Any]) -> Iterator[AgentEvent]:
        call, error = name_of(record.get("tool_id")), mapping(record.get("error"))
        tool = self._tools.pop(call, "")
        if record.get("status") == "success":
            yield ToolEnded(call, is_good=True)
            return
        kind, wrong = name_of(error.get("type")), line_of(error.get("message")) or line_of(record.get("output"))
        if kind in _DENIALS or _DENIED.search(wrong):
            yield Denied(tool, wrong, kind)
        yield ToolEnded(call, is_good=False, detail=wrong or kind)

    def _ended(self, record: dict[str, Any]) -> Ended:
        error, last = mapping(record.get("error")), "".join(self._pieces)
        if record.get("status") == "success":
            return Ended("completed", words=prose_of(last), answer=answer_of(last))
        kind, words = name_of(error.get("type")), line_of(error.get("message"), 1_000)
        if kind in _ERRORS:
            return Ended(_ERRORS[kind], words=words or kind)
        ending: Ending = "provider error" if words else "unclear"
        status = _STATUSES.get(kind) or _status(words)
        return Ended(ending, status=status, words=words or self._error or name_of(record.get("status")))


def _given(record: Mapping[str, Any]) -> Mapping[str, Any]:
    return mapping(record.get("parameters"))


def _has_broken_off(stats: Mapping[str, Any]) -> bool:
    """It counts what it sent at once, and the total when an answer has ended: seen with streams that were cut."""
    total = count_of(stats.get("total_tokens"))
    return total < count_of(stats.get("input_tokens")) + count_of(stats.get("output_tokens"))


def _tokens(stats: Mapping[str, Any]) -> Tokens:
    """`total_tokens` is more than input and output together where it has thought. A broken answer counts 0 in it."""
    read, written = count_of(stats.get("input_tokens")), count_of(stats.get("output_tokens"))
    thought = max(0, count_of(stats.get("total_tokens")) - read - written)
    return Tokens(read, written + thought, cached=count_of(stats.get("cached")), thought=thought)


def _model(models: Mapping[str, Any]) -> str | None:
    """The one that wrote most; it lists those that were asked and did not answer, too."""
    most = max(models, key=lambda model: count_of(mapping(models[model]).get("output_tokens")), default="")
    return name_of(most) or None


def _status(words: str) -> int | None:
    status = _STATUS.search(words)
    return status_of(int(status[1] or status[2])) if status else None
