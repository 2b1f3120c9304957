"""How Gemini CLI is started: its settings stand above the repository's, which it would carry out else."""

import json
from typing import Any, Final

from plait.plans.agents.launches.options import Option, command_line
from plait.plans.agents.launching import Launch, LaunchFile, LaunchOrder, McpServer

_BLANK: Final = dict.fromkeys(
    (
        "GOOGLE_GENAI_USE_VERTEXAI",
        "GOOGLE_GENAI_USE_GCA",
        "GOOGLE_VERTEX_BASE_URL",
        "GEMINI_SANDBOX",
        "GEMINI_CLI_CUSTOM_HEADERS",
    ),
    "",
)
"""What a file `.env` can say only where the environment does not: empty counts as said."""


def launch_gemini(order: LaunchOrder) -> Launch:
    """Start Gemini CLI for one try; the prompt comes on standard input.

    It works in trusted folders only, and there it takes the repository's settings: `tools.discoveryCommand` and servers
    are programs that it starts. Settings of the system stand above those, and any file can be theirs.
    """
    user, system = f"{order.home}/.gemini/settings.json", f"{order.home}/gemini-system.json"
    settings = json.dumps(_settings(order))
    files = [LaunchFile(user, settings), LaunchFile(system, settings)]
    environment = {"GEMINI_CLI_SYSTEM_SETTINGS_PATH": system, "GEMINI_CLI_SYSTEM_DEFAULTS_PATH": "/dev/null/none"}
    if order.instructions:
        files.append(LaunchFile(f"{order.home}/.gemini/{_CONTEXT}", order.instructions))
    if order.door:
        environment |= {"GOOGLE_GEMINI_BASE_URL": order.door.url, "GEMINI_API_KEY": order.door.token}
    mode = "plan" if order.access == "read" else "yolo"
    options = (
        Option("--output-format", ("stream-json",), short="-o"),
        Option("--approval-mode", (mode,)),
        Option("--skip-trust"),
        Option("--extensions", ("none",), short="-e"),
        Option("--model", (order.model,), short="-m") if order.model else None,
        Option("--allowed-mcp-server-names", tuple(server.name for server in order.servers) or ("none",)),
        Option("--resume", (order.session,), short="-r") if order.session else None,
        Option("--session-id", (order.new_session,)) if order.new_session and not order.session else None,
    )
    return Launch(
        argv=command_line((order.program,), options, order.arguments),
        environment={**_BLANK, **environment},
        without=frozenset({"GOOGLE_API_KEY"} if order.door else ()),
        stdin=order.prompt.encode(),
        files=tuple(files),
    )


_CONTEXT: Final = "PLAIT.md"
"""The file that is read as context: no GEMINI.md of the repository, which comes from base, by plait."""


def _settings(order: LaunchOrder) -> dict[str, Any]:
    read = {} if order.tools is None else {"core": list(order.tools)}
    return {
        "mcpServers": {server.name: _served(server) for server in order.servers},
        "mcp": {"allowed": [server.name for server in order.servers], "serverCommand": ""},
        "general": {"maxAttempts": 2, "enableAutoUpdate": False, "checkpointing": {"enabled": False}},
        "model": {"maxSessionTurns": order.turns or -1},
        "security": {
            "auth": {"selectedType": "gemini-api-key" if order.door or order.key else "oauth-personal"},
            "folderTrust": {"enabled": True},
        },
        "tools": {"discoveryCommand": "", "callCommand": "", "sandbox": False, **read},
        "hooksConfig": {"enabled": False},
        "context": {"fileName": _CONTEXT},
        "telemetry": {"enabled": False},
        "privacy": {"usageStatisticsEnabled": False},
        "advanced": {"ignoreLocalEnv": True},
    }


def _served(server: McpServer) -> dict[str, Any]:
    if server.url:
        return {"httpUrl": server.url, "headers": dict(server.headers), "trust": True}
    given = {"command": server.command[0], "args": list(server.command[1:]), "env": dict(server.environment)}
    return {**given, "trust": True}
