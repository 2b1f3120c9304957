"""A plan's budget: at its limit agents are stopped in mid-work, which is kept, and nobody else starts."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.acceptance.conftest import WritePlan
from tests.support.command import plait
from tests.support.fake_model import fake_model
from tests.support.programs import path_with
from tests.support.repositories import files_of, git

pytestmark = pytest.mark.slow


def salvaged(repository: Path) -> list[str]:
    return git(repository, "branch", "--format=%(refname:short)", "--list", "feature/*/salvage/*").splitlines()


def test_at_the_end_of_its_time_a_run_stops_its_agents_keeps_their_work_and_starts_nobody(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str], tmp_path: Path
) -> None:
    script = tmp_path / "script.yaml"
    script.write_text("default: [{steps: [{write: {path: half.txt, text: half}}, {sleep: 60s}]}]\n")
    plan = write_plan(f"""
        feature: timed
        crew: {{slow: {{backend: scripted, script: {script}}}}}
        tasks: [{{id: A, role: slow, prompt: Go on., bundle: false}}, {{id: B, role: slow, prompt: Go on too.}}]
        budget: {{time: 3s}}
    """)
    ended = plait("run", str(plan), "--json", cwd=repository, env=prefect_server)

    assert ended.status == 1, ended.stderr
    tasks = {task["id"]: (task["state"], task["reason"]) for task in ended.data["tasks"]}
    assert [state for state, _ in tasks.values()] == ["failed", "failed"]
    assert all("the budget is spent: time of the run: 3s" in reason for _, reason in tasks.values())
    (kept,) = salvaged(repository)
    assert files_of(repository, kept)["half.txt"] == "half"


@pytest.mark.agents
def test_at_the_end_of_its_tokens_a_real_agent_is_stopped_and_its_provider_is_asked_no_more(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    turns = [{"write": {"path": f"part{number}.txt", "content": "x\n"}} for number in range(1, 9)]
    plan = write_plan("""
        feature: dear
        crew: {paid: {backend: claude, model: claude-sonnet-4-5}}
        tasks: [{id: A, role: paid, prompt: Write many., bundle: false}, {id: B, role: paid, prompt: Write more.}]
        budget: {tokens: 2500}
    """)
    with fake_model({"turns": turns}) as model:
        there = {"ANTHROPIC_BASE_URL": model.url, "ANTHROPIC_API_KEY": "real-key", "PATH": path_with("claude")}
        ended = plait("run", str(plan), "--json", cwd=repository, env={**prefect_server, **there})
        asked = len(model.asked)

    assert ended.status == 1, ended.stderr
    tasks = {task["id"]: task for task in ended.data["tasks"]}
    assert {task["state"] for task in tasks.values()} == {"failed"}
    assert all("tokens of the run: 2,500" in task["reason"] for task in tasks.values())
    assert asked == 3, "1,050 tokens each: the third is the last"
    assert tasks["A"]["usage"]["input_tokens"] == 3000
    assert any("part1.txt" in files_of(repository, branch) for branch in salvaged(repository))
