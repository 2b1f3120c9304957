"""`plait run` finds the server that `plait up` has started on this machine, says so, and goes without it when told."""

import os
import signal
from pathlib import Path

import pytest

from plait.flows.servers.local_server import read_server_record
from tests.acceptance.conftest import WritePlan
from tests.flows.up_server import free_port
from tests.support.command import plait

pytestmark = pytest.mark.slow


def test_a_run_is_on_the_server_of_plait_up_unless_that_is_dead(
    repository: Path, write_plan: WritePlan, hermetic: Path
) -> None:
    plan = str(write_plan("feature: found\ngoal: g\ntasks: [{id: A, run: echo a > a.txt}]\n"))
    port = free_port()
    try:
        assert plait("up", "--port", str(port), cwd=repository).status == 0
        found = plait("run", plan, cwd=repository)
        assert found.status == 0, found.stderr
        assert f"http://127.0.0.1:{port}/api (the server of `plait up`" in found.stderr

        record = read_server_record(hermetic / "server")
        assert record is not None
        os.kill(record.server.pid, signal.SIGKILL)
        alone = plait("run", plan, "--fresh", "--yes", cwd=repository)
        assert alone.status == 0, alone.stderr
        assert "the server of `plait up` is not used: it has ended without `plait down`" in alone.stderr
        assert "cannot be reached" not in alone.stderr
    finally:
        plait("down", cwd=repository)
    nowhere = ("--server", f"http://127.0.0.1:{port}/api")
    refused = plait("run", plan, "--fresh", "--yes", *nowhere, cwd=repository)
    assert refused.status == 3
    assert "--server none" in refused.stderr
