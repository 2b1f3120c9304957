"""Agents that are any program: an argv template of the crew, or a shell script of the plan."""

import os
from pathlib import Path
from typing import ClassVar, Self

from pydantic import Field, field_validator, model_validator

from plait.blocks.agents.base import (
    DOCUMENTATION,
    LOGO,
    AgentOrder,
    AgentReport,
    Capabilities,
    CodingAgent,
    Text,
    private_file,
    run_program,
)
from plait.plans.errors import CallError
from plait.plans.language.backends import Backend
from plait.plans.language.command_templates import PLACEHOLDERS, check_argument, check_program
from plait.plans.language.crew import Role


class CommandAgent(CodingAgent):
    """
    Any program as an agent: it is started in the checkout and gets the prompt on standard input, or as a file.

    `command` is a list of arguments and never goes through a shell. An argument that is exactly `{prompt_file}`,
    `{task}`, `{model}` or `{directory}` stands for that value. With `{prompt_file}` the prompt is a file outside the
    checkout; without it, it comes on standard input. A relative program such as `./agent.sh` is looked for in the
    checkout. Exit status 0 says "done".

    Example:
        Load a saved agent:
        ```python
        from plait.blocks.agents.command import CommandAgent

        agent = CommandAgent.load("BLOCK_NAME")
        ```
    """

    _block_type_name = "Command Agent"
    _block_type_slug = "plait-command-agent"
    _documentation_url = DOCUMENTATION
    _logo_url = LOGO
    _description = "Any program as a coding agent: an argument list, with the prompt on standard input or as a file."

    backend: ClassVar[Backend] = "command"

    command: tuple[str, ...] = Field(
        min_length=1,
        title="Command",
        description="Program and arguments, one by one; {prompt_file}, {task}, {model} and {directory} stand for their "
        "values.",
        examples=[["claude", "-p"]],
    )
    model: Text = Field(default="", title="Model", description="What {model} stands for when the role names no model.")
    capabilities: Capabilities = ()

    @field_validator("command")
    @classmethod
    def _placeholders_are_known(cls, command: tuple[str, ...]) -> tuple[str, ...]:
        for item in command:
            check_argument(item)
        return check_program(command)

    @model_validator(mode="after")
    def _model_is_no_option(self) -> Self:
        if self.model:
            self.arguments({"{model}": self.model})
        return self

    @classmethod
    def from_role(cls, role_name: str, role: Role, *, base_directory: Path) -> Self:  # noqa: ARG003
        """The program that the role names; its one model, if it has just one: of several the order says which."""
        if not role.command:
            raise CallError(
                f"the role {role_name} has the backend command, but no command",
                'such as `command: [my-agent, --task, "{task}"]`; the prompt comes on standard input',
            )
        if role.prompt_by == "file" and "{prompt_file}" not in role.command:
            raise CallError(
                f"the role {role_name} gets its prompt as a file, but its command does not say where",
                'add the argument "{prompt_file}" to its command',
            )
        model = role.model if isinstance(role.model, str) else ""
        agent = cls(command=role.command, model=model, capabilities=role.capabilities)
        for each in role.model.values() if isinstance(role.model, dict) else ():
            agent.arguments({"{model}": each})  # one that would be read as an option is told before anything runs
        return agent

    def work(self, order: AgentOrder) -> AgentReport:
        """Start the program in the checkout and wait until it and all that it started have ended."""
        values = {"{task}": order.task, "{directory}": str(order.directory)}
        if model := order.model or self.model:
            values["{model}"] = model
        # No program of which nothing is known has another place for what its role is told.
        prompt = f"{order.instructions.rstrip()}\n\n{order.prompt}" if order.instructions.strip() else order.prompt
        if "{prompt_file}" not in self.command:
            return run_program(order, self.arguments(values, complete=True), stdin=prompt.encode())
        values["{prompt_file}"] = str(private_file(order, prompt, suffix=".md"))
        return run_program(order, self.arguments(values, complete=True), stdin=None)

    def arguments(self, values: dict[str, str], *, complete: bool = False) -> list[str]:
        """
        The template with `values` in place.

        Raises:
            CallError: A value would be read as an option, or (`complete`) one is missing.
        """
        argv: list[str] = []
        for item in self.command:
            value = values.get(item, item)
            if item in values and value.startswith("-") and "--" not in argv:
                raise CallError(
                    f"{item} of the command {self.command[0]!r} is {value!r}, which would be read as an option",
                    "put '--' before it in the command, or choose a value without the leading dash",
                )
            if complete and item in PLACEHOLDERS and item not in values:
                raise CallError(f"the command {self.command[0]!r} wants {item}, but the role names none")
            argv.append(value)
        argv[0] = os.path.expanduser(argv[0])  # noqa: PTH111  (no shell has done it)
        return argv


def run_script(order: AgentOrder, script: str) -> AgentReport:
    """
    Carry out a task's `run`: a shell script of the plan, supervised like any agent, with nothing on standard input.

    `-e`: a script of several lines that fails in its middle would otherwise end with the status of its last line and
    count as done. `--`: a script that begins with a dash is no option.
    """
    return run_program(order, ["/bin/sh", "-e", "-c", "--", script], stdin=None, called="the script")
