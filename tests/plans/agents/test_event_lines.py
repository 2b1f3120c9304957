"""The host's own lines: what is told comes back as it was, and whatever else comes is no event of ours."""

import json
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from plait.plans.agents.event_lines import PULSE, EventLineReader, event_line
from plait.plans.agents.stream import (
    AgentEvent,
    Denied,
    Ended,
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

_WORDS = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=20)
_COUNTS = st.integers(0, 10**9)
_TOKENS = st.builds(Tokens, _COUNTS, _COUNTS, _COUNTS, _COUNTS, _COUNTS)
EVENTS: st.SearchStrategy[AgentEvent] = st.one_of(
    st.builds(Started, session=_WORDS, tools=st.tuples(_WORDS), servers=st.tuples(st.tuples(_WORDS, _WORDS))),
    st.builds(Said, _WORDS),
    st.builds(ToolStarted, _WORDS, _WORDS, paths=st.tuples(_WORDS)),
    st.builds(ToolEnded, _WORDS, st.booleans()),
    st.builds(Denied, _WORDS, _WORDS, _WORDS),
    st.builds(Retrying, st.integers(1, 9), st.none() | st.integers(100, 599), st.none() | st.floats(0, 999)),
    st.builds(Used, _TOKENS, st.sampled_from(["call", "try", "session"]), is_exact=st.booleans(), call=_WORDS),
    st.builds(Warned, _WORDS),
    st.builds(Ended, st.sampled_from(["completed", "provider error", "unclear"]), words=_WORDS, answer=_WORDS),
)


@given(st.lists(EVENTS, max_size=5), st.lists(st.integers(0, 400), max_size=5))
def test_events_come_back_as_they_were_wherever_the_pieces_are_cut(events: list[AgentEvent], cuts: list[int]) -> None:
    text = PULSE.join(map(event_line, events))
    at = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    reader = EventLineReader()

    back = [event for begin, end in pairwise(at) for event in reader.feed(text[begin:end])]

    assert [*back, *reader.close()] == events


_FIELDS = ("event", "tokens", "scope", "usd", "words", "ending", "answer", "paths", "servers", "read", "delay")
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(["used", "ended"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_FIELDS), inner, max_size=4),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(_FIELDS), _VALUES, max_size=6) | _VALUES, st.binary(max_size=40))
def test_what_somebody_else_writes_raises_nothing_and_counts_nothing_impossible(value: Any, noise: bytes) -> None:
    reader = EventLineReader()
    events = (*reader.feed(json.dumps(value).encode() + b"\n" + noise), *reader.close())

    for event in events:
        if isinstance(event, Used):
            assert event.tokens is None or event.tokens.read >= 0
            assert event.usd is None or 0 <= event.usd < 10**13


def test_impossible_numbers_and_other_shapes_are_unknown() -> None:
    reader = EventLineReader()
    lines = (
        b'{"event": "used", "tokens": {"read": -1}, "scope": "call"}',
        b'{"event": "used", "tokens": {"read": 1}, "scope": "call", "usd": 1e999}',
        b'{"event": "ended", "ending": "well"}',
        b'{"event": "said", "text": "\\ud800"}',
        b'{"event": ["said"]}',
        b'{"no": "event"}',
    )

    events = reader.feed(b"\n".join(lines) + b"\n")

    assert len(events) == len(lines)
    assert all(isinstance(event, Unknown) for event in events)
