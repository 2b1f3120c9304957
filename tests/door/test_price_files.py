"""Which prices there are: plait's own, and the user's over them."""

from pathlib import Path

import pytest

from plait.door.price_files import load_prices
from plait.plans.agents.prices import PriceList, price_list
from plait.plans.agents.stream import Tokens
from plait.plans.errors import CallError


@pytest.mark.parametrize(
    ("model", "tokens", "usd"),
    [
        ("claude-opus-5-5", Tokens(read=1_000_000), 4.0),
        ("anthropic/claude-opus-5-5[1m]", Tokens(written=1_000_000), 20.0),
        ("claude-opus-5-5", Tokens(read=1_000_000, cached=500_000, stored=500_000), 0.1 + 2.5),
        ("claude-opus-5-5", Tokens(read=1_000_000, stored=1_000_000, stored_hour=500_000), 2.5 + 4.0),
        ("claude-haiku-4-5-20251001", Tokens(read=1_000_000), 1.0),
        ("claude-haiku-5-5", Tokens(read=100_001, written=10), (100_001 * 0.5 + 10 * 2.5) / 1e6),
        ("models/gemini-2.5-pro", Tokens(read=200_000), 0.25),
        ("gpt-4o-2024-05-13", Tokens(read=1_000_000), 5.0),
        ("gpt-5.5-2026-04-23", Tokens(read=200_000, written=200_000), 1.0 + 6.0),
    ],
)
def test_a_call_costs_what_its_models_row_says(tmp_path: Path, model: str, tokens: Tokens, usd: float) -> None:
    assert load_prices(tmp_path).cost(tokens, model) == pytest.approx(usd)


@pytest.mark.parametrize("model", ["", None, "fake-model", "claude-opus-99", "gpt-5.5-turbo", "x" * 10_000, "/"])
def test_a_model_that_is_not_listed_has_no_price(tmp_path: Path, model: str | None) -> None:
    assert load_prices(tmp_path).cost(Tokens(read=1), model) is None


def test_the_users_file_lies_over_ours_model_by_model(tmp_path: Path) -> None:
    text = "models:\n  Own-Model: {read: 1, written: 2}\n  gpt-5.5: {read: 0, written: 7}\n"
    (tmp_path / "prices.yaml").write_text(text)
    prices = load_prices(tmp_path)
    million = Tokens(read=1_000_000, written=1_000_000)
    assert prices.cost(million, "own-model") == 3.0
    assert prices.cost(million, "gpt-5.5") == 7.0
    assert prices.cost(Tokens(read=1_000_000), "claude-opus-5-5") == 4.0
    assert prices.dated == "2026-09-22"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("models: {a: {read: -1, written: 2}}", "models.a.read"),
        ("models: {a: {read: 1}}", "models.a.written"),
        ("models: {a: {read: .nan, written: 2}}", "models.a.read"),
        ("models: [a]", "models"),
        ("modles: {}", "modles"),
        ("a: [", "not YAML"),
        ("[" * 5_000, "not YAML"),
        ("x" * 1_000_001, "longer than"),
    ],
)
def test_a_file_that_is_no_list_of_prices_is_a_clear_error(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "prices.yaml").write_text(text)
    with pytest.raises(CallError, match=words) as caught:
        load_prices(tmp_path)
    assert caught.value.hint
    assert "prices.yaml" in str(caught.value)


def test_counts_that_contradict_each_other_cost_no_less_than_nothing() -> None:
    prices: PriceList = price_list({"models": {"a": {"read": 3, "written": 15, "cached": 0.3}}}, "here")
    usd = prices.cost(Tokens(read=10, cached=1_000, stored=1_000, stored_hour=5_000), "a")
    assert usd == pytest.approx(10 * 0.3 / 1e6)
