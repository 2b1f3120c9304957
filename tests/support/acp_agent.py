"""A program that speaks ACP and plays a script: `python acp_agent.py SCRIPT.json`, for what real ones do once a year.

The script is `{"can": ["load", "resume"], "models": [...], "needs_login": bool, "steps": [...]}`; each step has one
key: `say`, `ask` (a permission: kind, path), `write` (asks, and writes if it may), `read_by_client`, `write_by_client`,
`tell` (a raw update), `garbage`, `flood` (bytes), `hang` (until it is cancelled; `true`: for ever), `fail` (an error:
code, message, data), `exit` (a status), `stop` (the reason of its end). It does not heed SIGTERM. What it was given is
written to `SCRIPT.json.seen`.
"""
# ruff: noqa: ARG002  (the SDK decides what its methods are given)

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from acp import PROTOCOL_VERSION, RequestError, run_agent
from acp.schema import (
    AgentCapabilities,
    AgentMessageChunk,
    InitializeResponse,
    LoadSessionResponse,
    NewSessionResponse,
    PermissionOption,
    PromptResponse,
    ResumeSessionResponse,
    SessionCapabilities,
    SessionConfigOptionSelect,
    SessionConfigSelectOption,
    SessionResumeCapabilities,
    TextContentBlock,
    ToolCallProgress,
    ToolCallUpdate,
    UserMessageChunk,
)

OPTIONS = [
    PermissionOption(option_id="always", name="Always", kind="allow_always"),
    PermissionOption(option_id="once", name="Once", kind="allow_once"),
    PermissionOption(option_id="no", name="No", kind="reject_once"),
]


class Scripted:
    """One that plays its steps."""

    def __init__(self, place: str) -> None:
        self.place = place
        self.script: dict[str, Any] = json.loads(Path(place).read_text())
        self.seen: list[Any] = []
        self.cancelled = asyncio.Event()
        self.client: Any = None
        self.directory = ""

    def on_connect(self, connection: Any) -> None:
        self.client = connection

    def note(self, *what: Any) -> None:
        self.seen.append(what)
        Path(f"{self.place}.seen").write_text(json.dumps(self.seen))

    async def initialize(self, **given: Any) -> InitializeResponse:
        can = self.script.get("can", [])
        session = (
            SessionCapabilities(resume=SessionResumeCapabilities())
            if "resume" in " ".join(can)
            else SessionCapabilities()
        )
        return InitializeResponse(
            protocol_version=PROTOCOL_VERSION,
            agent_capabilities=AgentCapabilities(load_session="load" in can, session_capabilities=session),
        )

    def _options(self) -> list[Any] | None:
        models = self.script.get("models")
        if not models:
            return None
        options = [SessionConfigSelectOption(value=model, name=model) for model in models]
        kinds: dict[str, Any] = {"type": "select", "category": "model", "current_value": models[0], "options": options}
        return [SessionConfigOptionSelect(id="model", name="Model", **kinds)]

    async def new_session(self, cwd: str, mcp_servers: Any = None, **given: Any) -> NewSessionResponse:
        if self.script.get("needs_login"):
            raise RequestError.auth_required()
        self.directory = cwd
        self.note("new", cwd, [server.model_dump(by_alias=True, exclude_none=True) for server in mcp_servers or ()])
        return NewSessionResponse(session_id="session-of-acp", config_options=self._options())

    async def load_session(self, cwd: str, session_id: str, **given: Any) -> LoadSessionResponse:
        self.directory = cwd
        self.note("load", session_id)
        if session_id == "gone":
            raise RequestError.resource_not_found(session_id)
        old = TextContentBlock(type="text", text="what was said before")
        await self.client.session_update(
            session_id=session_id, update=UserMessageChunk(session_update="user_message_chunk", content=old)
        )
        await self.say("an answer of before")
        return LoadSessionResponse()

    async def resume_session(self, cwd: str, session_id: str, **given: Any) -> ResumeSessionResponse:
        self.directory = cwd
        self.note("resume", session_id)
        return ResumeSessionResponse()

    async def set_config_option(self, config_id: str, session_id: str, value: Any, **given: Any) -> Any:
        self.note("option", config_id, value)
        if value not in self.script["models"]:
            raise RequestError.invalid_params({"value": value})
        return {"configOptions": []}

    async def cancel(self, session_id: str, **given: Any) -> None:
        self.note("cancel")
        self.cancelled.set()

    async def prompt(self, session_id: str, prompt: list[Any], **given: Any) -> PromptResponse:
        self.note("prompt", [block.text for block in prompt])
        for step in self.script.get("steps", []):
            ((verb, value),) = step.items()
            if verb == "stop":
                return PromptResponse(stop_reason=value)
            await getattr(self, verb)(value)
            if self.cancelled.is_set():
                return PromptResponse(stop_reason="cancelled")
        return PromptResponse(stop_reason="end_turn")

    async def say(self, text: str) -> None:
        block = TextContentBlock(type="text", text=text)
        await self.client.session_update(
            session_id="session-of-acp", update=AgentMessageChunk(session_update="agent_message_chunk", content=block)
        )

    async def tell(self, update: dict[str, Any]) -> None:
        params = {"sessionId": "session-of-acp", "update": update}
        _raw(json.dumps({"jsonrpc": "2.0", "method": "session/update", "params": params}).encode() + b"\n")

    async def ask(self, wish: dict[str, Any]) -> bool:
        places = [{"path": wish["path"]}] if "path" in wish else []
        call = ToolCallUpdate.model_validate(
            {"toolCallId": f"call-{len(self.seen)}", "kind": wish["kind"], "title": "a wish", "locations": places}
        )
        answer = await self.client.request_permission(
            session_id="session-of-acp", tool_call=call, options=[] if wish.get("no_options") else OPTIONS
        )
        given = getattr(answer.outcome, "option_id", "cancelled")
        self.note("answer", given)
        await self.client.session_update(
            session_id="session-of-acp",
            update=ToolCallProgress(
                session_update="tool_call_update",
                tool_call_id=call.tool_call_id,
                status="completed" if given == "once" else "failed",
            ),
        )
        return bool(given == "once")

    async def write(self, wish: dict[str, Any]) -> None:
        path = Path(self.directory) / wish["path"]
        if await self.ask({"kind": "edit", "path": str(path)}):
            path.write_text(wish["content"])

    async def write_by_client(self, wish: dict[str, Any]) -> None:
        await self._by_client(self.client.write_text_file(session_id="session-of-acp", **wish))

    async def read_by_client(self, path: str) -> None:
        await self._by_client(self.client.read_text_file(session_id="session-of-acp", path=path))

    async def _by_client(self, call: Any) -> None:
        try:
            answer = await call
        except RequestError as problem:
            self.note("refused", problem.code, str(problem))
        else:
            self.note("served", getattr(answer, "content", None))

    async def garbage(self, count: int) -> None:
        for _ in range(count):
            _raw(b"\xff\x00 this is no message\n[1, 2]\n")

    async def flood(self, size: int) -> None:
        _raw(b'{"jsonrpc": "2.0", "method": "' + b"x" * size + b'"}\n')

    async def hang(self, deaf: bool) -> None:
        await (asyncio.Event() if deaf else self.cancelled).wait()

    async def fail(self, error: dict[str, Any]) -> None:
        raise RequestError(error["code"], error["message"], error.get("data"))

    async def exit(self, status: int) -> None:
        os._exit(status)


def _raw(text: bytes) -> None:
    os.set_blocking(1, True)
    while text:
        text = text[os.write(1, text) :]


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    agent: Any = Scripted(sys.argv[1])
    asyncio.run(run_agent(agent, use_unstable_protocol="resume in vain" not in agent.script.get("can", [])))
