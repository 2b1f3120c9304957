"""What agents used up, from a script through the whole run to what people and programs are told of it."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.acceptance.conftest import WritePlan
from tests.support.command import plait

pytestmark = pytest.mark.slow

SCRIPT = """
tasks:
  A:
    - steps: [{usage: {input_tokens: 1000, output_tokens: 10, turns: 1, usd: 0.25}}, {fail: {status: 1}}]
    - steps:
        - usage: {input_tokens: 2000, cached_input_tokens: 500, output_tokens: 20, turns: 2, usd: 0.5, model: small}
        - write: {path: a.txt, text: a}
  B:
    - steps: [{write: {path: b.txt, text: b}}]
"""


def test_what_all_tries_used_up_is_in_the_record_the_history_and_the_report(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str], tmp_path: Path
) -> None:
    script = tmp_path / "used.script.yaml"
    script.write_text(SCRIPT)
    plan = write_plan(
        f"""
        feature: used
        goal: Use things up.
        crew: {{worker: {{slots: 2, backend: scripted, script: {script}}}}}
        tasks:
          - {{id: A, role: worker, prompt: Do it., owns: [a.txt], retries: 1}}
          - {{id: B, role: worker, prompt: Do it., owns: [b.txt]}}
          - {{id: C, run: echo c > c.txt}}
        """
    )

    ended = plait("run", str(plan), "--json", cwd=repository, env=prefect_server)

    assert ended.status == 0, ended.stderr
    used = {task["id"]: task.get("usage") for task in ended.data["tasks"]}
    assert used == {
        "A": {
            "input_tokens": 3000,
            "output_tokens": 30,
            "cached_input_tokens": 500,
            "usd": 0.75,
            "turns": 3,
            "model": "small",
            "session": None,
            "exact": True,
        },
        "B": None,
        "C": None,
    }
    line = "at least 3,000 input tokens (500 cached), 30 output tokens, 3 turns, $0.75"
    assert line in plait("report", cwd=repository, env=prefect_server).stdout
    status = json.loads(plait("status", "--json", cwd=repository, env=prefect_server).stdout)
    assert json.dumps(used["A"]) in json.dumps(status)
