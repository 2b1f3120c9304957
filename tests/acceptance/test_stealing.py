"""`plait run` where one role helps another out: who works, as what, and where the work goes."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.acceptance.conftest import WritePlan
from tests.support.command import plait
from tests.support.repositories import commit_files, files_of, git
from tests.support.servers import task_runs

pytestmark = pytest.mark.slow

# Role names of their own: the limits of a server are shared by all tests.
HELPED = """
    feature: walls
    goal: Three walls.
    crew:
      default_backend: command
      setup: [echo crew > made-by]
      mason: {slots: 1, fallback: [joiner], command: [sh, build.sh, mason, "{model}", "{task}"], model: stone}
      joiner:
        slots: 1
        fallback: [spare]
        command: [sh, build.sh, joiner, "{model}", "{task}"]
        model: wood
        setup: [echo joiner > made-by]
      spare: {slots: 4, command: [sh, build.sh, spare, none, "{task}"]}
    tasks:
      - {id: LEFT, role: mason, prompt: Build the left wall., tags: [wall], priority: high}
      - {id: RIGHT, role: mason, prompt: Build the right wall., tags: [wall]}
      - {id: LAST, role: mason, prompt: Build the last wall., tags: [wall]}
    """
BUILD = 'echo "$1 $2 $(cat made-by)" > "$3.txt"; rm made-by; sleep 2'


def tags_of(server: Mapping[str, str], task: str) -> set[str]:
    """The tags of the task run of this name, as the page has them."""
    return set(next(run.tags for run in task_runs(server, tag="wall") if run.name == task))


def test_an_idle_slot_of_a_fallback_takes_the_most_urgent_task_and_works_as_what_it_is(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    commit_files(repository, {"build.sh": BUILD})
    ended = plait("run", str(write_plan(HELPED)), "--json", cwd=repository, env=prefect_server)

    assert ended.status == 0, ended.stderr
    done = {task["id"]: task for task in ended.data["tasks"]}
    assert {task["role"] for task in done.values()} == {"mason"}
    assert done["LEFT"]["agent"] == "mason-1"
    assert done["RIGHT"]["agent"] == "joiner-1", "and never spare, which only the joiner falls back on"
    assert done["RIGHT"]["started_at"] < done["LEFT"]["ended_at"]
    assert min(done["LEFT"]["ended_at"], done["RIGHT"]["ended_at"]) <= done["LAST"]["started_at"]
    assert done["RIGHT"]["branch"] == "feature/walls/agent/mason/RIGHT"
    assert git(repository, "log", "-1", "--format=%an", done["RIGHT"]["commit"]) == "joiner-1"
    files = files_of(repository, "feature/walls/integration")
    assert files["LEFT.txt"] == "mason stone crew"
    assert files["RIGHT.txt"] == "joiner wood joiner"
    assert tags_of(prefect_server, "RIGHT") == {"role:joiner", "feature:walls", "wall"}
    assert tags_of(prefect_server, "LEFT") == {"role:mason", "feature:walls", "wall"}
    assert ended.data["unsupported"] == []


def test_commands_are_taken_over_by_roles_without_an_agent_and_prompts_are_not(
    repository: Path, write_plan: WritePlan
) -> None:
    plan = write_plan(
        """
        feature: tools
        goal: Commands need no agent.
        crew:
          turner: {slots: 1, fallback: [lathe], backend: command, command: [sh, -c, "echo x > x.txt; sleep 1"]}
          lathe: {slots: 1, backend: claude, environment: {PATH: "/usr/bin:/bin"}}
        tasks:
          - {id: ONE, role: turner, run: sleep 2; echo 1 > 1.txt, priority: 1}
          - {id: ASKED, role: turner, prompt: Turn it., priority: 2}
          - {id: TWO, role: turner, run: sleep 2; echo 2 > 2.txt}
        """
    )

    ended = plait("run", str(plan), "--json", cwd=repository)

    assert ended.status == 0, ended.stderr
    agents = {task["id"]: task["agent"] for task in ended.data["tasks"]}
    assert agents == {"ONE": "turner-1", "ASKED": "turner-1", "TWO": "lathe-1"}
    assert "lathe cannot help turner out: claude was not found on the PATH" in ended.stderr
