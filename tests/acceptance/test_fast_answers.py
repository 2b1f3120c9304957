"""Refusals, and runs that have nothing to do: they are told before a server is started."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from plait.workspace.control import open_control
from plait.workspace.ref_landing import feature_lock
from tests.acceptance.conftest import WritePlan
from tests.support.command import plait
from tests.support.repositories import git

PLAN = """\
feature: quick
goal: Say it.
tasks:
  - {id: A, run: echo a > a.txt, owns: [a.txt]}
  - {id: B, run: echo b > b.txt, owns: [b.txt], needs: [A]}
integration: {verify: [test -s a.txt]}
"""


def no_server_was_started(home: Path) -> bool:
    """Its database would be below PLAIT_HOME."""
    return not (home / "prefect").exists()


@pytest.mark.parametrize(
    ("change", "arguments", "status", "told"),
    [
        (("[A]", "[Z]"), [], 2, "unknown task 'Z'"),
        (("run: echo b > b.txt", "branch: nobodys"), [], 2, "the branch 'nobodys'"),
        (("run: echo a > a.txt", "role: dev, prompt: Write a.txt"), [], 3, "names no backend"),
        (("goal: Say it.", "base: nowhere"), [], 2, "nowhere"),
        (("goal: Say it.", "contracts: [{id: api, files: [api.yaml], status: approved}]"), [], 2, "api.yaml"),
        ((), ["--base", "nowhere"], 2, "nowhere"),
        ((), ["--only", "Z"], 2, "no task Z"),
        ((), ["--only", "B"], 2, "B needs A"),
        ((), ["--repo", "/"], 2, "repository"),
        ((), ["--crew", "none.yaml"], 2, "none.yaml"),
        ((), ["--crew", "qa=3"], 2, "no task has the role"),
    ],
)
def test_a_refusal_comes_before_a_server(
    repository: Path,
    write_plan: WritePlan,
    hermetic: Path,
    change: tuple[str, ...],
    arguments: list[str],
    status: int,
    told: str,
) -> None:
    plan = write_plan(PLAN.replace(*change) if change else PLAN)

    ended = plait("run", str(plan), *arguments, cwd=repository)

    assert (ended.status, told in ended.stderr) == (status, True), ended.stderr
    assert no_server_was_started(hermetic)
    assert "Traceback" not in ended.stderr


def test_a_feature_that_is_being_run_is_refused_before_a_server(
    repository: Path, write_plan: WritePlan, hermetic: Path
) -> None:
    control = open_control(repository, home=hermetic)
    with feature_lock(control, "quick", "quick-1"):
        ended = plait("run", str(write_plan(PLAN)), cwd=repository)

    assert ended.status == 2
    assert "already being run here by run quick-1" in ended.stderr
    assert no_server_was_started(hermetic)


def test_nothing_to_do_is_told_at_once_and_leaves_no_run_behind(
    repository: Path, write_plan: WritePlan, hermetic: Path, prefect_server: Mapping[str, str]
) -> None:
    plan = str(write_plan(PLAN))
    first = plait("run", plan, "--json", cwd=repository, env=prefect_server)
    tip = git(repository, "rev-parse", "feature/quick/integration")
    runs = sorted(hermetic.glob("runs/*"))

    again = plait("run", plan, cwd=repository)
    data = plait("run", plan, "--json", cwd=repository).data
    only = plait("run", plan, "--only", "A", cwd=repository)

    assert (first.status, again.status) == (0, 0), first.stderr
    assert again.stdout.startswith(
        f"nothing to do: 2 tasks of quick have landed on feature/quick/integration ({tip[:10]}"
    )
    assert only.stdout.startswith("nothing to do: 1 task of quick has landed on")
    assert (data["state"], data["commit"]) == ("completed", tip)
    assert [(task["state"], task["tries"]) for task in data["tasks"]] == [("landed", 0), ("landed", 0)]
    assert sorted(hermetic.glob("runs/*")) == runs
    assert no_server_was_started(hermetic)


def test_a_task_that_has_changed_is_no_nothing(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    plait("run", str(write_plan(PLAN)), cwd=repository, env=prefect_server)

    changed = write_plan(PLAN.replace("echo b >", "echo c >"))
    ended = plait("run", str(changed), "--json", cwd=repository, env=prefect_server)

    assert {task["id"]: task["tries"] for task in ended.data["tasks"]} == {"A": 0, "B": 1}
