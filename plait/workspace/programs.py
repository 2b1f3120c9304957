"""Which agent program a role works with: the one that its crew names, or the only one that this machine has."""

import shutil

from plait.plans.agents.programs import how_to_install
from plait.plans.errors import EnvironmentProblem
from plait.plans.language.backends import BACKENDS, PROGRAMS, Backend
from plait.plans.language.crew import Crew, Role
from plait.plans.language.environment import own_values
from plait.plans.wording import either, listed

_ELSE = (
    "give the role a command, such as `{backend: command, command: [claude, -p, --permission-mode, acceptEdits]}`: "
    "it gets the prompt on standard input"
)


def backend_of(
    role_name: str, role: Role, *, default: Backend | None = None, search_path: str | None = None
) -> Backend:
    """The backend of a role.

    Args:
        default: The crew's `default_backend`, for a role without one.
        search_path: Where agent programs are looked for, as in PATH; the process's own PATH when absent.

    Raises:
        EnvironmentProblem: No backend is named and none can be chosen, or its program is not there.
    """
    backend = role.own_backend or default or _only_program(role_name, search_path)
    program = BACKENDS[backend].program
    if program and shutil.which(program, path=own_values(role.environment).get("PATH", search_path)) is None:
        raise EnvironmentProblem(
            f"{program} was not found on the PATH, which the role {role_name} works with", how_to_install(backend)
        )
    return backend


def require_backends(crew: Crew, roles: frozenset[str]) -> None:
    """Refuse roles that no agent can work as.

    Raises:
        EnvironmentProblem: as `backend_of`.
    """
    for name in sorted(roles):
        backend_of(name, crew.role(name), default=crew.default_backend)


def _only_program(role_name: str, search_path: str | None) -> Backend:
    programs = [program for program in PROGRAMS if shutil.which(program, path=search_path)]
    if len(programs) == 1:
        return PROGRAMS[programs[0]]
    if programs:
        names = listed(programs, limit=None)
        raise EnvironmentProblem(
            f"the role {role_name} names no backend, and there are several agent programs: {names}",
            "say which in the crew: `default_backend`, or the role's `backend`",
        )
    raise EnvironmentProblem(
        f"the role {role_name} names no backend, and no agent program is found",
        f"looked for {either(PROGRAMS)}; {_ELSE}",
    )
