"""Who does the work: roles with their slots, agents and limits; and how a plan's crew lies over a given one."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from plait.plans.errors import CallError
from plait.plans.language.backends import BACKENDS, NAMED, Backend
from plait.plans.language.command_templates import check_argument, check_program
from plait.plans.language.durations import Seconds, SomeSeconds
from plait.plans.language.environment import Environment, added
from plait.plans.language.fields import (
    Bytes,
    Command,
    Commands,
    Line,
    Part,
    PathPatterns,
    Priority,
    Prose,
    SearchPattern,
    Slug,
)
from plait.plans.language.mcp_servers import McpServers
from plait.plans.language.sandboxing import STRICTNESS, SandboxLevel, check_host, default_level

Complexity = Literal["simple", "moderate", "complex"]

Host = Annotated[str, AfterValidator(check_host)]
"""A host on the network by its name."""


def _how_many_models(value: Any) -> str:
    return "each" if isinstance(value, dict) else "one"


Models = Annotated[
    Annotated[Line, Tag("one")] | Annotated[dict[Complexity, Line], Tag("each")], Discriminator(_how_many_models)
]
"""A model's name, or one for each complexity."""


Argument = Annotated[Command, AfterValidator(check_argument)]
"""A word of a command; some stand for something."""


class Role(Part):
    """A kind of agent: how many work at once, which program they are, and what they may use."""

    slots: int = Field(default=1, ge=1, le=256, description="How many agents of this role work at the same time.")
    backend: Backend | None = Field(
        default=None,
        description=f"The agent program: {NAMED}; without it that of its `command` or `script`, else the crew's "
        "default_backend.",
    )
    command: Annotated[tuple[Argument, ...], AfterValidator(check_program)] | None = Field(
        default=None,
        min_length=1,
        max_length=100,
        description="For the backends `command` and `acp`: the program and its arguments, one by one, never a shell "
        "line.",
    )
    arguments: tuple[Command, ...] = Field(
        default=(),
        max_length=100,
        description="For agent programs that plait drives itself (claude, codex, opencode, gemini, aider): further "
        "arguments, one by one; an option of plait's own gives way to the same one.",
    )
    prompt_by: Literal["stdin", "file"] = Field(
        default="stdin",
        description="For the backend `command`: whether the prompt comes on standard input or as a file.",
    )
    script: Line | None = Field(
        default=None, description="For the backend `scripted`: the YAML file of what the scripted agent does."
    )
    model: Models | None = Field(
        default=None, description="The model's name, or one for each complexity (simple, moderate, complex)."
    )
    url: Line | None = Field(
        default=None,
        description="For the backend `model`: where it is served, such as http://127.0.0.1:8000/v1, when that is not "
        "its provider's own place.",
    )
    fallback: tuple[Slug, ...] = Field(
        default=(), max_length=20, description="Roles that take over when this one cannot, in this order."
    )
    priority: Priority = Field(
        default=3,
        description="Its rank when roles compete for the machine: critical, high, medium, low, idle, or 1 to 5.",
    )
    capabilities: tuple[Line, ...] = Field(
        default=(), max_length=100, description="What it is good at, in words that tasks can be matched with."
    )
    description: Prose | None = Field(default=None, description="What the role is for.")
    instructions: Prose | None = Field(
        default=None, description="What its agents are told in any task: the system prompt, where the program has one."
    )
    tools: Annotated[tuple[Line, ...], Field(max_length=200)] | None = Field(
        default=None,
        description="The tools that its agents may have, by the program's own names, such as Read; absent: all that "
        "its backend gives them.",
    )
    denied_tools: tuple[Line, ...] = Field(
        default=(), max_length=200, description="Tools that its agents may not have, by the program's own names."
    )
    mcp: McpServers = Field(
        default_factory=dict,
        description="Further MCP servers that its agents may use, by name: a command as a list, or a url.",
    )
    turns: int | None = Field(default=None, ge=1, le=10_000, description="The most turns that one try may take.")
    timeout: SomeSeconds | None = Field(
        default=None, description="The longest that one try may take, such as 2h, where the task does not say."
    )
    stall: SomeSeconds | None = Field(
        default=None, description="How long an agent may print nothing before it counts as stuck, such as 10m."
    )
    checkpoint: Seconds = Field(
        default=300,
        description="How often the work of an agent is committed beside its branches while it works, such as 5m: after "
        "a crash the next one goes on from there; 0: never.",
    )
    start_up: SomeSeconds | None = Field(
        default=None,
        description="How long an agent takes before it does anything useful, such as 10m: with it, small tasks are "
        "given to one agent as a bundle when the forecast gains by that.",
    )
    memory: Bytes | None = Field(default=None, description="The most memory that one agent may use, such as 2GiB.")
    sandbox: SandboxLevel | None = Field(
        default=None,
        description="Whether its agents work in a sandbox: required (not without one), auto (where it works and what "
        "the program needs is known) or off; absent: as the crew says.",
    )
    hosts: tuple[Host, ...] = Field(
        default=(),
        max_length=100,
        description="Hosts that its agents may reach from a sandbox, such as pypi.org or *.example.com:8443.",
    )
    tokens: int | None = Field(default=None, ge=1, description="The most tokens that one task may use.")
    usd: float | None = Field(default=None, gt=0, description="The most that one task may cost, in US dollars.")
    door: Literal["auto", "off"] = Field(
        default="auto",
        description="Whether its agents reach their provider through the model door, where a key is there that can go "
        "through it; off: they are given the key itself.",
    )
    account: Slug | None = Field(
        default=None,
        description="The account that its agents use: roles of the same one rest together when it refuses; absent: "
        "roles with the same program share one.",
    )
    pause_on: tuple[SearchPattern, ...] = Field(
        default=(),
        max_length=20,
        description="Regular expressions for what its program prints last when its account gives nothing more, beside "
        "what claude, codex, gemini, opencode and aider print.",
    )
    copy: PathPatterns = Field(  # type: ignore[assignment]  # see `Part`
        default=(),
        description="Files that git does not have and its checkouts need, such as .env: copied from your own clone.",
    )
    environment: Environment = Field(
        default=(), description="Environment variables that its agents are given: names, or NAME: value."
    )
    setup: Commands = Field(
        default=(), description="Shell commands that make a fresh checkout ready, instead of the crew's."
    )
    setup_inputs: PathPatterns = Field(
        default=(),
        description="Files that `setup` depends on, such as lock files: unchanged, its result is used again.",
    )

    submodules: bool | None = Field(
        default=None,
        description="Whether its checkouts have the files of the repository's submodules; absent: as the crew says.",
    )

    @property
    def own_backend(self) -> Backend | None:
        """The backend that it says: by name, else by a key that only one of them has, as `command: [...]`."""
        settings = {"command": self.command, "script": self.script}
        by_setting = [name for name, facts in BACKENDS.items() if facts.setting and settings[facts.setting]]
        return self.backend or (by_setting[0] if len(by_setting) == 1 else None)

    def model_for(self, complexity: Complexity) -> str | None:
        """The model's name for a task of this complexity; None leaves it to the agent program."""
        return self.model.get(complexity) if isinstance(self.model, dict) else self.model


class Crew(Part):
    """The roles of a run. In YAML each role is a key beside `default_backend`, `setup` and their like."""

    default_backend: Backend | None = Field(
        default=None,
        description="The agent program of roles without a backend; without it, the only one that is found.",
    )
    setup: Commands = Field(default=(), description="Shell commands that make a fresh checkout ready, for every role.")
    setup_inputs: PathPatterns = Field(
        default=(),
        description="Files that `setup` depends on, such as lock files: unchanged, its result is used again.",
    )
    quota_wait: Seconds | None = Field(
        default=None,
        description="How long a run waits for accounts that refuse (no quota, no login, overload) when nothing else "
        "goes on in it; 6h when absent.",
    )
    environment: Environment = Field(
        default=(),
        description="Environment variables that every agent, set-up and verification is given: names, whose values are "
        "the shell's, or NAME: value.",
    )
    copy: PathPatterns = Field(  # type: ignore[assignment]  # see `Part`
        default=(),
        description="Files that git does not have and every checkout needs, such as .env: copied from your own clone.",
    )
    submodules: bool = Field(
        default=False,
        description="Whether checkouts have the files of the repository's submodules, for every role and for what is "
        "verified.",
    )
    sandbox: SandboxLevel | None = Field(
        default=None,
        description="Whether agents work in a sandbox, for every role that does not say; absent: auto for claude, "
        "codex, opencode, gemini and aider, else off.",
    )
    roles: dict[Slug, Role] = Field(default_factory=dict, description="The roles by name.")

    @model_validator(mode="before")
    @classmethod
    def _gather_roles(cls, data: Any) -> Any:
        """Roles that stand beside the other keys go under `roles`; a role without anything is one of defaults."""
        if not isinstance(data, dict):
            return data
        named = data.get("roles", {})
        if not isinstance(named, dict):
            return data
        beside = {key: value for key, value in data.items() if key not in cls.model_fields}
        roles = {key: value if value not in ("", None) else {} for key, value in (named | beside).items()}
        return {key: value for key, value in data.items() if key in cls.model_fields} | {"roles": roles}

    def role(self, name: str) -> Role:
        """The role of this name; one of defaults (a single slot) when the crew does not have it."""
        return self.roles.get(name, Role())

    def fills_submodules(self, role: str | None = None) -> bool:
        """Whether checkouts of a role have the files of submodules; without one, those that are verified."""
        if role is None:
            return self.submodules or any(known.submodules for known in self.roles.values())
        own = self.role(role).submodules
        return self.submodules if own is None else own

    def sandbox_of(self, role: str, backend: Backend) -> SandboxLevel:
        """Whether agents of a role work in a sandbox."""
        return self.role(role).sandbox or self.sandbox or default_level(backend)

    def slots_of(self, names: Iterable[str]) -> dict[str, int]:
        """The slots of these roles, then those of the roles that they fall back on."""
        own = tuple(names)
        helpers = (helper for name in own for helper in self.role(name).fallback)
        return {name: self.role(name).slots for name in (*own, *helpers)}


_DEFAULT_SLOTS = {
    "architect": 1,
    "backend": 2,
    "frontend": 2,
    "mobile": 1,
    "database": 1,
    "devops": 1,
    "security": 1,
    "qa": 2,
    "reviewer": 1,
    "writer": 1,
    "command": 2,
}

DEFAULT_CREW = Crew(roles={name: Role(slots=slots) for name, slots in _DEFAULT_SLOTS.items()})
"""What lies under every crew. `command` is the role of `run` tasks that name none."""


def merge_crews(plan_crew: Crew, given_crew: Crew | None = None) -> Crew:
    """The plan's crew over the given one (a file or a block) over the default one, key by key within a role.

    Raises:
        CallError: the plan raises the slots of a role that was given, or opens its sandbox: whoever gave the crew
            decides how much may run, and what it may reach.
    """
    given = given_crew or DEFAULT_CREW
    below = given if given is DEFAULT_CREW else _over(given, DEFAULT_CREW)
    # The default crew's slots are no limit but a beginning.
    limited = given.roles if given is not DEFAULT_CREW else {}
    if raised := tuple(_raised_slots(plan_crew, {name: below.roles[name] for name in limited})):
        raise CallError("; ".join(raised), "lower the plan's slots, or give another crew")
    merged = _over(plan_crew, below)
    if opened := tuple(_opened_sandboxes(plan_crew, given, merged)):
        raise CallError("; ".join(opened), "leave that out of the plan, or give another crew")
    return merged


def _opened_sandboxes(plan_crew: Crew, given: Crew, merged: Crew) -> Iterator[str]:
    """A sentence for each level that the plan lowers, and each role that may reach more, where the given crew says a
    level.
    """
    if given.sandbox and merged.sandbox and STRICTNESS[merged.sandbox] < STRICTNESS[given.sandbox]:
        yield f"the plan asks for sandbox: {merged.sandbox}, and the crew has {given.sandbox}"
    for name, role in plan_crew.roles.items():
        level = given.role(name).sandbox or given.sandbox
        if level and role.sandbox and STRICTNESS[role.sandbox] < STRICTNESS[level]:
            yield f"the plan asks for sandbox: {role.sandbox} for {name}, and the crew has {level}"
        if level and level != "off" and (more := sorted(set(role.hosts) - set(given.role(name).hosts))):
            yield f"the plan lets {name} reach {', '.join(more)}, and the crew does not"


def _raised_slots(plan_crew: Crew, limits: Mapping[str, Role]) -> Iterator[str]:
    """A sentence for each role whose slots the plan raises."""
    for name, role in plan_crew.roles.items():
        if name in limits and "slots" in role.model_fields_set and role.slots > limits[name].slots:
            yield f"the plan asks for {role.slots} slots of {name}, and the crew has {limits[name].slots}"


def _over(upper: Crew, lower: Crew) -> Crew:
    """`upper` where it says something, else `lower`."""
    roles = lower.roles | {name: _role_over(role, lower.role(name)) for name, role in upper.roles.items()}
    return Crew(
        default_backend=upper.default_backend or lower.default_backend,
        setup=upper.setup if "setup" in upper.model_fields_set else lower.setup,
        setup_inputs=upper.setup_inputs if "setup_inputs" in upper.model_fields_set else lower.setup_inputs,
        quota_wait=lower.quota_wait if upper.quota_wait is None else upper.quota_wait,
        environment=added(lower.environment, upper.environment),
        copy=tuple(dict.fromkeys((*lower.copy, *upper.copy))),
        submodules=upper.submodules if "submodules" in upper.model_fields_set else lower.submodules,
        sandbox=upper.sandbox or lower.sandbox,
        roles=roles,
    )


def _role_over(upper: Role, lower: Role) -> Role:
    """Key by key; variables, files to copy and servers add up."""
    update = {key: getattr(upper, key) for key in upper.model_fields_set}
    if "environment" in update:
        update["environment"] = added(lower.environment, upper.environment)
    if "copy" in update:
        update["copy"] = tuple(dict.fromkeys((*lower.copy, *upper.copy)))
    if "mcp" in update:
        update["mcp"] = {**lower.mcp, **upper.mcp}
    return lower.model_copy(update=update)


def with_roles_below(crew: Crew, roles: Mapping[str, Role]) -> Crew:
    """The crew over roles that files describe: key by key, what the crew says counts."""
    below = {name: _role_over(crew.role(name), role) for name, role in roles.items()}
    return crew.model_copy(update={"roles": {**crew.roles, **below}})
