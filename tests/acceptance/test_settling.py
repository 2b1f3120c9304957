"""`plait run` where branches conflict in files that rules and structure settle: all lands, and no agent repairs."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from plait.agent_tasks.integrate import integrate
from plait.plans.tasks.work import BatchOrder, Candidate
from plait.workspace.merging import merge_start
from tests.acceptance.conftest import WritePlan
from tests.conftest import DATE
from tests.flows.opened import opened
from tests.support.command import plait
from tests.support.repositories import commit_files, commit_on_branch, files_of, git

pytestmark = pytest.mark.slow

PLAN = """
    feature: logs
    tasks:
      - {id: A, run: sh add.sh a, changes: required}
      - {id: B, run: sh add.sh b, changes: required}
      - {id: C, run: sh add.sh c, changes: required, needs: [A, B]}
    integration:
      repairs: 0
      verify: ["test $(cat parts/* | cksum | cut -d' ' -f1) = $(cat package-lock.json)"]
      merge:
        - changelogs
        - {paths: ["*.jsonl"], way: union, key: id}
        - {paths: [package-lock.json], regenerate: sh lock.sh}
"""
START = {
    "CHANGELOG.md": "# Changes\n\n- zero\n",
    "log.jsonl": '{"id": "zero"}\n',
    "app.py": "def zero():\n    return 0\n",
    "package-lock.json": "0\n",
    "parts/zero": "zero\n",
    "lock.sh": "cat parts/* | cksum | cut -d' ' -f1 > package-lock.json\n",
    "add.sh": "set -e\nsed -i '/^- zero/i - '$1 CHANGELOG.md\n"
    'echo "{\\"id\\": \\"$1\\"}" >> log.jsonl\n'
    'printf "\\n\\ndef $1():\\n    return 1\\n" >> app.py\n'
    "echo $1 > parts/$1\nsh lock.sh\n",
}
TIP = "feature/logs/integration"


def test_changelog_log_lock_and_code_that_everybody_adds_to_land_without_a_repair(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    commit_on_branch(repository, "start", START)
    git(repository, "merge", "--quiet", "start")

    ended = plait("run", str(write_plan(PLAN)), "--json", cwd=repository, env=prefect_server)

    assert ended.status == 0, ended.stderr
    said = ended.data
    assert {task["state"] for task in said["tasks"]} == {"landed"}
    assert [batch["rejected"] for batch in said["batches"]] == [[] for _ in said["batches"]]
    assert sum(task["tries"] for task in said["tasks"]) == 3
    settled = {(file["path"], file["by"]) for batch in said["batches"] for file in batch["settled"]}
    assert settled >= {
        ("CHANGELOG.md", "changelogs: union"),
        ("log.jsonl", "union by id"),
        ("app.py", "structure: python"),
        ("package-lock.json", "regenerate"),
    }
    files = files_of(repository, TIP)
    assert sorted(files["CHANGELOG.md"].split("\n- ")[1:]) == ["a", "b", "c", "zero"]
    assert {json.loads(line)["id"] for line in files["log.jsonl"].split("\n")} == {"a", "b", "c", "zero"}
    assert all(f"def {name}()" in files["app.py"] for name in ("a", "b", "c"))
    message = git(repository, "log", "-1", "--format=%B", TIP)
    assert "Plait-Settled: CHANGELOG.md (changelogs: union)" in message
    report = plait("report", cwd=repository, env=prefect_server)
    assert "changelogs: union" in report.stdout


def test_a_run_that_conflicted_in_such_files_alone_says_which_rule_settles_them(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    plan = """
        feature: logs
        tasks:
          - {id: A, run: echo a >> CHANGES.md, changes: required}
          - {id: B, run: echo b >> CHANGES.md, changes: required}
        integration: {repairs: 0}
    """
    ended = plait("run", str(write_plan(plan)), cwd=repository, env=prefect_server)

    assert ended.status == 1
    assert "conflicted in nothing but CHANGES.md" in ended.stdout
    assert "integration: {merge: [changelogs]}" in ended.stdout


def test_what_starts_from_settled_needs_lands_behind_their_batch_whichever_was_finished_first(repository: Path) -> None:
    """git tells the newest common ancestor first; the start had merged them in the order of the plan."""
    commit_on_branch(repository, "start", START)
    git(repository, "merge", "--quiet", "start")

    def made(name: str, start: str) -> str:
        git(repository, "checkout", "--quiet", "-b", name, start)
        subprocess.run(["sh", "add.sh", name], cwd=repository, check=True)
        commit = commit_files(repository, {})
        git(repository, "checkout", "--quiet", "main")
        return commit

    a, b = made("a", "main"), made("b", "main")
    for first, second in ((a, b), (b, a)):
        plan = PLAN.replace("feature: logs", f"feature: logs-{first[:6]}\n    goal: Add.")
        with opened(plan, repository) as session:
            shop = session.shop
            start = merge_start(shop.control.store, shop.base, (first, second), date=DATE, settle=shop.settler.settle)
            assert isinstance(start, str)
            shop.control.set_ref(f"refs/heads/start-{first[:6]}", start, reason="a start")
            c = made(f"c{first[:6]}", f"start-{first[:6]}")
            needs = (Candidate("A", a, ()), Candidate("B", b, ()))
            integrate.fn(BatchOrder("batch-1", "run-1", needs, DATE), shop.facts)
            report = integrate.fn(BatchOrder("batch-2", "run-1", (Candidate("C", c, ("A", "B")),), DATE), shop.facts)
        assert report.outcome.landed == ("C",), report.outcome.rejected
