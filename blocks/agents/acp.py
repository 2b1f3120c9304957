"""Any program that speaks the Agent Client Protocol, as an agent."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Self

from pydantic import Field, field_validator

from plait.agent_host.orders import HostOrder
from plait.blocks.agents.base import DOCUMENTATION, LOGO, AgentOrder
from plait.blocks.agents.hosted import HostedAgent, import_path, placed
from plait.plans.agents.launching import DoorEntry, Launch, LaunchOrder
from plait.plans.agents.programs import PROGRAM_FACTS, ProgramFacts
from plait.plans.errors import CallError
from plait.plans.language.backends import PROGRAMS, Backend
from plait.plans.language.command_templates import check_argument, check_program
from plait.plans.language.crew import Role

_PLACEHOLDERS = ("{model}", "{directory}")


class AcpAgent(HostedAgent):
    """
    Any program of the Agent Client Protocol: qwen, copilot, cursor, kimi, goose, the adapters of claude and codex.

    plait is its client: it answers what the program asks to be allowed, hands MCP servers over, and goes on with an
    earlier session where the program can. What it used up is not measured, unless the model door saw it. Needs
    `pip install 'prefect-plait[acp]'`.

    Example:
        Load a saved agent:
        ```python
        from plait.blocks.agents.acp import AcpAgent

        agent = AcpAgent.load("BLOCK_NAME")
        ```
    """

    _block_type_name = "ACP Agent"
    _block_type_slug = "plait-acp-agent"
    _documentation_url = DOCUMENTATION
    _logo_url = LOGO
    _description = "Any program that speaks the Agent Client Protocol as a coding agent."

    backend: ClassVar[Backend] = "acp"
    kind = "acp"
    library = "acp"

    command: tuple[str, ...] = Field(
        min_length=1,
        title="Command",
        description="The program and its arguments, one by one; {model} and {directory} stand for their values.",
        examples=[["gemini", "--acp"]],
    )

    @field_validator("command")
    @classmethod
    def _placeholders_are_known(cls, command: tuple[str, ...]) -> tuple[str, ...]:
        for item in command:
            check_argument(item)
            if item.startswith("{") and item.endswith("}") and item not in _PLACEHOLDERS:
                raise ValueError(f"{item} means nothing in a command of the backend acp: the prompt comes by ACP")
        return check_program(command)

    @classmethod
    def from_role(cls, role_name: str, role: Role, *, base_directory: Path) -> Self:  # noqa: ARG003
        """The program that the role names."""
        if not role.command:
            raise CallError(
                f"the role {role_name} has the backend acp, but no command",
                "the program and what makes it speak ACP, such as `command: [gemini, --acp]`",
            )
        model = role.model if isinstance(role.model, str) else ""
        return cls(command=role.command, model=model, arguments=role.arguments, capabilities=role.capabilities)

    @property
    def facts(self) -> ProgramFacts:
        """Those of the program, where it is one that plait knows: its login is needed for ACP as well."""
        known = PROGRAMS.get(Path(self.command[0]).name)
        return PROGRAM_FACTS.get(known, _UNKNOWN) if known else _UNKNOWN

    def launch(self, order: LaunchOrder) -> Launch:
        """The host, with the model door in the place of the program's provider."""
        launch = super().launch(order)
        return replace(launch, environment=_at_door(order.door)) if order.door else launch

    def at_home(self, order: AgentOrder, given: Mapping[str, str], home: Path) -> Mapping[str, str]:
        """A HOME of its own for programs whose login is known; others find theirs in the user's alone."""
        if self.facts is _UNKNOWN and not order.is_sandboxed:
            return given
        return super().at_home(order, given, home)

    def host_order(self, order: LaunchOrder) -> HostOrder:
        """
        What the host is asked for.

        Raises:
            CallError: The command wants a model, and none is named.
        """
        if "{model}" in self.command and not order.model:
            raise CallError(f"the command {self.command[0]!r} wants {{model}}, but the role names none")
        values = {"{model}": order.model or "", "{directory}": order.directory}
        command = (*placed(values, self.command), *self.arguments)
        program = os.path.expanduser(command[0])  # noqa: PTH111  (no shell has done it)
        return HostOrder("acp", order, import_path(), command=(program, *command[1:]))


def _at_door(door: DoorEntry) -> dict[str, str]:
    """The variables by which programs of any provider find it, and its key."""
    return {
        "ANTHROPIC_BASE_URL": door.url,
        "ANTHROPIC_API_KEY": door.token,
        "OPENAI_BASE_URL": f"{door.url}/v1",
        "OPENAI_API_KEY": door.token,
        "GOOGLE_GEMINI_BASE_URL": door.url,
        "GEMINI_API_KEY": door.token,
    }


_UNKNOWN = ProgramFacts(
    package="",
    oldest="",
    newest="",
    keys=("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY"),
)
"""A program that plait has never heard of is given the keys that most take, and its login is not known."""
