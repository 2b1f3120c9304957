"""A fake model's answers in the words of four APIs: Messages, Responses, Chat Completions and generateContent."""

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import uuid4

from tests.support.fake_calls import Call, Json

Api = Literal["messages", "responses", "chat", "gemini"]
Events = list[tuple[str | None, Any]]
"""Of a stream: the event's name, where the API has one, and its data."""


@dataclass(frozen=True)
class Use:
    """The tokens of one answer. `input` excludes the cache in Messages, and includes it in the others."""

    input: int = 1000
    output: int = 50
    cache_read: int = 0
    cache_write: int = 0
    reasoning: int = 0


@dataclass(frozen=True)
class Answer:
    """What a model says once."""

    model: str
    calls: list[Call]
    text: str = ""
    think: str = ""
    use: Use = field(default_factory=Use)
    stop: str | None = None
    """`refusal` or `max_tokens`, where it does not end as it should."""


def api_of(path: str) -> Api | None:
    """The API that a path belongs to."""
    if path.endswith("/messages"):
        return "messages"
    if path.endswith("/responses"):
        return "responses"
    if path.endswith("/chat/completions"):
        return "chat"
    return "gemini" if re.search(r":(stream)?[gG]enerateContent$", path) else None


def answered(api: Api, answer: Answer) -> tuple[Json, Events]:
    """The answer whole, and as a stream."""
    return _ANSWERS[api](answer)


def read_and_written(api: Api, use: Use) -> tuple[int, int]:
    """The tokens of an answer as a report has them: those read include the cache."""
    cached = use.cache_read + use.cache_write if api == "messages" else 0
    thought = use.reasoning if api == "gemini" else 0  # the others have it in `output`
    return use.input + cached, use.output + thought


_KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    529: "overloaded_error",
}
_GOOGLE = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    529: "UNAVAILABLE",
}


def error_body(api: Api, turn: Json) -> Json:
    """An error in the words of its vendor."""
    status = turn["status"]
    kind = turn.get("kind") or _KINDS.get(status, "api_error")
    message = turn.get("message") or f"scripted {kind}"
    if api == "messages":
        return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_fake"}
    if api == "gemini":
        retry = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{turn.get('retry_after')}s"}
        details = [retry] if "retry_after" in turn else []
        return {
            "error": {
                "code": status,
                "message": message,
                "status": _GOOGLE.get(status, "UNKNOWN"),
                "details": details,
            }
        }
    code = turn.get("code") or ("invalid_api_key" if status == 401 else kind)
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def _chunks(text: str, size: int = 2000) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


def _name(prefix: str) -> str:
    return prefix + uuid4().hex[:20]


def _messages(answer: Answer) -> tuple[Json, Events]:
    blocks: list[Json] = []
    if answer.think:
        blocks.append({"type": "thinking", "thinking": answer.think, "signature": "c2ln"})
    if answer.text:
        blocks.append({"type": "text", "text": answer.text})
    blocks += [
        {"type": "tool_use", "id": _name("toolu_"), "name": call.name, "input": call.given} for call in answer.calls
    ]
    reason = answer.stop or ("tool_use" if answer.calls else "end_turn")
    usage = {
        "input_tokens": answer.use.input,
        "output_tokens": answer.use.output,
        "cache_read_input_tokens": answer.use.cache_read,
        "cache_creation_input_tokens": answer.use.cache_write,
    }
    whole = {
        "id": _name("msg_"),
        "type": "message",
        "role": "assistant",
        "model": answer.model,
        "content": blocks,
        "stop_reason": reason,
        "stop_sequence": None,
        "usage": usage,
    }
    begun = {**whole, "content": [], "stop_reason": None, "usage": {**usage, "output_tokens": 1}}
    parts: list[Json] = [{"type": "message_start", "message": begun}]
    for at, block in enumerate(blocks):
        parts += _messages_block(at, block)
    ended = {"stop_reason": reason, "stop_sequence": None}
    parts.append({"type": "message_delta", "delta": ended, "usage": {"output_tokens": answer.use.output}})
    parts.append({"type": "message_stop"})
    return whole, [(part["type"], part) for part in parts]


def _messages_block(at: int, block: Json) -> list[Json]:
    if block["type"] == "text":
        start = {"type": "text", "text": ""}
        deltas: list[Json] = [{"type": "text_delta", "text": part} for part in _chunks(block["text"])]
    elif block["type"] == "thinking":
        start = {"type": "thinking", "thinking": "", "signature": ""}
        signed = {"type": "signature_delta", "signature": "c2ln"}
        deltas = [{"type": "thinking_delta", "thinking": block["thinking"]}, signed]
    else:
        start = {**block, "input": {}}
        deltas = [{"type": "input_json_delta", "partial_json": part} for part in _chunks(json.dumps(block["input"]))]
    return [
        {"type": "content_block_start", "index": at, "content_block": start},
        *({"type": "content_block_delta", "index": at, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": at},
    ]


def _responses(answer: Answer) -> tuple[Json, Events]:
    items: list[Json] = []
    if answer.think:
        summary = [{"type": "summary_text", "text": answer.think}]
        items.append({"type": "reasoning", "id": _name("rs_"), "summary": summary})
    if answer.text:
        content = [{"type": "output_text", "text": answer.text, "annotations": []}]
        said = {"type": "message", "id": _name("msg_"), "role": "assistant", "status": "completed"}
        items.append({**said, "content": content})
    items += map(_responses_call, answer.calls)
    use = answer.use
    whole: Json = {
        "id": _name("resp_"),
        "object": "response",
        "created_at": int(time.time()),
        "status": "completed",
        "model": answer.model,
        "output": items,
        "error": None,
        "incomplete_details": None,
        "usage": {
            "input_tokens": use.input,
            "input_tokens_details": {"cached_tokens": use.cache_read},
            "output_tokens": use.output,
            "output_tokens_details": {"reasoning_tokens": use.reasoning},
            "total_tokens": use.input + use.output,
        },
    }
    is_cut = answer.stop == "max_tokens"
    if is_cut:
        whole |= {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
    begun = {**whole, "status": "in_progress", "output": [], "usage": None}
    parts: list[Json] = [{"type": "response.created", "response": begun}]
    for at, item in enumerate(items):
        parts += _responses_item(at, item, answer.text)
    parts.append({"type": "response.incomplete" if is_cut else "response.completed", "response": whole})
    numbered = [{**part, "sequence_number": number} for number, part in enumerate(parts)]
    return whole, [(part["type"], part) for part in numbered]


def _responses_call(call: Call) -> Json:
    name = _name("call_")
    if call.kind == "tool_search":
        search = {"type": "tool_search_call", "id": f"tsc_{name}", "call_id": name, "execution": "client"}
        return {**search, "arguments": call.given, "status": "completed"}
    if call.kind == "custom":
        item = {"type": "custom_tool_call", "id": f"ctc_{name}", "call_id": name, "name": call.name}
        item |= {"input": call.given, "status": "completed"}
    else:
        item = {"type": "function_call", "id": f"fc_{name}", "call_id": name, "name": call.name}
        item |= {"arguments": json.dumps(call.given), "status": "completed"}
    return {**item, "namespace": call.namespace} if call.namespace else item


def _responses_item(at: int, item: Json, text: str) -> list[Json]:
    place = {"item_id": item["id"], "output_index": at}
    deltas: list[Json] = []
    if item["type"] == "message":
        kind = {"type": "response.output_text.delta", "content_index": 0}
        deltas = [{**kind, **place, "delta": part} for part in _chunks(text)]
    elif item["type"] == "function_call":
        kind = {"type": "response.function_call_arguments.delta"}
        deltas = [{**kind, **place, "delta": part} for part in _chunks(item["arguments"])]
    begun = {**item, "status": "in_progress"}
    if item["type"] == "function_call":
        begun["arguments"] = ""  # they come in pieces
    return [
        {"type": "response.output_item.added", "output_index": at, "item": begun},
        *deltas,
        {"type": "response.output_item.done", "output_index": at, "item": item},
    ]


def _chat(answer: Answer) -> tuple[Json, Events]:
    ends = {"max_tokens": "length", "refusal": "content_filter"}
    reason = ends.get(answer.stop or "") or ("tool_calls" if answer.calls else "stop")
    made = [
        {"id": _name("call_"), "type": "function", "function": {"name": call.name, "arguments": json.dumps(call.given)}}
        for call in answer.calls
    ]
    use = answer.use
    usage = {
        "prompt_tokens": use.input,
        "completion_tokens": use.output,
        "total_tokens": use.input + use.output,
        "prompt_tokens_details": {"cached_tokens": use.cache_read},
        "completion_tokens_details": {"reasoning_tokens": use.reasoning},
    }
    head = {"id": _name("chatcmpl-"), "created": int(time.time()), "model": answer.model}
    message = {"role": "assistant", "content": answer.text or None, **({"tool_calls": made} if made else {})}
    choice = {"index": 0, "message": message, "finish_reason": reason}
    whole = {**head, "object": "chat.completion", "choices": [choice], "usage": usage}

    def chunk(delta: Json, end: str | None = None) -> tuple[str | None, Any]:
        choices = [{"index": 0, "delta": delta, "finish_reason": end}]
        return None, {**head, "object": "chat.completion.chunk", "choices": choices}

    events: Events = [chunk({"role": "assistant", "content": ""})]
    events += [chunk({"content": part}) for part in _chunks(answer.text)]
    for at, call in enumerate(made):
        called: Any = call["function"]
        start = {"index": at, "id": call["id"], "type": "function", "function": {**called, "arguments": ""}}
        events.append(chunk({"tool_calls": [start]}))
        for part in _chunks(called["arguments"]):
            events.append(chunk({"tool_calls": [{"index": at, "function": {"arguments": part}}]}))
    events.append(chunk({}, reason))
    events.append((None, {**head, "object": "chat.completion.chunk", "choices": [], "usage": usage}))
    events.append((None, "[DONE]"))
    return whole, events


def _gemini(answer: Answer) -> tuple[Json, Events]:
    thought = [{"text": answer.think, "thought": True}] if answer.think else []
    calls = [{"functionCall": {"name": call.name, "args": call.given}} for call in answer.calls]
    reason = {"max_tokens": "MAX_TOKENS", "refusal": "SAFETY"}.get(answer.stop or "", "STOP")
    use = answer.use
    usage = {
        "promptTokenCount": use.input,
        "candidatesTokenCount": use.output,
        "cachedContentTokenCount": use.cache_read,
        "thoughtsTokenCount": use.reasoning,
        "totalTokenCount": use.input + use.output + use.reasoning,
    }
    head = {"modelVersion": answer.model, "responseId": uuid4().hex}

    def candidate(parts: list[Json], end: str | None = None) -> Json:
        content = {"content": {"role": "model", "parts": parts}, "index": 0}
        return {"candidates": [{**content, "finishReason": end} if end else content]}

    whole = {
        **head,
        **candidate([*thought, *([{"text": answer.text}] if answer.text else []), *calls], reason),
        "usageMetadata": usage,
    }
    pieces: list[Json] = [*thought, *({"text": piece} for piece in _chunks(answer.text)), *calls]
    begun = {"promptTokenCount": use.input}
    events: Events = [(None, {**head, **candidate([piece]), "usageMetadata": begun}) for piece in pieces]
    events.append((None, {**head, **candidate([], reason), "usageMetadata": usage}))
    return whole, events


_ANSWERS: dict[Api, Callable[[Answer], tuple[Json, Events]]] = {
    "messages": _messages,
    "responses": _responses,
    "chat": _chat,
    "gemini": _gemini,
}
