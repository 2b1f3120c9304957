"""`plait plan`, as a user calls it: scripted architects, and any program as one."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from textwrap import indent

import pytest

from tests.acceptance.conftest import WritePlan
from tests.support.command import plait
from tests.support.repositories import git

pytestmark = pytest.mark.slow

PLAN = """\
feature: shop
goal: Two files.
tasks:
  - {id: A, run: echo a > a.txt, owns: [a.txt]}
  - {id: B, run: echo b > b.txt, owns: [b.txt]}
integration:
  verify: [test -f a.txt]
"""
BAD = PLAN.replace("owns: [b.txt]", "needs: [NOBODY]")
CREW = "crew:\n  command: {environment: [AWS_SECRET_ACCESS_KEY]}\n"


def crew(write_plan: WritePlan, *drafts: str) -> Path:
    """A crew with an architect that writes these, round by round."""
    steps = "    - steps:\n        - {write: {path: mine.txt, text: x}}\n        - answer: |\n"
    rounds = "".join(f"{steps}{indent(draft, ' ' * 12)}" for draft in drafts)
    write_plan(f"tasks:\n  plan:\n{rounds}", "architect.yaml")
    return write_plan("architect: {backend: scripted, script: architect.yaml}\n", "crew.yaml")


def test_a_plan_is_mended_by_what_was_found_shown_written_and_run_once_it_is_agreed(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str], hermetic: Path, tmp_path: Path
) -> None:
    out, given = tmp_path / "made.yaml", crew(write_plan, BAD, PLAN)
    arguments = ("plan", "Two files.", "--crew", str(given), "-o", str(out))

    shown = plait(*arguments, cwd=repository, env=prefect_server)
    again = plait(*arguments, cwd=repository, env=prefect_server)
    ran = plait(*arguments, "--force", "--yes", cwd=repository, env=prefect_server)

    assert shown.status == 0, shown.stderr
    assert out.read_text() == PLAN
    assert "tasks[A].run: echo a > a.txt" in shown.stdout
    assert "integration.verify" in shown.stdout
    assert f"next: plait run {out} --crew {given}" in shown.stdout
    assert "after 2 rounds" in shown.stdout
    prompts = sorted(hermetic.glob("plans/*/round-2/prompt.md"))
    assert "NOBODY" in prompts[0].read_text()
    assert not (repository / "mine.txt").exists()
    assert (again.status, "already" in again.stderr) == (2, True)
    assert ran.status == 0, ran.stderr
    assert git(repository, "show", "feature/shop/integration:b.txt") == "b"


def test_a_plan_with_mistakes_is_not_written_and_one_with_a_crew_not_run_unseen(
    repository: Path, write_plan: WritePlan, tmp_path: Path
) -> None:
    out = tmp_path / "made.yaml"
    bad = crew(write_plan, BAD)
    broken = plait("plan", "g", "--crew", str(bad), "-o", str(out), "--rounds", "2", cwd=repository)
    is_written = out.exists()
    greedy = crew(write_plan, PLAN + CREW)
    unseen = plait("plan", "g", "--crew", str(greedy), "-o", str(out), "--json", "--yes", cwd=repository)

    assert (broken.status, is_written) == (3, False)
    assert "wrote no plan that can be run in 2 rounds" in broken.stderr
    assert unseen.status == 1
    assert "not run: it says itself who works and with what (crew.command.environment)" in unseen.stderr
    record = json.loads(unseen.stdout)
    assert record["plan"] == str(out)
    assert [task["id"] for task in record["tasks"]] == ["A", "B"]
    assert {"path": "crew.command.environment", "value": '["AWS_SECRET_ACCESS_KEY"]', "crew": True} in record["names"]


def test_of_what_a_program_prints_the_last_block_of_yaml_is_the_plan(
    repository: Path, write_plan: WritePlan, tmp_path: Path
) -> None:
    program = write_plan(
        f"import sys\nprint(sys.stdin.read())\nprint('Here:\\n```yaml\\nfeature: other\\n```\\nBetter:\\n```yaml')\n"
        f"print({PLAN!r})\nprint('```\\nDone.')\n",
        "prints.py",
    )
    given = write_plan(f"architect: {{command: [{sys.executable}, {program}]}}\n", "crew.yaml")
    out = tmp_path / "made.yaml"

    made = plait("plan", "Two files.", "--crew", str(given), "-o", str(out), cwd=repository)
    none = plait("plan", "g", "--role", "nobody", "-o", str(tmp_path / "none.yaml"), cwd=repository)

    assert made.status == 0, made.stderr
    assert "feature: shop" in out.read_text()
    assert none.status in (2, 3)
    assert "Traceback" not in none.stderr
