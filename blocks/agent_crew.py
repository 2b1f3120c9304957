"""A crew saved in Prefect: roles with their slots and agents, as a form that a person can fill in on the page."""

import shlex
from typing import Annotated, Any, Final, Literal

from prefect.blocks.core import Block
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from plait.blocks.agents.base import DOCUMENTATION, LOGO, Text
from plait.plans.errors import CallError
from plait.plans.language.backends import NAMED
from plait.plans.language.crew import Crew

AS_THE_CREW: Final = "as the crew says"
BY_THE_BACKEND: Final = "by the backend"


def _in_order(schema: dict[str, Any]) -> None:
    """Number the fields: Prefect does so for a block's own alone, and PostgreSQL forgets the order of keys."""
    for position, part in enumerate(schema["properties"].values()):
        part["position"] = position


def _as_word(answer: object) -> object:
    """The word for what crews of before 0.2 have saved as true, false or null."""
    return (
        {None: AS_THE_CREW, True: "yes", False: "no"}[answer] if answer is None or answer in (True, False) else answer
    )


class ModelChoice(BaseModel):
    """A model for each complexity of a task."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=_in_order)

    simple: Text = Field(default="", title="Simple", description="The model for simple tasks.")
    moderate: Text = Field(default="", title="Moderate", description="The model for tasks of moderate complexity.")
    complex: Text = Field(default="", title="Complex", description="The model for complex tasks.")


class CrewRole(BaseModel):
    """One role of a crew, in the words of a crew file; what is left empty is as if it were not there.

    No field may be null: Prefect's pages show a choice between kinds for such, in place of a field to type into. Null,
    which earlier versions saved, is read as empty.
    """

    model_config = ConfigDict(extra="forbid", json_schema_extra=_in_order)

    name: str = Field(title="Name", description="The role's name as plans use it, such as backend.")
    slots: int = Field(
        default=1, ge=1, le=256, title="Slots", description="How many agents of this role work at the same time."
    )
    backend: Text = Field(
        default="", title="Backend", description=f"The agent program: {NAMED}. Empty: the crew's default."
    )
    command: list[str] = Field(
        default_factory=list,
        title="Command",
        description="For the backends command and acp: the program and its arguments, one by one.",
        examples=[["claude", "-p"]],
    )
    arguments: list[str] = Field(
        default_factory=list,
        title="Arguments",
        description="Of an agent program such as claude or codex: further arguments, one by one.",
        examples=[["--effort", "high"]],
    )
    prompt_by: Literal["stdin", "file"] = Field(
        default="stdin",
        title="Prompt by",
        description="For the backend command: how the prompt comes, on standard input or as a file.",
    )
    script: Text = Field(
        default="", title="Script", description="For the backend scripted: the YAML file of what it does."
    )
    model: Text = Field(default="", title="Model", description="The model's name, where one serves for every task.")
    models: Annotated[ModelChoice, BeforeValidator(lambda chosen: chosen or {})] = Field(
        default_factory=ModelChoice, title="Models", description="Instead of a model: one for each complexity."
    )
    url: Text = Field(
        default="",
        title="Address",
        description="For the backend model: where it is served, when that is not its provider's own place.",
    )
    description: Text = Field(
        default="", title="Description", description="What the role is for, as its agents are told."
    )
    instructions: Text = Field(
        default="",
        title="Instructions",
        description="What its agents are told in any task: the system prompt, where the program has one.",
    )
    tools: list[str] = Field(
        default_factory=list,
        title="Tools",
        description="The tools that its agents may have, by the program's own names. None: all that its backend gives.",
    )
    denied_tools: list[str] = Field(
        default_factory=list,
        title="Denied tools",
        description="Tools that its agents may not have, by the program's own names.",
    )
    mcp: dict[str, str] = Field(
        default_factory=dict,
        title="MCP servers",
        description="Further MCP servers that its agents may use, by name: an address, or a command with its words.",
        examples=[{"docs": "https://example.com/mcp"}],
    )
    turns: Annotated[int, BeforeValidator(lambda limit: limit or 0)] = Field(
        default=0, ge=0, title="Turns", description="The most turns that one try may take. 0: no limit."
    )
    capabilities: list[str] = Field(
        default_factory=list,
        title="Capabilities",
        description="What it is good at, in words that tasks can be matched with.",
    )
    fallback: list[str] = Field(
        default_factory=list,
        title="Fallback",
        description="Roles that take over when this one cannot, in this order.",
    )
    priority: Literal["critical", "high", "medium", "low", "idle"] = Field(
        default="medium", title="Priority", description="Its rank when roles compete for the machine."
    )
    timeout: Text = Field(default="", title="Time limit", description="The longest that one try may take, such as 2h.")
    stall: Text = Field(
        default="", title="Limit of silence", description="How long an agent may print nothing, such as 10m."
    )
    checkpoint: Text = Field(
        default="",
        title="Checkpoint",
        description="How often the work of an agent is committed while it works, such as 5m; 0 is never. Empty: 5m.",
    )
    start_up: Text = Field(
        default="",
        title="Start-up",
        description="How long an agent takes before it does anything useful, such as 10m: with it, small tasks may be "
        "given to one agent as a bundle.",
    )
    memory: Text = Field(
        default="", title="Memory", description="The most memory that one agent may use, such as 2GiB."
    )
    tokens: Annotated[int, BeforeValidator(lambda limit: limit or 0)] = Field(
        default=0, ge=0, title="Tokens", description="The most tokens that one task may use. 0: no limit."
    )
    usd: Annotated[float, BeforeValidator(lambda limit: limit or 0)] = Field(
        default=0, ge=0, title="US dollars", description="The most that one task may cost. 0: no limit."
    )
    door: Literal["auto", "off"] = Field(
        default="auto",
        title="Model door",
        description="Whether its agents reach their provider through the model door; off: they get the key itself.",
    )
    account: Text = Field(
        default="",
        title="Account",
        description="The account that its agents use. Empty: roles with the same program share one.",
    )
    pause_on: list[str] = Field(
        default_factory=list,
        title="Pause on",
        description="Regular expressions for what its program prints last when its account gives nothing more.",
    )
    environment: list[str] = Field(
        default_factory=list,
        title="Environment",
        description="Names of environment variables that its agents are given.",
    )
    copied_files: list[str] = Field(
        default_factory=list,
        title="Copied files",
        description="Files that git does not have and its checkouts need, such as .env.",
    )
    submodules: Annotated[Literal["as the crew says", "yes", "no"], BeforeValidator(_as_word)] = Field(
        default=AS_THE_CREW, title="Submodules", description="Whether its checkouts have the files of submodules."
    )
    sandbox: Literal["as the crew says", "required", "auto", "off"] = Field(
        default=AS_THE_CREW,
        title="Sandbox",
        description="Whether its agents work in a sandbox: not without one, where it works, or not at all.",
    )
    hosts: list[str] = Field(
        default_factory=list,
        title="Hosts",
        description="Hosts that its agents may reach from a sandbox, such as pypi.org.",
    )
    setup: list[str] = Field(
        default_factory=list,
        title="Set-up",
        description="Shell commands that make a fresh checkout ready, instead of the crew's, such as npm ci.",
    )
    setup_inputs: list[str] = Field(
        default_factory=list, title="Set-up inputs", description="Files that the set-up depends on, such as lock files."
    )

    def written(self) -> dict[str, Any]:
        """What a crew file would say of this role: slots, and whatever is not empty."""
        apart = {"name", "models", "submodules"}
        filled = {key: value for key, value in self.model_dump(exclude=apart).items() if value}
        if "copied_files" in filled:  # pydantic's models have a method of the key's own name
            filled["copy"] = filled.pop("copied_files")
        if self.sandbox == AS_THE_CREW:
            del filled["sandbox"]
        if self.submodules != AS_THE_CREW:
            filled["submodules"] = self.submodules == "yes"
        if "mcp" in filled:
            filled["mcp"] = {server: _server(words) for server, words in self.mcp.items()}
        if chosen := {complexity: model for complexity, model in self.models.model_dump().items() if model}:
            filled["model"] = chosen
        for key in ("prompt_by", "priority", "door"):
            if key not in self.model_fields_set:
                filled.pop(key, None)
        return filled


def _server(words: str) -> str | list[str]:
    """An address as it is, a command as its words; ValueError where its quotes do not close."""
    return words if words.lstrip().startswith(("http://", "https://")) else shlex.split(words)


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
        examples=[[{"name": "backend", "slots": 2, "backend": "command", "command": ["claude", "-p"]}]],
    )
    default_backend: Text = Field(
        default="",
        title="Default backend",
        description="The agent program of roles without one. Empty: the only one that is found on the machine.",
    )
    setup: list[str] = Field(
        default_factory=list,
        title="Set-up",
        description="Shell commands that make a fresh checkout ready, such as npm ci.",
        examples=[["npm ci"]],
    )
    setup_inputs: list[str] = Field(
        default_factory=list,
        title="Set-up inputs",
        description="Files that the set-up depends on, such as lock files: unchanged, its result is used again.",
        examples=[["package-lock.json"]],
    )
    environment: list[str] = Field(
        default_factory=list,
        title="Environment",
        description="Names of environment variables that every agent, set-up and verification is given.",
        examples=[["ANTHROPIC_API_KEY"]],
    )
    copied_files: list[str] = Field(
        default_factory=list,
        title="Copied files",
        description="Files that git does not have and that every checkout needs, such as .env.",
        examples=[[".env"]],
    )
    submodules: bool = Field(
        default=False,
        title="Submodules",
        description="Whether checkouts have the files of the repository's submodules.",
    )
    sandbox: Literal["by the backend", "required", "auto", "off"] = Field(
        default=BY_THE_BACKEND,
        title="Sandbox",
        description="Whether agents work in a sandbox, for roles that do not say. By the backend: auto for claude, "
        "codex, opencode, gemini and aider, else off.",
    )
    quota_wait: Text = Field(
        default="",
        title="Quota wait",
        description="How long a run waits for accounts that refuse when nothing else goes on, such as 2h. Empty: 6h.",
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
        if self.sandbox != BY_THE_BACKEND:
            written["sandbox"] = self.sandbox
        if self.copied_files:
            written["copy"] = self.copied_files
        return Crew.model_validate(written)


def _in_words(error: ValueError) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    return "; ".join(f"{'.'.join(map(str, mistake['loc']))}: {mistake['msg']}" for mistake in error.errors())
