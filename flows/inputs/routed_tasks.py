"""Gives each role what its agent file says, and each task that names no role somebody to do it."""

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from plait.flows.inputs.agent_roles import can_write, wanted_roles, with_agent_files
from plait.flows.inputs.agents_around import Around
from plait.plans.errors import CallError, EnvironmentProblem, PlaitError, PlanError
from plait.plans.language.crew import DEFAULT_CREW, Crew
from plait.plans.language.model import COMMAND_ROLE, Plan
from plait.plans.language.places import Places
from plait.plans.specs.found_agents import FoundAgents
from plait.plans.tasks.routing import Candidate, Route, route_plan
from plait.workspace.home import expanded
from plait.workspace.places import may_have_refs
from plait.workspace.programs import backend_of

_GENERAL = "backend"
"""Who of the default crew does what nobody's words fit: its first is the architect."""


def staffed(
    plan: Plan, crew: Crew, found: FoundAgents, around: Around | None, *, places: Places, source: str
) -> tuple[Plan, Crew, tuple[Route, ...]]:
    """The plan with a role for every task, the crew with what files say of its roles, and who was chosen and why.

    Raises:
        PlanError: a task names no role, and the crew has nobody to choose.
    """
    crew = with_agent_files(crew, found, {*wanted_roles(plan, crew), *_chosen(crew)})
    open_tasks = [at for at, task in enumerate(plan.tasks) if task.role is None and task.is_for_agent]
    if not open_tasks:
        return plan, crew, ()
    candidates = tuple(_candidates(crew, found, around))
    if not candidates:
        message, hint = "must have a role: who does it", "the crew has nobody who could be chosen: name roles in it"
        raise PlanError(source, tuple(places.problem(("tasks", at), message, hint) for at in open_tasks))
    routed, routes = route_plan(plan, candidates, kept=_begun(plan, around))
    return routed, with_agent_files(crew, found, {route.role for route in routes}), routes


def _chosen(crew: Crew) -> list[str]:
    """The roles that somebody has put into the crew."""
    return [name for name, role in crew.roles.items() if role is not DEFAULT_CREW.roles.get(name)]


def _candidates(crew: Crew, found: FoundAgents, around: Around | None) -> Iterator[Candidate]:
    """The crew's roles, then those of files; the default crew's where there is nobody else.

    Who would start programs that a file of the repository names is not chosen, but has to be named by a person.
    """
    names = [name for name in _chosen(crew) if name != COMMAND_ROLE]
    names += [
        name
        for name, agent in found.agents.items()
        if name not in names and not (agent.origin == "repository" and agent.starts_programs)
    ]
    if not names:
        names = sorted(set(DEFAULT_CREW.roles) - {COMMAND_ROLE}, key=lambda name: name != _GENERAL)
    whole = with_agent_files(crew, found, names)
    records = _records(around)
    for name in names:
        succeeded, tried = records.get(name, (0, 0))
        agent = found.agents.get(name)
        yield Candidate(
            name,
            whole.role(name),
            is_able=_is_able(whole, name),
            changes_files=can_write(whole.role(name)),
            succeeded=succeeded,
            tried=tried,
            origin=agent.place if agent else "",
        )


def _is_able(crew: Crew, name: str) -> bool:
    """Whether its agent program is there, as far as that is seen without starting it."""
    role = crew.role(name)
    try:
        backend = backend_of(name, role, default=crew.default_backend)
    except EnvironmentProblem:
        return False
    if backend == "command":
        program = (role.command or ("",))[0]
        try:
            program = str(expanded(program)) if program.startswith("~") else program
        except CallError:
            return False
        # With a slash and no more it is looked for in the repository, where a set-up may make it.
        is_within = "/" in program and not program.startswith("/")
        return bool(program) and (is_within or shutil.which(program) is not None)
    return bool(role.script) if backend == "scripted" else True


def _records(around: Around | None) -> Mapping[str, tuple[int, int]]:
    from plait.flows.past_durations import records_of

    records = records_of(around.place) if around else ()
    return {record.role: (record.succeeded, record.tried) for record in records}


def _begun(plan: Plan, around: Around | None) -> Mapping[str, str]:
    """By task, the role whose branch of it there is: git is the record of who has begun it."""
    below = f"refs/heads/feature/{plan.feature}/agent/"
    if around is None or not may_have_refs(around.place, below.rstrip("/")):
        return {}
    from plait.workspace.git import GitRepository, repository_around

    try:
        common = repository_around(around.place)
        refs = GitRepository(Path(common)).refs(below) if common else {}
    except PlaitError:
        return {}
    begun = dict[str, str]()
    for ref in sorted(refs):
        role, _, task = ref.removeprefix(below).partition("/")
        begun[task.partition(".")[0]] = role
    return begun
