"""The chart in a terminal: never wider than it may be, telling without colour, and in ASCII."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from plait.plans.tasks.states import TaskState
from plait.show.pictures.cells import Line, cells, cut, cut_inside, filled, in_ascii, without_colour
from plait.show.pictures.chart import Bar, Chart, chart_of, lanes_of
from plait.show.pictures.text_gantt import NARROWEST, text_gantt
from tests.support.forecasts import CART, a_forecast, a_run, many_jobs, slots_of
from tests.support.outcomes import an_outcome

any_text = st.text(max_size=30)
any_time = st.floats(allow_nan=True, allow_infinity=True)
any_bar = st.builds(Bar, task=any_text, role=any_text, start=any_time, end=any_time, critical=st.booleans())


def said(lines: list[Line]) -> list[str]:
    return ["".join(piece.words for piece in line) for line in lines]


@settings(max_examples=150, deadline=None)
@given(st.lists(any_bar, max_size=6), any_text, st.integers(0, 200))
def test_no_line_is_wider_than_the_terminal(bars: list[Bar], title: str, width: int) -> None:
    lanes = lanes_of(bars)
    chart = Chart(title, lanes=lanes, roles=tuple(dict.fromkeys(lane.role for lane in lanes)), ran=True)

    for line in text_gantt(chart, width=width):
        for shown in (line, without_colour(line), in_ascii(line)):
            assert sum(cells(piece.words) for piece in shown) <= max(NARROWEST, width)
        assert "".join(piece.words for piece in in_ascii(line)).isascii()


@pytest.mark.parametrize("width", [30, 40, 80, 140, 300])
@pytest.mark.parametrize("kind", ["forecast", "run", "both", "large"])
def test_charts_of_all_kinds_fit(kind: str, width: int) -> None:
    large = many_jobs(200)
    forecast = a_forecast(large, slots_of(large), samples=10) if kind == "large" else a_forecast()
    outcome = a_run() if kind in ("run", "both") else None

    lines = said(
        text_gantt(chart_of("cart", outcome=outcome, forecast=None if kind == "run" else forecast), width=width)
    )

    assert max(map(cell_len, lines)) <= width
    assert sum("│" in line or "█" in line or "▀" in line for line in lines) >= len(CART)


def test_a_forecast_shows_how_sure_it_is_and_what_is_critical() -> None:
    lines = said(text_gantt(chart_of("cart", forecast=a_forecast()), width=100))

    api = next(line for line in lines if "CART-API" in line)
    assert api.startswith("● CART-API")
    assert api.index("█") < api.index("▓") < api.index("─") < api.index("┤")
    assert any("P50" in line and "P80" in line and "P95" in line for line in lines)


def test_forecast_and_actual_can_be_told_apart_without_colour() -> None:
    lines = said(
        [without_colour(line) for line in text_gantt(chart_of("c", outcome=a_run(), forecast=a_forecast()), width=100)]
    )

    prices = next(line for line in lines if "PRICES" in line)
    assert "█" in prices
    assert "▄" in prices, "it was done sooner than planned"
    assert "▀ actual  ▄ forecast  █ both" in lines


def test_what_went_wrong_is_in_words() -> None:
    lines = said(text_gantt(chart_of("cart", outcome=an_outcome()), width=100))

    assert any(line.strip().startswith("PAGE failed") for line in lines)
    assert any(line.strip().startswith("API ×2") for line in lines)


@pytest.mark.parametrize("width", [60, 80, 120])
def test_long_names_leave_room_for_what_went_wrong_and_for_their_role(width: int) -> None:
    name = "IMPLEMENT-THE-WHOLE-CHECKOUT-PAGE-WITH-ALL-ITS-DETAILS-1"
    bars = [Bar(name, "backend", 0, 9, TaskState.HELD, tries=2), Bar(name, "backend", 9, 12, TaskState.FAILED, tries=2)]
    lines = said(text_gantt(Chart("c", lanes=lanes_of(bars), roles=("backend",), ran=True), width=width))

    lane = next(line for line in lines if "IMPL" in line)
    assert "-1 ×2 · failed backend " in lane
    assert "▒" in lane
    assert "▓" in lane
    assert "▓ failed" in lines
    assert "▒ handed back or held" in lines


@given(st.text(max_size=40), st.integers(0, 50))
def test_a_cut_text_has_the_width_that_it_should(words: str, room: int) -> None:
    assert cells(cut(words, room)) <= room
    assert cells(cut_inside(words, room)) <= room
    assert cells(filled(words, room)) == room
