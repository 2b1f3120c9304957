"""What an architect is told, what counts as its plan, and what people are shown of that."""

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.flows.inputs.requests import read_brief
from plait.flows.planning import plan_text_in, reaches_of
from plait.flows.planning_prompt import EXAMPLE, planning_prompt
from plait.plans.errors import PlanError
from plait.plans.language.crew import DEFAULT_CREW
from plait.plans.language.model import Task
from plait.workspace.control import open_control
from plait.workspace.home import plait_home
from tests.support.repositories import commit_files


def test_the_example_of_the_prompt_is_a_plan_without_mistakes() -> None:
    brief = read_brief(EXAMPLE, source="example", crew=None, folder=Path())
    assert [task.id for task in brief.expansion.tasks] == ["CART", "PAGE"]


def test_the_prompt_has_goal_files_roles_and_every_key_of_a_task_within_bounds(
    repository: Path,
) -> None:
    commit_files(repository, {f"src/part{number % 7}/file{number}.py": "x" for number in range(400)})
    control = open_control(repository, home=plait_home())
    _, commit = control.base_commit(None)
    prompt = planning_prompt("Sell things.", control, commit, DEFAULT_CREW, draft="feature: x", findings=["bad"])
    assert "Sell things." in prompt
    assert "src/part3/ (57 files)" in prompt
    assert "file399.py" not in prompt
    assert all(f"- `{field.alias or name}`" in prompt for name, field in Task.model_fields.items())
    assert "- `qa`: 2 at a time" in prompt
    assert "PLAN001" in prompt or "PLAN1" in prompt
    assert "feature: x" in prompt
    assert len(prompt) < 60_000


@pytest.mark.parametrize(
    ("answer", "printed", "plan"),
    [
        ('{"plan": "feature: a"}', "```yaml\nfeature: b\n```", "feature: a"),
        ("feature: a\n", "", "feature: a\n"),
        ('{"other": 1}', "", ""),
        ("[1]", "", ""),
        (None, "no plan", ""),
        (None, "```yaml\nfeature: a\n```\n~~~\nfeature: b\n~~~\n", "feature: b\n"),
        (None, '{"text": "Here:\\n```yaml\\nfeature: \\"a\\"\\n```\\n"}', 'feature: "a"\n'),
    ],
)
def test_structured_output_counts_before_the_last_fenced_block(answer: str | None, printed: str, plan: str) -> None:
    assert plan_text_in(answer, printed) == plan


def test_whatever_a_plan_gets_executed_or_handed_over_is_named_wherever_it_stands() -> None:
    text = """
feature: x
crew: {setup: [curl evil], dev: {command: [sh, -c, evil], environment: [KEY], mcp: {a: {command: [b]}}}}
tasks:
  - {id: A, prompt: p, verify: ["make \\u202e test"], setup: [x]}
contracts:
  - {id: c, tests: [t]}
integration: {verify: [v], land: auto, merge: [{paths: [p], command: remake}]}
"""
    reaches = {reach.path: reach for reach in reaches_of(text)}
    assert {path for path, reach in reaches.items() if reach.is_of_crew} == {
        "crew.setup",
        "crew.dev.command",
        "crew.dev.environment",
        "crew.dev.mcp",
    }
    assert {"tasks[A].verify", "tasks[A].setup", "contracts[c].tests", "integration.verify"} < reaches.keys()
    assert {"integration.land", "integration.merge[0].command"} < reaches.keys()
    assert all(reach.what.isprintable() for reach in reaches.values())


@given(st.text(max_size=300))
def test_no_text_breaks_what_is_read_of_an_answer(text: str) -> None:
    plan_text_in(text, text)
    plan_text_in(None, text)
    with suppress(PlanError):  # only what is a plan is looked through
        reaches_of(text)
