"""Every variable that a plan and its crew give to somebody, and the values that may not stand in a plan."""

import re
from collections.abc import Iterator

from plait.plans.errors import Problem
from plait.plans.language.crew import Crew
from plait.plans.language.environment import Environment, GivenVariable, is_secret_name
from plait.plans.language.model import Plan
from plait.plans.language.places import Loc, Places

_SECRET_HEADERS = ("authorization", "proxy-authorization", "cookie")


def given_variables(plan: Plan, crew: Crew) -> tuple[GivenVariable, ...]:
    """All of them, some perhaps more than once."""
    places = (*_in_crew(crew), *_in_plan(plan))
    headers = (variable for _, variable in _in_headers(crew))
    return (*(variable for _, environment in places for variable in environment), *headers)


def variables_of_servers(crew: Crew) -> tuple[GivenVariable, ...]:
    """What the roles' MCP servers are given, headers among it."""
    entries = [entry for role in crew.roles.values() for entry in role.mcp.values()]
    headers = (variable for _, variable in _in_headers(crew))
    return (*(variable for entry in entries for variable in entry.environment), *headers)


def secret_problems(plan: Plan, places: Places) -> Iterator[Problem]:
    """Values that are secret by their variable's name: a plan is committed, shown and sent to agents."""
    for loc, environment in (*_in_crew(plan.crew, "crew"), *_in_plan(plan)):
        for at, variable in enumerate(environment):
            if variable.secret is not None:
                hint = f"name it alone, [{variable.name}], or name the block in a crew file"
                step = variable.name if (*loc, variable.name) in places.values else at
                told = f"{variable.name} is from a Secret block, and no plan may say which of them an agent gets"
                yield places.problem((*loc, step), told, hint)
            if variable.value and is_secret_name(variable.name):
                hint = f"name it alone, [{variable.name}], and set it in the shell, or give its value in a crew file"
                step = variable.name if (*loc, variable.name) in places.values else at
                yield places.problem((*loc, step), f"the value of {variable.name} is a secret, by its name", hint)
    for loc, header in _in_headers(plan.crew, "crew"):
        if is_secret_name(header.name):
            message = f"the value of the header {loc[-1]} is a secret, by its name"
            yield places.problem(loc, message, "give it in a crew file")


def _in_crew(crew: Crew, *above: str) -> Iterator[tuple[Loc, Environment]]:
    yield (*above, "environment"), crew.environment
    for name, role in crew.roles.items():
        yield (*above, name, "environment"), role.environment
        for server, entry in role.mcp.items():
            yield (*above, name, "mcp", server, "environment"), entry.environment


def _in_headers(crew: Crew, *above: str) -> Iterator[tuple[Loc, GivenVariable]]:
    """The headers of servers, as the variables that they could be."""
    for name, role in crew.roles.items():
        for server, entry in role.mcp.items():
            for header, value in entry.headers.items():
                stem = re.sub("[^A-Za-z0-9_]", "_", header)
                kind = "SECRET" if header.casefold() in _SECRET_HEADERS else "HEADER"
                yield (
                    (*above, name, "mcp", server, "headers", header),
                    GivenVariable(name=f"{kind}_{stem}", value=value),
                )


def _in_plan(plan: Plan) -> Iterator[tuple[Loc, Environment]]:
    for at, task in enumerate(plan.tasks):
        yield ("tasks", at, "environment"), task.environment
    yield ("integration", "environment"), plan.integration.environment
