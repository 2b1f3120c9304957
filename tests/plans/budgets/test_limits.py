"""When a limit is reached, and in which words; where providers are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.plans.budgets.limits import Budgets, Expense, Limits, budget_spent, rest_of, spent_words
from plait.plans.budgets.upstreams import upstream_at, upstream_in
from plait.plans.errors import CallError

LIMITS = st.builds(
    Limits, st.none() | st.integers(1, 100), st.none() | st.floats(0.1, 100), st.none() | st.floats(1, 100)
)
EXPENSES = st.builds(Expense, st.integers(0, 200), st.floats(0, 200), st.floats(0, 200))


@pytest.mark.parametrize(
    ("limits", "expense", "words"),
    [
        (Limits(), Expense(10**12, 10.0**9, 10.0**9), ""),
        (Limits(tokens=1_000), Expense(999), ""),
        (Limits(tokens=1_000), Expense(1_000), "tokens of the task: 1,000"),
        (Limits(usd=2), Expense(usd=2.5), "usd of the task: 2.00"),
        (Limits(usd=0.005), Expense(usd=0.005), "usd of the task: 0.005"),
        (Limits(seconds=5_400), Expense(seconds=5_400), "time of the task: 1h30m"),
    ],
)
def test_a_limit_is_reached_when_so_much_is_spent(limits: Limits, expense: Expense, words: str) -> None:
    assert spent_words(limits, expense, "task") == words


@given(LIMITS, EXPENSES, EXPENSES)
def test_what_is_spent_stays_spent_whatever_comes(limits: Limits, expense: Expense, more: Expense) -> None:
    if spent_words(limits, expense, "run"):
        assert spent_words(limits, expense + more, "run")
    rest = rest_of(limits, expense)
    assert all(value is None or value > 0 for value in (rest.tokens, rest.usd, rest.seconds))


def test_the_narrowest_scope_is_named_first() -> None:
    budgets = Budgets(task=Limits(tokens=5), run=Limits(tokens=5), day=Limits(tokens=5))
    assert budget_spent(budgets, {"task": Expense(4), "run": Expense(9), "day": Expense(9)}) == "tokens of the run: 5"
    assert budget_spent(budgets, {"day": Expense(9)}) == "tokens of the day: 5"
    assert budget_spent(budgets, {"task": Expense(4)}) == ""


def test_a_users_environment_says_where_providers_are() -> None:
    assert upstream_in({}, "anthropic") is None
    vendor = upstream_in({"ANTHROPIC_API_KEY": "sk-a"}, "anthropic")
    assert vendor is not None
    assert (vendor.scheme, vendor.authority, vendor.path) == ("https", "api.anthropic.com", "")
    assert (vendor.key, vendor.credential) == ("sk-a", "x-api-key")
    assert "sk-a" not in repr(vendor)
    own = upstream_in({"ANTHROPIC_AUTH_TOKEN": "t", "ANTHROPIC_BASE_URL": "http://gateway.lan:8080/llm/"}, "anthropic")
    assert own is not None
    assert (own.authority, own.path, own.credential) == ("gateway.lan:8080", "/llm", "bearer")
    local = upstream_in({"OPENAI_BASE_URL": "http://[::1]:11434/v1"}, "openai")
    assert local is not None
    assert (local.authority, local.path, local.key) == ("[::1]:11434", "/v1", "")


@pytest.mark.parametrize(
    "url",
    ["", "ftp://x", "http://", "http://me:pw@x/", "http://x/?a=b", "http://x/#y", "http://x:99999", "http://ex ample/",
     "http://ä.example", "http://x/\n", "//x", "x.example/v1"],
)  # fmt: skip
def test_what_is_no_base_url_is_refused_without_its_password(url: str) -> None:
    if url == "http://x/\n":
        assert upstream_at("openai", url).host == "x"  # blanks around it are a slip of the hand
        return
    with pytest.raises(CallError) as caught:
        upstream_at("openai", url)
    assert "pw" not in str(caught.value)
    assert "OPENAI_BASE_URL" in (caught.value.hint or "")


@pytest.mark.parametrize("key", ["a b", "a\nb", "ä", "a\r\nx-evil: 1"])
def test_a_key_that_no_header_can_have_is_refused_and_not_repeated(key: str) -> None:
    with pytest.raises(CallError) as caught:
        upstream_at("openai", "http://x", key)
    assert key not in str(caught.value)
