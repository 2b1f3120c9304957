"""`best_of: 3`: several agents do one task, and the best work that its checks let pass lands."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.acceptance.conftest import WritePlan
from tests.support.command import plait
from tests.support.repositories import files_of, git

pytestmark = pytest.mark.slow

PLAN = """
    feature: best
    crew:
      long-{name}: {{backend: command, command: [sh, -c, 'seq 9 > a.txt'], fallback: [short-{name}, wrong-{name}]}}
      short-{name}: {{backend: command, command: [sh, -c, 'seq 3 > a.txt']}}
      wrong-{name}: {{backend: command, command: [sh, -c, 'echo x > b.txt; exit {status}']}}
    tasks:
      - {{id: A, role: long-{name}, prompt: Write a.txt., best_of: 3, retries: 0, verify: [test -f a.txt]}}
      - {{id: B, run: 'wc -l < a.txt > lines.txt', needs: [A]}}
"""


def test_the_smallest_work_that_passes_its_checks_lands_and_what_needs_the_task_starts_from_it(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    plan = write_plan(PLAN.format(name="one", status=0))
    ended = plait("run", str(plan), "--json", cwd=repository, env=prefect_server)

    assert ended.status == 0, ended.stderr
    made = files_of(repository, "feature/best/integration")
    assert (made["a.txt"], made["lines.txt"].strip()) == ("1\n2\n3", "3")
    assert "A: takes the work of A.2" in ended.stderr
    assert "A.3: no candidate for A" in ended.stderr
    tasks = {task["id"]: task["state"] for task in json.loads(ended.stdout)["tasks"]}
    assert tasks == {"A.1": "landed", "A.2": "landed", "A.3": "landed", "A": "landed", "B": "landed"}
    assert "feature/best/agent/short-one/A.2" not in git(repository, "branch", "--list", "--format=%(refname:short)")
    again = plait("run", str(plan), "--json", cwd=repository, env=prefect_server)
    assert (again.status, "command-1 starts" in again.stderr) == (0, False), again.stderr
    assert {task["state"] for task in json.loads(again.stdout)["tasks"]} == {"landed"}


def test_a_task_fails_whose_candidates_have_all_failed(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    plan = write_plan(PLAN.format(name="none", status=1).replace("test -f a.txt", "'false'"))
    ended = plait("run", str(plan), "--json", cwd=repository, env=prefect_server)

    assert ended.status == 1
    assert "none of A.1, A.2 and A.3 has made anything that counts" in ended.stderr
