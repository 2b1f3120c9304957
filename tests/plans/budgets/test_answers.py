"""Answers of the four APIs, cut anywhere and mixed with anything: the same usage is read, and nothing is raised."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.plans.agents.stream import Tokens
from plait.plans.budgets.answers import LONGEST_WHOLE, AnswerReader
from plait.plans.budgets.event_stream import LONGEST_EVENT, EventStream
from plait.plans.budgets.usage_fields import Api, tokens_of

APIS: tuple[Api, ...] = ("messages", "responses", "chat", "generate")
COUNTS = st.integers(0, 10**6)
TEXTS = st.text(max_size=40)
BREAKS = st.sampled_from([b"\n", b"\r\n", b"\r"])


def _messages(read: int, written: int, words: list[str]) -> list[Any]:
    start = {"message": {"model": "m", "usage": {"input_tokens": read, "output_tokens": 1}}}
    deltas = [{"type": "content_block_delta", "delta": {"type": "text_delta", "text": word}} for word in words]
    end = {"type": "message_delta", "usage": {"output_tokens": written}}
    return [{"type": "message_start", **start}, *deltas, {"type": "ping"}, end, {"type": "message_stop"}]


def _responses(read: int, written: int, words: list[str]) -> list[Any]:
    usage = {"input_tokens": read, "output_tokens": written}
    deltas = [{"type": "response.output_text.delta", "delta": word} for word in words]
    return [*deltas, {"type": "response.completed", "response": {"model": "m", "usage": usage}}]


def _chat(read: int, written: int, words: list[str]) -> list[Any]:
    deltas = [{"model": "m", "choices": [{"delta": {"content": word}}], "usage": None} for word in words]
    return [*deltas, {"model": "m", "choices": [], "usage": {"prompt_tokens": read, "completion_tokens": written}}]


def _generate(read: int, written: int, words: list[str]) -> list[Any]:
    parts = [{"candidates": [{"content": {"parts": [{"text": word}]}}], "modelVersion": "m"} for word in words]
    usage = {"promptTokenCount": read, "candidatesTokenCount": written}
    return [*parts, {"candidates": [{"finishReason": "STOP"}], "usageMetadata": usage, "modelVersion": "m"}]


ANSWERS = {"messages": _messages, "responses": _responses, "chat": _chat, "generate": _generate}


def pieces_of(raw: bytes, cuts: list[int]) -> list[bytes]:
    """The bytes, cut at these places."""
    places = [0, *sorted(cut % (len(raw) + 1) for cut in cuts), len(raw)]
    return [raw[start:end] for start, end in pairwise(places)]


@given(
    st.sampled_from(APIS),
    COUNTS,
    COUNTS,
    st.lists(TEXTS, max_size=5),
    st.lists(st.integers(0, 10**6), max_size=30),
    BREAKS,
)
def test_the_usage_does_not_depend_on_where_a_stream_is_cut(
    api: Api, read: int, written: int, words: list[str], cuts: list[int], line_break: bytes
) -> None:
    events = ANSWERS[api](read, written, words)
    lines = [b"event: x", b": a comment", b"data: %s" + line_break]
    raw = b"".join(line_break.join(lines) % json.dumps(event).encode() + line_break for event in events)
    reader = AnswerReader(api, is_stream=True, sent=400)
    for piece in pieces_of(raw, cuts):
        reader.feed(piece)
    reader.close(is_complete=True)
    assert reader.is_exact
    assert (reader.tokens.read, reader.tokens.written, reader.model) == (read, written, "m")


@given(
    st.sampled_from(APIS), COUNTS, COUNTS, st.lists(TEXTS, max_size=5), st.integers(0, 10**6), st.binary(max_size=60)
)
def test_a_stream_that_breaks_off_in_garbage_is_estimated(
    api: Api, read: int, written: int, words: list[str], cut: int, garbage: bytes
) -> None:
    raw = b"".join(b"data: %s\n\n" % json.dumps(event).encode() for event in ANSWERS[api](read, written, words))
    reader = AnswerReader(api, is_stream=True, sent=400)
    reader.feed(raw[: cut % len(raw)] + garbage)
    reader.close(is_complete=False)
    assert reader.tokens.read >= 0
    assert reader.tokens.written >= 0
    if not reader.is_exact and api != "messages" and api != "generate":
        assert reader.tokens.read == 100


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["usage", "message", "response", "delta", "choices", "candidates", "type", "error", "content", "parts", "text",
         "input_tokens", "output_tokens", "prompt_tokens", "usageMetadata", "promptTokenCount", "model", "tool_calls",
         "function", "arguments", "functionCall", "finishReason", "input_tokens_details", "cached_tokens"]
    ), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(st.sampled_from(APIS), st.lists(_VALUES, max_size=5), st.booleans())
def test_no_json_of_any_shape_harms_it(api: Api, values: list[Any], is_stream: bool) -> None:
    reader = AnswerReader(api, is_stream=is_stream)
    for value in values:
        for kind in ("message_start", "message_delta", "content_block_delta", "response.completed", "x.delta", None):
            event = {"type": kind, **value} if isinstance(value, dict) and kind else value
            reader.feed(b"data: %s\n\n" % json.dumps(event).encode() if is_stream else json.dumps(event).encode())
    reader.close(is_complete=True)
    assert all(0 <= count <= 10**13 for count in (reader.tokens.read, reader.tokens.written, reader.tokens.cached))
    assert reader.model is None or len(reader.model) <= 200


@given(st.sampled_from(APIS), st.lists(st.binary(max_size=80), max_size=20), st.booleans())
def test_no_bytes_harm_it(api: Api, pieces: list[bytes], is_stream: bool) -> None:
    reader = AnswerReader(api, is_stream=is_stream)
    for piece in pieces:
        reader.feed(piece)
        assert 0 <= reader.boundary <= len(piece)
    reader.close(is_complete=False)


_LINES = st.lists(st.binary(max_size=40).filter(lambda raw: not set(raw) & {10, 13}), max_size=6)


@given(_LINES, BREAKS, st.integers(0, 400))
def test_a_boundary_is_the_end_of_an_event(contents: list[bytes], line_break: bytes, cut: int) -> None:
    raw = b"".join(b"data: %s%s%s" % (content, line_break, line_break) for content in contents)
    stream, position = EventStream(), 0
    for piece in pieces_of(raw, [cut]):
        stream.feed(piece)
        if stream.boundary:
            before = EventStream()
            before.feed(raw[: position + stream.boundary])
            assert before.is_between
        position += len(piece)
    assert stream.is_between


@pytest.mark.parametrize("api", APIS)
def test_a_whole_answer_is_read_and_of_a_very_long_one_the_end(api: Api) -> None:
    key = "usageMetadata" if api == "generate" else "usage"
    (usage,) = [
        event.get(key) or event.get("response", {}).get(key)
        for event in ANSWERS[api](70, 9, ["x"])
        if event.get(key) or event.get("response", {}).get(key)
    ][-1:]
    if api == "messages":
        usage = {"input_tokens": 70, "output_tokens": 9}
    for filler in (10, LONGEST_WHOLE + 10):
        body = json.dumps(
            {"model": "m", "a": '"usage": {"input_tokens": 5}' + "x" * filler, key: usage, "z": 1}
        ).encode()
        reader = AnswerReader(api, is_stream=False)
        for piece in pieces_of(body, list(range(0, len(body), 65_536))):
            reader.feed(piece)
        reader.close(is_complete=True)
        assert (reader.tokens.read, reader.tokens.written, reader.is_exact) == (70, 9, True)


def test_memory_is_bounded_and_the_usage_of_an_endless_event_is_still_found() -> None:
    reader = AnswerReader("responses", is_stream=True)
    reader.feed(b'data: {"type": "response.completed", "response": {"output": "')
    for _ in range(200):
        reader.feed(b"x" * 65_536)
    reader.feed(b'", "usage": {"input_tokens": 3, "output_tokens": 4}, "user": null}}\n\n')
    assert (reader.tokens, reader.is_exact) == (Tokens(3, 4), True)
    stream = EventStream()
    for _ in range(200):
        stream.feed(b"data: " + b"x" * 65_536 + b"\n")
    assert sum(len(data) for data in stream.close()) <= LONGEST_EVENT + 100_000


@pytest.mark.parametrize(
    ("api", "usage", "tokens"),
    [
        (
            "messages",
            {
                "input_tokens": 10,
                "cache_read_input_tokens": 20,
                "cache_creation_input_tokens": 30,
                "cache_creation": {"ephemeral_1h_input_tokens": 12},
                "output_tokens": 5,
            },
            Tokens(read=60, written=5, cached=20, stored=30, stored_hour=12),
        ),
        (
            "responses",
            {
                "input_tokens": 10,
                "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 3},
                "output_tokens": 9,
                "output_tokens_details": {"reasoning_tokens": 6},
            },
            Tokens(read=10, written=9, cached=4, stored=3, thought=6),
        ),
        (
            "chat",
            {
                "prompt_tokens": 10,
                "completion_tokens": 5,
                "total_tokens": 22,
                "completion_tokens_details": {"reasoning_tokens": 7},
            },
            Tokens(read=10, written=12, thought=7),
        ),
        (
            "chat",
            {
                "prompt_tokens": 10,
                "completion_tokens": 9,
                "total_tokens": 19,
                "prompt_cache_hit_tokens": 8,
                "completion_tokens_details": {"reasoning_tokens": 7},
            },
            Tokens(read=10, written=9, cached=8, thought=7),
        ),
        (
            "generate",
            {
                "promptTokenCount": 10,
                "toolUsePromptTokenCount": 2,
                "candidatesTokenCount": 3,
                "thoughtsTokenCount": 4,
                "cachedContentTokenCount": 6,
            },
            Tokens(read=12, written=7, cached=6, thought=4),
        ),
        ("chat", {"prompt_tokens": -5, "completion_tokens": 10**30, "total_tokens": "x"}, Tokens()),
        ("messages", {"input_tokens": True, "output_tokens": 2.0}, Tokens(written=2)),
    ],
)
def test_each_vendors_usage_is_told_in_one_vocabulary(api: Api, usage: Any, tokens: Tokens) -> None:
    assert tokens_of(api, usage) == tokens
