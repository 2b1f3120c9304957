"""Runs in which needs conflict, alternatives fall out, tasks change nothing, and names are hostile."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.conftest import WritePlan
from tests.support.command import Ended, plait
from tests.support.repositories import files_of, git

pytestmark = pytest.mark.slow


def states(ended: Ended) -> dict[str, Any]:
    assert ended.stdout, ended.stderr
    return {task["id"]: task["state"] for task in ended.data["tasks"]}


def test_a_task_whose_needs_conflict_for_good_is_blocked_and_the_rest_lands(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    plan = write_plan(
        """
        feature: clash
        goal: Two that do not fit.
        tasks:
          - {id: A, run: echo a > same.txt}
          - {id: B, run: echo b > same.txt}
          - {id: BOTH, run: cp same.txt both.txt, needs: [A, B]}
          - {id: LAST, run: cp both.txt last.txt, needs: [BOTH]}
        integration: {repairs: 0}
        """
    )

    ended = plait("run", str(plan), "--json", cwd=repository, env=prefect_server)

    assert ended.status == 1, ended.stderr
    assert sorted(states(ended).values()) == ["blocked", "blocked", "held", "landed"]


def test_an_alternative_that_is_rejected_does_not_hold_back_what_was_built_on_the_other(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    plan = write_plan(
        """
        feature: either
        goal: One of two.
        tasks:
          - {id: A, run: echo a > a.txt}
          - {id: X, run: echo x > same.txt, priority: 1}
          - {id: B, run: sleep 1; echo b > same.txt}
          - {id: C, run: sleep 2; cp a.txt c.txt, needs: [{any: [B, A]}]}
        integration: {repairs: 0}
        """
    )

    ended = plait("run", str(plan), "--json", cwd=repository, env=prefect_server)

    assert states(ended) == {"A": "landed", "X": "landed", "B": "held", "C": "landed"}


def test_what_needs_a_check_starts_from_what_was_checked_and_a_check_is_not_run_again(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    plan = str(
        write_plan(
            """
            feature: checked
            goal: Check, then go on.
            tasks:
              - {id: A, run: echo a > a.txt}
              - {id: CHECK, run: test -f a.txt, needs: [A]}
              - {id: B, run: cp a.txt b.txt, needs: [CHECK]}
            """
        )
    )

    first = plait("run", plan, "--json", cwd=repository, env=prefect_server)
    again = plait("run", plan, "--json", cwd=repository, env=prefect_server)

    assert first.status == 0, first.stdout
    assert files_of(repository, "feature/checked/integration")["b.txt"] == "a"
    assert again.status == 0, again.stdout
    assert [task["tries"] for task in again.data["tasks"]] == [0, 0, 0]


def test_after_a_repair_there_is_nothing_to_do_for_what_rests_on_the_rejected_work(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    plan = str(
        write_plan(
            """
            feature: mended
            goal: Repair one.
            tasks:
              - {id: X, run: echo x > same.txt, priority: 1}
              - {id: A, run: echo a > same.txt}
              - {id: REST, run: echo rest > rest.txt, needs: [A]}
            """
        )
    )

    first = plait("run", plan, "--json", cwd=repository, env=prefect_server)
    again = plait("run", plan, "--json", cwd=repository, env=prefect_server)

    assert first.status == 0, first.stdout
    assert "rejected" in first.stderr or any(batch["rejected"] for batch in first.data["batches"])
    assert again.status == 0, again.stdout
    assert [task["tries"] for task in again.data["tasks"]] == [0, 0, 0]


def test_hostile_file_names_reach_neither_the_terminal_nor_break_the_report(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    plan = write_plan(
        r"""
        feature: hostile
        goal: Name files oddly.
        tasks:
          - {id: A, run: "printf x > \"$(printf 'bad\\377\\033[2J')\"", owns: [docs/], retries: 1}
          - {id: GOOD, run: echo x > good.txt}
        """
    )

    ended = plait("run", str(plan), "--json", cwd=repository, env=prefect_server)

    assert states(ended) == {"A": "failed", "GOOD": "landed"}
    assert ended.data["tasks"][0]["tries"] == 2
    assert "\x1b" not in ended.stdout + ended.stderr
    assert "\\u001b" not in ended.stdout


def test_keys_that_are_not_carried_out_are_warned_of_and_listed(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    plan = write_plan(
        """
        feature: later
        goal: Use what is not there yet.
        tasks:
          - {id: A, run: echo x > a.txt, locks: [a.txt]}
        """
    )

    ended = plait("run", str(plan), "--json", cwd=repository, env=prefect_server)

    assert ended.data["unsupported"]
    assert f"not carried out yet: {ended.data['unsupported'][0]}" in ended.stderr


def test_nothing_is_repaired_on_a_tip_that_has_not_landed_yet(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    plan = write_plan(
        """
        feature: ready
        goal: Stand in the way.
        tasks:
          - {id: A, run: echo a > same.txt, priority: 1}
          - {id: B, run: echo b > same.txt}
        integration: {wait: 10s}
        """
    )
    git(repository, "checkout", "--quiet", "-b", "feature/ready/integration")

    ended = plait("run", str(plan), "--base", "main", "--json", cwd=repository, env=prefect_server)

    assert ended.status == 1
    assert states(ended) == {"A": "done", "B": "held"}
    assert [task["tries"] for task in ended.data["tasks"]] == [1, 1]


def test_a_task_that_is_asked_for_something_else_after_it_landed_is_done_on_top_of_what_landed(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    plan = """
        feature: changed
        goal: Change your mind.
        tasks:
          - {id: A, run: "test ! -f a.txt || echo seen > seen.txt; echo SAYS > a.txt"}
          - {id: B, run: cp a.txt b.txt, needs: [A]}
          - {id: C, run: echo c > c.txt}
    """
    first = plait("run", str(write_plan(plan.replace("SAYS", "one"))), "--json", cwd=repository, env=prefect_server)
    again = plait("run", str(write_plan(plan.replace("SAYS", "two"))), "--json", cwd=repository, env=prefect_server)

    assert (first.status, again.status) == (0, 0), again.stderr
    assert [batch["rejected"] for batch in again.data["batches"]] == [[]] * len(again.data["batches"])
    assert files_of(repository, "feature/changed/integration") == {
        **files_of(repository, "main"),
        "a.txt": "two",
        "b.txt": "two",
        "c.txt": "c",
        "seen.txt": "seen",
    }
    assert [task["tries"] for task in again.data["tasks"]] == [1, 1, 0]
