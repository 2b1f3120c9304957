"""The streams of agent programs as people read them, and all other logs as they are."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.flows.terminal.readable_streams import ReadableStream


def read(log: bytes, *, size: int = 7) -> str:
    stream = ReadableStream()
    pieces = [log[at : at + size] for at in range(0, len(log), size)]
    return b"".join([*map(stream.feed, pieces), stream.close()]).decode("utf-8", "surrogateescape")


def lines(*records: object) -> bytes:
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


STREAMS = {
    "codex": lines(
        {"type": "thread.started", "thread_id": "01a2"},
        {"type": "turn.started"},
        {"type": "item.completed", "item": {"id": "1", "type": "agent_message", "text": "Hello."}},
        {"type": "turn.completed", "usage": {"input_tokens": 1, "output_tokens": 2}},
    ),
    "gemini": lines(
        {"type": "init", "session_id": "s", "model": "gemini-2.5-pro"},
        {"type": "message", "role": "assistant", "content": "Hello.", "delta": True},
        {"type": "result", "status": "success", "stats": {"input_tokens": 1, "output_tokens": 2}},
    ),
    "claude": lines(
        {"type": "system", "subtype": "init", "session_id": "s", "model": "claude-x"},
        {
            "type": "assistant",
            "session_id": "s",
            "message": {"id": "m", "content": [{"type": "text", "text": "Hello."}]},
        },
    ),
}


@pytest.mark.parametrize("stream", STREAMS.values(), ids=STREAMS)
def test_a_stream_of_events_is_told_as_text(stream: bytes) -> None:
    told = read(b"a warning before it\n" + stream)

    assert told.startswith("a warning before it\nstarted")
    assert "Hello.\n" in told
    assert "{" not in told


@pytest.mark.parametrize("log", [b'{"type": "coverage", "lines": 3}\n', b"{\n", b"{ no JSON", b"", b"a\rb\n\xff"])
def test_any_other_log_stays_as_it_is(log: bytes) -> None:
    assert read(log).encode("utf-8", "surrogateescape") == log


@given(st.lists(st.sampled_from([b"{", b"}", b"\n", b'"type"', b":", b"text ", b"\xff", b"\r"])), st.integers(1, 9))
def test_nothing_of_a_log_that_is_no_stream_is_lost(parts: list[bytes], size: int) -> None:
    log = b"".join(parts)
    assert read(log, size=size).encode("utf-8", "surrogateescape") == log
