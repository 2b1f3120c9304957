"""The crew with the roles that agent files describe, and what of a role its program cannot do."""

import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from plait.plans.errors import EnvironmentProblem, Problem
from plait.plans.language.backends import BACKENDS, Backend
from plait.plans.language.crew import Crew, Role, with_roles_below
from plait.plans.language.model import Plan
from plait.plans.language.places import Places
from plait.plans.language.references import named_roles
from plait.plans.specs.agent_files import AgentFile
from plait.plans.specs.found_agents import FoundAgents
from plait.plans.wording import listed
from plait.workspace.programs import backend_of

if TYPE_CHECKING:
    from plait.flows.inputs.requests import Brief  # which imports this

_WRITERS = frozenset(("Edit", "Write", "MultiEdit", "NotebookEdit", "Bash"))
"""claude's tools by which a file can be changed."""


def with_agent_files(crew: Crew, found: FoundAgents, names: Iterable[str]) -> Crew:
    """The crew in which these roles have what their files say, where the crew itself says nothing.

    A file is written for claude: its backend is the crew's, else claude where that is found; for another program its
    tools and its model mean nothing, and are left out.
    """
    agents = {name: found.agents[name] for name in names if name in found.agents}
    return with_roles_below(crew, {name: _fitted(crew, agent) for name, agent in agents.items()})


def _fitted(crew: Crew, agent: AgentFile) -> Role:
    own, role = crew.role(agent.name), agent.role
    backend = own.own_backend or crew.default_backend
    if backend is None and shutil.which("claude"):
        return role.model_copy(update={"backend": "claude"})
    backend = backend or _backend_here(agent.name, own, crew)
    foreign = {None: (), "claude": (), "command": ("tools", "denied_tools")}.get(
        backend, ("tools", "denied_tools", "model")
    )
    return Role.model_validate({key: getattr(role, key) for key in role.model_fields_set - set(foreign)})


def _backend_here(name: str, role: Role, crew: Crew) -> Backend | None:
    try:
        return backend_of(name, role, default=crew.default_backend)
    except EnvironmentProblem:
        return None


def wanted_roles(plan: Plan, crew: Crew) -> frozenset[str]:
    """The roles that a plan names, and those that they fall back on."""
    names = {name for _, name in named_roles(plan)}
    return frozenset({*names, *(helper for name in names for helper in crew.role(name).fallback)})


def faults_of(plan: Plan, crew: Crew, found: FoundAgents, places: Places) -> tuple[Problem, ...]:
    """Why names that the plan gives stand for nobody: their files are broken, and no crew says who is meant."""
    problems = list[Problem]()
    for loc, name in named_roles(plan):
        if name in found.faults and not crew.role(name).own_backend:
            here = places.problem(loc, f"the agent {name} cannot be used: see its file", code="PLAN012")
            problems += [replace(here, hint=None), *found.faults[name]]
    return tuple(dict.fromkeys(problems))


def told_of_brief(brief: "Brief") -> tuple[str, ...]:
    """Sentences on what the roles of a plan have from files, and what of it nobody carries out."""
    busy = dict[str, set[str]]()
    for task in brief.plan.tasks:
        if task.role is not None and task.is_for_agent:
            busy.setdefault(task.role, set()).update({task.id} if task.changes_required else set())
    for name in wanted_roles(brief.plan, brief.crew):
        busy.setdefault(name, set())
    return (*brief.found.told, *_told_of_roles(brief.crew, brief.found, dict(sorted(busy.items()))))


def _told_of_roles(crew: Crew, found: FoundAgents, roles: Mapping[str, Collection[str]]) -> Iterator[str]:
    """As `told_of_brief`.

    Args:
        roles: By name, the ids of their tasks that have to change files.
    """
    for name, tasks in roles.items():
        if name in found.agents:
            yield f"the role {name} is described by {found.agents[name].place}"
            yield from (f"{name}: {note}" for note in notes_of(name, crew, found))
        yield from (f"{name}: {lack}" for lack in lacks_of(name, crew))
        if tasks and not can_write(crew.role(name)):
            yield f"{name} has no tool that changes a file, and {listed(sorted(tasks))} must change one"


def can_write(role: Role) -> bool:
    """Whether the tools that it may have can change a file, as far as their names are known."""
    if role.tools is None or role.own_backend not in ("claude", None):
        return True
    return bool({tool.partition("(")[0] for tool in role.tools} & _WRITERS - set(role.denied_tools))


def notes_of(name: str, crew: Crew, found: FoundAgents) -> Iterator[str]:
    """What of an agent file is not carried out."""
    agent, role = found.agents.get(name), crew.role(name)
    if agent is None:
        return
    yield from agent.notes
    for server in agent.servers:
        if server not in role.mcp:
            yield f"its server {server} is not described: give the role `mcp: {{{server}: …}}` in a crew"
    backend = role.own_backend or crew.default_backend
    lost = [key for key in ("tools", "denied_tools", "model") if getattr(agent.role, key) and not getattr(role, key)]
    if lost and backend not in ("claude", None):
        yield f"its {listed([_SHOWN.get(key, key) for key in lost])} mean nothing to {backend}, and are left out"


_SHOWN = {"denied_tools": "disallowedTools"}


def lacks_of(name: str, crew: Crew) -> Iterator[str]:
    """What of a role its program cannot do, each as a sentence without its subject's name."""
    role = crew.role(name)
    backend = role.own_backend or crew.default_backend
    if backend is None:
        return
    abilities = BACKENDS[backend].abilities
    if (role.tools is not None or role.denied_tools) and "tools" not in abilities:
        yield f"{backend} cannot limit tools: its agents have all of them"
    if role.denied_tools and "tools" in abilities and backend != "claude":
        yield f"{backend} takes no denied tools: name those that it may have in `tools`"
    if role.mcp and "servers" not in abilities:
        yield f"{backend} uses no MCP servers: {listed(role.mcp)} {'is' if len(role.mcp) == 1 else 'are'} left out"
    if role.turns is not None and "turns" not in abilities:
        yield f"{backend} keeps no limit of turns"
    if role.model is not None and "model" not in abilities:
        yield f"{backend} works with no model of a role's"
    if role.instructions and backend == "scripted":
        yield "scripted agents read no instructions"
