"""Phases: one after another, and each lands whole or not at all."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.acceptance.conftest import WritePlan
from tests.acceptance.test_odd_runs import states
from tests.support.command import plait
from tests.support.repositories import files_of, git

pytestmark = pytest.mark.slow


def test_a_phase_that_fails_lands_nothing_of_itself_and_keeps_what_landed_before(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    plan = """
        feature: staged
        goal: Stages.
        phases:
          - {id: ground, tasks: [BASE]}
          - {id: walls, tasks: [LEFT, RIGHT]}
          - {id: roof, tasks: [ROOF]}
        tasks:
          - {id: ROOF, run: cp left.txt roof.txt}
          - {id: LEFT, run: cp base.txt left.txt}
          - {id: RIGHT, run: FAIL, retries: 0}
          - {id: BASE, run: echo base > base.txt}
          - {id: APART, run: echo apart > apart.txt}
        """

    ended = plait("run", str(write_plan(plan.replace("FAIL", "exit 7"))), "--json", cwd=repository, env=prefect_server)

    assert ended.status == 1, ended.stderr
    assert states(ended) == {"ROOF": "blocked", "LEFT": "held", "RIGHT": "failed", "BASE": "landed", "APART": "landed"}
    landed = files_of(repository, "feature/staged/integration")
    assert {"base.txt", "apart.txt"} <= set(landed)
    assert "left.txt" not in landed

    again = plait(
        "run", str(write_plan(plan.replace("FAIL", "echo r > right.txt"))), "--json", cwd=repository, env=prefect_server
    )

    assert again.status == 0, again.stderr
    assert {"left.txt", "right.txt", "roof.txt"} <= set(files_of(repository, "feature/staged/integration"))
    assert {task["id"]: task["tries"] for task in again.data["tasks"]}["LEFT"] == 0


def test_a_phase_whose_branches_conflict_waits_for_the_repair_and_lands_in_one_move(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    plan = write_plan(
        """
        feature: clash
        goal: Two that meet in one file.
        phases: [{id: both, tasks: [A, B]}]
        tasks:
          - {id: A, run: echo a >> same.txt, priority: 1}
          - {id: B, run: echo b >> same.txt}
          - {id: C, run: echo c > c.txt}
        """
    )

    ended = plait("run", str(plan), "--json", cwd=repository, env=prefect_server)

    assert ended.status == 0, ended.stderr
    assert files_of(repository, "feature/clash/integration")["same.txt"].splitlines() == ["a", "b"]
    *before, last = ended.data["batches"]
    assert [task for batch in before for task in batch["landed"]] == ["C"]
    assert [one["task"] for batch in before for one in batch["rejected"]] == ["B"]
    assert {"task": "A", "by": "B"} in [held for batch in before for held in batch["held"]]
    assert sorted(last["landed"]) == ["A", "B"]
    moves = git(repository, "log", "--first-parent", "--format=%h", "main..feature/clash/integration").splitlines()
    assert len(moves) == 2


def test_tasks_of_a_sequential_phase_run_one_after_another(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    plan = write_plan(
        """
        feature: rows
        goal: In a row.
        phases: [{id: row, order: sequential, tasks: [A, B, C]}]
        tasks:
          - {id: C, run: "echo c >> row.txt"}
          - {id: B, run: "echo b >> row.txt"}
          - {id: A, run: "echo a >> row.txt"}
        """
    )

    ended = plait("run", str(plan), "--json", cwd=repository, env=prefect_server)

    assert ended.status == 0, ended.stderr
    assert files_of(repository, "feature/rows/integration")["row.txt"].split() == ["a", "b", "c"]


def test_a_task_whose_needs_conflict_inside_its_own_phase_gets_them_repaired(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    """A and B cannot land without C, and C cannot start from both until one of them was made to fit the other."""
    plan = write_plan(
        """
        feature: inner
        goal: Three that land together.
        phases: [{id: all, tasks: [A, B, C]}]
        integration: {verify: ["test ! -e same.txt || test -e c.txt"]}
        tasks:
          - {id: A, run: echo a >> same.txt, priority: 1}
          - {id: B, run: echo b >> same.txt}
          - {id: C, run: cp same.txt c.txt, needs: [A, B]}
        """
    )

    ended = plait("run", str(plan), "--json", cwd=repository, env=prefect_server)

    assert ended.status == 0, ended.stdout + ended.stderr
    assert files_of(repository, "feature/inner/integration")["c.txt"].splitlines() == ["a", "b"]
    merged, landed = ended.data["batches"]
    assert (merged["state"], merged["landed"], [one["task"] for one in merged["rejected"]]) == ("rejected", [], ["B"])
    assert sorted(landed["landed"]) == ["A", "B", "C"]


def test_a_phase_does_not_land_in_part_because_only_a_part_of_it_was_asked_for(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    """X rests on A and would bring it along; NEXT rests on the whole phase."""
    plan = str(
        write_plan(
            """
            feature: part
            goal: Some of it.
            phases: [{id: both, tasks: [A, B]}, {id: after, tasks: [NEXT]}]
            tasks:
              - {id: A, run: echo a > a.txt}
              - {id: B, run: echo b > b.txt}
              - {id: X, run: cp a.txt x.txt, needs: [A]}
              - {id: NEXT, run: ls > next.txt}
            """
        )
    )

    one = plait("run", plan, "--only", "A", "--json", cwd=repository, env=prefect_server)
    resting = plait("run", plan, "--only", "X", "--json", cwd=repository, env=prefect_server)
    nothing = git(repository, "for-each-ref", "refs/heads/feature/part/integration")
    mate = plait("run", plan, "--only", "B", "--json", cwd=repository, env=prefect_server)
    whole = plait("run", plan, "--only", "NEXT", "--json", cwd=repository, env=prefect_server)

    assert (one.status, resting.status, mate.status, whole.status) == (1, 1, 1, 0), whole.stdout + whole.stderr
    assert one.data["tasks"][0]["reason"] == (
        "held back with B, which is not part of this run: the phase both lands whole or not at all"
    )
    assert (states(resting), nothing) == ({"X": "held"}, "")
    assert {"a.txt", "b.txt", "next.txt"} <= set(files_of(repository, "feature/part/integration"))
