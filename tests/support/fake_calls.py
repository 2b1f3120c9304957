"""What a fake model's turn wishes for, as calls of the tools that the asking program has: each program has its own."""

import json
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True)
class Tool:
    """A tool that a request offers."""

    kind: str = "function"
    parameters: Json = field(default_factory=dict)
    namespace: str | None = None
    """In the Responses API: the MCP server."""


@dataclass(frozen=True)
class Call:
    """One use of a tool."""

    name: str
    given: Any
    namespace: str | None = None
    kind: str = "function"


Tools = dict[str, Tool]


def offered(body: Json) -> Tools:
    """The tools of a request of any of the four APIs."""
    tools = Tools()
    for tool in body.get("tools") or []:
        _take(tools, tool)
        if isinstance(tool, dict) and tool.get("type") == "tool_search":
            tools["tool_search"] = Tool("tool_search")
    items = body.get("input")
    for item in items if isinstance(items, list) else ():  # Responses: tools that are sent as an item, or were found
        if isinstance(item, dict) and item.get("type") in ("additional_tools", "tool_search_output"):
            for tool in item.get("tools") or []:
                _take(tools, tool)
    return tools


def _take(tools: Tools, tool: Any, namespace: str | None = None) -> None:
    if not isinstance(tool, dict):
        return
    declared = tool.get("functionDeclarations") or tool.get("function_declarations")
    if tool.get("type") == "namespace":
        for inner in tool.get("tools", []):
            _take(tools, inner, tool.get("name"))
    elif declared:
        for inner in declared:
            schema = inner.get("parametersJsonSchema") or inner.get("parameters_json_schema") or inner.get("parameters")
            schema = schema or {}
            tools[inner["name"]] = Tool(parameters=schema)
    elif "function" in tool:
        tools[tool["function"]["name"]] = Tool(parameters=tool["function"].get("parameters") or {})
    elif tool.get("name"):
        schema = tool.get("input_schema") or tool.get("parameters") or {}
        tools[tool["name"]] = Tool(tool.get("type") or "function", schema, namespace)


def calls_of(turn: Json, tools: Tools, *, is_toolless: bool) -> tuple[list[Call], str]:
    """The calls of a turn, and its text."""
    if "calls" in turn:
        parts = [calls_of(part, tools, is_toolless=is_toolless) for part in turn["calls"]]
        return [call for calls, _ in parts for call in calls], "".join(text for _, text in parts)
    if "write" in turn:
        path, content = turn["write"]["path"], turn["write"]["content"]
        if is_toolless:  # aider's edits are text; of a model that it does not know whole files
            return [], f"{path}\n```\n{content}```\n"
        return [_write(path, content, tools)], ""
    if "shell" in turn:
        return [_shell(turn["shell"], tools)], ""
    if "mcp" in turn:
        return [_mcp(turn["mcp"], tools)], ""
    if "tool" in turn:
        tool = tools.get(turn["tool"]["name"], Tool())
        return [Call(turn["tool"]["name"], turn["tool"].get("input", {}), tool.namespace, tool.kind)], ""
    return [], turn.get("text", "")


def _in_code_mode(tools: Tools) -> bool:
    """Codex's newer models have one tool, which runs JavaScript that calls the others."""
    return "exec" in tools and tools["exec"].kind == "custom"


def _code(name: str, given: Any, tools: Tools) -> Call:
    return Call("exec", f"text(await tools.{name}({json.dumps(given)}));", tools["exec"].namespace, "custom")


def _write(path: str, content: str, tools: Tools) -> Call:
    lines = "".join(f"+{line}\n" for line in content.splitlines())
    patch = f"*** Begin Patch\n*** Add File: {path}\n{lines}*** End Patch\n"
    if _in_code_mode(tools):
        return _code("apply_patch", patch, tools)
    for name in ("Write", "write", "write_file", "create_file"):
        if name in tools:
            wanted = tools[name].parameters.get("properties", {})
            key = next((key for key in ("file_path", "filePath", "path", "filename") if key in wanted), "file_path")
            return Call(name, {key: path, "content": content})
    if "apply_patch" in tools:
        kind = tools["apply_patch"].kind
        return Call("apply_patch", patch if kind == "custom" else {"input": patch}, kind=kind)
    return _shell(f"printf %s '{content}' > {path}", tools)


_SHELLS = ("Bash", "bash", "run_shell_command", "exec_command", "shell_command", "shell", "local_shell", "execute")


def _shell(command: str, tools: Tools) -> Call:
    if _in_code_mode(tools):
        return _code("exec_command", {"cmd": command}, tools)
    name = next((name for name in _SHELLS if name in tools), "Bash")
    wanted = tools[name].parameters.get("properties", {}) if name in tools else {"description": {}}
    given: Json = {"command": command}
    if "cmd" in wanted:
        given = {"cmd": command}
    elif (wanted.get("command") or {}).get("type") == "array":
        given = {"command": ["bash", "-lc", command]}
    if "description" in wanted:
        given["description"] = "play the script"
    return Call(name, given)


def _mcp(wish: Json, tools: Tools) -> Call:
    server, tool, given = wish["server"], wish["tool"], wish.get("input", {})
    for name, known in tools.items():
        in_namespace = name == tool and known.namespace and server in known.namespace
        if in_namespace or (name.endswith(tool) and server in name):
            return Call(name, given, known.namespace, known.kind)
    if tool in tools:
        return Call(tool, given, tools[tool].namespace, tools[tool].kind)
    if _in_code_mode(tools):
        return _code(f"mcp__{server}__{tool}", given, tools)
    if "tool_search" in tools:  # the tool is there and not shown: ask for it, and play this turn again
        return Call("tool_search", {"query": f"{server} {tool.replace('_', ' ')}"}, kind="tool_search")
    return Call(f"mcp__{server}__{tool}", given)
