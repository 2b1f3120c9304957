"""The usage that an answer of one of the four APIs tells, in one vocabulary: `Tokens`."""

import json
from collections.abc import Mapping
from typing import Any, Final, Literal

from plait.plans.agents.stream import Tokens

Api = Literal["messages", "responses", "chat", "generate"]
"""Anthropic's Messages, OpenAI's Responses, Chat Completions, Google's generateContent."""

_MOST: Final = 10**12
"""More tokens than that were not meant."""
_USAGE_KEY: Final[Mapping[Api, str]] = {
    "messages": "usage",
    "responses": "usage",
    "chat": "usage",
    "generate": "usageMetadata",
}


def mapping(value: Any) -> Mapping[str, Any]:
    """The value where it is a mapping, else an empty one: nobody promises what a provider sends."""
    return value if isinstance(value, dict) else {}


def text(value: Any) -> str:
    """The value where it is text, else nothing."""
    return value if isinstance(value, str) else ""


def parsed(data: bytes) -> Any:
    """What JSON says; nothing where it is none."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def told_usage(api: Api, answer: Mapping[str, Any]) -> Mapping[str, Any]:
    """The part of a whole answer, or of its last event, that tells the usage."""
    return mapping(answer.get(_USAGE_KEY[api]))


def usage_at_end(api: Api, end: bytes) -> Mapping[str, Any]:
    """The usage out of the end of an answer that is too long to be read whole.

    In text of a model the key's own quotation marks would be escaped, so what is found is the answer's.
    """
    key = f'"{_USAGE_KEY[api]}"'.encode()
    found = end.rfind(key)
    if found < 0:
        return {}
    rest = end[found + len(key) :].lstrip().removeprefix(b":").decode("utf-8", "replace").lstrip()
    try:
        return mapping(json.JSONDecoder().raw_decode(rest)[0])
    except (ValueError, RecursionError):
        return {}


def tokens_of(api: Api, usage: Mapping[str, Any]) -> Tokens:
    """The tokens that a usage record tells; what it does not tell is 0."""
    match api:
        case "messages":
            return _of_messages(usage)
        case "responses":
            return _of_responses(usage)
        case "chat":
            return _of_chat(usage)
        case "generate":
            return _of_generate(usage)


def _of_messages(usage: Mapping[str, Any]) -> Tokens:
    """Anthropic tells apart what no cache had, what came from one and what went into one."""
    cached, stored = _count(usage, "cache_read_input_tokens"), _count(usage, "cache_creation_input_tokens")
    hour = _count(mapping(usage.get("cache_creation")), "ephemeral_1h_input_tokens")
    thought = _count(mapping(usage.get("output_tokens_details")), "thinking_tokens")
    return Tokens(
        read=_count(usage, "input_tokens") + cached + stored,
        written=_count(usage, "output_tokens"),
        cached=cached,
        stored=stored,
        thought=thought,
        stored_hour=hour,
    )


def _of_responses(usage: Mapping[str, Any]) -> Tokens:
    read, written = mapping(usage.get("input_tokens_details")), mapping(usage.get("output_tokens_details"))
    return Tokens(
        read=_count(usage, "input_tokens"),
        written=_count(usage, "output_tokens"),
        cached=_count(read, "cached_tokens"),
        stored=_count(read, "cache_write_tokens"),
        thought=_count(written, "reasoning_tokens"),
    )


def _of_chat(usage: Mapping[str, Any]) -> Tokens:
    """OpenAI counts thoughts as part of the completion; xAI beside it, which the total shows."""
    read, written = mapping(usage.get("prompt_tokens_details")), mapping(usage.get("completion_tokens_details"))
    prompt, completion = _count(usage, "prompt_tokens"), _count(usage, "completion_tokens")
    thought = _count(written, "reasoning_tokens")
    is_beside = thought > 0 and _count(usage, "total_tokens") == prompt + completion + thought
    cached = _count(read, "cached_tokens") or _count(usage, "prompt_cache_hit_tokens") or _count(usage, "cached_tokens")
    return Tokens(
        read=prompt,
        written=completion + (thought if is_beside else 0),
        cached=cached,
        stored=_count(read, "cache_write_tokens"),
        thought=thought,
    )


def _of_generate(usage: Mapping[str, Any]) -> Tokens:
    thought = _count(usage, "thoughtsTokenCount")
    return Tokens(
        read=_count(usage, "promptTokenCount") + _count(usage, "toolUsePromptTokenCount"),
        written=_count(usage, "candidatesTokenCount") + thought,
        cached=_count(usage, "cachedContentTokenCount"),
        thought=thought,
    )


def _count(record: Mapping[str, Any], key: str) -> int:
    value = record.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _MOST:
        return 0
    return int(value)
