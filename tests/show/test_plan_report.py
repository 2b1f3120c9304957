"""The plan and its forecast as the Prefect page shows them."""

import json
import re
from pathlib import Path

from hypothesis import given

from plait.flows.forecasting import forecast_of
from plait.flows.inputs.requests import Brief, read_brief
from plait.plans.errors import PlanError
from plait.show.plan_report import plan_markdown
from tests.show.test_run_report import any_text, kinds_of, plain_of

PLAN = """
feature: cart
goal: {goal}
tasks:
  - {{id: A, title: {title}, role: architect, prompt: design it, duration: 2h}}
  - {{id: B, role: backend, prompt: build it, duration: 6h, needs: [A]}}
  - {{id: C, role: qa, prompt: test it, duration: 1h}}
"""


def brief_of(*, goal: str = "Fill a cart.", title: str = "Design it") -> Brief:
    text = PLAN.format(goal=json.dumps(goal or "-"), title=json.dumps(title or "-"))
    return read_brief(text, source="plan.yaml", crew=None, folder=Path())


def text_of(brief: Brief) -> str:
    made = forecast_of(brief, samples=20, what_if=False)
    return plan_markdown("cart", brief.plan.goal, brief.expansion.tasks, forecast=made, gantt_uri="data:image/svg,A")


def test_it_tells_how_long_what_takes_and_what_binds() -> None:
    text = plain_of(text_of(brief_of()))

    assert "cart: 3 tasks" in text
    assert "8 h 00 min as planned" in " ".join(text.split())
    assert "9 h 00 min of work for 3 agents: speed-up 1.1" in text
    assert "2 h 00 min 8 h 00 min" in text


def test_what_is_simulated_is_told_no_finer_than_it_is_known() -> None:
    text = " ".join(plain_of(text_of(brief_of())).split())

    assert re.search(r"half of the time within \d+ h( \d?[05] min)?, nearly always within", text)
    assert "lower bound 8 h 00 min (critical path)" in text


def test_without_a_forecast_the_tasks_are_listed_without_times() -> None:
    brief = brief_of()

    text = plan_markdown("cart", "", brief.expansion.tasks)

    assert "as planned" not in text
    assert "| B |" in text


@given(any_text)
def test_hostile_goals_and_titles_stay_text(text: str) -> None:
    clean = "".join(sign for sign in text if sign.isprintable() and not 0xD800 <= ord(sign) <= 0xDFFF).strip()
    try:
        brief = brief_of(goal=clean, title=clean)
    except PlanError:  # refused when it is read: fine, too
        return

    assert kinds_of(text_of(brief)) == kinds_of(text_of(brief_of()))
