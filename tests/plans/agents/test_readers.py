"""What readers make of the streams of agent programs: whole, cut anywhere, broken in any way."""

import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from plait.plans.agents.at_work import at_work
from plait.plans.agents.readers.by_backend import READERS
from plait.plans.agents.readers.lines import LineSplitter
from plait.plans.agents.spending import usage_of_events
from plait.plans.agents.stream import AgentEvent, Unknown
from plait.plans.language.backends import Backend

STREAMS = Path(__file__).parents[2] / "data" / "agent-streams"
PROGRAMS = sorted(READERS)


def recorded(backend: Backend) -> list[Path]:
    return sorted(STREAMS.glob(f"{backend}-*.jsonl"))


def events_of(backend: Backend, *pieces: bytes) -> tuple[AgentEvent, ...]:
    reader = READERS[backend]()
    return (*(event for piece in pieces for event in reader.feed(piece)), *reader.close())


def cut(stream: bytes, places: list[int]) -> Iterator[bytes]:
    edges = [0, *sorted(place % (len(stream) + 1) for place in places), len(stream)]
    yield from (stream[start:end] for start, end in pairwise(edges))


programs = st.sampled_from(PROGRAMS)
anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from([10**400, -1, 1e308, "\ud800", "\x00\x1b[2J", "x" * 5_000, 200, 429, "success", "completed"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(programs, st.binary(max_size=400), st.lists(st.integers(0, 400), max_size=5))
@example("claude", b'{"type": "result"', [3])
@example("codex", b"[" * 300_000, [])
@example("claude", b'{"a":' * 100_000, [])
@example("claude", b'{"type": "system", "subtype": "init", "model": "\\ud800"}', [])
@example("codex", b'{"type": "turn.completed", "usage": {"input_tokens": ' + b"9" * 5_000 + b"}}", [])
@example("codex", b'{"type": "turn.completed", "usage": {"input_tokens": NaN, "output_tokens": -Infinity}}', [])
def test_any_bytes_make_the_same_events_wherever_cut(backend: Backend, stream: bytes, places: list[int]) -> None:
    whole = events_of(backend, stream)

    assert events_of(backend, *cut(stream, places)) == whole
    judge(whole)


def judge(events: tuple[AgentEvent, ...]) -> None:
    """All that is made of events works on these: nothing raises, and every text can be written."""
    for event in events:
        repr(event).encode()
        assert len(repr(event)) < 3_000_000
    usage_of_events(events)
    at_work(events).doing.encode()


def changed(draw: st.DrawFn, record: Any) -> Any:
    """The record with one of its values, at any depth, gone, doubled or of another type."""
    if not isinstance(record, dict) or not record:
        return draw(anything)
    key = draw(st.sampled_from(sorted(record)))
    match draw(st.sampled_from(["gone", "other", "deeper", "deeper", "list"])):
        case "gone":
            return {name: value for name, value in record.items() if name != key}
        case "other":
            return {**record, key: draw(anything)}
        case "list":
            return {**record, key: [record[key]]}
        case _:
            return {**record, key: changed(draw, record[key])}


@st.composite
def broken_streams(draw: st.DrawFn) -> tuple[Backend, bytes]:
    """A recorded stream with lines that are changed, repeated, gone, cut in the middle, or in another order."""
    backend = draw(programs)
    lines = draw(st.sampled_from(recorded(backend))).read_bytes().splitlines(keepends=True)[:40]
    made: list[bytes] = []
    for line in lines:
        match draw(st.sampled_from(["as it is", "as it is", "changed", "gone", "twice", "cut", "before"])):
            case "changed":
                try:
                    record = json.loads(line)
                except ValueError:
                    made.append(line)
                else:
                    made.append(json.dumps(changed(draw, record)).encode() + b"\n")
            case "gone":
                continue
            case "twice":
                made += [line, line]
            case "cut":
                made.append(line[: draw(st.integers(0, len(line)))])
            case "before":
                made.insert(draw(st.integers(0, len(made))), line)
            case _:
                made.append(line)
    return backend, b"".join(made)


@given(broken_streams(), st.lists(st.integers(0, 100_000), max_size=4))
@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], max_examples=60)
def test_broken_streams_make_events_and_no_errors(broken: tuple[Backend, bytes], places: list[int]) -> None:
    backend, stream = broken
    whole = events_of(backend, stream)

    assert events_of(backend, *cut(stream, places)) == whole
    judge(whole)


@pytest.mark.parametrize("backend", PROGRAMS)
def test_recorded_streams_fed_byte_by_byte_make_the_same_events(backend: Backend) -> None:
    for path in recorded(backend)[::4]:
        stream = path.read_bytes()

        assert events_of(backend, *(stream[at : at + 1] for at in range(len(stream)))) == events_of(backend, stream)


@pytest.mark.parametrize("backend", PROGRAMS)
def test_what_newer_versions_print_besides_is_unknown_and_no_error(backend: Backend) -> None:
    events = events_of(backend, b'{"type": "of tomorrow", "event": "of tomorrow"}\n')

    assert all(isinstance(event, Unknown) for event in events)


def test_a_line_beyond_the_bound_is_skipped_and_the_next_one_is_read() -> None:
    splitter = LineSplitter(longest=10)

    lines = [*splitter.feed(b"12345"), *splitter.feed(b"678901\nshort\n0123456789\r\n"), *splitter.feed(b"end")]

    assert [*lines, *splitter.close()] == [None, b"short", None, b"end"]
    assert list(splitter.close()) == []


def test_a_line_of_several_megabytes_is_read() -> None:
    words = "x" * 3_000_000
    line = json.dumps({"type": "item.completed", "item": {"type": "agent_message", "text": words}}).encode()

    (said,) = events_of("codex", line + b"\n")

    assert len(repr(said)) < 10_000
