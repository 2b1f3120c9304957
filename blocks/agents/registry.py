"""Which backend a role's agents are: from what the crew says to a block that works."""

from pathlib import Path

from pydantic import ValidationError

from plait.blocks.agents.base import CodingAgent
from plait.blocks.agents.command import CommandAgent
from plait.blocks.agents.scripted import ScriptedAgent
from plait.plans.errors import CallError
from plait.plans.language.backends import Backend
from plait.plans.language.crew import Role
from plait.workspace.programs import backend_of


def agent_for(
    role_name: str,
    role: Role,
    *,
    base_directory: Path,
    default: Backend | None = None,
    search_path: str | None = None,
) -> CodingAgent:
    """
    The agent that works as this role.

    Args:
        base_directory: What a relative script path starts from: the folder of the crew or plan file.
        default: The crew's `default_backend`, for a role without a backend.
        search_path: Where agent programs are looked for, as in PATH; the process's own PATH when absent.

    Raises:
        CallError: The role's settings do not fit its backend.
        PlanError: The script has mistakes.
        EnvironmentProblem: No backend is named and none can be chosen, or this version does not carry it out.
    """
    backend = backend_of(role_name, role, default=default, search_path=search_path)
    try:
        return _scripted(role_name, role, base_directory) if backend == "scripted" else _command(role_name, role)
    except ValidationError as error:
        message = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise CallError(f"the role {role_name} cannot use the backend {backend}: {message}") from error


def _command(role_name: str, role: Role) -> CommandAgent:
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
    agent = CommandAgent(command=role.command, model=_model(role), capabilities=role.capabilities)
    for model in role.model.values() if isinstance(role.model, dict) else ():
        agent.arguments({"{model}": model})  # one that would be read as an option is told before anything runs
    return agent


def _scripted(role_name: str, role: Role, base_directory: Path) -> ScriptedAgent:
    if not role.script:
        raise CallError(
            f"the role {role_name} has the backend scripted, but no script", "such as `script: shop.script.yaml`"
        )
    agent = ScriptedAgent(path=(base_directory / role.script).absolute(), capabilities=role.capabilities)
    agent.script()  # its mistakes are told before anything runs
    return agent


def _model(role: Role) -> str | None:
    """The one model of the role; a model for each complexity is chosen task by task and comes with the order."""
    return role.model if isinstance(role.model, str) else None
