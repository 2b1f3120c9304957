"""A whole plan with real agent programs: landed, and every token that was served is in the report, by its task."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.acceptance.conftest import WritePlan
from tests.support.command import plait
from tests.support.fake_model import fake_model
from tests.support.programs import path_with
from tests.support.repositories import commit_files, files_of

pytestmark = [pytest.mark.agents, pytest.mark.slow]

KEYS = {"ANTHROPIC_API_KEY": "real-key-anthropic-0815", "OPENAI_API_KEY": "real-key-openai-4711"}
PLAN = """
    feature: whole
    goal: Three files.
    crew:
      whole-claude: {backend: claude, model: claude-sonnet-4-5}
      whole-codex: {backend: codex, model: gpt-5.5}
      whole-opencode: {backend: opencode, model: openai/fake-model}
    tasks:
      - {id: A, role: whole-claude, prompt: Write the file alpha.txt., owns: [alpha.txt]}
      - {id: B, role: whole-codex, prompt: Write the file beta.txt., owns: [beta.txt]}
      - {id: C, role: whole-opencode, prompt: Write the file gamma.txt., owns: [gamma.txt], needs: [A, B]}
    integration: {verify: [test -f alpha.txt -o -f beta.txt]}
"""


def script(name: str, *, read: int) -> dict[str, object]:
    edit = {"write": {"path": f"{name}.txt", "content": f"{name}\n"}, "usage": {"input": read, "output": 10}}
    return {"match": f"Write the file {name}", "turns": [edit, {"text": "Done.", "usage": {"input": 1, "output": 2}}]}


def test_a_plan_lands_with_three_programs_and_each_token_is_counted_for_its_task(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    commit_files(repository, {"AGENTS.md": "Agents of this project write short lines.\n"})
    scripts = {name: script(name, read=read) for name, read in (("alpha", 1000), ("beta", 2000), ("gamma", 3000))}
    with fake_model({"scripts": scripts}) as model:
        there = {"ANTHROPIC_BASE_URL": model.url, "OPENAI_BASE_URL": f"{model.url}/v1"}
        path = {"PATH": path_with("claude", "codex", "opencode"), "HOME": os.environ["HOME"]}
        ended = plait(
            "run", str(write_plan(PLAN)), "--json", cwd=repository, env={**prefect_server, **KEYS, **there, **path}
        )
        served = model.play.served

    assert ended.status == 0, ended.stderr
    made = files_of(repository, "feature/whole/integration")
    assert (made["alpha.txt"], made["beta.txt"], made["gamma.txt"]) == ("alpha", "beta", "gamma")
    assert set(served) == set(KEYS.values()), "the provider sees the real keys, and no token of the door"
    tasks = {task["id"]: task["usage"] for task in json.loads(ended.stdout)["tasks"]}
    assert tasks["A"]["input_tokens"] == served[KEYS["ANTHROPIC_API_KEY"]].read
    assert tasks["A"]["output_tokens"] == served[KEYS["ANTHROPIC_API_KEY"]].written
    openai = served[KEYS["OPENAI_API_KEY"]]
    assert tasks["B"]["input_tokens"] + tasks["C"]["input_tokens"] == openai.read
    assert tasks["B"]["output_tokens"] + tasks["C"]["output_tokens"] == openai.written
    assert all(usage["exact"] for usage in tasks.values())
    bodies = [json.dumps(body) for body in model.play.bodies]
    assert all("short lines" in body for body in bodies if "Write the file" in body)
    home = Path(prefect_server.get("PLAIT_HOME", os.environ["PLAIT_HOME"]))
    kept = [path for path in home.rglob("*") if path.is_file() and path.stat().st_size < 5_000_000]
    assert [path for path in kept for key in KEYS.values() if key.encode() in path.read_bytes()] == []
