"""Which backend a role's agents are: from what the crew says to a block that works."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from plait.blocks.agents.acp import AcpAgent
from plait.blocks.agents.aider import AiderAgent
from plait.blocks.agents.base import CodingAgent
from plait.blocks.agents.claude import ClaudeCodeAgent
from plait.blocks.agents.codex import CodexAgent
from plait.blocks.agents.command import CommandAgent
from plait.blocks.agents.gemini import GeminiAgent
from plait.blocks.agents.model import ModelAgent
from plait.blocks.agents.opencode import OpencodeAgent
from plait.blocks.agents.scripted import ScriptedAgent
from plait.plans.errors import CallError
from plait.plans.language.backends import Backend
from plait.plans.language.crew import Role
from plait.workspace.programs import backend_of

AGENTS: tuple[type[CodingAgent], ...] = (
    CommandAgent,
    ScriptedAgent,
    ClaudeCodeAgent,
    CodexAgent,
    OpencodeAgent,
    GeminiAgent,
    AiderAgent,
    ModelAgent,
    AcpAgent,
)
"""Every backend that this version drives; their names and programs are in `plait/plans/language/backends.py`."""

BY_BACKEND: Mapping[Backend, type[CodingAgent]] = {agent.backend: agent for agent in AGENTS}


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
        return BY_BACKEND[backend].from_role(role_name, role, base_directory=base_directory)
    except ValidationError as error:
        message = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise CallError(f"the role {role_name} cannot use the backend {backend}: {message}") from error
