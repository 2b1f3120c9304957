"""Runs in a part of a large repository: a sparse checkout stays as it is, and a sub-directory names its repository."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.acceptance.conftest import WritePlan
from tests.support.command import plait
from tests.support.repositories import commit_files, files_of, git

pytestmark = pytest.mark.slow

PLAN = """
    feature: parts
    goal: Two packages change.
    tasks:
      - {id: API, run: echo api > packages/api/new.txt, owns: [packages/api/**]}
      - {id: WEB, run: echo web > packages/web/new.txt, owns: [packages/web/**]}
    integration:
      verify: [test -f packages/api/api.txt && test -f packages/web/web.txt]
"""
TIP = "feature/parts/integration"


@pytest.mark.parametrize("cone", ["--cone", "--no-cone"])
def test_a_sparse_checkout_is_left_as_it_is_and_plait_works_on_all_of_it(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str], cone: str
) -> None:
    commit_files(repository, {"packages/api/api.txt": "api\n", "packages/web/web.txt": "web\n"})
    git(repository, "sparse-checkout", "set", cone, "packages/api")
    before = seen_by_its_user(repository)
    assert not (repository / "packages/web").exists()

    ended = plait("run", str(write_plan(PLAN)), "--json", "--repo", "packages/api", cwd=repository, env=prefect_server)

    assert ended.status == 0, ended.stderr
    assert {task["state"] for task in ended.data["tasks"]} == {"landed"}
    landed = files_of(repository, TIP)
    assert (landed["packages/api/new.txt"], landed["packages/web/new.txt"]) == ("api", "web")
    assert seen_by_its_user(repository) == before
    assert not (repository / "packages/web").exists()


def seen_by_its_user(repository: Path) -> tuple[str, ...]:
    asked = ("status --porcelain", "ls-files -t", "sparse-checkout list", "config --list", "rev-parse HEAD")
    return tuple(git(repository, *words.split()) for words in asked)
