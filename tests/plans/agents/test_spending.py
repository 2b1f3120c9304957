"""What tries used up: each answer once, nothing of the session's earlier tries, and what nobody told is no zero."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.plans.agents.at_work import at_work
from plait.plans.agents.readers.by_backend import READERS
from plait.plans.agents.spending import usage_of_events
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
    Used,
)
from plait.plans.language.backends import Backend
from plait.plans.usage import Usage, usage_of

STREAMS = Path(__file__).parents[2] / "data" / "agent-streams"


def recorded(backend: Backend, case: str) -> tuple[AgentEvent, ...]:
    reader = READERS[backend]()
    return reader.feed((STREAMS / f"{case}.jsonl").read_bytes()) + reader.close()


def tries_of(backend: Backend, cases: Sequence[str]) -> list[Usage | None]:
    """What each of a session's tries used up, given what those before it had."""
    tries: list[Usage | None] = []
    for case in cases:
        tries.append(usage_of_events(recorded(backend, case), before=usage_of(tries)))
    return tries


@pytest.mark.parametrize(
    ("backend", "cases", "tokens", "usd"),
    [
        ("claude", ("claude-resume1", "claude-resume2", "claude-resume-othercwd"), (5_000, 250), 0.01875),
        ("claude", ("claude-kill-resume1", "claude-kill-resume2"), (3_000, 150), 0.01125),
        ("codex", ("codex-sigterm", "codex-resume", "codex-resume-othercwd"), (3_000, 150), None),
        ("gemini", ("gemini-ok", "gemini-resume"), (3_000, 150), None),
        ("opencode", ("opencode-ok", "opencode-resume"), (3_000, 150), 0.01071),
    ],
)
def test_the_tries_of_one_session_sum_up_to_what_was_served(
    backend: Backend, cases: tuple[str, ...], tokens: tuple[int, int], usd: float | None
) -> None:
    whole = usage_of(tries_of(backend, cases))

    assert whole is not None
    assert (whole.input_tokens, whole.output_tokens) == tokens
    assert whole.usd == (None if usd is None else pytest.approx(usd))


def test_each_try_of_a_resumed_session_has_its_own_share() -> None:
    tries = tries_of("claude", ("claude-resume1", "claude-resume2", "claude-resume-othercwd"))

    assert [(usage.input_tokens, usage.usd) for usage in tries if usage] == [
        (2_000, pytest.approx(0.0075)),
        (2_000, pytest.approx(0.0075)),
        (1_000, pytest.approx(0.00375)),
    ]


def test_a_resumed_claude_is_not_counted_twice_although_nobody_knows_what_was_before() -> None:
    usage = usage_of_events(recorded("claude", "claude-resume2"))

    assert usage is not None
    assert (usage.input_tokens, usage.usd, usage.exact) == (2_000, 0.0075, True)


def test_totals_of_another_session_are_not_taken_off() -> None:
    events = (Started(session="new"), Used(Tokens(1_000, 50), "session"), Ended("completed"))

    usage = usage_of_events(events, before=Usage(input_tokens=900, session="old"))

    assert usage is not None
    assert usage.input_tokens == 1_000


def test_a_session_that_began_anew_is_counted_from_its_beginning() -> None:
    usage = usage_of_events([Used(Tokens(500, 20), "session"), Ended("completed")], before=Usage(input_tokens=900))

    assert usage is not None
    assert (usage.input_tokens, usage.output_tokens) == (500, 20)


def test_what_nobody_told_is_absent_and_no_zero() -> None:
    assert usage_of_events([Started(session="s"), Said("on it")]) is None
    assert usage_of_events(recorded("codex", "codex-sigterm")) is None
    spent = usage_of_events([Used(None, "session", usd=0.5), Ended("completed")])
    assert spent is not None
    assert (spent.input_tokens, spent.usd, spent.exact) == (None, 0.5, False)


def test_a_stream_that_was_cut_is_not_all_that_was_used() -> None:
    call = Used(Tokens(10, 5), "call", call="1")

    whole, cut = usage_of_events([call, Ended("completed")]), usage_of_events([call])

    assert whole is not None
    assert whole.exact
    assert cut is not None
    assert not cut.exact


def test_the_end_of_a_call_is_exact_whatever_was_guessed_before() -> None:
    guessed = Used(Tokens(10, 90), "call", call="1", is_exact=False)
    exact = Used(Tokens(10, 40), "call", call="1")

    for order in ([guessed, exact], [exact, guessed], [guessed, exact, guessed]):
        usage = usage_of_events([*order, Ended("completed")])
        assert usage is not None
        assert (usage.output_tokens, usage.exact) == (40, True)


calls = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 1_000), st.integers(0, 1_000)), max_size=30)


@given(calls, st.lists(st.integers(0, 29), max_size=20))
def test_a_call_counts_once_however_often_it_is_told(told: list[tuple[int, int, int]], again: list[int]) -> None:
    events = [Used(Tokens(read, written), "call", call=str(at)) for at, read, written in told]
    repeated = [*events, *(events[at] for at in again if at < len(events))]

    assert usage_of_events(repeated) == usage_of_events(events)


@given(
    st.lists(st.tuples(st.integers(0, 10**13), st.integers(0, 10**13)), max_size=40),
    st.one_of(st.none(), st.builds(Usage, input_tokens=st.integers(0, 10**15), usd=st.floats(0, 10**9))),
)
def test_any_figures_make_a_usage(figures: list[tuple[int, int]], before: Usage | None) -> None:
    events: list[AgentEvent] = []
    for at, (read, written) in enumerate(figures):
        scope = ("call", "try", "session")[at % 3]
        events.append(Used(Tokens(read, written, cached=written), scope, usd=float(read), call=str(at)))

    usage = usage_of_events(events, before=before)

    assert usage is None or usage.input_tokens is None or usage.input_tokens >= (usage.cached_input_tokens or 0)


def test_who_looks_on_sees_model_tool_tokens_and_last_words() -> None:
    started = (Started(model="sonnet"), Said("I look at\nthe tests."))
    tool = ToolStarted("1", "Bash", detail="make test")

    seen = at_work([*started, tool, Used(Tokens(1_000, 9), "call", call="a", is_exact=False)])

    assert (seen.model, seen.tool, seen.words, seen.tokens) == (
        "sonnet",
        "Bash: make test",
        "I look at the tests.",
        Tokens(1_000, 9),
    )
    assert seen.doing == "Bash: make test"
    assert seen.after(ToolEnded("1", is_good=True)).doing == "I look at the tests."
    waiting = seen.after(Retrying(2, status=529, delay=4.0, words="overloaded"))
    assert waiting.doing == "waits for its provider (529): overloaded, again in 4 s"
    assert waiting.after(Said("done")).after(Denied("Write")).doing == "Bash: make test"
    assert waiting.after(Ended("completed", words="All done.")).doing == "All done."


def test_tools_used_beside_each_other_end_in_any_order() -> None:
    seen = at_work([ToolStarted("1", "Read", ("a.py",)), ToolStarted("2", "Grep", detail="x")])

    assert seen.tool == "Grep: x"
    assert seen.after(ToolEnded("2", is_good=False)).tool == "Read: a.py"
