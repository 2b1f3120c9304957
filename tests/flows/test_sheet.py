"""The table of a run, on wide and narrow, high and low terminals, and where there is none."""

import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

from plait.flows.runs import find_run
from plait.flows.terminal.sheet import COLUMNS, MARGIN, Sheet, status_table
from plait.plans.tasks.outcomes import Approval, BatchState, FeatureOutcome, Rest, RunState, Span
from plait.plans.tasks.states import TaskState
from plait.plans.usage import Usage
from plait.show.progress import ActiveAgent, Eta
from tests.support.outcomes import a_batch, a_task, an_outcome, at

LONG = "a-rather-long-name-of-a-task-that-nobody-would-type"


def drawn(sheet: object, width: int) -> list[str]:
    file = io.StringIO()
    Console(file=file, width=width, color_system=None).print(sheet)
    return file.getvalue().splitlines()


def test_a_narrow_terminal_loses_columns_and_no_state_is_cut() -> None:
    lines = drawn(status_table(an_outcome()), 60)
    assert "role" not in "".join(lines)
    assert [line.split()[0] for line in lines[3:8]] == ["MODEL", "API", "PAGE", "TESTS", "RELEASE"]
    for state in ("✔ landed", "✘ failed", "‖ held", "⊘ blocked"):
        assert state in "\n".join(lines)
    assert "conflict with A" in "\n".join(lines)


def test_where_there_is_room_everything_is_shown_in_one_line_each() -> None:
    lines = drawn(status_table(an_outcome()), 1000)
    assert lines[0].endswith("2/5 landed  3 min 20 s  run-0001")
    untold = ("model", "used")
    assert lines[1].split() == " ".join(name for name in COLUMNS if name not in untold).split()
    assert "needs PAGE, which was rejected" in "\n".join(lines)
    assert not [line for line in lines if line != line.rstrip()]


def test_tokens_money_model_and_the_tool_of_the_moment_are_shown_where_programs_tell_them() -> None:
    used = Usage(input_tokens=1_200_000, output_tokens=34_500, usd=3.1, model="opus")
    tasks = (
        a_task("A").model_copy(update={"usage": used}),
        a_task("B", state=TaskState.RUNNING, end=None).model_copy(update={"usage": Usage(usd=0.5)}),
    )
    now = Usage(input_tokens=900, output_tokens=99, usd=0.25, exact=False)
    doing = {"model": "sonnet", "tool": "Bash: make", "usage": now, "last_line": "I test it"}
    agent = ActiveAgent.model_validate({"task": "B", "role": "backend", "agent": "backend-1", "since": at(0), **doing})
    outcome = an_outcome(tasks=tasks, batches=(), state=RunState.RUNNING)
    lines = drawn(status_table(outcome, {"B": '{"type": "raw"}'}, active=[agent]), 200)
    assert "≥ 1.2M tokens, $3.85" in lines[0]
    assert lines[1].split() == " ".join(COLUMNS).split()
    assert "opus" in lines[2]
    assert "1.2M tokens, $3.10" in lines[2]
    assert "sonnet" in lines[3]
    assert "≥ 999 tokens, $0.75" in lines[3]
    assert lines[3].endswith("[Bash: make] I test it")


@pytest.mark.parametrize("width", [24, 40, 60, 80, 120])
def test_no_row_fills_the_screen(width: int) -> None:
    """Where Ctrl-C echoes `^C` behind a full row, the terminal breaks it, and the table is drawn a line too low."""
    tasks = (a_task(LONG, start=0, end=9), a_task("B", state=TaskState.RUNNING))
    sheet = Sheet(an_outcome(tasks=tasks, batches=()), {"B": "x" * 500}, height=24)
    assert all(cell_len(line) <= width - MARGIN for line in drawn(sheet, width))


def test_a_low_terminal_shows_what_runs_and_counts_the_rest() -> None:
    tasks = (
        *(a_task(f"OLD-{number}") for number in range(50)),
        a_task("NOW", state=TaskState.RUNNING),
        a_task("BAD", state=TaskState.FAILED),
        *(a_task(f"LATER-{number}", start=None, state=TaskState.PENDING) for number in range(7)),
    )
    lines = drawn(Sheet(an_outcome(tasks=tasks), {}, height=20), 100)
    assert len(lines) < 20
    assert any(line.startswith("NOW ") for line in lines)
    assert any(line.startswith("BAD ") for line in lines)
    assert "… and 38 landed, 7 pending" in lines
    assert len(drawn(Sheet(an_outcome(tasks=tasks), {}), 100)) > 59


def test_a_batch_does_not_say_landed_twice_nor_before_it_has() -> None:
    landed = a_batch(landed=("A", "B"))
    ready = a_batch("batch-2", state=BatchState.READY_TO_LAND, landed=("C",))
    lines = drawn(status_table(an_outcome(batches=(landed, ready))), 100)
    assert lines[-2:] == ["batch-1: landed A, B  dddddddddd", "batch-2: ready to land: C  dddddddddd"]


def test_a_batch_names_the_checks_that_were_red_and_green_on_one_tree() -> None:
    lines = drawn(status_table(an_outcome(batches=(a_batch(landed=("A",), flaky=("pytest -q",)),))), 100)

    assert any("landed A, flaky pytest -q" in line for line in lines)


def asking(*, state: RunState = RunState.RUNNING) -> FeatureOutcome:
    """A contract waits for a person, and PAGE for that."""
    asked = Approval(contract="cart-api", version=1, owner="API", asked_at=datetime.now(UTC), holds=("PAGE",))
    tasks = (a_task("API", state=TaskState.DONE), a_task("PAGE", start=None, state=TaskState.PENDING))
    return an_outcome(state=state, tasks=tasks, batches=(), approvals=(asked,), ended_at=None)


def test_what_a_person_is_waited_for_stands_above_the_tasks_with_its_command() -> None:
    eta = Eta(at=datetime.now(UTC), p10_seconds=300, p50_seconds=723, p80_seconds=900, p90_seconds=1200)
    lines = drawn(status_table(asking(), eta=eta), 200)

    assert "about 12 min left, plus the time until cart-api is approved" in lines[0]
    assert lines[1].startswith("waits since ")
    assert lines[1].endswith("for a person to approve the contract cart-api v1, written by API; PAGE starts after that")
    assert lines[2] == "  plait approve cart cart-api"
    assert [line.split()[0] for line in lines if "cart-api waits for a person" in line] == ["API"]
    assert [line.split()[0] for line in lines if "waits until cart-api is approved" in line] == ["PAGE"]


def test_a_run_that_is_over_waits_for_nobody() -> None:
    assert "waits" not in "\n".join(drawn(status_table(asking(state=RunState.CANCELLED)), 200))


def test_what_is_asked_leaves_room_for_the_tasks_of_a_low_terminal() -> None:
    outcome = asking()
    tasks = (*outcome.tasks, *(a_task(f"LATER-{number}", start=None, state=TaskState.PENDING) for number in range(30)))
    sheet = Sheet(outcome.model_copy(update={"tasks": tasks}), {}, height=20)

    assert len(drawn(sheet, 200)) < 20


def test_a_batch_in_work_says_for_how_long() -> None:
    begun = datetime.now(UTC) - timedelta(seconds=42)
    batch = a_batch(state=BatchState.VERIFYING, started_at=begun, ended_at=None, landed=(), commit=None)

    assert drawn(status_table(an_outcome(state=RunState.RUNNING, batches=(batch,))), 100)[-1].startswith(
        "batch-1: verifying for 42 s"
    )
    assert drawn(status_table(an_outcome(state=RunState.FAILED, batches=(batch,))), 100)[-1] == "batch-1: verifying"


def test_the_time_of_a_task_is_that_in_which_it_was_worked_on() -> None:
    """And not that in which a person was waited for, or a batch, before it went on."""
    spans = (Span(started_at=at(0), ended_at=at(10)), Span(started_at=at(3600), ended_at=at(3605)))
    task = a_task("A", start=0, end=3605).model_copy(update={"spans": spans})

    assert "15 s" in drawn(status_table(an_outcome(tasks=(task,))), 100)[2]


def test_the_tasks_of_a_killed_run_do_not_seem_to_run_on(hermetic: Path) -> None:
    folder = hermetic / "runs" / "cart-1"
    folder.mkdir(parents=True)
    said = {"run_id": "cart-1", "feature": "cart", "repository": "/r", "pid": 2**22 - 1, "started": "never"}
    (folder / "run.json").write_text(json.dumps(said))
    tasks = (a_task("A", start=0, end=None, state=TaskState.RUNNING), a_task("B", start=0, end=9))
    outcome = an_outcome(state=RunState.RUNNING, tasks=tasks, elapsed_seconds=61.0)
    (folder / "outcome.json").write_text(outcome.model_dump_json())

    found = find_run(hermetic, None).outcome()

    assert found is not None
    assert found.state is RunState.FAILED
    assert found.tasks[0].state is TaskState.CANCELLED
    assert "1 min 01 s" in drawn(status_table(found), 100)[3], "until it wrote that, and not until the file was copied"
    assert "it was killed; `plait run` goes on with it" in "\n".join(drawn(status_table(found), 100))
    assert found.tasks[1] == tasks[1]


def test_roles_that_rest_and_agents_that_are_silent_stand_above_the_tasks_of_a_live_run() -> None:
    outcome = an_outcome(state=RunState.RUNNING, ended_at=None, batches=())
    later = datetime.now(UTC) + timedelta(hours=2)
    rest = Rest(roles=("dev",), kind="login", words="Please run /login\x1b[31m", until=later)
    agents = [
        ActiveAgent(task=f"T{n}", role="qa", agent=f"qa-{n}", since=at(0), silent_seconds=900.0, worked_seconds=900.0)
        for n in range(1, 6)
    ]
    text = "\n".join(drawn(status_table(outcome.model_copy(update={"rests": (rest,)}), active=agents), 1000))

    assert "dev: not logged in, tried again at " in text
    assert "Please run /login" in text
    assert "\x1b" not in text
    assert "T1 (qa-1): silent for 15 min 00 s; `plait logs T1 -f` shows what it said" in text
    assert "likewise T4 and T5" in text
    ended = "\n".join(drawn(status_table(an_outcome(), active=agents), 1000))
    assert "silent" not in ended
