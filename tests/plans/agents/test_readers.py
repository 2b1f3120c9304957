"""What readers make of the streams of agent programs: whole, cut anywhere, broken in any way."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from plait.plans.agents.at_work import at_work
from plait.plans.agents.event_lines import event_line
from plait.plans.agents.outcomes import POLICIES, Verdict
from plait.plans.agents.readers.aider import AiderReader
from plait.plans.agents.readers.by_backend import READERS
from plait.plans.agents.readers.lines import LineSplitter
from plait.plans.agents.stream import AgentEvent, Ended, Tokens, Unknown, Used
from plait.plans.agents.verdicts import verdict
from plait.plans.language.backends import Backend
from plait.plans.usage import Usage

STREAMS = Path(__file__).parents[2] / "data" / "agent-streams"
NOW = datetime(2026, 11, 30, 14, 0, tzinfo=UTC)
AIDERS_FILE = "aider's file of usage"
SOURCES = (*sorted(READERS.keys() - {"model", "acp"}), AIDERS_FILE)  # these two print plait's own lines
"""What is read: the standard output of each program, and aider's other file."""


@cache
def recorded(source: str) -> tuple[bytes, ...]:
    """Recorded streams; of plait's own host, which prints events as they are, those of claude."""
    if source in ("model", "acp"):
        return tuple(b"".join(map(event_line, events_of("claude", stream))) for stream in recorded("claude")[::4])
    names = "*.usage.jsonl" if source == AIDERS_FILE else f"{source}-*.jsonl"
    paths = sorted(path for path in STREAMS.glob(names) if source == AIDERS_FILE or ".usage" not in path.name)
    return tuple(path.read_bytes() for path in paths)


def program_of(source: str) -> Backend:
    return next((backend for backend in READERS if backend == source), "aider")


def events_of(source: str, *pieces: bytes) -> tuple[AgentEvent, ...]:
    reader = READERS[program_of(source)]()
    feed = reader.feed_usage if isinstance(reader, AiderReader) and source == AIDERS_FILE else reader.feed
    return (*(event for piece in pieces for event in feed(piece)), *reader.close())


def cut(stream: bytes, places: list[int]) -> Iterator[bytes]:
    edges = [0, *sorted(place % (len(stream) + 1) for place in places), len(stream)]
    yield from (stream[start:end] for start, end in pairwise(edges))


sources = st.sampled_from(SOURCES)
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


@given(sources, st.binary(max_size=400), st.lists(st.integers(0, 400), max_size=5))
@example("claude", b'{"type": "result"', [3])
@example("codex", b"[" * 300_000, [])
@example("claude", b'{"a":' * 100_000, [])
@example("claude", b'{"type": "system", "subtype": "init", "model": "\\ud800"}', [])
@example("codex", b'{"type": "turn.completed", "usage": {"input_tokens": ' + b"9" * 5_000 + b"}}", [])
@example("codex", b'{"type": "turn.completed", "usage": {"input_tokens": NaN, "output_tokens": -Infinity}}', [])
def test_any_bytes_make_the_same_events_wherever_cut(source: str, stream: bytes, places: list[int]) -> None:
    whole = events_of(source, stream)

    assert events_of(source, *cut(stream, places)) == whole
    judge(source, whole)


def judge(source: str, events: tuple[AgentEvent, ...]) -> Verdict:
    """All that is made of events works on these: nothing raises, and every text can be written."""
    text = repr(events)
    text.encode()
    at_work(events).doing.encode()
    judged = verdict(
        program_of(source),
        events,
        status=len(text) % 3,
        stderr_tail=text[-500:],
        cause="exited",
        now=NOW,
        zone_of=lambda _name: None,
        before=Usage(input_tokens=len(text), usd=0.01),
    )
    repr(judged).encode()
    assert judged.outcome in POLICIES
    ended = [event for event in events if isinstance(event, Ended)]
    assert judged.outcome != "done" or (ended and ended[-1].ending == "completed")
    return judged


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
def broken_streams(draw: st.DrawFn) -> tuple[str, bytes]:
    """A recorded stream with lines that are changed, repeated, gone, cut in the middle, or in another order."""
    source = draw(sources)
    lines = draw(st.sampled_from(recorded(source))).splitlines(keepends=True)[:40]
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
    return source, b"".join(made)


@given(broken_streams(), st.lists(st.integers(0, 100_000), max_size=4))
@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], max_examples=60)
def test_broken_streams_make_events_and_no_errors(broken: tuple[str, bytes], places: list[int]) -> None:
    source, stream = broken
    whole = events_of(source, stream)

    assert events_of(source, *cut(stream, places)) == whole
    judge(source, whole)


@pytest.mark.slow
@pytest.mark.parametrize("source", SOURCES)
def test_ten_thousand_broken_streams_of_each_program_make_no_error(source: str) -> None:
    chance = Random(source)  # noqa: S311  (for tests)
    streams = recorded(source)
    for _ in range(10_000):
        stream = broken_at_random(chance, chance.choice(streams))
        events = events_of(source, stream)

        assert events_of(source, *cut(stream, [chance.randrange(1 << 30) for _ in range(3)])) == events
        judge(source, events)


def broken_at_random(chance: Random, stream: bytes) -> bytes:
    """A stream with a few of its lines changed, moved, doubled or cut, and a few of its bytes."""
    lines = stream.splitlines(keepends=True)
    start = chance.randrange(len(lines))
    lines = lines[:1] + lines[start : start + 8] + lines[-2:]
    for _ in range(chance.randrange(1, 5)):
        at = chance.randrange(len(lines))
        match chance.randrange(5):
            case 0:
                lines[at] = lines[at][: chance.randrange(len(lines[at]) + 1)]
            case 1:
                lines.insert(chance.randrange(len(lines)), lines[at])
            case 2:
                lines[at] = bytes(
                    chance.randrange(256) if chance.random() < 0.02 else byte for byte in lines[at][:2_000]
                )
            case _:
                lines[at] = changed_at_random(chance, lines[at])
    return b"".join(lines)


ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 200, 429, 10**30, 1e308, float("nan"), float("-inf"), "", "\ud800", "\x00\x1b[2J"),
    *(
        [],
        {},
        [None],
        [[{}]],
        {"type": "text", "text": 5},
        ["a", {"text": []}],
        "success",
        "error",
        "completed",
        "x" * 999,
    ),
)


def changed_at_random(chance: Random, line: bytes) -> bytes:
    """A line with one of its values, at any depth, gone or of another type."""
    try:
        record = json.loads(line)
    except ValueError:
        return line[::-1]
    holders = [held for held in everything_in(record) if isinstance(held, dict | list) and held]
    if not holders:
        return line
    holder = chance.choice(holders)
    key = chance.choice(list(holder)) if isinstance(holder, dict) else chance.randrange(len(holder))
    if chance.random() < 0.3:
        del holder[key]
    else:
        holder[key] = chance.choice(ODD)
    return json.dumps(record).encode() + b"\n"


def everything_in(value: Any) -> Iterator[Any]:
    yield value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for item in inner:
        yield from everything_in(item)


@pytest.mark.parametrize("source", SOURCES)
def test_recorded_streams_fed_byte_by_byte_make_the_same_events(source: str) -> None:
    for stream in recorded(source)[::4]:
        assert events_of(source, *(stream[at : at + 1] for at in range(len(stream)))) == events_of(source, stream)


@pytest.mark.parametrize("source", [source for source in SOURCES if source != "aider"])  # its output is prose
def test_what_newer_versions_print_besides_is_unknown_and_no_error(source: str) -> None:
    events = events_of(source, b'{"type": "of tomorrow", "event": "of tomorrow"}\n')

    assert all(isinstance(event, Unknown) for event in events)


def test_a_line_beyond_the_bound_is_skipped_and_the_next_one_is_read() -> None:
    splitter = LineSplitter(longest=10)

    lines = [*splitter.feed(b"12345"), *splitter.feed(b"678901\nshort\n0123456789\r\n"), *splitter.feed(b"end")]

    assert [*lines, *splitter.close()] == [None, b"short", None, b"end"]
    assert list(splitter.close()) == []


def test_events_of_the_host_come_back_as_they_were() -> None:
    spent = (Used(None, "session", usd=0.5), Used(Tokens(9, 8, 7, 6, 5, 4), "call"), Ended("completed", turns=0))

    assert events_of("model", *map(event_line, spent)) == spent


def test_a_line_of_several_megabytes_is_read() -> None:
    words = "x" * 3_000_000
    line = json.dumps({"type": "item.completed", "item": {"type": "agent_message", "text": words}}).encode()

    (said,) = events_of("codex", line + b"\n")

    assert len(repr(said)) < 10_000
