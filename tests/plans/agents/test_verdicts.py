"""What tries come to: the recorded ends of real programs, and each way that ends, doors and limits come together."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import pytest

from plait.plans.accounts.refusals import Refusal
from plait.plans.agents.at_work import PATIENCE, is_going_nowhere
from plait.plans.agents.course import course_of
from plait.plans.agents.door_sight import DoorSight
from plait.plans.agents.outcomes import Outcome, Verdict
from plait.plans.agents.readers.aider import AiderReader
from plait.plans.agents.readers.by_backend import READERS
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
from plait.plans.agents.verdicts import Cause, verdict, when_empty
from plait.plans.language.backends import BACKENDS, Backend
from plait.plans.usage import Usage
from plait.workspace import process
from tests.plans.agents.recorded_streams import RECORDED, Row

STREAMS = Path(__file__).parents[2] / "data" / "agent-streams"
NOW = datetime(2026, 11, 30, 14, 0, tzinfo=UTC)
BACKTRACE = "\n\nStack backtrace:\n" + "\n".join(f"   {at}: <unknown>" for at in range(10))
ROWS = [(backend, row) for backend, rows in RECORDED.items() for row in rows]


def recorded(backend: Backend, case: str) -> tuple[AgentEvent, ...]:
    """The events of a recorded stream, of aider with its file of usage."""
    reader = READERS[backend]()
    events = reader.feed((STREAMS / f"{case}.jsonl").read_bytes())
    usage = STREAMS / f"{case}.usage.jsonl"
    if isinstance(reader, AiderReader) and usage.exists():
        events += reader.feed_usage(usage.read_bytes())
    return events + reader.close()


def judge(*events: AgentEvent, backend: Backend = "model", status: int | None = 0, **known: Any) -> Verdict:
    cause: Cause = known.pop("cause", "exited" if status is None or status >= 0 else "signalled")
    known.setdefault("stderr_tail", "")
    return verdict(backend, events, status=status, cause=cause, now=NOW, zone_of=lambda _name: None, **known)


def judge_recorded(backend: Backend, case: str, status: int, **known: Any) -> Verdict:
    stderr = STREAMS / f"{case}.stderr"
    known.setdefault("stderr_tail", stderr.read_text() if stderr.exists() else "")
    return judge(*recorded(backend, case), backend=backend, status=status, **known)


@pytest.mark.parametrize(("backend", "row"), ROWS, ids=[row[0] for _backend, row in ROWS])
def test_recorded_streams_come_to_what_their_line_says(backend: Backend, row: Row) -> None:
    case, status, outcome, tokens, turns, denials = row
    judged = judge_recorded(backend, case, status)
    usage = judged.usage
    told = (usage.input_tokens, usage.output_tokens) if usage and usage.input_tokens is not None else None

    assert (judged.outcome, told, usage and usage.turns, len(judged.denials)) == (outcome, tokens, turns, denials)
    assert bool(judged.reason) is (outcome != "done")


def test_every_recorded_stream_has_its_line() -> None:
    files = {path.stem for path in STREAMS.glob("*.jsonl") if not path.stem.endswith(".usage")}

    assert files == {row[0] for _backend, row in ROWS}


@pytest.mark.parametrize("backend", sorted(READERS))
def test_what_a_backend_is_said_to_tell_is_what_its_streams_tell(backend: Backend) -> None:
    """The table in `plait/plans/language/backends.py` against all that was recorded."""
    streams = [recorded(backend, row[0]) for row in RECORDED[backend]]
    judged = [judge(*events, backend=backend) for events in streams]
    usages = [verdict.usage for verdict in judged if verdict.usage]
    of_calls = [event for events in streams for event in events if isinstance(event, Used) and event.scope == "call"]
    abilities = BACKENDS[backend].abilities

    assert ("usage" in abilities) is any(usage.output_tokens for usage in usages)
    assert ("live usage" in abilities) is bool(of_calls)
    assert ("cost" in abilities) is any(usage.usd for usage in usages)
    assert ("sessions" in abilities) is any(verdict.session for verdict in judged)
    assert ("turns" in abilities) is any(verdict.outcome == "turn limit" for verdict in judged)


def test_each_cause_of_the_supervisor_has_its_verdict() -> None:
    assert set(get_args(process.Cause)) < set(get_args(Cause))
    assert {cause: judge(cause=cause, status=-9).outcome for cause in get_args(Cause)} == {
        "exited": "crashed",
        "signalled": "crashed",
        "timeout": "timed out",
        "stalled": "stalled",
        "cancelled": "cancelled",
        "flooded": "crashed",
        "memory": "crashed",
        "lost": "crashed",
        "not started": "crashed",
        "going nowhere": "stalled",
        "budget": "budget spent",
    }


@pytest.mark.parametrize("backend", sorted(BACKENDS))
def test_exit_status_0_without_an_end_of_the_stream_is_no_success(backend: Backend) -> None:
    work = (Said("I write it."), ToolStarted("1", "write"), ToolEnded("1", is_good=True), Said("Done."))

    assert judge(*work, backend=backend).outcome == "crashed"
    assert judge(backend=backend).outcome == "crashed"


@pytest.mark.parametrize("status", [1, 2, 77, 137, -6, -11])
def test_who_says_done_and_ends_otherwise_has_crashed(status: int) -> None:
    assert judge(Ended("completed", words="All done."), status=status).outcome == "crashed"


def test_work_after_an_end_takes_the_end_back() -> None:
    ended = Ended("completed")

    assert judge(ended).outcome == "done"
    assert judge(ended, ToolStarted("1", "write")).outcome == "crashed"
    assert judge(ended, Retrying()).outcome == "crashed"
    assert judge(ended, Started(), Said("more"), ended).outcome == "done"


def test_who_has_said_that_it_is_done_and_does_not_end_is_done() -> None:
    for cause in ("timeout", "stalled"):
        judged = judge(Ended("completed"), cause=cause, status=-15)

        assert judged.outcome == "done"
        assert any("did not end by itself" in note for note in judged.notes)


@pytest.mark.parametrize("cause", ["timeout", "stalled", "going nowhere"])
def test_our_signal_is_not_what_interrupted_it(cause: Cause) -> None:
    expected = {"timeout": "timed out", "stalled": "stalled", "going nowhere": "stalled"}[cause]

    assert judge(Ended("interrupted"), cause=cause, status=1).outcome == expected


@pytest.mark.parametrize(
    ("words", "status", "outcome"),
    [
        ("API Error: Request rejected (429) · slow down", 429, "rate limited"),
        ("You've hit your session limit · resets 3pm (UTC)", 429, "quota ended"),
        ("insufficient_quota", 429, "quota ended"),
        ("Your credit balance is too low to access the API.", 400, "quota ended"),
        ("payment required", 402, "quota ended"),
        ("no", 402, "quota ended"),
        ("no", 401, "login needed"),
        ("Not logged in · Please run /login", None, "login needed"),
        ("OAuth token has expired", 403, "login needed"),
        ("you may not use this model", 403, "crashed"),
        ("model not found", 404, "crashed"),
        ("messages.3 quotes `rate_limit_error` and is no JSON", 400, "crashed"),
        ("Overloaded", 529, "overloaded"),
        ("busy", 503, "overloaded"),
        ("Selected model is at capacity. Please try a different model.", None, "overloaded"),
        ("Rate limit reached for requests", None, "rate limited"),
        ("the answer was garbage", None, "crashed"),
        ("", None, "crashed"),
        ("", 500, "overloaded"),
    ],
)
def test_a_provider_s_error_is_the_account_s_or_nobody_s(words: str, status: int | None, outcome: Outcome) -> None:
    assert judge(Ended("provider error", status=status, words=words), status=1).outcome == outcome


def test_the_time_that_a_refusal_names_is_told() -> None:
    judged = judge(Ended("provider error", status=429, words="You've hit your limit · resets 3pm (UTC)"), status=1)

    assert judged.outcome == "quota ended"
    assert judged.until == NOW.replace(hour=15).timestamp()


def test_claude_tells_a_window_s_end_before_it_is_refused() -> None:
    line = (
        b'{"type": "rate_limit_event", "rate_limit_info": {"status": "rejected", "resetsAt": %d, '
        b'"rateLimitType": "five_hour"}}\n' % (NOW.timestamp() + 600)
    )
    events = READERS["claude"]().feed(line)
    judged = judge(*events, Ended("provider error", status=429, words="API Error: 429"), backend="claude", status=1)

    assert (judged.outcome, judged.until) == ("quota ended", NOW.timestamp() + 600)


def test_what_an_agent_writes_about_limits_says_nothing_of_its_account() -> None:
    words = "I handle `429 Too Many Requests` and `usage limit reached` now. Please run /login."

    assert judge(Said(words), Ended("completed", words=words)).outcome == "done"
    assert judge(Said(words), Ended("turn limit", words=words), status=1).outcome == "turn limit"
    assert judge(Said(words), status=-9).outcome == "crashed"


def test_who_is_stopped_while_its_provider_refuses_was_refused() -> None:
    refused = Retrying(3, status=429, words="rate_limit")

    assert judge(refused, cause="stalled", status=-15).outcome == "rate limited"
    assert judge(Retrying(3, status=401), cause="timeout", status=-15).outcome == "login needed"
    assert judge(refused, Said("on we go"), cause="stalled", status=-15).outcome == "stalled"
    assert judge(refused, cause="memory", status=-9).outcome == "crashed"


def test_the_door_wins_over_what_a_program_says() -> None:
    quota = DoorSight(calls=3, status=429, refusal=Refusal("quota", "usage limit reached", NOW.timestamp() + 60))
    done = Ended("completed", words="All done.")

    judged = judge(done, backend="codex", door=quota)

    assert (judged.outcome, judged.until, judged.words) == ("quota ended", NOW.timestamp() + 60, "usage limit reached")
    assert judge(done, door=DoorSight(calls=1, spent="usd of the task: 2.00")).outcome == "budget spent"
    assert judge(door=DoorSight(calls=1, spent="usd of the task: 2.00"), status=-15).outcome == "budget spent"
    assert judge(door=quota, cause="cancelled").outcome == "cancelled"
    overload = DoorSight(calls=1, status=429, refusal=Refusal("overload", "slow down"))
    assert judge(cause="stalled", status=-15, door=overload).outcome == "rate limited"


def test_the_door_s_last_answer_counts_where_a_program_s_word_proves_nothing() -> None:
    failed = DoorSight(calls=1, status=500)

    assert judge(Ended("completed"), backend="aider", door=failed).outcome == "overloaded"
    assert judge(Ended("completed"), backend="acp", door=DoorSight(calls=1, status=400)).outcome == "crashed"
    assert judge(Ended("completed"), backend="claude", door=failed).outcome == "done"


def test_the_door_s_figures_are_the_usage() -> None:
    seen = DoorSight(calls=4, tokens=Tokens(4_000, 200, cached=100), usd=0.5, model="m", is_exact=False)
    told = Used(Tokens(1, 1), "try", usd=9.0)

    usage = judge(Started(session="s"), told, Ended("completed", turns=3), door=seen).usage

    assert usage == Usage(
        input_tokens=4_000,
        output_tokens=200,
        cached_input_tokens=100,
        usd=0.5,
        turns=3,
        model="m",
        session="s",
        exact=False,
    )


def test_who_goes_round_the_door_is_told_of() -> None:
    judged = judge(Used(Tokens(1, 1), "call", call="1"), Ended("completed"), door=DoorSight())

    assert judged.outcome == "done"
    assert any("by another way" in note for note in judged.notes)


def test_denials_of_which_nothing_came_are_why_nothing_was_done() -> None:
    read = (ToolStarted("1", "Read"), ToolEnded("1", is_good=True))
    denied = (ToolStarted("2", "Write"), Denied("Write", "below .git", "safetyCheck"), ToolEnded("2", is_good=False))
    shell = (ToolStarted("3", "Bash"), ToolEnded("3", is_good=True))
    done = Ended("completed", words="Done.")

    judged = judge(*read, *denied, done)
    assert (judged.outcome, judged.denials) == ("permission denied", ("Write: below .git",))
    assert judge(*read, *denied, *shell, done).outcome == "done"
    assert when_empty(judge(*read, *denied, *shell, done)).outcome == "permission denied"
    assert when_empty(judge(*read, *shell, done)).outcome == "empty"
    assert when_empty(judge(*read, *shell)).outcome == "crashed"


@pytest.mark.parametrize(
    ("backend", "status", "stderr", "outcome"),
    [
        ("claude", 1, "--dangerously-skip-permissions cannot be used with root/sudo privileges", "crashed"),
        ("claude", 1, "Error: Session ID 874e80b2 is already in use.", "crashed"),
        ("codex", 1, "Error: thread/resume: thread/resume failed: no rollout found for thread id 8", "crashed"),
        ("codex", 1, f"Error: no rollout found for thread id 8{BACKTRACE}", "crashed"),
        ("opencode", 1, "\x1b[91m\x1b[1mError: \x1b[0mSession not found", "crashed"),
        ("gemini", 41, "Please set an Auth method in your settings.json", "login needed"),
        ("gemini", 55, "Gemini CLI is not running in a trusted directory.", "crashed"),
        ("gemini", 53, "", "turn limit"),
        ("gemini", 145, "", "login needed"),
        ("gemini", 173, "", "rate limited"),
        ("gemini", 247, "", "overloaded"),
        ("gemini", 17, "", "overloaded"),
        ("claude", 145, "", "crashed"),
        ("claude", 1, "Invalid API key · Please run /login", "login needed"),
        ("codex", 1, "ERROR: You've hit your usage limit. Try again in 3 days 4 hours 12 minutes.", "quota ended"),
        ("claude", 143, "", "crashed"),
        ("opencode", -15, "", "crashed"),
    ],
)
def test_programs_that_cannot_begin_say_why_on_standard_error(
    backend: Backend, status: int, stderr: str, outcome: Outcome
) -> None:
    judged = judge(backend=backend, status=status, stderr_tail=stderr)

    assert judged.outcome == outcome
    assert "unknown" not in judged.words
    assert "\x1b" not in judged.words + judged.reason


def test_a_session_that_is_not_there_is_not_gone_on_with() -> None:
    lost = judge_recorded("claude", "claude-resume-missing", 1)
    started = Started(session="8")

    assert (lost.outcome, lost.session) == ("crashed", None)
    assert judge(started, backend="codex", status=1, stderr_tail="no rollout found for thread id 8").session is None
    assert judge(started, backend="codex", status=-9).session == "8"


@pytest.mark.parametrize("case", ["claude-too-long", "claude-refused-twice"])
def test_a_session_that_its_model_takes_no_more_is_not_gone_on_with(case: str) -> None:
    judged = judge_recorded("claude", case, 1)

    assert (judged.outcome, judged.session) == ("crashed", None)
    assert judged.reason in ("its conversation is longer than its model can read", "its model refused to answer")


def test_gemini_calls_a_broken_answer_a_success_after_a_tool_and_people_hear_of_it() -> None:
    judged = judge_recorded("gemini", "gemini-cut-after-tool", 0)

    assert judged.usage is not None
    assert not judged.usage.exact
    assert any("broke off" in note for note in judged.notes)
    assert not any("broke off" in note for note in judge_recorded("gemini", "gemini-ok", 0).notes)


def test_opencode_asks_for_ever_and_is_seen_to_go_nowhere() -> None:
    for case in ("opencode-cut", "opencode-empty"):
        events = recorded("opencode", case)

        assert is_going_nowhere(events)
        assert judge(*events, backend="opencode", cause="going nowhere", status=-15).outcome == "stalled"
    broken = (Said("This answer never ends well."), Retrying(is_broken=True)) * PATIENCE
    assert is_going_nowhere(broken)
    assert not is_going_nowhere(broken[2:])
    assert not is_going_nowhere((*broken, ToolStarted("1", "write")))


def test_whoever_waits_for_its_provider_does_not_go_nowhere() -> None:
    assert not is_going_nowhere(Retrying(attempt, status=529) for attempt in range(50))
    assert not is_going_nowhere(recorded("claude", "claude-401"))
    line = b'{"type": "error", "message": "Reconnecting... waiting for network (Connection failed)"}\n'
    assert not is_going_nowhere(READERS["codex"]().feed(line * 50))
    for case, *_rest in RECORDED["claude"] + RECORDED["codex"]:
        assert not is_going_nowhere(recorded("claude" if case.startswith(("claude", "bwrap-cl")) else "codex", case))


def test_aider_without_its_file_of_usage_has_proved_nothing() -> None:
    reader = AiderReader()
    events = reader.feed((STREAMS / "aider-ok.jsonl").read_bytes()) + reader.close()

    assert judge(*events, backend="aider").outcome == "crashed"


def test_what_people_should_know_is_noted_once() -> None:
    failed = Started(servers=(("plait", "failed"), ("other", "connected")))
    judged = judge(failed, Warned("beware"), Warned("beware"), Unknown("of tomorrow"), Ended("completed"))

    assert judged.outcome == "done"
    assert judged.notes == (
        "the MCP server plait did not work: failed",
        "beware",
        "1 kind of events that this version of plait does not know: of tomorrow",
    )


def test_thousands_of_events_come_to_a_course_of_bounded_size() -> None:
    course = course_of(
        event
        for at in range(3_000)
        for event in (
            ToolStarted(str(at), "write", detail="x" * 300),
            Denied("write", f"no {at}"),
            Warned(f"careful {at}"),
            Unknown(f"text: {at}"),
            Unknown(f"kind {at}"),
            Used(Tokens(1, 1), "call", call=str(at)),
        )
    )

    assert len(repr(course)) < 40_000
    assert course.spending.tokens == Tokens(3_000, 3_000)
