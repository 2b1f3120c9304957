"""Runs from shells with proxies, with paths that lead astray, and with limits."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.acceptance.conftest import WritePlan
from tests.support.command import PLAIT, plait
from tests.support.repositories import files_of

pytestmark = pytest.mark.slow

PROXIES = {
    "ALL_PROXY": "socks5://127.0.0.1:9",
    "http_proxy": "http://127.0.0.1:9",
    "HTTPS_PROXY": "http://127.0.0.1:9",
}


@pytest.mark.parametrize("embedded", [True, False])
def test_a_run_asks_its_own_server_without_the_proxies_that_its_agents_are_given(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str], *, embedded: bool
) -> None:
    plan = write_plan("""
        feature: proxied
        tasks: [{id: A, run: 'echo "$ALL_PROXY" > seen.txt'}]
        integration: {verify: ['test "$http_proxy" = http://127.0.0.1:9']}
    """)
    server = {} if embedded else prefect_server
    ended = plait("run", str(plan), "--json", cwd=repository, env={**server, **PROXIES})

    assert ended.status == 0, ended.stderr
    assert files_of(repository, "feature/proxied/integration")["seen.txt"] == PROXIES["ALL_PROXY"]


def test_a_run_from_a_shell_whose_path_names_what_cannot_be_entered_lands(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    plan = write_plan("feature: walled\ntasks: [{id: A, run: echo a > a.txt}]\n")
    path = os.pathsep.join([f"/{'x' * 300}/bin", os.environ["PATH"]])
    ended = plait("run", str(plan), "--json", cwd=repository, env={**prefect_server, "PATH": path})

    assert ended.status == 0, ended.stderr
    assert files_of(repository, "feature/walled/integration")["a.txt"] == "a"


def test_a_run_finds_its_own_packages_before_those_of_the_callers_project(
    repository: Path, write_plan: WritePlan, tmp_path: Path
) -> None:
    for module in ("yaml.py", "typing_extensions.py", "flows/__init__.py", "prefect/__init__.py", "rich/__init__.py"):
        place = tmp_path / "theirs" / module
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("raise SystemExit('the module of the project')\n", encoding="utf-8")
    plan = write_plan("feature: apart\ntasks: [{id: A, run: echo a > a.txt}]\n")
    ended = plait("run", str(plan), "--json", cwd=repository, env={"PYTHONPATH": str(tmp_path / "theirs")})

    assert ended.status == 0, ended.stderr
    assert files_of(repository, "feature/apart/integration")["a.txt"] == "a"


@pytest.mark.parametrize(("files", "may_land"), [(22, False), (24, False), (32, True)])
def test_a_run_that_a_limit_of_the_shell_ends_names_the_limit(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str], files: int, *, may_land: bool
) -> None:
    # With 32 files it depends on how far two tasks overlap whether they are enough.
    plan = write_plan("feature: limited\ntasks: [{id: A, run: echo a > a.txt}, {id: B, run: echo b > b.txt}]\n")
    command = ["bash", "-c", f'ulimit -n {files} && exec "$0" run "$1"', str(PLAIT), str(plan)]
    variables = {**os.environ, **prefect_server}
    ended = subprocess.run(command, cwd=repository, env=variables, capture_output=True, text=True, check=False)

    named = (ended.returncode, "raise `ulimit -n`" in ended.stderr)
    assert named == (3, True) or (may_land and named == (0, False)), ended.stderr
