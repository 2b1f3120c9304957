"""Reads what `claude -p --output-format stream-json --verbose` prints, as measured on 2.1.332."""

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import Any, Final

from plait.plans.agents.readers.lines import (
    LONGEST_LINE,
    TOOL_PATHS,
    JsonLineReader,
    amount_of,
    answer_of,
    count_of,
    dumped,
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

_TOLD_AS_WARNINGS: Final = frozenset(
    {"informational", "model_fallback", "model_refusal_fallback", "model_refusal_no_fallback", "session_writes_lost"}
)
_QUIET: Final = frozenset(
    {
        *(
            "control_request",
            "control_response",
            "control_cancel_request",
            "keep_alive",
            "auth_status",
            "tool_progress",
        ),
        *("tool_use_summary", "prompt_suggestion", "streamlined_text", "streamlined_tool_use_summary"),
    }
)
"""Events that tell nothing of the work. Of `system` all are known that are not named here: there are sixty."""

_ENDINGS: Final[Mapping[str, Ending]] = {
    "completed": "completed",
    "api_error": "provider error",
    "model_error": "provider error",
    "max_turns": "turn limit",
    "error_max_turns": "turn limit",
    "budget_exhausted": "budget",
    "error_max_budget_usd": "budget",
    "aborted_tools": "interrupted",
    "aborted_streaming": "interrupted",
}
"""By `terminal_reason` and `subtype`; all others, such as `prompt_too_long` and `hook_stopped`, are unclear."""

_SIGNS_A_TOKEN: Final = 4
"""Characters of an answer that make about one token: claude tells `output_tokens: 1` until it has ended."""
_MOST_CALLS: Final = 64
"""Of which something is remembered: those of subagents run beside each other."""
_WHAT_WAS_ASKED: Final = "What required approval:"


class ClaudeReader(JsonLineReader):
    """The events of claude. Each block of an answer is an event of its own with the usage of all of it."""

    def __init__(self, longest: int = LONGEST_LINE) -> None:
        super().__init__(longest)
        self._written: OrderedDict[str, int] = OrderedDict()
        """By message, the characters of its blocks so far."""
        self._denied: OrderedDict[str, None] = OrderedDict()
        """Uses of tools that were told as denied: the end tells all of them again."""
        self._streamed: OrderedDict[str, tuple[str, Tokens]] = OrderedDict()
        """By the subagent, or none, the message that it streams, with `--include-partial-messages`."""

    def _events(self, record: dict[str, Any]) -> Iterator[AgentEvent]:
        match record.get("type"):
            case "system":
                yield from self._system(record)
            case "assistant":
                yield from self._assistant(record)
            case "user":
                yield from self._user(record)
            case "result":
                yield from self._result(record)
            case "stream_event":
                yield from self._partial(record)
            case "rate_limit_event":
                yield from _limit(mapping(record.get("rate_limit_info")))
            case kind if not isinstance(kind, str) or kind not in _QUIET:
                yield Unknown(name_of(kind))

    def _system(self, record: dict[str, Any]) -> Iterator[AgentEvent]:
        match record.get("subtype"):
            case "init":
                yield _started(record)
            case "api_retry":
                delay = amount_of(record.get("retry_delay_ms"))
                yield Retrying(
                    attempt=count_of(record.get("attempt")) or 1,
                    status=status_of(record.get("error_status")),
                    delay=None if delay is None else delay / 1000,
                    words=line_of(record.get("error")),
                )
            case "permission_denied":
                if self._is_new_denial(name_of(record.get("tool_use_id"))):
                    kind = name_of(record.get("decision_reason_type"))
                    yield Denied(name_of(record.get("tool_name")), _why_denied(record), kind)
            case str(subtype) if subtype in _TOLD_AS_WARNINGS:
                if words := line_of(record.get("content")):
                    yield Warned(words)
            case subtype if not isinstance(subtype, str):
                yield Unknown("system")

    def _is_new_denial(self, call: str) -> bool:
        is_new = not call or call not in self._denied
        _remember(self._denied, call, None)
        return is_new

    def _assistant(self, record: dict[str, Any]) -> Iterator[AgentEvent]:
        message = mapping(record.get("message"))
        blocks = list(mappings(message.get("content")))
        if message.get("model") == "<synthetic>":  # claude's own words, when the provider has refused for good
            yield from (Warned(words) for block in blocks if (words := line_of(block.get("text"))))
            return
        for block in blocks:
            if block.get("type") == "text" and (text := prose_of(block.get("text"))):
                yield Said(text)
            elif block.get("type") in ("tool_use", "server_tool_use", "mcp_tool_use"):
                given = mapping(block.get("input"))
                paths = paths_of(*(given.get(key) for key in TOOL_PATHS))
                yield ToolStarted(name_of(block.get("id")), name_of(block.get("name")), paths, subject_of(given))
        if used := self._used(message, blocks):
            yield used

    def _used(self, message: Mapping[str, Any], blocks: list[Mapping[str, Any]]) -> Used | None:
        usage = message.get("usage")
        call = name_of(message.get("id"))
        if not isinstance(usage, dict) or not call:
            return None
        written = self._written.get(call, 0) + sum(map(_length, blocks))
        _remember(self._written, call, written)
        told = _tokens(usage)
        estimate = Tokens(
            told.read, max(told.written, written // _SIGNS_A_TOKEN), told.cached, told.stored, told.thought
        )
        return Used(estimate, "call", is_exact=False, call=call, model=name_of(message.get("model")) or None)

    def _user(self, record: dict[str, Any]) -> Iterator[AgentEvent]:
        paths = paths_of(mapping(record.get("tool_use_result")).get("filePath"))
        for block in mappings(mapping(record.get("message")).get("content")):
            if block.get("type") == "tool_result":
                is_good = block.get("is_error") is not True
                detail = "" if is_good else line_of(_text(block.get("content")))
                yield ToolEnded(name_of(block.get("tool_use_id")), is_good, paths if is_good else (), detail)

    def _partial(self, record: dict[str, Any]) -> Iterator[AgentEvent]:
        event = mapping(record.get("event"))
        agent = name_of(record.get("parent_tool_use_id"))
        if event.get("type") == "message_start":
            message = mapping(event.get("message"))
            _remember(self._streamed, agent, (name_of(message.get("id")), _tokens(mapping(message.get("usage")))))
        elif event.get("type") == "message_delta" and agent in self._streamed:
            call, told = self._streamed[agent]
            written = count_of(mapping(event.get("usage")).get("output_tokens"))
            if call and written:
                yield Used(Tokens(told.read, written, told.cached, told.stored), "call", call=call)

    def _result(self, record: dict[str, Any]) -> Iterator[AgentEvent]:
        for denial in mappings(record.get("permission_denials")):
            if self._is_new_denial(name_of(denial.get("tool_use_id"))):
                yield Denied(name_of(denial.get("tool_name")), subject_of(mapping(denial.get("tool_input"))))
        yield from _totals(record)
        yield _ended(record)


def _started(record: dict[str, Any]) -> Started:
    tools = record.get("tools")
    servers = (
        (name_of(server.get("name")), name_of(server.get("status"))) for server in mappings(record.get("mcp_servers"))
    )
    return Started(
        session=name_of(record.get("session_id")) or None,
        model=name_of(record.get("model")) or None,
        version=name_of(record.get("claude_code_version")) or None,
        tools=tuple(filter(None, map(name_of, tools[:1_000]))) if isinstance(tools, list) else (),
        servers=tuple(servers)[:100],
    )


def _why_denied(record: dict[str, Any]) -> str:
    message = record.get("message")
    if isinstance(message, str) and _WHAT_WAS_ASKED in message:
        message = message.rpartition(_WHAT_WAS_ASKED)[2]
    return line_of(message) or line_of(record.get("decision_reason"))


def _limit(info: Mapping[str, Any]) -> Iterator[AgentEvent]:
    """A subscription's: told when all is well, too. The words are such as `plait/plans/accounts` reads."""
    if info.get("status") == "rejected":
        kind = name_of(info.get("rateLimitType")).replace("_", " ")
        yield Warned(f"{kind} usage limit reached, resets at {count_of(info.get('resetsAt'))}".strip())


def _tokens(usage: Mapping[str, Any]) -> Tokens:
    """Anthropic counts what was read from a cache, or put into one, beside the other input."""
    cached = count_of(usage.get("cache_read_input_tokens"))
    stored = count_of(usage.get("cache_creation_input_tokens"))
    return Tokens(
        read=count_of(usage.get("input_tokens")) + cached + stored,
        written=count_of(usage.get("output_tokens")),
        cached=cached,
        stored=stored,
        thought=count_of(mapping(usage.get("output_tokens_details")).get("thinking_tokens")),
    )


def _totals(record: dict[str, Any]) -> Iterator[Used]:
    """What this process used since its last result, and the conversation in all.

    `usage` is not all of it: it knows no subagents, and lacks the last call where a budget ended it (1 call of 2, as
    recorded). `model_usage_since_last_result` has them, and what each cost.
    """
    latest = record.get("model_usage_since_last_result")
    if isinstance(latest, dict):
        yield Used(_of_models(latest), "try", usd=_usd_of(latest), model=_main(latest))
    elif isinstance(record.get("usage"), dict):
        yield Used(_tokens(record["usage"]), "try")
    usd, models = amount_of(record.get("total_cost_usd")), record.get("modelUsage")
    if usd is not None or isinstance(models, dict):
        yield Used(_of_models(models) if isinstance(models, dict) else None, "session", usd=usd)


def _of_models(models: Mapping[str, Any]) -> Tokens:
    usages = [mapping(usage) for usage in models.values()]
    cached = sum(count_of(usage.get("cacheReadInputTokens")) for usage in usages)
    stored = sum(count_of(usage.get("cacheCreationInputTokens")) for usage in usages)
    return Tokens(
        read=sum(count_of(usage.get("inputTokens")) for usage in usages) + cached + stored,
        written=sum(count_of(usage.get("outputTokens")) for usage in usages),
        cached=cached,
        stored=stored,
        thought=sum(count_of(usage.get("thinkingTokens")) for usage in usages),
    )


def _usd_of(models: Mapping[str, Any]) -> float | None:
    costs = [amount_of(mapping(usage).get("costUSD")) for usage in models.values()]
    known = [cost for cost in costs if cost is not None]
    return sum(known) if len(known) == len(costs) else None


def _main(models: Mapping[str, Any]) -> str | None:
    """The one that wrote most: claude also asks a small one for titles."""
    most = max(models, key=lambda model: count_of(mapping(models[model]).get("outputTokens")), default="")
    return name_of(most) or None


def _ended(record: dict[str, Any]) -> Ended:
    """`subtype: success` says nothing: claude says it on 401, 429 and 529 as well."""
    reason, subtype = name_of(record.get("terminal_reason")), name_of(record.get("subtype"))
    status = status_of(record.get("api_error_status"))
    ending = _ENDINGS.get(reason) or _ENDINGS.get(subtype) or "unclear"
    turns = count_of(record.get("num_turns"))
    if ending == "unclear" and not reason and subtype == "success" and turns:
        ending = "completed"  # a version that tells no reason; without a turn it was a command such as `/help`
    if ending == "completed" and (record.get("is_error") is not False or subtype != "success" or status is not None):
        ending = "provider error" if status is not None else "unclear"
    if record.get("stop_reason") == "refusal" and status is None and ending in ("completed", "provider error"):
        ending = "refused"
    errors = record.get("errors")
    words = record.get("result") or (
        "; ".join(filter(None, map(line_of, errors[:10]))) if isinstance(errors, list) else ""
    )
    structured = record.get("structured_output")
    return Ended(
        ending,
        status=status,
        words=prose_of(words),
        turns=max(0, turns - (ending == "turn limit")),  # it counts the turn that it did not begin
        answer=dumped(structured) if structured is not None else answer_of(words) if isinstance(words, str) else None,
        session=name_of(record.get("session_id")) or None,
    )


def _text(content: Any) -> str:
    """What a tool has said: a text, or a list of blocks."""
    if isinstance(content, str):
        return content
    return " ".join(block["text"] for block in mappings(content) if isinstance(block.get("text"), str))


def _length(block: Mapping[str, Any]) -> int:
    """The characters of a block that the model wrote."""
    written = sum(len(block[key]) for key in ("text", "thinking") if isinstance(block.get(key), str))
    given = block.get("input")
    return written + (len(dumped(given) or "") if isinstance(given, dict) else 0)


def _remember(memory: OrderedDict[str, Any], key: str, value: Any) -> None:
    memory[key] = value
    memory.move_to_end(key)
    if len(memory) > _MOST_CALLS:
        memory.popitem(last=False)
