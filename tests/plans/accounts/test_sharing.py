"""Which roles use one account: by what the crew says, by the known program in a command, by the command."""

import pytest

from plait.plans.accounts.sharing import account_of
from plait.plans.language.crew import Role


@pytest.mark.parametrize(
    ("command", "account"),
    [
        (("claude", "-p"), "claude"),
        (("/opt/agents/bin/claude", "-p", "--model", "{model}"), "claude"),
        (("sh", "-c", "cd sub && claude -p < /dev/stdin"), "claude"),
        (("env", "A=b", "codex", "exec", "-"), "codex"),
        (("npx", "-y", "@anthropic-ai/claude-code@2.1.332", "-p"), "claude"),
        (("uvx", "aider", "--message-file", "{prompt_file}"), "aider"),
        (("./agent.sh", "{task}"), "./agent.sh"),
        (("python3.11", "agent.py"), "python3.11 agent.py"),
        (("sh", "-c", "echo x"), "sh -c echo x"),
    ],
)
def test_a_command_uses_the_account_of_its_program(command: tuple[str, ...], account: str) -> None:
    assert account_of("dev", Role(backend="command", command=command)) == account


def test_the_crew_may_say_otherwise() -> None:
    assert account_of("dev", Role(backend="command", command=("claude",), account="team")) == "team"


def test_roles_without_a_program_of_their_own_have_nothing_in_common() -> None:
    assert account_of("dev", Role()) != account_of("qa", Role())
    assert account_of("dev", Role(), "claude") == account_of("qa", Role(), "claude") == "claude"
