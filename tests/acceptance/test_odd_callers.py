"""The command as started by callers that closed streams, have no home, or leave `~` to it."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from plait.plans.errors import CallError, EnvironmentProblem
from plait.workspace.control import open_control
from plait.workspace.home import home_path
from tests.acceptance.conftest import WritePlan
from tests.support.command import PLAIT, plait
from tests.support.repositories import files_of, make_repository

PLAN = "feature: odd\ntasks: [{id: A, run: echo a > a.txt}]\n"


@pytest.mark.parametrize("closed", ["2>&-", ">&-", "<&- >&- 2>&-"])
def test_a_check_does_not_mind_closed_streams(repository: Path, write_plan: WritePlan, closed: str) -> None:
    plan = write_plan(PLAN)
    ended = subprocess.run(
        ["sh", "-c", f'exec "$0" check "$1" {closed}', str(PLAIT), plan], cwd=repository, check=False
    )
    assert ended.returncode == 0


@pytest.mark.slow
def test_a_run_with_all_streams_closed_lands(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    environment = {**os.environ, **prefect_server}
    command = ["sh", "-c", 'exec "$0" run "$1" <&- >&- 2>&-', str(PLAIT), write_plan(PLAN)]
    ended = subprocess.run(command, cwd=repository, env=environment, check=False)

    assert ended.returncode == 0
    assert files_of(repository, "feature/odd/integration")["a.txt"] == "a"


@pytest.mark.parametrize("encoding", ["latin-1", "ascii"])
@pytest.mark.parametrize("command", ["check", "graph", "forecast"])
def test_no_command_fails_for_a_letter_that_the_terminal_does_not_have(
    repository: Path, tmp_path: Path, encoding: str, command: str
) -> None:
    plan = tmp_path / "plän → ✓.yaml"
    plan.write_text(PLAN + "goal: → ✓ █ größe\n", encoding="utf-8")
    variables = {**os.environ, "PYTHONIOENCODING": encoding}
    ended = subprocess.run([str(PLAIT), command, plan], cwd=repository, env=variables, capture_output=True, check=False)
    assert (ended.returncode, b"Traceback" in ended.stderr) == (0, False)


def test_tilde_is_home_where_no_shell_has_made_it_so(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "crew.yaml").write_text("dev: {slots: 2, backend: scripted, script: ~/script.yaml}\n", encoding="utf-8")
    (tmp_path / "script.yaml").write_text(
        "tasks: {A: [{steps: [{write: {path: a.txt, text: a}}]}]}\n", encoding="utf-8"
    )
    (tmp_path / "plan.yaml").write_text("feature: f\ntasks: [{id: A, role: dev, prompt: p}]\n", encoding="utf-8")
    home = {"HOME": str(tmp_path), "PLAIT_HOME": "~/state"}
    for arguments in (("--crew=~/crew.yaml",), ("--crew", "~/crew.yaml")):
        ended = plait("check", "~/plan.yaml", *arguments, cwd=repository, env=home)
        assert ended.status == 0, ended.stderr
    assert plait("status", cwd=repository, env=home).status == 2
    assert not list(repository.glob("~*"))


@pytest.mark.slow
def test_a_command_of_a_crew_and_a_repository_may_begin_with_tilde(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str], tmp_path: Path
) -> None:
    agent = tmp_path / "agent"
    agent.write_text("#!/bin/sh\necho a > a.txt\n", encoding="utf-8")
    agent.chmod(0o755)
    plan = write_plan(
        "feature: odd\ncrew: {dev: {backend: command, command: [~/agent]}}\ntasks: [{id: A, role: dev, prompt: p}]\n"
    )
    variables = {**prefect_server, "HOME": str(tmp_path)}
    ended = plait("run", str(plan), f"--repo=~/{repository.name}", cwd=Path("/"), env=variables)

    assert ended.status == 0, ended.stderr
    assert files_of(repository, "feature/odd/integration")["a.txt"] == "a"


def test_without_home_and_name_it_is_said_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(_user: object) -> None:
        raise KeyError

    monkeypatch.setattr("pwd.getpwuid", unknown)
    for name in ("HOME", "PLAIT_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(EnvironmentProblem, match="HOME is not set"):
        home_path()


def test_with_a_place_for_its_state_a_run_needs_no_home(tmp_path: Path) -> None:
    code = (
        "import os, pwd, sys\n"
        "def unknown(user): raise KeyError(user)\n"
        "pwd.getpwuid = unknown\n"
        "sys.argv = ['plait', '--version']\n"
        "from plait.flows.commands import main\n"
        "main._have_home()\n"
        "from prefect import flow\n"
        "print(flow is not None, os.environ['HOME'])\n"
    )
    variables = {name: value for name, value in os.environ.items() if name != "HOME"}
    ended = subprocess.run(
        [sys.executable, "-c", code],
        env={**variables, "PLAIT_HOME": str(tmp_path / "state")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.split()[-1] == str(tmp_path / "state/home")


def test_a_repository_whose_path_is_no_utf_8_is_refused_in_a_sentence(tmp_path: Path, hermetic: Path) -> None:
    repository = make_repository(tmp_path / os.fsdecode(b"shop-\xff"))
    with pytest.raises(CallError, match="UTF-8"):
        open_control(repository, home=hermetic)


def test_an_argument_that_is_no_utf_8_is_a_bad_call(repository: Path, tmp_path: Path) -> None:
    plan = tmp_path / os.fsdecode(b"plan-\xff.yaml")
    plan.write_text(PLAN, encoding="utf-8")
    for arguments in (("check", str(plan)), ("run", "--dry-run", str(plan)), ("check", str(plan), "--json")):
        ended = plait(*arguments, cwd=repository)
        assert "itself failed" not in ended.stderr
        assert "Traceback" not in ended.stderr


@pytest.mark.slow
def test_a_run_whose_directory_is_deleted_meanwhile_lands(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str], tmp_path: Path
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    plan = write_plan(f"feature: odd\ntasks: [{{id: A, run: 'rmdir {here}; echo a > a.txt'}}]\n")
    ended = plait("run", str(plan), "--repo", str(repository), cwd=here, env=prefect_server)

    assert ended.status == 0, ended.stderr
    assert files_of(repository, "feature/odd/integration")["a.txt"] == "a"


@pytest.mark.slow
def test_what_is_kept_can_be_looked_at_where_nothing_can_be_written(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    plan = write_plan(PLAN)
    assert plait("run", str(plan), cwd=repository, env=prefect_server).status == 0
    for command in ("status", "report", "logs A", "batches", "gantt"):
        no_more_bytes = ["sh", "-c", f'ulimit -f 0; "$0" {command} 2>&1 | cat', str(PLAIT)]
        ended = subprocess.run(no_more_bytes, cwd=repository, capture_output=True, text=True, check=False)
        assert "error" not in ended.stdout, ended.stdout
        assert ended.stdout or command == "logs A"
