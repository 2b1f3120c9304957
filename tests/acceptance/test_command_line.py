"""The command line itself: its help, its own complaints, and what ends it before it has begun."""

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from plait.flows.commands import app
from plait.flows.commands.app import COMMANDS
from tests.support.command import PLAIT, plait

GOOD = "feature: x\ngoal: y\ntasks:\n  - {id: A, run: echo x > a.txt}\n"


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_names_no_types_of_python(tmp_path: Path, command: str) -> None:
    ended = plait(*command.split(), "--help", cwd=tmp_path, env={"COLUMNS": "120"})

    assert ended.status == 0
    assert re.findall(r"<\w[^>]*>", ended.stdout) == []
    assert re.findall(r"--help\s+-h\s+Show", ended.stdout), "a flag has no value"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run"], "error: missing argument 'PLAN'"),
        (["run", "p", "--jsn"], "error: no such option: --jsn"),
        (["nonsense"], "error: no such command 'nonsense'"),
        (["check", "p", "--format", "xml"], "error: invalid value for '--format': 'xml' is not one of"),
    ],
)
def test_a_wrong_call_is_told_as_every_other_mistake(tmp_path: Path, arguments: list[str], said: str) -> None:
    ended = plait(*arguments, cwd=tmp_path)

    problem, hint = ended.stderr.splitlines()
    assert ended.status == 2
    assert problem.startswith(said)
    assert hint.startswith("  hint: `plait")


def test_without_arguments_the_help_is_shown(tmp_path: Path) -> None:
    ended = plait(cwd=tmp_path)

    assert "Usage: plait" in ended.stdout + ended.stderr
    assert "error" not in ended.stderr


def test_an_interrupt_while_it_imports_is_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import os, sys, time\n"
        "class AtImport:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'typer':\n"
        f"            os.kill(os.getpid(), {int(signal.SIGINT)})\n"
        "            time.sleep(9)\n"
        "sys.meta_path.insert(0, AtImport())\n"
    )

    ended = plait("check", "plan.yaml", cwd=tmp_path, env={"PYTHONPATH": str(tmp_path)})

    assert (ended.status, ended.stderr) == (130, "\ncancelled\n")


@pytest.mark.parametrize("python_path", ["", "/srv"])
@pytest.mark.parametrize("command", ["check", "run", "forecast"])
def test_a_directory_that_has_been_deleted_is_told(tmp_path: Path, command: str, python_path: str) -> None:
    (tmp_path / "plan.yaml").write_text(GOOD)
    (tmp_path / "here").mkdir()
    argv = ["sh", "-c", f'cd here; rmdir ../here; exec "{PLAIT}" {command} ../plan.yaml']

    environment = {**os.environ, "PYTHONPATH": python_path}
    ended = subprocess.run(argv, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    assert ended.returncode == 3, ended.stderr
    # Not at the start: in a path with a space pip makes the command a shell script, and sh complains first.
    assert "error: the directory that you are in has been deleted\n  hint: " in ended.stderr
    assert "Traceback" not in ended.stderr


def test_each_command_is_a_file_of_its_name() -> None:
    folder = Path(app.__file__).parent
    files = {file.stem for file in folder.glob("*.py") if "\nNAME = " in file.read_text(encoding="utf-8")}
    assert files == set(COMMANDS)
