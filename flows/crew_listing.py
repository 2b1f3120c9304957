"""Who could work here: each role with where it comes from, its program, and what of it nobody carries out."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from plait.flows.inputs.agent_roles import lacks_of, notes_of, with_agent_files
from plait.flows.inputs.agents_around import Around, agents_around, around_plan
from plait.flows.inputs.crew_option import read_crew_option
from plait.flows.inputs.requests import read_brief, read_crew_file, read_given_plan
from plait.plans.errors import CallError, EnvironmentProblem, PlaitError, Problem
from plait.plans.language.backends import BACKENDS, Backend
from plait.plans.language.crew import DEFAULT_CREW, Crew, Role, merge_crews
from plait.plans.language.environment import added
from plait.plans.language.model_names import model_problem
from plait.plans.specs.found_agents import FoundAgents
from plait.plans.wording import listed, near_match, one_line, quoted
from plait.workspace.agent_probes import ProgramSeen, probe
from plait.workspace.environment import environment_of
from plait.workspace.programs import backend_of
from plait.workspace.starting import find_program

COMPLEXITIES = ("simple", "moderate", "complex")


@dataclass(frozen=True, slots=True)
class ListedRole:
    """A role, and what is known of it on this machine."""

    name: str
    role: Role
    origin: str
    """`plan`, `crew`, `default crew`, a file; several with `over` between them."""
    backend: Backend | None
    program: str = ""
    """What is started; empty where nothing is, or nobody knows what."""
    seen: ProgramSeen | None = None
    """What it said of itself."""
    trouble: str = ""
    """Why nobody can work as it here."""
    notes: tuple[str, ...] = ()
    """What of it is not carried out."""

    @property
    def models(self) -> dict[str, str | None]:
        """By complexity; nothing where it is left to the program."""
        return {complexity: self.role.model_for(complexity) for complexity in COMPLEXITIES}  # type: ignore[arg-type]

    @property
    def model_shown(self) -> str:
        """One model, or one for each complexity."""
        models = self.models
        if len(set(models.values())) == 1:
            return models["simple"] or ""
        return " ".join(f"{complexity}={model}" for complexity, model in models.items() if model)

    @property
    def program_shown(self) -> str:
        """Its program and version, or that it was not found."""
        if self.trouble:
            return "not found" if self.program or self.backend is None else "–"
        return " ".join(filter(None, [self.program, self.seen.version if self.seen else ""]))

    def record(self) -> dict[str, Any]:
        """What `--json` prints. No value of a variable or header."""
        role = self.role
        return {
            "name": self.name,
            "from": self.origin,
            "backend": self.backend,
            "program": self.program or None,
            "version": self.seen.version or None if self.seen else None,
            "trouble": self.trouble or (self.seen.trouble if self.seen else "") or None,
            "models": self.models,
            "slots": role.slots,
            "capabilities": list(role.capabilities),
            "description": role.description,
            "tools": None if role.tools is None else list(role.tools),
            "denied_tools": list(role.denied_tools),
            "mcp": {name: server.shown for name, server in role.mcp.items()},
            "turns": role.turns,
            "fallback": list(role.fallback),
            "instructions": role.instructions,
            "notes": list(self.notes),
        }


@dataclass(frozen=True, slots=True)
class CrewListing:
    """All roles, and what else there is to say of them."""

    roles: tuple[ListedRole, ...]
    problems: tuple[Problem, ...] = ()
    """Agent files that cannot be used."""
    notices: tuple[str, ...] = ()
    is_default: bool = False
    """Whether nobody has said who the crew is."""

    def record(self) -> dict[str, Any]:
        """What `--json` prints."""
        return {
            "roles": [role.record() for role in self.roles],
            "problems": [
                {"file": problem.file, "line": problem.line, "message": problem.message} for problem in self.problems
            ],
            "notices": list(self.notices),
        }

    def named(self, name: str) -> ListedRole:
        """
        Raises:
            CallError: there is no such role.
        """
        names = [role.name for role in self.roles]
        if name not in names:
            hint = near_match(name, names) or f"there are {listed(names)}"
            raise CallError(f"there is no role {quoted(name)} here", hint)
        return self.roles[names.index(name)]


def listed_crew(words: list[str], *, plan: Path | None, repository: Path) -> CrewListing:
    """The roles of a crew, of a plan and of files together.

    Args:
        words: What `--crew` says.

    Raises:
        PlanError: every mistake of the plan or crew at once.
        CallError: a file is not there.
    """
    option = read_crew_option(words)
    given = read_crew_file(option.file) if option.file else None
    own, found = Crew(), FoundAgents()
    if plan is not None:
        folder, around = (option.file or plan).resolve().parent, around_plan(plan, repository)
        brief = read_brief(read_given_plan(plan), source=str(plan), crew=given, folder=folder, around=around)
        own, crew, found = brief.plan.crew, brief.crew, brief.found
    else:
        crew, found = merge_crews(own, given or DEFAULT_CREW), agents_around(Around(repository), None)
    slots = option.slots_for({*crew.roles, *found.agents})
    whole = with_agent_files(crew, found, found.agents)
    counted = {name: whole.role(name).model_copy(update={"slots": number}) for name, number in slots.items()}
    whole = whole.model_copy(update={"roles": {**whole.roles, **counted}})
    look = _Look(whole, found, own, given or Crew())
    chosen = {*own.roles, *(given.roles if given else ())}
    names = sorted({*(chosen or whole.roles), *found.agents}, key=lambda name: list(whole.roles).index(name))
    faults = tuple(problem for problems in found.faults.values() for problem in problems)
    return CrewListing(tuple(map(look.role, names)), faults, tuple(_told(found)), is_default=not chosen)


def _told(found: FoundAgents) -> Iterator[str]:
    yield from found.told
    if found.hidden:
        yield f"hidden by a nearer one of the same name: {listed(map(one_line, found.hidden))}"
    if found.passed_over:
        yield f"no agents, for want of a front matter: {listed(map(one_line, found.passed_over))}"


@dataclass(slots=True)
class _Look:
    """Looks at roles one after the other; each program is asked once."""

    crew: Crew
    found: FoundAgents
    own: Crew
    given: Crew
    _seen: dict[tuple[str, tuple[tuple[str, str], ...]], tuple[str, ProgramSeen | None]] = field(default_factory=dict)

    def role(self, name: str) -> ListedRole:
        role = self.crew.role(name)
        notes = (*notes_of(name, self.crew, self.found), *lacks_of(name, self.crew))
        try:
            backend = backend_of(name, role, default=self.crew.default_backend)
        except EnvironmentProblem as problem:
            named = role.own_backend or self.crew.default_backend
            return ListedRole(name, role, self._origin(name), named, trouble=problem.message, notes=notes)
        wrong = [model_problem(backend, model) for model in self._models(role)]
        notes = (*notes, *filter(None, wrong))
        program = (role.command or ("",))[0] if backend == "command" else BACKENDS[backend].program or ""
        if not program:
            return ListedRole(name, role, self._origin(name), backend, notes=notes)
        environment = environment_of(added(self.crew.environment, role.environment), extra={})
        trouble, seen = self._asked(program, environment)
        return ListedRole(name, role, self._origin(name), backend, program, seen, trouble, notes)

    def _models(self, role: Role) -> list[str]:
        models = role.model.values() if isinstance(role.model, dict) else [role.model]
        return [model for model in dict.fromkeys(models) if model]

    def _origin(self, name: str) -> str:
        places = ["plan"] * (name in self.own.roles) + ["crew"] * (name in self.given.roles)
        if name in self.found.agents:
            places.append(self.found.agents[name].place)
        if not places:
            places.append("default crew")
        return " over ".join(places)

    def _asked(self, program: str, environment: Mapping[str, str]) -> tuple[str, ProgramSeen | None]:
        """Why a program cannot be started, and what it says of itself where it is known."""
        if "/" in program and not program.startswith(("/", "~")):
            return "", None  # looked for in the repository when a task has it
        key = program, tuple(sorted(environment.items()))
        if key not in self._seen:
            try:
                path = find_program(str(Path(program).expanduser()), Path("/"), dict(environment))
                self._seen[key] = "", probe(str(path), environment)
            except (PlaitError, RuntimeError) as problem:
                self._seen[key] = str(problem), None
        return self._seen[key]
