"""How opencode is started: with a configuration of its own, without the repository's, its plugins and its servers."""

import json
from collections.abc import Iterator
from typing import Any, Final

from plait.plans.agents.launches.options import Option, command_line
from plait.plans.agents.launching import Launch, LaunchFile, LaunchOrder, McpServer

TOKEN: Final = "PLAIT_DOOR_TOKEN"  # noqa: S105  (the name of a variable)

_FIXED: Final = {
    "OPENCODE_DISABLE_PROJECT_CONFIG": "1",
    "OPENCODE_DISABLE_AUTOUPDATE": "1",
    "OPENCODE_DISABLE_MODELS_FETCH": "1",
    "OPENCODE_DISABLE_LSP_DOWNLOAD": "1",
}
_KEYS: Final = frozenset({"ANTHROPIC_API_KEY", "OPENAI_API_KEY", "OPENROUTER_API_KEY", "GEMINI_API_KEY"})
_BASES: Final = {"google": "v1beta"}
"""What follows a provider's address; `v1` for all others."""
_BUILT_IN: Final = frozenset({"anthropic", "openai", "google"})
"""Providers whose API opencode knows by their name; the others speak Chat Completions."""


def launch_opencode(order: LaunchOrder) -> Launch:
    """Start opencode for one try; the prompt comes on standard input."""
    configuration, instructions = f"{order.home}/opencode.json", f"{order.temporary}/opencode-instructions.md"
    files = [LaunchFile(configuration, json.dumps(dict(_settings(order, instructions))))]
    if order.instructions:
        files.append(LaunchFile(instructions, order.instructions))
    options = (
        Option("--format", ("json",)),
        Option("--pure"),
        Option("--title", ("plait",)),  # else each new session asks the model for one
        Option("--model", (order.model,), short="-m") if order.model else None,
        Option("--session", (order.session,), short="-s") if order.session else None,
    )
    token = {TOKEN: order.door.token} if order.door else {}
    return Launch(
        argv=command_line((order.program, "run"), options, order.arguments),
        environment={**_FIXED, "OPENCODE_CONFIG": configuration, **token},
        without=frozenset({"OPENCODE_CONFIG_CONTENT", "OPENCODE_CONFIG_DIR"}) | (_KEYS if order.door else frozenset()),
        stdin=order.prompt.encode(),
        files=tuple(files),
    )


def _settings(order: LaunchOrder, instructions: str) -> Iterator[tuple[str, Any]]:
    yield "autoupdate", False
    yield "share", "disabled"
    yield "snapshot", False  # a git of its own in its HOME, of the whole checkout
    yield "permission", _permissions(order)
    if order.instructions:
        yield "instructions", [instructions]
    if order.servers:
        yield "mcp", {server.name: _served(server) for server in order.servers}
    if order.tools is not None:
        yield "tools", {"*": False, **dict.fromkeys(order.tools, True), **{f"{s.name}_*": True for s in order.servers}}
    if order.door and order.model:
        provider, _, model = order.model.partition("/")
        options = {"baseURL": f"{order.door.url}/{_BASES.get(provider, 'v1')}", "apiKey": f"{{env:{TOKEN}}}"}
        unknown = {} if provider in _BUILT_IN else {"npm": "@ai-sdk/openai-compatible"}
        yield "provider", {provider: {**unknown, "options": options, "models": {model: {}}}}


def _permissions(order: LaunchOrder) -> dict[str, Any]:
    """What it may do without a question, which nobody would answer: it ends its turn at one."""
    changes = "deny" if order.access == "read" else "allow"
    outside = "allow" if order.is_sandboxed else "deny"
    return {"edit": changes, "bash": changes, "webfetch": "allow", "external_directory": outside, "question": "deny"}


def _served(server: McpServer) -> dict[str, Any]:
    if server.url:
        return {"type": "remote", "url": server.url, "headers": dict(server.headers), "oauth": False}
    return {"type": "local", "command": list(server.command), "environment": dict(server.environment)}
