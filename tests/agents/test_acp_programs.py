"""Real programs by the Agent Client Protocol, against a fake model in place of the door."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from plait.blocks.agents.acp import AcpAgent
from plait.plans.agents.launching import McpServer
from tests.agents.cases import CASES, EDIT, order_for, processes_of
from tests.support import mcp_server
from tests.support.fake_model import fake_model
from tests.support.programs import require

pytestmark = [pytest.mark.agents, pytest.mark.slow]

COMMANDS = {
    "gemini": ("gemini", "--acp", "--skip-trust", "-m", "{model}"),
    "opencode": ("opencode", "acp"),
}
each = pytest.mark.parametrize("name", COMMANDS)


def _agent(name: str) -> AcpAgent:
    require(CASES[name].backend)  # type: ignore[index]
    return AcpAgent(command=COMMANDS[name])


@each
def test_it_works_and_what_it_can_of_sessions_is_seen_and_it_tells_no_tokens(name: str, tmp_path: Path) -> None:
    agent, case = _agent(name), CASES[name]  # type: ignore[index]
    with fake_model([EDIT, {"shell": "echo hi > shell.txt"}, {"text": "Done it."}, {"text": "Went on."}]) as model:
        order = order_for(case, tmp_path, model, prompt="About cormorants.")
        first = agent.work(order)
        session = first.verdict.session if first.verdict else None
        second = agent.work(replace(order, session=session, prompt="Go on."))

    assert first.problem is None, first.tail
    assert (order.directory / "hello.txt").read_text() == "hello\n"
    assert (order.directory / "shell.txt").read_text() == "hi\n"
    assert first.usage is None or first.usage.input_tokens is None
    assert session
    assert second.verdict is not None
    if name == "gemini":  # 0.61 says that it can, and keeps no session of ACP that another process finds
        assert second.verdict.session is None
        assert not second.claims_done
    else:
        assert second.problem is None, second.tail
        assert "cormorants" in json.dumps(model.play.bodies[-1])
    assert processes_of(tmp_path / "home") == []


@each
def test_a_key_that_is_refused_is_no_work_done(name: str, tmp_path: Path) -> None:
    agent, case = _agent(name), CASES[name]  # type: ignore[index]
    with fake_model([{"status": 401, "repeat": "forever"}]) as model:
        report = agent.work(order_for(case, tmp_path, model))

    assert not report.claims_done
    assert report.verdict is not None
    assert report.verdict.outcome == "login needed"


@each
def test_a_tool_of_a_server_is_called(name: str, tmp_path: Path) -> None:
    agent, case, notes = _agent(name), CASES[name], tmp_path / "notes"  # type: ignore[index]
    server = McpServer("plait", (sys.executable, "-I", "-S", mcp_server.__file__, str(notes)))
    call = {"mcp": {"server": "plait", "tool": "report_progress", "input": {"words": "half"}}}
    with fake_model([call, {"text": "Told."}]) as model:
        report = agent.work(order_for(case, tmp_path, model, servers=(server,)))

    assert report.problem is None, report.tail
    assert notes.read_text() == '{"words": "half"}\n'
