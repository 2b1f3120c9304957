"""Reads what `codex exec --json` prints, as measured on 0.171.0."""

import re
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import Any, Final

from plait.plans.agents.readers.lines import (
    LONGEST_ANSWER,
    LONGEST_LINE,
    JsonLineReader,
    answer_of,
    count_of,
    line_of,
    mapping,
    mappings,
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
    Warned,
)

_STATUS: Final = re.compile(r"(?:unexpected|last) status:? (\d{3})\b")
_AGAIN: Final = re.compile(r"Reconnecting\W{0,10}(\d{1,4})?")
"""`Reconnecting... 1/5 (…)`; without a network `Reconnecting... waiting for network (…)`, for ever."""
_DENIED: Final = re.compile(
    r"approval policy is|requires approval|rejected by user|user (?:rejected|cancelled|declined)|not allowed by policy"
    r"|blocked by policy|denied by policy",
    re.IGNORECASE,
)
_UNCLEAR: Final = re.compile(r"\bincomplete response\b|\bmax_output_tokens\b|\bcontext window\b", re.IGNORECASE)
_REFUSED: Final = re.compile(r"\bcontent_filter\b|\bflagged\b|\bsafety reasons\b|\binvalid_prompt\b", re.IGNORECASE)
_MOST_ITEMS: Final = 256
"""Of which it is remembered that they have begun."""
_TALK: Final = frozenset({"reasoning", "todo_list", "plan_update"})


class CodexReader(JsonLineReader):
    """The events of codex. It tells neither cost nor, before its end, tokens; `error` does not end it."""

    def __init__(self, longest: int = LONGEST_LINE) -> None:
        super().__init__(longest)
        self._begun: OrderedDict[str, None] = OrderedDict()
        self._last = ""
        """Its last message: the answer, once it has ended."""

    def _events(self, record: dict[str, Any]) -> Iterator[AgentEvent]:
        match record.get("type"):
            case "thread.started":
                yield Started(session=name_of(record.get("thread_id")) or None)
            case "turn.started":
                self._last = ""
            case "item.started" | "item.updated" | "item.completed" as kind:
                yield from self._item(mapping(record.get("item")), is_over=kind == "item.completed")
            case "turn.completed":
                if isinstance(usage := record.get("usage"), dict):
                    yield Used(_tokens(usage), "session")
                yield Ended("completed", words=prose_of(self._last), answer=answer_of(self._last))
            case "turn.failed":
                yield _failed(_message(record))
            case "error":
                yield _trouble(_message(record))
            case kind:
                yield Unknown(name_of(kind))

    def _item(self, item: Mapping[str, Any], *, is_over: bool) -> Iterator[AgentEvent]:
        match item.get("type"):
            case "agent_message":
                text = item.get("text")
                if is_over and isinstance(text, str):
                    self._last = text if len(text) <= LONGEST_ANSWER else text[:LONGEST_ANSWER]
                    yield from (Said(words) for words in [prose_of(text)] if words)
            case "error":
                if is_over:
                    yield Warned(line_of(item.get("message")))
            case "command_execution" | "file_change" | "mcp_tool_call" | "web_search" | "collab_tool_call":
                yield from self._tool(item, is_over=is_over)
            case str(kind) if kind in _TALK:
                return
            case kind:
                yield Unknown(f"item {name_of(kind)}".strip())

    def _tool(self, item: Mapping[str, Any], *, is_over: bool) -> Iterator[AgentEvent]:
        call, tool = name_of(item.get("id")), _tool_name(item)
        paths = paths_of(*(change.get("path") for change in mappings(item.get("changes"))))
        if call not in self._begun:  # small ones are told when they are over, and not before
            yield ToolStarted(call, tool, paths, _subject(item))
            self._begun[call] = None
            if len(self._begun) > _MOST_ITEMS:
                self._begun.popitem(last=False)
        if is_over:
            self._begun.pop(call, None)
            wrong = _wrong(item)
            if item.get("status") == "declined" or (wrong and _DENIED.search(wrong)):
                yield Denied(tool, wrong)
            yield ToolEnded(call, not wrong, paths, wrong)


def _tool_name(item: Mapping[str, Any]) -> str:
    if item.get("type") == "mcp_tool_call":
        return f"{name_of(item.get('server'))}/{name_of(item.get('tool'))}"
    return name_of(item.get("tool")) or name_of(item.get("type"))


def _subject(item: Mapping[str, Any]) -> str:
    return subject_of(item) or subject_of(mapping(item.get("arguments")))


def _wrong(item: Mapping[str, Any]) -> str:
    """What went wrong with a use of a tool, in a line; empty where nothing did."""
    error = item.get("error")
    if words := line_of(error) or line_of(mapping(error).get("message")):
        return words
    status, code = item.get("status"), item.get("exit_code")
    if status in ("completed", None) and (code == 0 or code is None):
        return ""
    output = item.get("aggregated_output")
    lines = output[-2_000:].strip().splitlines() if isinstance(output, str) else []
    told = f"exit status {code}" if isinstance(code, int) else name_of(status) or "failed"
    return line_of(f"{told}: {lines[-1]}") if lines else line_of(told)


def _tokens(usage: Mapping[str, Any]) -> Tokens:
    """OpenAI counts what was read from a cache within the input, and thoughts within the output."""
    return Tokens(
        read=count_of(usage.get("input_tokens")),
        written=count_of(usage.get("output_tokens")),
        cached=count_of(usage.get("cached_input_tokens")),
        stored=count_of(usage.get("cache_write_input_tokens")),
        thought=count_of(usage.get("reasoning_output_tokens")),
    )


def _message(record: Mapping[str, Any]) -> str:
    error = record.get("error")
    return (
        line_of(mapping(error).get("message"), 1_000) or line_of(error, 1_000) or line_of(record.get("message"), 1_000)
    )


def _status(words: str) -> int | None:
    """Codes are in prose only: `unexpected status 401 Unauthorized`, `last status: 429 Too Many Requests`."""
    status = _STATUS.search(words)
    return status_of(int(status[1])) if status else None


def _trouble(words: str) -> AgentEvent:
    """`error` comes while it goes on, too: only `turn.failed` ends it."""
    again = _AGAIN.match(words)
    if again:
        return Retrying(int(again[1] or 1), status=_status(words), words=words)
    return Warned(words)


def _failed(words: str) -> Ended:
    ending: Ending = "provider error"
    if _UNCLEAR.search(words):
        ending = "unclear"
    elif _REFUSED.search(words):
        ending = "refused"
    return Ended(ending, status=_status(words), words=words)
