"""Opens the agents of a run: of the roles that its tasks have, and of those that these fall back on."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from plait.blocks.agents.base import CodingAgent
from plait.blocks.agents.registry import agent_for
from plait.flows.inputs.requests import Brief
from plait.flows.inputs.sandboxes_here import missing_sandboxes, require_sandboxes
from plait.flows.running.reviewing_roles import reviewers_of
from plait.plans.errors import EnvironmentProblem
from plait.plans.tasks.expansion import PlannedTask


@dataclass(frozen=True, slots=True)
class Staff:
    """The agents of one run."""

    agents: Mapping[str, CodingAgent]
    """By role."""
    notices: tuple[str, ...]
    """A sentence for each fallback that is left out, and on agents that work without a sandbox."""


def open_agents(brief: Brief, tasks: Collection[PlannedTask], *, more: Collection[str] = ()) -> Staff:
    """An agent for every role of a task with a prompt, and for the roles that these fall back on.

    A fallback that has no agent program helps nobody: it is left out, and said.

    Args:
        more: Further roles that need one.

    Raises:
        CallError: the settings of a role or fallback do not make an agent.
        EnvironmentProblem: a role of a task has no agent program, or not the sandbox that it requires.
    """
    roles = sorted({task.role for task in tasks if task.task.is_for_agent} | {*reviewers_of(brief, tasks)} | {*more})
    agents = {role: _open(brief, role) for role in roles}
    notices = []
    for helper in sorted({helper for role in roles for helper in brief.crew.role(role).fallback} - set(roles)):
        try:
            agents[helper] = _open(brief, helper)
        except EnvironmentProblem as problem:
            helped = ", ".join(role for role in roles if helper in brief.crew.role(role).fallback)
            notices.append(f"{helper} cannot help {helped} out: {problem.message}")
    ahead = [task.id for task in tasks]
    if ahead:
        require_sandboxes(brief, ahead)
        notices += missing_sandboxes(brief, ahead)
    return Staff(agents, tuple(notices))


def _open(brief: Brief, role: str) -> CodingAgent:
    crew = brief.crew
    return agent_for(role, crew.role(role), base_directory=brief.folder, default=crew.default_backend)
