"""A plan whose tasks name no roles, as a process: who does them, why, and that the next run chooses nobody else."""

import json
import sqlite3
from pathlib import Path

import pytest

from tests.acceptance.conftest import WritePlan
from tests.support.command import plait
from tests.support.repositories import commit_files, files_of, git

AGENT = "---\nname: sql-writer\ndescription: Writes SQL queries\n---\nKeep every query in one line.\n"
PLAN = """\
feature: shop
crew:
  default_backend: command
  page: {command: [sh, -c, 'mkdir -p web && cat > web/cart.tsx'], capabilities: [react]}
  sql-writer: {command: [sh, -c, 'mkdir -p db && cat > db/cart.sql']}
tasks:
  - {id: PAGE, prompt: Show what is in the cart., owns: ['web/*.tsx'], verify: [test -s web/cart.tsx]}
  - {id: QUERY, prompt: Give the queries of the cart., owns: ['db/*.sql'], verify: [test -s db/cart.sql]}
integration: {verify: [test -s web/cart.tsx]}
"""


def test_who_would_be_chosen_is_told_before_anything_runs(repository: Path, write_plan: WritePlan) -> None:
    commit_files(repository, {".claude/agents/sql.md": AGENT})
    plan = str(write_plan(PLAN))

    told = plait("check", plan, cwd=repository).stderr
    shown = plait("run", plan, "--dry-run", "--json", cwd=repository).data

    assert "note: PAGE goes to page: capability react (owns web/*.tsx)" in told
    assert "note: QUERY goes to sql-writer: its name (owns db/*.sql)" in told
    assert [(row["task"], row["role"]) for row in shown["routes"]] == [("PAGE", "page"), ("QUERY", "sql-writer")]
    assert {task["id"]: task["role"] for task in shown["tasks"]} == {"PAGE": "page", "QUERY": "sql-writer"}


def test_a_crew_without_anybody_to_choose_is_told_at_the_task(repository: Path, write_plan: WritePlan) -> None:
    plan = write_plan("feature: x\ncrew: {command: {slots: 2}}\ntasks: [{id: A, prompt: Build the cart.}]\n")
    # `command` does `run` tasks, so nobody is named: then it is the default crew that is chosen from.
    assert "A goes to backend" in plait("check", str(plan), cwd=repository).stderr


@pytest.mark.slow
def test_chosen_roles_work_by_their_files_and_the_next_run_chooses_nobody_else(
    repository: Path, write_plan: WritePlan, hermetic: Path
) -> None:
    commit_files(repository, {".claude/agents/sql.md": AGENT})
    plan = str(write_plan(PLAN))

    first = plait("run", plan, "--server", "none", cwd=repository)

    assert first.status == 0, first.stderr
    made = files_of(repository, "feature/shop/integration")
    assert made["db/cart.sql"].startswith("Keep every query in one line.\n\n# QUERY")
    assert "QUERY goes to sql-writer" in first.stdout + first.stderr

    with sqlite3.connect(hermetic / "plait.db") as history:  # from now on the record speaks against it
        history.execute("UPDATE tasks SET state = 'failed' WHERE role = 'sql-writer'")
    again = plait("run", plan, "--server", "none", "--json", cwd=repository)

    assert again.status == 0
    told = json.loads(plait("check", plan, "--json", cwd=repository).stdout)["routes"]
    assert told[1] == {"task": "QUERY", "role": "sql-writer", "reason": "it has begun it in an earlier run"}
    assert git(repository, "for-each-ref", "--format=%(refname)", "refs/heads/feature/shop/agent/page").count("\n") <= 1
    assert all(task["tries"] == 0 or task["state"] == "landed" for task in again.data["tasks"])
