"""The MCP servers that a model may use, opened one by one: one that is dead is told, and the others work."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Final

from pydantic_ai.toolsets import AbstractToolset

from plait.agent_host.telling import Teller
from plait.plans.agents.launching import McpServer
from plait.plans.agents.stream import Warned

_PATIENCE: Final = 30.0
"""Seconds for a server to begin."""


@dataclass(slots=True)
class OpenServers:
    """Those that began, and the state of each."""

    open: list[AbstractToolset[None]] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)

    @property
    def states(self) -> tuple[tuple[str, str], ...]:
        return tuple((name, "failed" if name in self.failed else "connected") for name in self.names)


async def open_servers(servers: Sequence[McpServer], stack: AsyncExitStack, teller: Teller) -> OpenServers:
    """Begin each server, to be ended with the stack; its tools are named `mcp__SERVER_TOOL`."""
    opened = OpenServers()
    for server in servers:
        opened.names.append(server.name)
        try:
            opened.open.append(await _begun(server, stack))
        except Exception as problem:
            opened.failed.append(server.name)
            teller.tell(Warned(f"the MCP server {server.name} cannot be used: {problem}"))
    return opened


async def _begun(server: McpServer, stack: AsyncExitStack) -> AbstractToolset[None]:
    from fastmcp.client.transports import StdioTransport, StreamableHttpTransport  # noqa: PLC0415
    from pydantic_ai.mcp import MCPToolset  # noqa: PLC0415

    transport: StdioTransport | StreamableHttpTransport
    if server.url:
        transport = StreamableHttpTransport(server.url, headers=dict(server.headers))
    else:
        program, *arguments = server.command
        transport = StdioTransport(program, arguments, env=dict(server.environment))
    toolset: AbstractToolset[None] = MCPToolset(
        transport, id=server.name, tool_error_behavior="failed", init_timeout=_PATIENCE
    )
    await stack.enter_async_context(toolset)
    return toolset.prefixed(f"mcp__{server.name}")
