"""Looking at a run from another terminal, a pipe or a narrow window: nothing is cut, hidden or dangerous."""

import os
import pty
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.acceptance.conftest import WritePlan
from tests.support.command import PLAIT, Running, plait
from tests.support.repositories import git

pytestmark = pytest.mark.slow

LOUD = r"""
    feature: loud
    goal: Print what terminals obey.
    tasks:
      - id: COLOURS
        run: 'printf "\033[32mgreen\033[0m \033[2J\033]0;title\007\033]52;c;eA==\007end\n"; echo x > x.txt'
      - {id: SILENT, run: echo y > y.txt}
      - {id: BAD, run: exit 3, retries: 0}
      - {id: NEVER, needs: [BAD], run: echo z > z.txt}
"""
PRINTED = b"\x1b[32mgreen\x1b[0m \x1b[2J\x1b]0;title\x07\x1b]52;c;eA==\x07end\n"


def on_a_terminal(*arguments: str, cwd: Path, env: Mapping[str, str] | None = None) -> str:
    """What `plait` prints where standard output is a terminal."""
    master, slave = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", **(env or {})}
    with subprocess.Popen([str(PLAIT), *arguments], cwd=cwd, env=environment, stdout=slave, stderr=slave) as process:
        os.close(slave)
        printed = b""
        while True:
            try:
                chunk = os.read(master, 65536)
            except OSError:  # Linux: the other end is closed
                break
            if not chunk:
                break
            printed += chunk
        assert process.wait(timeout=30) == 0, printed
    os.close(master)
    return printed.decode()


def test_a_run_is_looked_at_without_danger_and_without_riddles(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    run = plait("run", str(write_plan(LOUD)), cwd=repository, env=prefect_server)
    assert run.status == 1, run.stderr

    with subprocess.Popen([str(PLAIT), "logs", "COLOURS"], cwd=repository, stdout=subprocess.PIPE) as piped:
        assert piped.stdout is not None
        assert piped.stdout.read() == PRINTED
    assert on_a_terminal("logs", "COLOURS", cwd=repository) == "\x1b[32mgreen\x1b[0m end\r\n\x1b[0m"
    assert on_a_terminal("logs", "COLOURS", cwd=repository, env={"NO_COLOR": "1"}) == "green end\r\n"

    silent = plait("logs", "SILENT", cwd=repository)
    assert (silent.status, silent.stdout) == (0, "")
    assert "SILENT has printed nothing" in silent.stderr
    for task, said in (
        ("NEVER", "NEVER has not started (blocked)"),
        ("SILNT", "did you mean 'SILENT'"),
        ("../../x", "has no task '../../x'"),
    ):
        refused = plait("logs", task, cwd=repository)
        assert refused.status == 2
        assert said in refused.stderr

    latin = {"PYTHONIOENCODING": "latin-1", "COLUMNS": "60"}
    for command in ("status", "report"):
        assert plait(command, cwd=repository, env=latin).status == 0
    assert "the script ended with exit status 3" in plait("status", cwd=repository, env={"COLUMNS": "40"}).stdout
    assert plait("status", "--all", "--json", cwd=repository).data["runs"][0]["state"] == "partial"


def test_a_reader_that_goes_does_not_change_what_the_exit_code_says(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    plan = write_plan("feature: x\ngoal: y\ntasks:\n  - {id: A, run: echo x > a.txt}\n")
    line = (
        f"'{PLAIT}' run '{plan}' --quiet | true; echo ${{PIPESTATUS[0]}}; '{PLAIT}' run '{plan}' --quiet >&-; echo $?"
    )

    done = subprocess.run(
        ["bash", "-c", line],
        cwd=repository,
        env={**os.environ, **prefect_server},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout == "0\n0\n", done.stderr
    assert done.stderr == ""


def test_ctrl_c_before_the_run_begins_ends_it_at_once_with_nothing_made(
    repository: Path, write_plan: WritePlan, hermetic: Path
) -> None:
    plan = write_plan("feature: x\ngoal: y\ntasks:\n  - {id: A, run: echo x > a.txt}\n")
    running = Running("run", str(plan), cwd=repository)
    running.wait_until(lambda: any((hermetic / "prefect" / "embedded").glob("*/server.json")))

    running.signal(signal.SIGINT)
    ended = running.end(seconds=5)

    assert ended.status == 130
    assert ended.stderr.splitlines()[-1] == "cancelled"
    assert ended.stdout == ""
    assert not (hermetic / "runs").exists()
    assert git(repository, "for-each-ref", "refs/heads/feature") == ""


@pytest.mark.parametrize("place", ["a-file", "/proc/nowhere"])
def test_a_demo_where_it_cannot_be_made_is_refused(tmp_path: Path, place: str) -> None:
    (tmp_path / "a-file").write_text("mine\n")

    refused = plait("demo", "--directory", place, cwd=tmp_path)

    assert refused.status == 2
    assert "name another directory" in refused.stderr
    assert (tmp_path / "a-file").read_text() == "mine\n"
