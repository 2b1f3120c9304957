"""What holds for every agent program: one body, on the real programs, against a fake model in place of the door."""

import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from plait.blocks.agents.base import AgentOrder, AgentReport
from plait.plans.agents.launching import McpServer
from plait.plans.agents.programs import PROGRAM_FACTS
from tests.agents.cases import CASES, EDIT, TOKEN, WITH_TOOLS, Case, order_for, processes_of
from tests.support import mcp_server
from tests.support.agents import wait_until
from tests.support.fake_model import FakeModel, fake_model
from tests.support.programs import PROJECT, require

pytestmark = [pytest.mark.agents, pytest.mark.slow]

each = pytest.mark.parametrize("case", CASES.values(), ids=CASES)
each_with_tools = pytest.mark.parametrize("case", WITH_TOOLS, ids=lambda case: case.backend)


def test_every_program_keeps_this_contract() -> None:
    assert CASES.keys() == PROGRAM_FACTS.keys()


@each
def test_its_work_and_its_tokens_are_reported_to_the_token(case: Case, tmp_path: Path) -> None:
    lines = list[str]()
    with fake_model(case.script(EDIT, {"text": "Hello is written."})) as model:
        order = order_for(case, tmp_path, model, on_line=lines.append, instructions="Be brief.\n")
        report = case.agent().work(order)

        assert report.problem is None
        assert report.claims_done
        assert (order.directory / "hello.txt").read_text() == "hello\n"
        assert [path.name for path in order.directory.iterdir() if path.name not in (".git", "README.md")] == [
            "hello.txt"
        ]
        served = model.play.served
        assert set(served) == {TOKEN}
        assert report.usage is not None
        assert (report.usage.input_tokens, report.usage.output_tokens) == (served[TOKEN].read, served[TOKEN].written)
        assert report.usage.exact
    assert lines
    assert not any(line.startswith("{") for line in lines)
    assert TOKEN not in order.output.read_text()
    assert any("Be brief." in json.dumps(body) for body in model.play.bodies)
    assert processes_of(tmp_path / "home") == []


@each
def test_a_key_that_is_refused_is_a_login_that_is_needed(case: Case, tmp_path: Path) -> None:
    with fake_model(case.script({"status": 401, "repeat": "forever"})) as model:
        report = case.agent().work(order_for(case, tmp_path, model))

    assert report.verdict is not None
    assert report.verdict.outcome == "login needed"
    assert not report.claims_done


@pytest.mark.parametrize(
    "case",
    # aider asks again for a minute, with growing pauses, and has no switch for that.
    [pytest.param(case, marks=[pytest.mark.rare] if name == "aider" else []) for name, case in CASES.items()],
    ids=CASES,
)
def test_a_limit_of_the_rate_is_one_of_the_account(case: Case, tmp_path: Path) -> None:
    refusal = {"status": 429, "retry_after": 1, "repeat": "forever", "message": "Rate limit of the fake"}
    with fake_model(case.script(refusal)) as model:
        report = case.agent().work(order_for(case, tmp_path, model))

    assert report.verdict is not None
    assert report.verdict.outcome in ("rate limited", "quota ended")
    assert not report.claims_done


@each
def test_a_program_that_is_killed_has_crashed_and_leaves_nothing_running(case: Case, tmp_path: Path) -> None:
    with _at_work(case, tmp_path) as (order, reports):
        for pid in processes_of(tmp_path / "home"):
            if case.backend in _command_of(pid):
                os.kill(pid, signal.SIGKILL)

    (report,) = reports
    assert report.verdict is not None
    assert report.verdict.outcome == "crashed"
    assert not report.claims_done
    assert processes_of(tmp_path / "home") == []
    assert order.output.exists()


@each
def test_a_run_that_is_cancelled_leaves_nothing_running(case: Case, tmp_path: Path) -> None:
    with _at_work(case, tmp_path) as (order, reports):
        order.stop.set()

    (report,) = reports
    assert report.cause == "cancelled"
    assert report.verdict is not None
    assert report.verdict.outcome == "cancelled"
    assert processes_of(tmp_path / "home") == []


@each_with_tools
def test_a_session_goes_on_and_its_tokens_count_once(case: Case, tmp_path: Path) -> None:
    with fake_model(case.script(EDIT, {"text": "First part."}, {"text": "Second part."})) as model:
        first_order = order_for(case, tmp_path, model, prompt="The first prompt, about cormorants.")
        first = case.agent().work(first_order)
        before = replace(model.play.served[TOKEN])
        second = case.agent().work(
            replace(first_order, session=first.verdict and first.verdict.session, prompt="Go on.", before=first.usage)
        )
        served = model.play.served[TOKEN]

    assert first.verdict is not None
    assert first.verdict.session
    assert second.verdict is not None
    assert second.verdict.outcome == "done"
    assert second.verdict.session == first.verdict.session
    assert "cormorants" in json.dumps(model.play.bodies[-1])
    assert second.usage is not None
    used = (second.usage.input_tokens, second.usage.output_tokens)
    assert used == (served.read - before.read, served.written - before.written)


@each_with_tools
def test_a_tool_of_a_server_is_called(case: Case, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    server = McpServer("plait", (sys.executable, "-I", "-S", mcp_server.__file__, str(notes)))
    call = {"mcp": {"server": "plait", "tool": "report_progress", "input": {"words": "half"}}}
    with fake_model(case.script(call, {"text": "Told."})) as model:
        report = case.agent().work(order_for(case, tmp_path, model, servers=(server,)))

    assert report.problem is None
    assert notes.read_text() == '{"words": "half"}\n'


class _at_work:  # noqa: N801  (a verb)
    """A program in the middle of a command that takes long, or of an answer; the block has it end."""

    def __init__(self, case: Case, folder: Path) -> None:
        self._case, self._folder = case, folder
        busy = {"shell": "echo $$ > pid; sleep 300"} if case.has_tools else {"text": "Late.", "silence": 30}
        self._model = fake_model(case.script(busy))

    def __enter__(self) -> tuple[AgentOrder, list[AgentReport]]:
        self._served: FakeModel = self._model.__enter__()
        order = order_for(self._case, self._folder, self._served)
        reports = list[AgentReport]()
        self._worker = threading.Thread(target=lambda: reports.append(self._case.agent().work(order)))
        self._worker.start()
        number = order.directory / "pid"
        if self._case.has_tools:
            assert wait_until(lambda: number.exists() and number.read_text().endswith("\n"))
        else:
            assert wait_until(lambda: bool(self._served.asked))
        return order, reports

    def __exit__(self, *problem: object) -> None:
        self._worker.join(60)
        self._model.__exit__(None, None, None)
        assert not self._worker.is_alive()


def _command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace")
    except OSError:
        return ""


_WORKS_ALONE = """
import sys, threading
from pathlib import Path
from tests.agents.cases import CASES, order_for
from tests.support.fake_model import FakeModel, Play

case = CASES[sys.argv[1]]
case.agent().work(order_for(case, Path(sys.argv[2]), FakeModel(sys.argv[3], Play([]))))
"""


@each
def test_where_plait_is_killed_its_program_ends_with_all_that_it_started(case: Case, tmp_path: Path) -> None:
    busy = {"shell": "echo $$ > pid; sleep 300"} if case.has_tools else {"text": "Late.", "silence": 60}
    require(case.backend)
    with fake_model(case.script(busy)) as model:
        plait = subprocess.Popen(
            [sys.executable, "-c", _WORKS_ALONE, case.backend, str(tmp_path), model.url], cwd=PROJECT
        )
        try:
            number = tmp_path / "checkout" / "pid"
            assert wait_until(lambda: number.exists() if case.has_tools else bool(model.asked))
            assert processes_of(tmp_path / "home") != []
        finally:
            plait.kill()
            plait.wait()
        assert wait_until(lambda: processes_of(tmp_path / "home") == [])
