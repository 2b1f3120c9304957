"""Runs from shells with proxies, and with a PATH that nobody can walk."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.acceptance.conftest import WritePlan
from tests.support.command import plait
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
