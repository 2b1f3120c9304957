"""A crew saved in Prefect: roles with their slots and agents, as a form that a person can fill in on the page."""

from typing import Any, Literal

from prefect.blocks.core import Block
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from plait.blocks.agents.base import DOCUMENTATION, LOGO
from plait.plans.errors import CallError
from plait.plans.language.backends import NAMED
from plait.plans.language.crew import Crew


class ModelChoice(BaseModel):
    """A model for each complexity of a task."""

    model_config = ConfigDict(extra="forbid")

    simple: str | None = Field(default=None, description="The model for simple tasks.")
    moderate: str | None = Field(default=None, description="The model for tasks of moderate complexity.")
    complex: str | None = Field(default=None, description="The model for complex tasks.")


class CrewRole(BaseModel):
    """One role of a crew, in the words of a crew file; what is left empty is as if it were not there."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(description="The role's name as plans use it, such as backend.")
    slots: int = Field(default=1, ge=1, le=256, description="How many agents of this role work at the same time.")
    backend: str | None = Field(default=None, description=f"The agent program: {NAMED}. Empty: the crew's default.")
    command: list[str] = Field(
        default_factory=list, description="For the backend command: the program and its arguments, one by one."
    )
    prompt_by: Literal["stdin", "file"] = Field(
        default="stdin", description="For the backend command: how the prompt comes, on standard input or as a file."
    )
    script: str | None = Field(default=None, description="For the backend scripted: the YAML file of what it does.")
    model: str | None = Field(default=None, description="The model's name, where one serves for every task.")
    models: ModelChoice | None = Field(default=None, description="Instead of model: one for each complexity.")
    fallback: list[str] = Field(
        default_factory=list, description="Roles that take over when this one cannot, in this order."
    )
    priority: Literal["critical", "high", "medium", "low", "idle"] = Field(
        default="medium", description="Its rank when roles compete for the machine."
    )
    capabilities: list[str] = Field(
        default_factory=list, description="What it is good at, in words that tasks can be matched with."
    )
    description: str | None = Field(default=None, description="What the role is for, as its agents are told.")
    timeout: str | None = Field(default=None, description="The longest that one try may take, such as 2h.")
    stall: str | None = Field(default=None, description="How long an agent may print nothing, such as 10m.")
    start_up: str | None = Field(
        default=None,
        description="How long an agent takes before it does anything useful, such as 10m: with it, small tasks may be "
        "given to one agent as a bundle.",
    )
    memory: str | None = Field(default=None, description="The most memory that one agent may use, such as 2GiB.")
    tokens: int | None = Field(default=None, ge=1, description="The most tokens that one task may use.")
    usd: float | None = Field(default=None, gt=0, description="The most that one task may cost, in US dollars.")
    account: str | None = Field(
        default=None, description="The account that its agents use. Empty: roles with the same program share one."
    )
    pause_on: list[str] = Field(
        default_factory=list,
        description="Regular expressions for what its program prints last when its account gives nothing more.",
    )
    environment: list[str] = Field(
        default_factory=list, description="Names of environment variables that its agents are given."
    )
    copied_files: list[str] = Field(
        default_factory=list, description="Files that git does not have and its checkouts need, such as .env."
    )
    setup: list[str] = Field(
        default_factory=list, description="Shell commands that make a fresh checkout ready, instead of the crew's."
    )
    setup_inputs: list[str] = Field(
        default_factory=list, description="Files that setup depends on, such as lock files."
    )

    submodules: bool | None = Field(
        default=None, description="Whether its checkouts have the files of submodules. Empty: as the crew says."
    )

    def written(self) -> dict[str, Any]:
        """What a crew file would say of this role: slots, and whatever is not empty."""
        filled = {key: value for key, value in self.model_dump(exclude={"name", "models"}).items() if value}
        if "copied_files" in filled:  # pydantic's models have a method of the key's own name
            filled["copy"] = filled.pop("copied_files")
        if self.submodules is not None:
            filled["submodules"] = self.submodules
        if self.models is not None and (chosen := self.models.model_dump(exclude_none=True)):
            filled["model"] = chosen
        for key in ("prompt_by", "priority"):
            if key not in self.model_fields_set:
                filled.pop(key, None)
        return filled


class AgentCrew(Block):
    """
    The roles of a run: how many agents of each work at once, and which program they are.

    Example:
        Load a saved crew and count its agents:
        ```python
        from plait.blocks.agent_crew import AgentCrew

        crew = AgentCrew.load("BLOCK_NAME").as_crew()
        agents = sum(role.slots for role in crew.roles.values())
        ```
    """

    _block_type_name = "Agent Crew"
    _block_type_slug = "plait-agent-crew"
    _documentation_url = DOCUMENTATION
    _logo_url = LOGO
    _description = "The roles of a feature run: how many agents of each work at once, and which program they are."

    roles: list[CrewRole] = Field(
        default_factory=list,
        title="Roles",
        description="The roles; those that are missing are taken from the default crew.",
        json_schema_extra={"position": 0},
    )
    default_backend: str | None = Field(
        default=None,
        title="Default backend",
        description="The agent program of roles without one. Empty: the only one that is found on the machine.",
        json_schema_extra={"position": 1},
    )
    setup: list[str] = Field(
        default_factory=list,
        title="Set-up",
        description="Shell commands that make a fresh checkout ready, such as npm ci.",
        json_schema_extra={"position": 2},
    )
    setup_inputs: list[str] = Field(
        default_factory=list,
        title="Set-up inputs",
        description="Files that the set-up depends on, such as lock files: unchanged, its result is used again.",
        json_schema_extra={"position": 3},
    )

    quota_wait: str | None = Field(
        default=None,
        title="Quota wait",
        description="How long a run waits for accounts that refuse when nothing else goes on, such as 2h. Empty: 6h.",
        json_schema_extra={"position": 7},
    )

    environment: list[str] = Field(
        default_factory=list,
        title="Environment",
        description="Names of environment variables that every agent, set-up and verification is given.",
        json_schema_extra={"position": 4},
    )

    copied_files: list[str] = Field(
        default_factory=list,
        title="Copied files",
        description="Files that git does not have and that every checkout needs, such as .env.",
        json_schema_extra={"position": 5},
    )

    submodules: bool = Field(
        default=False,
        title="Submodules",
        description="Whether checkouts have the files of the repository's submodules.",
        json_schema_extra={"position": 6},
    )

    def as_crew(self) -> Crew:
        """
        The crew as plans know it.

        Raises:
            CallError: A value is not one that a crew may have. Found here, not when the block is loaded or saved: the
                page saves what it likes, and Prefect would call it a block that cannot be loaded.
        """
        try:
            return self._built()
        except ValueError as error:
            raise CallError(f"the crew block cannot be used: {_in_words(error)}", "correct it on the page") from None

    def _built(self) -> Crew:
        names = [role.name for role in self.roles]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"the role {twice[0]!r} is there twice")
        written: dict[str, Any] = {"roles": {role.name: role.written() for role in self.roles}}
        for key in ("default_backend", "setup", "setup_inputs", "submodules", "environment", "quota_wait"):
            if value := getattr(self, key):
                written[key] = value
        if self.copied_files:
            written["copy"] = self.copied_files
        return Crew.model_validate(written)


def _in_words(error: ValueError) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    return "; ".join(f"{'.'.join(map(str, mistake['loc']))}: {mistake['msg']}" for mistake in error.errors())
