"""How Claude Code is started: with nothing of the repository's settings, and a few retries only."""

import json
from collections.abc import Iterator
from typing import Any, Final

from plait.plans.agents.launches.options import Option, command_line
from plait.plans.agents.launching import Launch, LaunchFile, LaunchOrder, McpServer

WRITING: Final = ("Bash", "Edit", "Write", "Read", "Grep", "Glob")
READING: Final = ("Read", "Grep", "Glob")

_FIXED: Final = {
    # 401, 429 and 529 are asked again ten times by default, which takes minutes.
    "CLAUDE_CODE_MAX_RETRIES": "2",
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "DISABLE_AUTOUPDATER": "1",
}
_DOOR_TAKES_PLACE_OF: Final = frozenset(
    {"ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN", "CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX"}
)


def launch_claude(order: LaunchOrder) -> Launch:
    """Start Claude Code for one try; the prompt comes on standard input."""
    instructions = f"{order.temporary}/claude-instructions.md"
    servers = f"{order.temporary}/claude-servers.json"
    files = [
        # What an earlier try left in this HOME would be the user's own settings.
        LaunchFile(f"{order.home}/.claude/settings.json", "{}"),
        LaunchFile(servers, json.dumps({"mcpServers": {server.name: _served(server) for server in order.servers}})),
    ]
    if order.instructions:
        files.append(LaunchFile(instructions, order.instructions))
    environment = dict(_FIXED)
    if order.is_sandboxed:
        environment["IS_SANDBOX"] = "1"  # as root it refuses `bypassPermissions` else, without any JSON
    if order.door:
        environment |= {"ANTHROPIC_BASE_URL": order.door.url, "ANTHROPIC_API_KEY": order.door.token}
    options = (
        Option("-p", short="--print"),
        Option("--output-format", ("stream-json",)),
        Option("--verbose"),
        # The repository's hooks, servers and CLAUDE.md stay out: an agent may have written them.
        Option("--setting-sources", ("user",)),
        Option("--strict-mcp-config"),
        Option("--disable-slash-commands"),  # a prompt that begins with a path is none
        Option("--mcp-config", (servers,)),
        Option("--permission-prompts", ("none",)),
        *_permissions(order),
        Option("--model", (order.model,)) if order.model else None,
        Option("--append-system-prompt-file", (instructions,)) if order.instructions else None,
        Option("--max-turns", (str(order.turns),)) if order.turns else None,
        Option("--max-budget-usd", (f"{order.usd:.4f}",)) if order.usd else None,
        Option("--json-schema", (order.schema,)) if order.schema else None,
        _session(order),
    )
    return Launch(
        argv=command_line((order.program,), options, order.arguments),
        environment=environment,
        without=frozenset({"CLAUDE_CONFIG_DIR"}) | (_DOOR_TAKES_PLACE_OF if order.door else frozenset()),
        stdin=order.prompt.encode(),
        files=tuple(files),
    )


def _permissions(order: LaunchOrder) -> Iterator[Option]:
    """What it may do: in plait's sandbox all that its tools can, without it edits in the checkout and commands."""
    wanted = (READING if order.access == "read" else WRITING) if order.tools is None else order.tools
    names = [tool.partition("(")[0] for tool in wanted if not tool.startswith("mcp__")]
    kept = [name for name in dict.fromkeys(names) if order.access == "write" or name in READING]
    tools = [name for name in kept if name not in order.denied_tools]
    commands = [tool for tool in wanted if tool.partition("(")[0] == "Bash"] if "Bash" in tools else []
    allowed = (*commands, *(f"mcp__{server.name}" for server in order.servers))
    free = order.is_sandboxed and order.access == "write"
    # What a role allows of a tool alone, `Bash(git log *)`, would count for nothing in that mode.
    free = free and not any("(" in command for command in commands)
    yield Option("--permission-mode", ("bypassPermissions" if free else "acceptEdits",))
    yield Option("--tools", (",".join(tools),))
    if allowed:
        yield Option("--allowedTools", (",".join(allowed),), short="--allowed-tools")
    if order.denied_tools:
        yield Option("--disallowedTools", (",".join(order.denied_tools),), short="--disallowed-tools")


def _session(order: LaunchOrder) -> Option | None:
    if order.session:
        return Option("--resume", (order.session,), short="-r")
    return Option("--session-id", (order.new_session,)) if order.new_session else None


def _served(server: McpServer) -> dict[str, Any]:
    if server.url:
        return {"type": "http", "url": server.url, "headers": dict(server.headers)}
    return {"command": server.command[0], "args": list(server.command[1:]), "env": dict(server.environment)}
