"""`plait forecast` as a process: figures for people, figures for scripts, and clear words for wrong calls."""

import contextlib
import os
import pty
import re
import subprocess
import termios
from collections.abc import Mapping
from pathlib import Path

import pytest

from plait.store.engine import open_store
from plait.store.history import record_run
from plait.store.records import TaskWork
from tests.acceptance.conftest import WritePlan
from tests.support.command import PATIENCE_SECONDS, PLAIT, plait
from tests.support.outcomes import a_batch, a_task, an_outcome, at

WORKED = Path(__file__).parents[1] / "data" / "worked"
CART = str(WORKED / "shopping-cart.yaml")


@pytest.mark.parametrize(("plan", "hours", "speed_up"), [("login", 11, 1.363636), ("shopping-cart", 10, 2.3)])
def test_a_worked_example_as_json(tmp_path: Path, plan: str, hours: float, speed_up: float) -> None:
    said = plait("forecast", str(WORKED / f"{plan}.yaml"), "--json", cwd=tmp_path).data

    assert (said["elapsed_hours"], said["speedup"]) == (hours, speed_up)
    assert (said["bound_hours"], said["bound_kind"], said["bound_ratio"]) == (hours, "critical path", 1)
    assert said["p50_hours"] < said["p80_hours"] < said["p95_hours"]
    assert {"work_hours", "efficiency", "critical_path", "what_if", "learned", "samples", "agents"} <= said.keys()
    assert said["tasks"][0].items() >= {"id": "TASK-001", "start_hours": 0, "end_hours": 2, "slack_hours": 0}.items()
    assert all({"role", "slots", "busy", "waiting_hours"} <= role.keys() for role in said["roles"])


def test_agents_by_role_and_a_crew_file_can_be_given_together(tmp_path: Path, write_plan: WritePlan) -> None:
    crew = write_plan("architect: {slots: 1}\nbackend: {slots: 2}\nfrontend: {}\nqa: {}\n", name="crew.yaml")

    one = plait("forecast", CART, "--crew", "backend=1", "--json", "--samples", "0", cwd=tmp_path).data
    both = plait(
        "forecast", CART, "--crew", str(crew), "--crew", "backend=1,qa=2", "--json", "--samples", "0", cwd=tmp_path
    ).data

    assert one["elapsed_hours"] == both["elapsed_hours"] == 14
    assert one["p50_hours"] is None
    assert {role["role"]: role["slots"] for role in both["roles"]}["qa"] == 2
    better = next(variant for variant in one["what_if"] if variant["role"] == "backend")
    assert (better["slots"], better["change_hours"]) == (2, -4)


def test_waits_are_said_to_be_for_resources_too_only_where_the_plan_has_any(
    tmp_path: Path, write_plan: WritePlan
) -> None:
    plan = "feature: f\ngoal: g\n{}tasks: [{{id: A, run: 'true', duration: 2h}}]\n"
    without = plait("forecast", str(write_plan(plan.format(""))), cwd=tmp_path).stdout
    scarce = plait("forecast", str(write_plan(plan.format("resources: {db: 1}\n"))), cwd=tmp_path).stdout

    assert "but no agent is free." in " ".join(without.split())
    assert "but no agent or resource is free." in " ".join(scarce.split())


def test_only_some_tasks_can_be_forecast(tmp_path: Path) -> None:
    said = plait("forecast", CART, "--only", "TASK-002", "--only", "TASK-006", "--json", cwd=tmp_path).data

    assert said["elapsed_hours"] == 8
    assert said["critical_path"] == ["TASK-002", "TASK-006"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--crew", "bakend=3"], "did you mean 'backend'?"),
        (["--crew", "backend=none"], "number of agents"),
        (["--crew", "backend=0"], "number of agents"),
        (["--crew", "missing.yaml"], "there is no file missing.yaml"),
        (["--crew", "a.yaml", "--crew", "b.yaml"], "two files"),
        (["--only", "TASK-9"], "no task TASK-9"),
        (["--repo", "nowhere"], "there is no directory nowhere"),
        (["--samples", "-1"], "--samples"),
        (["--agents", "4"], "--size"),
        (["--size", "--agents", "3"], "it takes 4 agents at least, and there are 3"),
        (["--size", "--agents", "0"], "--agents"),
        (["--size", "--improve", "1"], "--improve"),
    ],
)
def test_a_wrong_call_ends_with_a_sentence(tmp_path: Path, arguments: list[str], said: str) -> None:
    ended = plait("forecast", CART, *arguments, cwd=tmp_path)

    assert ended.status == 2
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.stdout == ""


def test_a_mistake_in_the_plan_is_shown_with_its_place(tmp_path: Path, write_plan: WritePlan) -> None:
    plan = write_plan("feature: x\ntasks:\n  - {id: A, run: echo, needs: [B]}\n")

    ended = plait("forecast", str(plan), "--json", cwd=tmp_path)

    assert ended.status == 2
    assert f"{plan}:3:" in ended.stderr


@pytest.mark.parametrize("command", [("check",), ("forecast",), ("run",), ("run", "--dry-run")])
def test_programs_are_told_the_mistakes_of_a_plan_alike_by_every_command(
    tmp_path: Path, write_plan: WritePlan, command: tuple[str, ...]
) -> None:
    plan = write_plan("feature: x\ntasks:\n  - {id: A, run: echo, needs: [B]}\n")

    ended = plait(*command, str(plan), "--json", cwd=tmp_path)

    assert ended.status == 2
    said = ended.data
    (problem,) = said["problems"]
    assert (said["source"], said["ok"]) == (str(plan), False)
    assert (problem["code"], problem["line"], problem["path"]) == ("PLAN004", 3, "tasks[0].needs[0]")
    assert set(problem) == {"code", "line", "column", "path", "message", "hint", "file"}


def test_what_is_not_carried_out_yet_is_listed(tmp_path: Path, write_plan: WritePlan) -> None:
    plan = write_plan("feature: x\ntasks: [{id: A, run: echo, locks: [a.txt]}]\n")

    said = plait("forecast", str(plan), "--json", cwd=tmp_path).data
    text = plait("forecast", str(plan), cwd=tmp_path)

    assert said["unsupported"] == ["tasks[0].locks"]
    assert "warning: not carried out yet: tasks[0].locks" in text.stderr


@pytest.mark.parametrize("columns", ["60", "80", "200"])
def test_the_text_fits_its_width_and_has_no_colours_in_a_pipe(tmp_path: Path, columns: str) -> None:
    ended = plait("forecast", CART, "--crew", "backend=1", cwd=tmp_path, env={"COLUMNS": columns})

    assert ended.status == 0
    assert "\x1b" not in ended.stdout
    assert max(map(len, ended.stdout.splitlines())) <= int(columns)
    assert "…" not in ended.stdout
    assert "TASK-006" in ended.stdout
    assert "the one backend agent" in ended.stdout


def test_a_better_order_is_taken_when_it_wins_in_simulation(tmp_path: Path, write_plan: WritePlan) -> None:
    tasks = "".join(
        f"  - {{id: T{number}, role: qa, owns: [], prompt: work, "
        f"duration: {{optimistic: {60 * hours - 5}m, likely: {hours}h, pessimistic: {60 * hours + 5}m}}}}\n"
        for number, hours in enumerate((3, 3, 2, 2, 2))
    )
    plan = str(write_plan(f"feature: x\ncrew: {{qa: {{slots: 2}}}}\ntasks:\n{tasks}"))

    rule = plait("forecast", plan, "--json", cwd=tmp_path).data
    better = plait("forecast", plan, "--json", "--improve", "0.3", cwd=tmp_path).data

    assert (rule["elapsed_hours"], rule["order"]) == (7, None)
    assert (better["elapsed_hours"], better["order"]["taken"], better["order"]["rule_elapsed_hours"]) == (6, True, 7)
    assert better["p50_hours"] < rule["p50_hours"]


def test_what_the_repository_has_seen_corrects_the_plan(repository: Path, hermetic: Path) -> None:
    hermetic.mkdir()
    tasks = tuple(a_task(f"T-{number}", "backend") for number in range(40))
    with open_store(hermetic / "plait.db") as store:
        slow = {task.id: TaskWork(planned_seconds=3600.0, actual_seconds=7200.0) for task in tasks}
        record_run(store, an_outcome(tasks=tasks), repository=str(repository / ".git"), plan_hash="hash", work=slow)

    here = plait("forecast", CART, "--json", cwd=repository / "docs").data
    elsewhere = plait("forecast", CART, "--json", cwd=hermetic).data

    assert 14 < here["elapsed_hours"] < 16
    assert here["learned"][0].startswith("backend: 40 finished tasks took 2 times the estimate")
    assert elsewhere["elapsed_hours"] == 10
    assert elsewhere["learned"] == []


def test_how_long_verification_took_here_is_told_where_the_plan_has_any(
    repository: Path, hermetic: Path, write_plan: WritePlan
) -> None:
    hermetic.mkdir()
    batches = tuple(a_batch(f"batch-{number}", ended_at=at(100 + 60 * number)) for number in (2, 3, 9))
    with open_store(hermetic / "plait.db") as store:
        record_run(store, an_outcome(batches=batches), repository=str(repository / ".git"), plan_hash="hash")
    text = "feature: x\ntasks: [{id: A, run: echo, duration: 1h}]\n"
    bare = str(write_plan(text))
    verified = str(write_plan(f"{text}integration: {{verify: [make test]}}\n", name="verified.yaml"))

    assert plait("forecast", verified, "--json", cwd=repository).data["verification_seconds"] == 180
    assert "Verification: about 3m each in earlier runs" in plait("forecast", verified, cwd=repository).stdout
    assert plait("forecast", bare, "--json", cwd=repository).data["verification_seconds"] is None
    assert plait("forecast", verified, "--json", cwd=hermetic).data["verification_seconds"] is None
    assert "Verification" not in plait("forecast", bare, cwd=repository).stdout


def test_a_crew_is_proposed_that_can_be_pasted(tmp_path: Path) -> None:
    said = plait("forecast", CART, "--size", "--json", cwd=tmp_path).data
    text = plait("forecast", CART, "--size", cwd=tmp_path).stdout

    sizing = said["sizing"]
    assert sizing["pick"] == {"architect": 1, "backend": 2, "frontend": 1, "qa": 1}
    assert [(step["agents"], step["elapsed_hours"]) for step in sizing["steps"]] == [(4, 14), (5, 10)]
    assert sizing["steps"][1]["slots"] == sizing["pick"]
    assert {"p80_hours", "efficiency", "agent_hours"} <= sizing["steps"][0].keys()
    assert {"what_if", "tasks", "roles", "p80_hours"} <= said.keys()
    (line,) = [line for line in text.splitlines() if line.startswith("--crew ")]
    pasted = plait("forecast", CART, *line.split(), "--json", "--samples", "0", cwd=tmp_path).data
    assert pasted["elapsed_hours"] == 10
    assert pasted["sizing"] is None
    assert text.endswith("crew:\n" + "".join(f"  {role}: {{slots: {n}}}\n" for role, n in sizing["pick"].items()))


def test_a_crew_is_proposed_of_the_agents_that_there_are(tmp_path: Path, write_plan: WritePlan) -> None:
    tasks = "".join(f"  - {{id: T{number}, role: qa, owns: [], prompt: work}}\n" for number in range(4))
    plan = str(write_plan(f"feature: x\ntasks:\n{tasks}"))
    crew = str(write_plan("qa: {slots: 2}\n", name="crew.yaml"))

    free, *limited = (
        plait("forecast", plan, "--size", *limit, "--json", "--samples", "0", cwd=tmp_path).data["sizing"]["pick"]
        for limit in ((), ("--agents", "2"), ("--crew", "qa=2"), ("--crew", crew))
    )

    assert free == {"qa": 4}
    assert limited == [{"qa": 2}] * 3


@pytest.mark.parametrize("columns", ["40", "60", "80", "120"])
def test_what_is_pasted_is_never_broken_and_all_else_fits(tmp_path: Path, columns: str) -> None:
    ended = plait("forecast", CART, "--size", cwd=tmp_path, env={"COLUMNS": columns})

    shown, pasted = ended.stdout.split("--crew ")
    assert max(map(len, shown.splitlines())) <= int(columns)
    assert pasted.splitlines()[0] == "architect=1,backend=2,frontend=1,qa=1"


@pytest.mark.parametrize("arguments", [[], ["--json"], ["--size"]])
def test_a_forecast_leaves_nothing_and_imports_little(tmp_path: Path, hermetic: Path, arguments: list[str]) -> None:
    """How long it takes is measured in `benchmarks/starting.py`; what makes it long is imported."""
    ended = plait("forecast", CART, *arguments, cwd=tmp_path, env={"PYTHONPROFILEIMPORTTIME": "1"})

    assert ended.status == 0
    assert _heavy(ended.stderr) == set()
    assert not hermetic.exists()


def test_a_terminal_gets_colours_unless_it_wants_none(tmp_path: Path) -> None:
    coloured, words = on_a_terminal(tmp_path, {"TERM": "xterm-256color"})
    assert "rich" in _heavy(words), "what the test above looks for is not there to be found"
    assert "\x1b[32m" in coloured
    plain, _ = on_a_terminal(tmp_path, {"TERM": "xterm-256color", "NO_COLOR": "1"})
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]m", plain)
    assert "At the lower bound" in plain


def _heavy(stderr: str) -> set[str]:
    """What was imported of the libraries that take long."""
    imported = {line.rpartition("|")[2].strip() for line in stderr.splitlines() if "import time:" in line}
    assert "pydantic" in imported, "the list of imports is not what it was"
    return {"prefect", "sqlmodel", "sqlalchemy", "git", "rich"} & imported


def on_a_terminal(directory: Path, env: Mapping[str, str]) -> tuple[str, str]:
    """What a forecast writes to a terminal of 80 columns, and what it says of its imports."""
    command = [str(PLAIT), "forecast", CART]
    environment = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "COLUMNS"}}
    environment |= {"PYTHONPROFILEIMPORTTIME": "1", **env}
    errors = directory / "errors.txt"
    reader, writer = pty.openpty()
    try:
        with errors.open("w") as sink:
            termios.tcsetwinsize(writer, (50, 80))
            process = subprocess.Popen(command, cwd=directory, env=environment, stdout=writer, stderr=sink)
        os.close(writer)
        written = b""
        with contextlib.suppress(OSError):  # EIO, once the other end is closed
            while part := os.read(reader, 65536):
                written += part
        assert process.wait(PATIENCE_SECONDS) == 0
    finally:
        os.close(reader)
    return written.decode(), errors.read_text()
