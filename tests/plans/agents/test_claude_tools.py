"""What claude is allowed when a role says which tools it may have."""

import pytest

from plait.plans.agents.launches.claude import launch_claude
from plait.plans.agents.launching import LaunchOrder, McpServer

ORDER = {"program": "claude", "prompt": "x", "directory": "/c", "home": "/h", "temporary": "/t"}


def said(option: str, **more: object) -> str | None:
    argv = launch_claude(LaunchOrder(**{**ORDER, **more})).argv  # type: ignore[arg-type]
    return argv[argv.index(option) + 1] if option in argv else None


def test_tools_of_an_agent_file_are_the_ceiling_and_its_patterns_what_is_allowed() -> None:
    tools = ("Read", "Bash(git log *)", "Bash(git show *)", "mcp__db__query")
    servers = (McpServer("db", ("x",)),)
    assert said("--tools", tools=tools) == "Read,Bash"
    assert said("--allowedTools", tools=tools, servers=servers) == "Bash(git log *),Bash(git show *),mcp__db"


def test_a_pattern_is_not_lifted_by_the_sandbox() -> None:
    assert said("--permission-mode", is_sandboxed=True) == "bypassPermissions"
    assert said("--permission-mode", is_sandboxed=True, tools=("Read", "Bash(git log *)")) == "acceptEdits"


def test_a_denied_tool_is_not_there_and_a_denied_pattern_is_denied() -> None:
    denied = ("Write", "Bash(rm *)")
    assert said("--tools", denied_tools=denied) == "Bash,Edit,Read,Grep,Glob"
    assert said("--disallowedTools", denied_tools=denied) == "Write,Bash(rm *)"
    assert said("--disallowedTools") is None


@pytest.mark.parametrize("tools", [("Write", "Read"), ("Bash", "Edit", "Read")])
def test_who_is_to_read_alone_gets_no_tool_that_writes_whatever_the_role_says(tools: tuple[str, ...]) -> None:
    assert said("--tools", access="read", tools=tools) == "Read"


def test_no_tools_are_none() -> None:
    assert said("--tools", tools=()) == ""
