"""Words by which programs say that their account gives nothing: known at the end, and not where they are quoted."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.plans.accounts.refusals import Refusal, last_lines, refusal_in
from plait.workspace.output import clean
from tests.support.patience import patience

ENDS = sorted((Path(__file__).parents[2] / "data" / "agent-ends").glob("*.txt"))
"""The last lines of streams recorded from claude 2.1.332, codex 0.171, gemini 0.61, opencode 1.18, aider 0.86: program,
case, and what they say of the account."""
NOW = datetime(2026, 11, 30, 14, 0, tzinfo=UTC)


def read(text: str, *, few: bool = False, own: tuple[str, ...] = ()) -> Refusal | None:
    lines = last_lines(text, few=few)
    return refusal_in(lines, NOW, lambda _name: None, own=lambda line: any(word in line for word in own))


@pytest.mark.parametrize("end", ENDS, ids=lambda end: end.stem)
def test_what_known_programs_print_when_they_end_is_read_as_it_is_meant(end: Path) -> None:
    found = read(clean(end.read_bytes()))
    assert (found.kind if found else "none") == end.stem.rpartition(".")[2], found


def test_recorded_ends_are_there() -> None:
    assert len(ENDS) > 20


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("Claude AI usage limit reached|1796044200", "quota"),
        ("Claude usage limit reached. Your limit will reset at 3pm (Europe/Berlin).", "quota"),
        ("5-hour limit reached ∙ resets 3pm", "quota"),
        ("You've hit your limit · resets 3pm (Europe/Berlin)", "quota"),
        ("You’ve hit your session limit · resets 3:45pm", "quota"),
        ("You're out of extra usage · resets 4am (UTC)", "quota"),
        ("Opus weekly limit reached ∙ resets Oct 10 at 5am", "quota"),
        ("Credit balance is too low", "quota"),
        ("ERROR: You've hit your usage limit. Upgrade to Pro or try again in 3 days 4 hours 12 minutes.", "quota"),
        ("Quota exceeded for quota metric 'Gemini 2.5 Pro Requests' and limit 'Requests per day'", "quota"),
        ("You have exhausted your capacity on this model. Your quota will reset after 5h13m22s.", "quota"),
        ("openai.RateLimitError: Error code: 429 - {'error': {'code': 'insufficient_quota'}}", "quota"),
        ("You exceeded your current quota, please check your plan and billing details.", "quota"),
        ("Invalid API key · Please run /login", "login"),
        ("Please run /login · API Error: 401", "login"),
        ("OAuth token has expired. Please obtain a new token", "login"),
        ("Not logged in · Please run /login", "login"),
        ("ERROR: Your access token could not be refreshed. Please log out and sign in again.", "login"),
        ("unexpected status 401 Unauthorized: Missing bearer", "login"),
        ("litellm.AuthenticationError: AuthenticationError: OpenAIException - no", "login"),
        ("API key not valid. Please pass a valid API key.", "login"),
        ("Error code: 401 - {'error': {'message': 'no'}}", "login"),
        ('API Error: 529 {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}', "overload"),
        ("API Error: Repeated 529 Overloaded errors", "overload"),
        ("API Error: Rate limit reached", "overload"),
        ("exceeded retry limit, last status: 429 Too Many Requests", "overload"),
        ("Selected model is at capacity. Please try a different model.", "overload"),
        ("The API provider has rate limited you. Try again later or check your quotas.", "overload"),
        ("The model is overloaded. Please try again later.", "overload"),
        ("HTTP 429", "overload"),
    ],
)
def test_words_of_the_trade_are_known(line: str, kind: str) -> None:
    found = read(f"I look at the files.\n{line}\n")
    assert found is not None
    assert (found.kind, found.words) == (kind, line)


@pytest.mark.parametrize(
    "line",
    [
        "AssertionError: expected 200, got 401",
        "assert response.status_code == 429",
        "FAILED tests/test_login.py::test_token - KeyError: 'user'",
        "fatal: not a git repository",
        "I wrote the limits of the cart; 429 lines were changed.",
        "error: unknown option --foo",
        "Reached the maximum number of turns (30)",
        "Killed",
    ],
)
def test_ordinary_ends_are_not_taken_for_it(line: str) -> None:
    assert read(line) is None


def test_an_agent_that_writes_about_limits_is_not_misread() -> None:
    work = "I handle `usage limit reached|1764450000` and `Please run /login` now.\n"
    assert read(work + "ok\n" * 8 + "Segmentation fault\n") is None
    assert read(work + "ok\n" * 3 + "Segmentation fault\n", few=True) is None
    quoted = '{"type":"user","message":{"content":"usage limit reached"}}\n{"type":"assistant","message":"429"}\n'
    assert read(quoted + '{"type":"result","is_error":false,"result":"usage limit reached is handled"}') is None


def test_the_time_may_stand_in_another_of_the_last_lines() -> None:
    found = read("retry-after: 120\nHTTP 429 Too Many Requests\n")
    assert found == Refusal("overload", "HTTP 429 Too Many Requests", NOW.timestamp() + 120)
    stream = '{"type":"rate_limit_event","rate_limit_info":{"status":"rejected","resetsAt":%d}}\n{"type":"result",'
    found = read(stream % (NOW.timestamp() + 60) + '"is_error":true,"result":"You\'ve hit your limit"}')
    assert found is not None
    assert found.until == NOW.timestamp() + 60


def test_what_a_role_says_itself_counts_as_no_quota() -> None:
    found = read("acme: purse empty, refilled in 2 hours\n", own=("purse empty",))
    assert found == Refusal("quota", "acme: purse empty, refilled in 2 hours", NOW.timestamp() + 7_200)


@given(st.text())
def test_whatever_is_printed_can_be_read(text: str) -> None:
    read(text)
    read('{"type":"result","is_error":true,"result":' + text)


@pytest.mark.parametrize(
    "flood",
    [
        "you have hit your " + "a " * 4_000,
        "limit " * 4_000,
        '{"type":"error","error":' + "[" * 50_000,
        "quota" * 4_000,
        "you've reached the " * 900,
        "status code" + " " * 8_000,
        "run " * 3_000,
        "    at x" + "x" * 8_000,
    ],
)
def test_a_flood_in_a_line_costs_no_time(flood: str) -> None:
    with patience():
        read(flood)
