"""From a run to base and back: `land`, `push`, `plait land` and `plait undo`, as their user sees them."""

from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest

from tests.acceptance.conftest import WritePlan
from tests.support.command import plait
from tests.support.repositories import commit_files, files_of, git

pytestmark = pytest.mark.slow

PLAN = """
    feature: cart
    goal: A basket.
    tasks:
      - {id: A, run: echo a > a.txt}
      - {id: B, run: cp a.txt b.txt, needs: [A]}
    integration: {verify: [test ! -e bad.txt], land: auto}
"""


def bare(repository: Path, place: Path) -> Path:
    git(repository, "clone", "--quiet", "--bare", str(repository), str(place))
    git(repository, "remote", "add", "origin", str(place))
    git(repository, "fetch", "--quiet", "origin")
    git(repository, "branch", "--quiet", "--set-upstream-to=origin/main", "main")
    return place


def test_a_complete_run_lands_by_itself_and_undone_it_runs_and_lands_anew(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    git(repository, "branch", "develop")
    plan = write_plan(PLAN.replace("goal:", "base: develop\n    goal:"))

    first = plait("run", str(plan), "--json", cwd=repository, env=prefect_server)

    assert first.status == 0, first.stderr
    brought = first.data["brought"]
    assert (brought["state"], brought["base"], brought["way"]) == ("landed", "develop", "merge")
    assert git(repository, "rev-parse", "develop") == brought["commit"]
    assert git(repository, "status", "--porcelain") == ""
    report = plait("report", cwd=repository).stdout
    assert "cart has landed on develop, by a merge: " in report
    assert "plait undo cart # takes it back out of develop" in report

    undone = plait("undo", "cart", cwd=repository)
    assert undone.status == 0, undone.stderr
    assert undone.stdout.splitlines()[0] == "cart is taken back out of develop"
    twice = plait("undo", "cart", cwd=repository)
    assert (twice.status, "already, by" in twice.stderr) == (2, True)

    second = plait("run", str(plan), "--json", cwd=repository, env=prefect_server)
    assert second.status == 0, second.stderr
    assert "cart was taken back out of develop by" in second.stderr
    assert {task["id"]: (task["state"], task["tries"]) for task in second.data["tasks"]} == {
        "A": ("landed", 1),
        "B": ("landed", 1),
    }
    assert second.data["brought"]["state"] == "landed"
    assert {"a.txt", "b.txt"} < files_of(repository, "develop").keys()
    third = plait("run", str(plan), "--json", cwd=repository, env=prefect_server)
    assert (third.status, third.data["brought"]["state"]) == (0, "already")


def test_a_base_that_is_checked_out_or_does_not_fit_holds_the_run_back_with_what_to_do(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    plan = write_plan(PLAN)
    before = git(repository, "rev-parse", "main")

    first = plait("run", str(plan), cwd=repository, env=prefect_server)

    assert first.status == 1
    assert f"git -C {repository} merge --ff-only" in first.stdout
    assert git(repository, "rev-parse", "main") == before
    assert git(repository, "status", "--porcelain") == ""
    commit_files(repository, {"a.txt": "mine\n"})
    told = plait("land", "cart", cwd=repository)
    assert told.status == 1
    assert "cart and main have changed the same in a.txt" in told.stdout


def test_a_part_of_a_plan_does_not_land_by_itself_and_does_when_a_person_says_so(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    git(repository, "branch", "develop")
    plan = write_plan(PLAN.replace("goal:", "base: develop\n    goal:"))

    only = plait("run", str(plan), "--only", "A", "--json", cwd=repository, env=prefect_server)

    assert (only.status, only.data["brought"]["state"]) == (0, "left")
    assert "a.txt" not in files_of(repository, "develop")
    assert plait("land", "cart", "--squash", cwd=repository).stdout.startswith(
        "cart has landed on develop, as one commit: A\n"
    )
    assert "a.txt" in files_of(repository, "develop")


def test_a_remote_that_is_gone_changes_no_exit_code_and_the_next_run_pushes(
    repository: Path, tmp_path: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    remote = bare(repository, tmp_path / "origin.git")
    remote.rename(tmp_path / "away")
    plan = write_plan(PLAN.replace("land: auto", "land: auto, push: integration"))

    first = plait("run", str(plan), cwd=repository, env=prefect_server)

    assert first.status == 0, first.stderr
    assert "landed, not pushed: origin cannot be reached" in first.stdout
    assert "cart is not on origin/main: origin cannot be reached" in first.stdout
    assert "plait land cart # tries again, as the next run does" in first.stdout
    (tmp_path / "away").rename(remote)
    second = plait("run", str(plan), "--json", cwd=repository, env=prefect_server)
    assert second.status == 0, second.stderr
    assert second.data["brought"]["state"] == "landed"
    assert [branch["state"] for branch in second.data["brought"]["pushed"]] == ["pushed"]
    assert "a.txt" in files_of(remote, "main")


def test_nothing_is_landed_or_pushed_unasked_and_the_end_of_a_run_names_the_command(
    repository: Path, tmp_path: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    remote = bare(repository, tmp_path / "origin.git")
    before = git(remote, "for-each-ref")
    plan = write_plan(PLAN.replace(", land: auto", ""))

    ended = plait("run", str(plan), cwd=repository, env=prefect_server)

    assert ended.status == 0, ended.stderr
    assert "plait land cart # brings it onto main" in ended.stdout
    assert git(remote, "for-each-ref") == before
    asked = plait("run", str(plan), "--land", "auto", "--json", cwd=repository, env=prefect_server)
    assert (asked.status, asked.data["brought"]["state"]) == (0, "landed")
    assert git(remote, "rev-parse", "main") == asked.data["brought"]["commit"]


def test_a_finished_feature_that_could_not_be_pushed_is_pushed_by_the_next_run(
    repository: Path, tmp_path: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    remote = bare(repository, tmp_path / "origin.git")
    remote.rename(tmp_path / "away")
    plan = write_plan(PLAN.replace("land: auto", "push: integration"))
    assert "not pushed" in plait("run", str(plan), cwd=repository, env=prefect_server).stdout
    (tmp_path / "away").rename(remote)

    second = plait("run", str(plan), "--json", cwd=repository, env=prefect_server)

    assert second.status == 0, second.stderr
    assert "a.txt" in files_of(remote, "feature/cart/integration")


def test_a_person_is_asked_on_the_page_whether_it_lands_and_answers_by_command(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    git(repository, "branch", "develop")
    plan = write_plan(
        PLAN.replace("goal:", "base: develop\n    goal:").replace("cart", "asked").replace("auto", "approve")
    )

    ended = plait("run", str(plan), "--json", cwd=repository, env=prefect_server)

    assert ended.status == 0, ended.stderr
    assert (ended.data["brought"]["state"], ended.data["brought"]["base"]) == ("asked", "develop")
    user, _, password = prefect_server["PREFECT_API_AUTH_STRING"].partition(":")
    address = f"{prefect_server['PREFECT_API_URL']}/artifacts/filter"
    asked = {"artifacts": {"key": {"any_": ["feature-asked-landing"]}}}
    found = httpx.post(address, json=asked, auth=(user, password)).json()
    assert "asked waits for you to land it on develop" in found[0]["data"]
    assert "`plait land asked`" in found[0]["data"]
    assert "asked waits for a person to land it on develop" in plait("report", cwd=repository).stdout
    assert plait("land", "asked", cwd=repository).status == 0
    assert "a.txt" in files_of(repository, "develop")
