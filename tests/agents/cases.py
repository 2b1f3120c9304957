"""The real agent programs, and how each is made to do what the contract speaks of."""

import os
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from plait.blocks.agents.aider import AiderAgent
from plait.blocks.agents.base import AgentOrder
from plait.blocks.agents.claude import ClaudeCodeAgent
from plait.blocks.agents.codex import CodexAgent
from plait.blocks.agents.gemini import GeminiAgent
from plait.blocks.agents.opencode import OpencodeAgent
from plait.blocks.agents.program import ProgramAgent
from plait.plans.agents.launching import DoorEntry
from plait.plans.language.backends import Backend
from tests.support.fake_calls import Json
from tests.support.fake_model import FakeModel
from tests.support.programs import path_with
from tests.support.repositories import make_repository

TOKEN = "token-of-the-door-0815"


@dataclass(frozen=True)
class Case:
    """An agent program."""

    agent: type[ProgramAgent]
    model: str
    has_tools: bool = True
    """Commands, servers, sessions: aider has none of them."""

    @property
    def backend(self) -> Backend:
        return self.agent.backend

    def script(self, *turns: Json) -> Json:
        """The turns for the fake model."""
        return {"turns": list(turns), "toolless": not self.has_tools}


CASES = {
    case.backend: case
    for case in (
        Case(ClaudeCodeAgent, "claude-sonnet-4-5"),
        Case(CodexAgent, "gpt-5.5"),
        Case(OpencodeAgent, "openai/fake-model"),
        Case(GeminiAgent, "gemini-2.5-pro"),
        Case(AiderAgent, "openai/fake-model", has_tools=False),
    )
}
WITH_TOOLS = [case for case in CASES.values() if case.has_tools]
EDIT: Json = {"write": {"path": "hello.txt", "content": "hello\n"}}


def order_for(case: Case, folder: Path, model: FakeModel, **given: Any) -> AgentOrder:
    """An order by the door, which is the fake model itself; the checkout is a repository with a commit."""
    checkout, temporary = folder / "checkout", folder / "temporary"
    if not checkout.exists():
        make_repository(checkout, {"README.md": "A shop.\n"})
    temporary.mkdir(exist_ok=True)
    environment = {
        "PATH": path_with(case.backend),
        "HOME": str(folder / "user"),
        "LANG": "C.UTF-8",
        "TMPDIR": str(temporary),
    }
    order = AgentOrder(
        task="HELLO",
        attempt=1,
        prompt="Write hello.txt.",
        directory=checkout,
        output=folder / "log",
        environment=environment,
        timeout=180.0,
        stall=None,
        model=case.model,
        temporary=temporary,
        stop=threading.Event(),
        on_line=None,
        home=folder / "home",
        door=DoorEntry(model.url, TOKEN),
        grace=1.0,
    )
    return replace(order, **given)


def environment_of(pid: int) -> dict[str, str]:
    """The variables of a process; none of one that is gone."""
    try:
        text = Path(f"/proc/{pid}/environ").read_bytes().decode("utf-8", "replace")
    except OSError:
        return {}
    return dict(part.partition("=")[::2] for part in text.split("\0") if part)


def processes_of(home: Path) -> list[int]:
    """Those that live with this HOME: of the agent program, and of all that it started."""
    pids = [int(name) for name in os.listdir("/proc") if name.isdecimal()]  # noqa: PTH208
    return [pid for pid in pids if environment_of(pid).get("HOME") == str(home)]
