"""What an agent is told about earlier tries."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from plait.agent_tasks.prompts import write_prompt
from plait.flows.inputs.requests import read_brief
from plait.plans.tasks.work import Try

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FAILED = Try(1, "work", "command-1", NOW, NOW, failed="it changed nothing")


def test_the_prompt_says_why_the_last_try_failed_and_nothing_of_one_before_a_success() -> None:
    text = "feature: x\ngoal: X.\ntasks:\n  - {id: A, run: echo}\n"
    (task,) = read_brief(text, source="plan", crew=None, folder=Path()).expansion.tasks

    after_failure = write_prompt(task, goal="X.", tries=(FAILED,), repair=None)
    after_success = write_prompt(task, goal="X.", tries=(FAILED, replace(FAILED, number=2, failed=None)), repair=None)

    assert "it changed nothing" in after_failure
    assert "did not count" not in after_success
