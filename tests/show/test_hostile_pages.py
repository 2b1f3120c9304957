"""What others wrote, on pages of Markdown: text, and no pictures that phone home, links or tables of theirs."""

from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from plait.flows.inputs.requests import read_brief
from plait.plans.wording import fenced, in_code, markdown
from plait.show.insight import insights
from plait.show.metrics import measure
from plait.show.plan_report import plan_markdown
from tests.show.test_run_report import kinds_of
from tests.support.forecasts import a_forecast
from tests.support.outcomes import a_task, an_outcome

HOSTILE = (
    "![x](http://evil/x.png)",
    "<img src=http://evil/x.png onerror=alert(1)>",
    "[click](javascript:alert(1))",
    "a | b | c",
    "`a` ``b",
    "```\n![x](http://evil/x.png)\n```",
    "~~~\n<script>",
    "\n# A heading\n\n---\n",
    "&lt;img&gt;",
    "[x]: http://evil\n[x]",
    "http://evil/x",
    "www.evil.com",
    "a@evil.com",
    "$x$ **b** _i_",
)
PLAN = "feature: f\ngoal: g\ntasks:\n  - {{id: a_b, title: {title!r}, role: qa, prompt: Do it., duration: 1h}}\n"


def shown(text: str) -> str:
    return MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(text)


@pytest.mark.parametrize("text", HOSTILE)
def test_a_quotation_is_one_block_of_code(text: str) -> None:
    assert kinds_of(f"Before.\n\n{fenced(text)}\n\nAfter.").count("fence") == 1
    assert len(kinds_of(f"Before.\n\n{fenced(text)}\n\nAfter.")) == len(kinds_of("Before.\n\n```\nx\n```\n\nAfter."))


@pytest.mark.parametrize("text", HOSTILE)
def test_a_name_in_code_is_one_piece_of_code(text: str) -> None:
    assert kinds_of(f"It is {in_code(text)} here.") == kinds_of("It is `x` here.")


@pytest.mark.parametrize("text", HOSTILE)
def test_other_text_is_text(text: str) -> None:
    assert kinds_of(f"It is {markdown(text)} here.") == kinds_of("It is x here.")


@pytest.mark.parametrize("text", [one for one in HOSTILE if "\n" not in one])
def test_a_cell_of_the_plan_says_what_the_title_says_and_no_more(text: str) -> None:
    brief = read_brief(PLAN.format(title=text), source="plan.yaml", crew=None, folder=Path())
    page = plan_markdown("f", text, brief.expansion.tasks)
    plain = read_brief(PLAN.format(title="x"), source="plan.yaml", crew=None, folder=Path())
    assert kinds_of(page) == kinds_of(plan_markdown("f", "x", plain.expansion.tasks))
    assert "<td>a_b</td>" in shown(page)
    assert "\\" not in shown(page)


def test_a_clock_that_went_back_is_no_reason_to_say_nothing() -> None:
    outcome = an_outcome(tasks=(a_task("UNKNOWN", start=100, end=0), a_task("A")))
    assert "UNKNOWN" not in " ".join(insights(outcome, measure(outcome), a_forecast()))
