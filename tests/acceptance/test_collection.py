"""`plait run` while its user collects garbage in a loop, and deletes branches that the run made."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.acceptance.conftest import WritePlan
from tests.support.command import plait
from tests.support.repositories import files_of, git
from tests.workspace.test_collection import collecting

pytestmark = pytest.mark.slow

PLAN = """
    feature: collected
    goal: Land whatever is collected meanwhile.
    tasks:
      - {id: A, count: 6, run: 'sleep 0.2; echo "$PLAIT_TASK" > "$PLAIT_TASK.txt"'}
      - {id: SUM, needs: [A], run: 'cat A*.txt > sum.txt'}
      - {id: BAD, run: 'echo left > left.txt; exit 1', retries: 0}
      - {id: SAME, run: 'true', changes: optional}
      - {id: LAST, needs: [SUM, SAME], run: 'git log -1 --format=%s > last.txt; wc -l sum.txt >> last.txt'}
    integration:
      verify: ["test -d .", "git fsck --connectivity-only"]
"""


def test_a_run_lands_while_garbage_is_collected_in_a_loop_and_branches_are_deleted(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str], hermetic: Path
) -> None:
    def delete_branches() -> None:
        for ref in git(repository, "for-each-ref", "--format=%(refname)", "refs/heads/feature/*/agent/").splitlines():
            git(repository, "update-ref", "-d", ref, check=False)

    with collecting(repository, before=delete_branches) as went:
        ended = plait("run", str(write_plan(PLAN)), "--json", cwd=repository, env=prefect_server)

    assert ended.status == 1, ended.stderr
    states = {task["id"]: task["state"] for task in ended.data["tasks"]}
    assert states.pop("BAD") == "failed"
    assert set(states.values()) == {"landed"}, states
    assert len(went) > 1
    assert set(went) == {""}
    landed = files_of(repository, "feature/collected/integration")
    assert landed["sum.txt"].split() == [f"A.{number}" for number in range(1, 7)]
    for place in (repository, *hermetic.glob("repositories/*/control.git")):
        git(place, "fsck", "--connectivity-only", "--no-dangling")
    assert git(repository, "for-each-ref", "refs/plait/pin") == ""
    assert not [*(repository / ".git/objects/pack").glob("*.keep")]
