"""plait's end of the Agent Client Protocol: one session of one program, from its start to the end of its turn."""

import asyncio
import os
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final, Literal, cast

from acp import PROTOCOL_VERSION, RequestError, text_block
from acp.client.connection import ClientSideConnection
from acp.interfaces import Client
from acp.schema import (
    AllowedOutcome,
    ClientCapabilities,
    DeniedOutcome,
    EnvVariable,
    FileSystemCapabilities,
    HttpHeader,
    HttpMcpServer,
    Implementation,
    InitializeResponse,
    McpServerStdio,
    PermissionOption,
    ReadTextFileResponse,
    RequestPermissionResponse,
    SessionConfigOptionSelect,
    ToolCallUpdate,
    WriteTextFileResponse,
)
from pydantic import ValidationError

from plait import __version__
from plait.agent_host.acp_policy import answer_among, refusal_of
from plait.agent_host.acp_transport import PipeTransport
from plait.agent_host.acp_updates import Telling, ended_badly, ended_well
from plait.agent_host.checkout_files import CheckoutFiles, FileMissing, FileRefused, PathDenied
from plait.agent_host.hosting import FAILED
from plait.agent_host.orders import HostOrder
from plait.agent_host.telling import Teller
from plait.plans.agents.launching import McpServer
from plait.plans.agents.stream import AgentEvent, Denied, Ended, Started, Warned

_TO_CANCEL: Final = 1.5
"""Seconds for a program that was told to stop to say what it has come to; plait's own patience is 2."""
_TO_END: Final = 2.0


class AcpWork:
    """One try by a program that speaks the protocol."""

    def __init__(self, order: HostOrder, teller: Teller) -> None:
        self._order, self._launch, self._teller = order, order.launch, teller
        self._session = ""

    async def run(self) -> int:
        """Until the program has ended its turn, or cannot; its exit status."""
        files = CheckoutFiles(self._launch.directory)
        process = await self._begun()
        if process is None:
            return FAILED
        if process.stdin is None or process.stdout is None:
            raise AssertionError  # both were asked for
        client = _Client(files, self._teller, self._launch.access)
        transport = PipeTransport(process.stdout, process.stdin, self._teller)
        connection = ClientSideConnection(cast(Client, client), transport)
        try:
            ended = await self._converse(connection, client)
        except RequestError as problem:
            ended = ended_badly(problem)
        except (ConnectionError, ValidationError) as problem:
            client.tell(*client.telling.flush())
            ended = Ended("unclear", words=await _what_happened(process, problem))
        finally:
            with suppress(Exception):  # a broken pipe, whatever the SDK makes of it
                await connection.close()
            await _end(process)
            files.close()
        self._teller.tell(ended)
        return 0 if ended.ending == "completed" else FAILED

    async def _begun(self) -> asyncio.subprocess.Process | None:
        """The program, below this process, which plait's shim ends with all that it has started."""
        try:
            return await asyncio.create_subprocess_exec(
                *self._order.command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                cwd=self._launch.directory,
                env={name: value for name, value in os.environ.items() if name != "PLAIT_PROCESS"},
            )
        except OSError as problem:
            words = f"cannot run {self._order.command[0]}: {os.strerror(problem.errno or 0)}"
            self._teller.tell(Ended("unclear", words=words))
            return None

    async def _converse(self, connection: ClientSideConnection, client: "_Client") -> Ended:
        about = await connection.initialize(
            protocol_version=PROTOCOL_VERSION,
            client_capabilities=ClientCapabilities(
                # Not offered: gemini 0.61 reads each file before it writes it, and takes no error for "there is none".
                fs=FileSystemCapabilities(read_text_file=False, write_text_file=False),
                terminal=False,
            ),
            client_info=Implementation(name="plait", version=__version__),
        )
        options = await self._open_session(connection, client, about)
        if options is None:
            return Ended("unclear", words=f"it cannot go on with the session {self._launch.session}")
        await self._choose_model(connection, options)
        client.tell(
            Started(
                session=self._session,
                model=self._launch.model,
                version=about.agent_info.version if about.agent_info else None,
            )
        )
        prompt: list[Any] = [text_block(text) for text in (self._launch.instructions, self._launch.prompt) if text]
        turn = asyncio.ensure_future(connection.prompt(session_id=self._session, prompt=prompt))
        try:
            answer = await asyncio.shield(turn)
        except asyncio.CancelledError:
            return await self._cancelled(connection, client, turn)
        client.tell(*client.telling.flush())
        return ended_well(answer, client.telling)

    async def _cancelled(
        self, connection: ClientSideConnection, client: "_Client", turn: "asyncio.Future[Any]"
    ) -> Ended:
        """Tell the program to stop, and hear what it has come to: it keeps its session so."""
        with suppress(ConnectionError, RequestError, TimeoutError, ValidationError):
            await connection.cancel(session_id=self._session)
            await asyncio.wait_for(turn, _TO_CANCEL)
        client.tell(*client.telling.flush())
        return Ended("interrupted", words=client.telling.last_words or "stopped")

    async def _open_session(
        self, connection: ClientSideConnection, client: "_Client", about: InitializeResponse
    ) -> list[Any] | None:
        """Begin a session, or go on with one; what can be chosen in it, and nothing where it cannot go on."""
        directory, servers = self._launch.directory, list[Any](map(_served, self._launch.servers))
        session, can = self._launch.session, about.agent_capabilities
        if session is None:
            new = await connection.new_session(cwd=directory, mcp_servers=servers)
            self._session = new.session_id
            return list(new.config_options or ())
        self._session = session
        try:
            with client.passing_over_history():
                if can and can.session_capabilities and can.session_capabilities.resume is not None:
                    resumed = await connection.resume_session(session_id=session, cwd=directory, mcp_servers=servers)
                    return list(resumed.config_options or ())
                if can and can.load_session:
                    loaded = await connection.load_session(session_id=session, cwd=directory, mcp_servers=servers)
                    return list(loaded.config_options or ()) if loaded else []
        except RequestError as problem:
            self._teller.tell(Warned(f"the session {session} does not go on: {problem}"))
        return None

    async def _choose_model(self, connection: ClientSideConnection, options: list[Any]) -> None:
        model = self._launch.model
        if not model or any(model in word for word in self._order.command):
            return
        choice = next(
            (each for each in options if isinstance(each, SessionConfigOptionSelect) and each.category == "model"),
            None,
        )
        if choice is None:
            self._teller.tell(Warned(f"it offers no choice of models, so {model} was not asked for"))
            return
        try:
            await connection.set_config_option(config_id=choice.id, session_id=self._session, value=model)
        except RequestError as problem:
            self._teller.tell(Warned(f"the model {model} was refused, and its own is used: {problem}"))


class _Client:
    """What the program can ask of plait while it works."""

    def __init__(self, files: CheckoutFiles, teller: Teller, access: Literal["write", "read"]) -> None:
        self._files, self._teller, self._access = files, teller, access
        self._is_history = False
        self.telling = Telling()

    def tell(self, *events: AgentEvent) -> None:
        """Tell events that are no update's."""
        for event in events:
            self._teller.tell(event)

    def passing_over_history(self) -> "_History":
        """While a session is loaded its history comes as updates."""
        return _History(self)

    async def session_update(self, session_id: str, update: Any, **_: Any) -> None:  # noqa: ARG002
        if not self._is_history:
            self.tell(*self.telling.take(update))

    async def request_permission(
        self,
        session_id: str,  # noqa: ARG002
        tool_call: ToolCallUpdate,
        options: list[PermissionOption],
        **_: Any,
    ) -> RequestPermissionResponse:
        self.tell(*self.telling.flush(), *self.telling.started(tool_call))
        refusal = refusal_of(tool_call, self._files, self._access)
        if refusal:
            self.tell(Denied(tool_call.kind or "tool", reason=refusal, kind="permission"))
        option = answer_among(options, is_allowed=not refusal)
        if option is None:
            return RequestPermissionResponse(outcome=DeniedOutcome(outcome="cancelled"))
        return RequestPermissionResponse(outcome=AllowedOutcome(option_id=option, outcome="selected"))

    async def read_text_file(
        self,
        session_id: str,  # noqa: ARG002
        path: str,
        line: int | None = None,
        limit: int | None = None,
        **_: Any,
    ) -> ReadTextFileResponse:
        try:
            lines = self._files.read(path).decode("utf-8", "replace").splitlines(keepends=True)
        except FileRefused as problem:
            raise self._refused("read", problem) from problem
        first = max(0, (line or 1) - 1)
        return ReadTextFileResponse(content="".join(lines[first : None if limit is None else first + limit]))

    async def write_text_file(
        self,
        session_id: str,  # noqa: ARG002
        path: str,
        content: str,
        **_: Any,
    ) -> WriteTextFileResponse:
        if self._access == "read":
            raise self._refused("write", PathDenied(f"{path}: it may read alone, and changes nothing"))
        try:
            self._files.write(path, content.encode())
        except (FileRefused, UnicodeEncodeError) as problem:
            raise self._refused("write", problem) from problem
        return WriteTextFileResponse()

    async def ext_method(self, method: str, params: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG002
        raise RequestError.method_not_found(method)

    async def ext_notification(self, method: str, params: dict[str, Any]) -> None:
        """Of the program's maker; passed over."""

    def _refused(self, tool: str, problem: Exception) -> RequestError:
        if isinstance(problem, PathDenied):
            self.tell(Denied(tool, reason=str(problem), kind="path"))
        if isinstance(problem, FileMissing):
            return RequestError.resource_not_found(str(problem))  # gemini writes no new file after any other error
        return RequestError(-32602, str(problem))


class _History:
    def __init__(self, client: _Client) -> None:
        self._client = client

    def __enter__(self) -> None:
        self._client._is_history = True  # noqa: SLF001  (two halves of one thing)

    def __exit__(self, *_: object) -> None:
        self._client._is_history = False  # noqa: SLF001


def _served(server: McpServer) -> HttpMcpServer | McpServerStdio:
    if server.url:
        headers = [HttpHeader(name=name, value=value) for name, value in server.headers.items()]
        return HttpMcpServer(type="http", name=server.name, url=server.url, headers=headers)
    return McpServerStdio(
        name=server.name,
        command=server.command[0],
        args=list(server.command[1:]),
        env=_variables(server.environment),
    )


def _variables(environment: Mapping[str, str]) -> list[EnvVariable]:
    return [EnvVariable(name=name, value=value) for name, value in environment.items()]


async def _what_happened(process: asyncio.subprocess.Process, problem: Exception) -> str:
    """Why there are no more messages."""
    if isinstance(problem, ValidationError):
        return f"it answered what is no answer of ACP: {problem.title} has {problem.error_count()} mistakes"
    with suppress(TimeoutError):
        status = await asyncio.wait_for(process.wait(), 1)
        return f"the program ended in the middle of its turn, with exit status {status}"
    return "the program closed its output in the middle of its turn"


async def _end(process: asyncio.subprocess.Process) -> None:
    """End the program, which has been told by the end of its input; the shim ends what it leaves."""
    for stop in (None, process.terminate, process.kill):
        with suppress(ProcessLookupError):
            if stop is not None:
                stop()
        with suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), _TO_END)
            return
