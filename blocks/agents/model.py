"""A model as an agent, with tools of plait's own: any provider that pydantic-ai knows, or an address."""

from pathlib import Path
from typing import ClassVar, Self

from pydantic import Field, field_validator

from plait.agent_host.orders import HostOrder
from plait.blocks.agents.base import DOCUMENTATION, LOGO, Text
from plait.blocks.agents.hosted import HostedAgent, import_path
from plait.plans.agents.launching import LaunchOrder
from plait.plans.agents.programs import ProgramFacts
from plait.plans.errors import CallError
from plait.plans.language.backends import Backend
from plait.plans.language.crew import Role


class ModelAgent(HostedAgent):
    """
    A model that works by itself, without an agent program: it lists, searches, reads, edits and runs in the checkout.

    `model` is `anthropic:…`, `openai:…`, `openai-chat:…`, `google:…` or another provider of pydantic-ai. With `url`,
    the address of a server that speaks OpenAI's Chat Completions, it is that server's name for it. Needs
    `pip install 'prefect-plait[model]'`.

    Example:
        Load a saved agent:
        ```python
        from plait.blocks.agents.model import ModelAgent

        agent = ModelAgent.load("BLOCK_NAME")
        ```
    """

    _block_type_name = "Model Agent"
    _block_type_slug = "plait-model-agent"
    _documentation_url = DOCUMENTATION
    _logo_url = LOGO
    _description = "A model with plait's own tools as a coding agent, from any provider or address."

    backend: ClassVar[Backend] = "model"
    kind = "model"
    library = "pydantic_ai"

    url: Text = Field(
        default="",
        title="Address",
        description="Where the model is served, when it is not its provider's own place, such as "
        "http://127.0.0.1:8000/v1.",
    )

    @field_validator("url")
    @classmethod
    def _is_an_address(cls, url: str) -> str:
        if url and not url.startswith(("http://", "https://")):
            raise ValueError(f"{url!r} is no address: it begins with http:// or https://")
        return url

    @classmethod
    def from_role(cls, role_name: str, role: Role, *, base_directory: Path) -> Self:  # noqa: ARG003
        """The model that the role names, at its address."""
        if not role.model:
            raise CallError(
                f"the role {role_name} has the backend model, but names no model",
                "such as `model: anthropic:claude-sonnet-5`, or its name at the role's `url`",
            )
        if role.arguments:
            raise CallError(f"the role {role_name} has `arguments`, and the backend model is no program to have any")
        model = role.model if isinstance(role.model, str) else ""
        return cls(model=model, url=role.url or "", capabilities=role.capabilities)

    @property
    def facts(self) -> ProgramFacts:
        """Its keys are those of the providers for which the model door stands in."""
        return MODEL_FACTS

    def host_order(self, order: LaunchOrder) -> HostOrder:
        """
        What the host is asked for.

        Raises:
            CallError: No model is named.
        """
        if not order.model:
            raise CallError("the backend model has no model to ask", "name one in the role or the block")
        return HostOrder("model", order, import_path(), url=self.url)


MODEL_FACTS = ProgramFacts(
    package="pydantic-ai-slim",
    oldest="2.68.0",
    newest="2.68.0",
    keys=("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GOOGLE_API_KEY", "GEMINI_API_KEY"),
    switches=("ANTHROPIC_BASE_URL", "OPENAI_BASE_URL", "GOOGLE_GEMINI_BASE_URL"),
)
