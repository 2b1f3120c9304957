"""How Codex is started: with a configuration of its own, and the repository's left out."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from plait.plans.agents.launches.options import Option, command_line
from plait.plans.agents.launching import Launch, LaunchFile, LaunchOrder, McpServer

TOKEN: Final = "PLAIT_DOOR_TOKEN"  # noqa: S105  (the name of a variable)


def launch_codex(order: LaunchOrder) -> Launch:
    """Start Codex for one try; the prompt comes on standard input.

    Its settings are a file in its own HOME: secrets stay out of the list of processes, and no argument may have more
    than 128 KiB.
    """
    home, schema = f"{order.home}/.codex", f"{order.temporary}/codex-schema.json"
    files = [LaunchFile(f"{home}/config.toml", toml(dict(_settings(order))))]
    if order.schema:
        files.append(LaunchFile(schema, order.schema))
    options = (
        Option("--json"),
        Option("--skip-git-repo-check"),
        Option("--ignore-rules"),
        Option("--sandbox", (_sandbox(order),), short="-s"),
        Option("--model", (order.model,), short="-m") if order.model else None,
        Option("--output-schema", (schema,)) if order.schema else None,
    )
    return Launch(
        argv=command_line(
            (order.program, "exec"), options, order.arguments, ("resume", order.session, "-") if order.session else "-"
        ),
        environment={"CODEX_HOME": home, **({TOKEN: order.door.token} if order.door else {})},
        without=frozenset({"OPENAI_API_KEY", "CODEX_API_KEY"} if order.door else ()),
        stdin=order.prompt.encode(),
        files=tuple(files),
    )


def _sandbox(order: LaunchOrder) -> str:
    """Its own sandbox, which cannot write a file inside plait's."""
    if order.is_sandboxed:
        return "danger-full-access"
    return "read-only" if order.access == "read" else "workspace-write"


def _settings(order: LaunchOrder) -> Iterator[tuple[str, Any]]:
    yield "approval_policy", "never"
    yield "check_for_update_on_startup", False
    yield "project_doc_max_bytes", 0  # AGENTS.md comes from base, by plait
    # Its TMPDIR is its own. Where /tmp may be written, codex 0.171 mounts over `/tmp/.git`, and leaves that behind.
    yield "sandbox_workspace_write", {"exclude_slash_tmp": True}
    if order.instructions:
        yield "developer_instructions", order.instructions
    if address := _address(order):
        url, key = address
        yield "model_provider", "plait"
        yield (
            "model_providers",
            {
                "plait": {
                    "name": "plait",
                    "base_url": f"{url}/v1",
                    "env_key": key,
                    "wire_api": "responses",
                    "request_max_retries": 1,
                    "stream_max_retries": 1,
                }
            },
        )
    if order.servers:
        yield "mcp_servers", {server.name: _served(server) for server in order.servers}


def _address(order: LaunchOrder) -> tuple[str, str] | None:
    """Where its provider is, and the variable with the key: only `codex login` would read OPENAI_API_KEY else."""
    if order.door:
        return order.door.url, TOKEN
    return (order.address.removesuffix("/v1") or "https://api.openai.com", order.key) if order.key else None


def _served(server: McpServer) -> dict[str, Any]:
    # A tool without `readOnlyHint` is refused without the approval, and a dead server is silent without `required`.
    common = {"default_tools_approval_mode": "approve", "required": True}
    if server.url:
        return {"url": server.url, "http_headers": dict(server.headers), **common}
    given = {"command": server.command[0], "args": list(server.command[1:]), "env": dict(server.environment)}
    return {**given, **common}


def toml(value: object) -> str:
    """A table as a TOML file, inner tables in one line.

    Example: `{"a": 1, "b": {"c": "x"}}` is `"a" = 1` and `"b" = {"c" = "x"}`.
    """
    if not isinstance(value, Mapping):
        return _inline(value)
    return "".join(f"{_quoted(key)} = {_inline(item)}\n" for key, item in value.items())


def _inline(value: object) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_quoted(key)} = {_inline(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_inline, value)) + "]"
    return _quoted(value) if isinstance(value, str) else json.dumps(value)


def _quoted(text: str) -> str:
    """A TOML string: JSON's escapes are its own, but for pairs of surrogates and DEL."""
    readable = text.encode("utf-8", "replace").decode()
    return json.dumps(readable, ensure_ascii=False).replace("\x7f", "\\u007f")
