"""Reads what `opencode run --format json` prints, as measured on 1.18.33."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from plait.plans.agents.readers.lines import (
    LONGEST_ANSWER,
    LONGEST_LINE,
    TOOL_PATHS,
    JsonLineReader,
    amount_of,
    answer_of,
    count_of,
    json_of,
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
    Retrying,
    Said,
    Started,
    Tokens,
    ToolEnded,
    ToolStarted,
    Unknown,
    Used,
)

_DENIED: Final = re.compile(r"rule which prevents you from using|rejected permission to use", re.IGNORECASE)
_ENDINGS: Final[Mapping[str, Ending]] = {"stop": "completed", "content-filter": "refused"}
"""By the `reason` of a step, of which the last one ends it. After `tool-calls` and `unknown` it asks again."""
_ERRORS: Final[Mapping[str, Ending]] = {
    "MessageAbortedError": "interrupted",
    "MessageOutputLengthError": "unclear",
    "ContextOverflowError": "unclear",
    "StructuredOutputError": "unclear",
}
_GO_ON: Final = frozenset({"tool-calls", "unknown"})


class OpencodeReader(JsonLineReader):
    """The events of opencode. It prints a step when it is over, retries in silence, and counts steps in no way."""

    def __init__(self, longest: int = LONGEST_LINE) -> None:
        super().__init__(longest)
        self._session = ""
        self._begun = ""
        """The message of a step that has begun and not ended: when it begins again, its answer has broken off."""
        self._in_vain = 0
        self._last = ""
        self._steps = 0

    def _events(self, record: dict[str, Any]) -> Iterator[AgentEvent]:
        session = name_of(record.get("sessionID"))
        if session and session != self._session:
            self._session = session
            yield Started(session=session)
        part = mapping(record.get("part"))
        match record.get("type"):
            case "step_start":
                message = name_of(part.get("messageID"))
                if message and message == self._begun:
                    yield self._again("its answer broke off")
                self._begun = message
            case "text":
                text = part.get("text")
                self._last = text[:LONGEST_ANSWER] if isinstance(text, str) else self._last
                yield from (Said(words) for words in [prose_of(text)] if words)
            case "tool_use":
                yield from self._tool(part)
            case "step_finish":
                yield from self._step(part)
            case "error":
                yield self._failed(mapping(record.get("error")))
            case kind if kind != "reasoning":
                yield Unknown(name_of(kind))

    def _again(self, words: str) -> Retrying:
        self._in_vain += 1
        return Retrying(self._in_vain, words=words, is_broken=True)

    def _tool(self, part: Mapping[str, Any]) -> Iterator[AgentEvent]:
        state, tool, call = mapping(part.get("state")), name_of(part.get("tool")), name_of(part.get("callID"))
        given = mapping(state.get("input"))
        paths = paths_of(*(given.get(key) for key in TOOL_PATHS))
        yield ToolStarted(call, tool, paths, subject_of(given) or line_of(state.get("title")))
        self._in_vain = 0
        status = state.get("status")
        if status == "completed":
            wrong = line_of(given.get("error")) if tool == "invalid" else ""  # a tool that is not offered
            yield ToolEnded(call, tool != "invalid", paths, wrong)
        elif status == "error":
            wrong = line_of(state.get("error"))
            if _DENIED.search(wrong):
                yield Denied(tool, wrong)
            yield ToolEnded(call, is_good=False, detail=wrong)

    def _step(self, part: Mapping[str, Any]) -> Iterator[AgentEvent]:
        self._begun = ""
        self._steps += 1
        reason, tokens = name_of(part.get("reason")), _tokens(mapping(part.get("tokens")))
        cost = amount_of(part.get("cost"))
        if reason == "unknown" and tokens == Tokens():
            # It takes an answer that broke off for a step, and asks again for ever.
            yield self._again("its answer broke off, and it was told nothing of it")
            return
        self._in_vain = 0
        yield Used(tokens, "call", usd=cost, call=name_of(part.get("id")) or None)
        if reason not in _GO_ON:
            ending = _ENDINGS.get(reason, "unclear")
            words = self._last if ending == "completed" else f"its last answer ended with {reason or 'no reason'}"
            yield Ended(ending, words=prose_of(words), answer=answer_of(self._last), session=self._session or None)

    def _failed(self, error: Mapping[str, Any]) -> Ended:
        data = mapping(error.get("data"))
        ending = _ERRORS.get(name_of(error.get("name")), "provider error")
        status = status_of(data.get("statusCode"))
        if status is None and error.get("name") == "ProviderAuthError":
            status = 401
        return Ended(ending, status=status, words=_words(error, data), session=self._session or None)


def _tokens(usage: Mapping[str, Any]) -> Tokens:
    """It counts what came from a cache, or went into one, beside the input, and thoughts beside the output."""
    cache = mapping(usage.get("cache"))
    cached, stored = count_of(cache.get("read")), count_of(cache.get("write"))
    thought = count_of(usage.get("reasoning"))
    return Tokens(
        read=count_of(usage.get("input")) + cached + stored,
        written=count_of(usage.get("output")) + thought,
        cached=cached,
        stored=stored,
        thought=thought,
    )


def _words(error: Mapping[str, Any], data: Mapping[str, Any]) -> str:
    """What went wrong, with what tells a quota from an overload and how long it lasts, two levels deeper."""
    words = line_of(data.get("message")) or line_of(error.get("message")) or name_of(error.get("name"))
    body = data.get("responseBody")
    inner = mapping(mapping(json_of(body)).get("error")) if isinstance(body, str) and len(body) < 100_000 else {}
    headers = mapping(data.get("responseHeaders"))
    told = [name_of(inner.get("type")), name_of(inner.get("code"))]
    told += [f"{key}: {value}" for key in ("retry-after", "retry-after-ms") if (value := name_of(headers.get(key)))]
    more = ", ".join(dict.fromkeys(text for text in told if text and text not in words))
    return f"{words} ({more})" if more else words
