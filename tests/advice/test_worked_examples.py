"""Nine plans whose schedules were worked out by hand: the forecast gives the same figures, to the digit."""

from pathlib import Path

import pytest

from plait.flows.forecasting import forecast_of
from plait.flows.inputs.requests import read_brief

WORKED = Path(__file__).parents[1] / "data" / "worked"


@pytest.mark.parametrize(
    ("plan", "elapsed", "sequential", "speed_up"),
    [
        ("login", 11, 15, 1.36),
        ("vertical-slices", 8, 26, 3.25),
        ("logging-layers", 9, 17, 1.89),
        ("cart-components", 8, 24, 3),
        ("schema-update", 13, 25, 1.92),
        ("shopping-cart", 10, 23, 2.3),
        ("session-to-jwt", 14, 27, 1.93),
        ("roles-and-permissions", 24, 24, 1),
        ("contract-first", 4.5, 12.5, 2.78),
    ],
)
def test_a_worked_example_comes_out_to_the_digit(plan: str, elapsed: float, sequential: float, speed_up: float) -> None:
    file = WORKED / f"{plan}.yaml"
    brief = read_brief(file.read_text(encoding="utf-8"), source=str(file), crew=None, folder=WORKED)
    made = forecast_of(brief, samples=0, what_if=False)
    assert made.elapsed / 3600 == elapsed
    assert made.work / 3600 == sequential
    assert round(made.speed_up, 2) == speed_up
    assert made.bound_ratio == 1
    assert made.efficiency == pytest.approx(made.work / (made.agents * made.elapsed))


def test_four_agents_with_24_hours_of_work_in_10_are_60_percent_efficient() -> None:
    text = "feature: x\ncrew: {qa: {slots: 4}}\ntasks:\n" + "".join(
        f"  - {{id: T{number}, role: qa, duration: {hours}h, owns: [], prompt: work}}\n"
        for number, hours in enumerate((10, 5, 5, 4))
    )
    made = forecast_of(read_brief(text, source="plan", crew=None, folder=WORKED), samples=0)
    assert (made.agents, made.elapsed / 3600, made.work / 3600) == (4, 10, 24)
    assert made.efficiency == pytest.approx(0.6)
    assert made.speed_up == pytest.approx(2.4)
