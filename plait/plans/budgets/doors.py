"""Whether an agent's calls can go through the model door, and to which provider: by program, model and keys."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from plait.plans.agents.programs import PROGRAM_FACTS
from plait.plans.budgets.provider_paths import URL_VARIABLES, Provider
from plait.plans.budgets.upstreams import KEY_VARIABLES, Upstream, upstream_in
from plait.plans.language.backends import Backend

_ONE: Final[Mapping[Backend, Provider]] = MappingProxyType(
    {"claude": "anthropic", "codex": "openai", "gemini": "google"}
)
"""Programs of one vendor, whatever their model is called."""
_ANY: Final[frozenset[Backend]] = frozenset({"opencode", "aider", "model"})
"""Programs of any vendor: the model's name begins with it."""
_BEGINNINGS: Final[Mapping[str, Provider]] = MappingProxyType(
    {"anthropic": "anthropic", "openai": "openai", "google": "google", "gemini": "google"}
)


def provider_of(backend: Backend, model: str | None) -> Provider | None:
    """Whom an agent asks; nothing where that is not known, or is none that the door speaks for.

    Example: opencode with `anthropic/claude-sonnet-4-5` asks anthropic; with `mistral/large` it is nobody's.
    """
    if backend in _ONE:
        return _ONE[backend]
    if backend not in _ANY or not model:
        return None
    beginning = min(model.partition("/")[0], model.partition(":")[0], key=len)
    return _BEGINNINGS.get(beginning)


def upstream_of(backend: Backend, model: str | None, environment: Mapping[str, str]) -> Upstream | None:
    """Where an agent's calls go through the door; nothing where they do not go through it.

    They do where a key is in the environment: a login stays with the program, and so does a cloud of its own (Bedrock,
    Vertex), which the program signs for itself.

    Raises:
        CallError: The address or the key in the environment is none.
    """
    provider = provider_of(backend, model)
    facts = PROGRAM_FACTS.get(backend)
    if provider is None or (facts and any(environment.get(name) for name in facts.switches)):
        return None
    if not any(environment.get(name, "").strip() for name, _ in KEY_VARIABLES[provider]):
        return None
    return upstream_in(environment, provider)


def variables_of(backend: Backend, model: str | None) -> tuple[str, ...]:
    """The variables of ours that say where its calls go, and with which key."""
    provider, facts = provider_of(backend, model), PROGRAM_FACTS.get(backend)
    switches = facts.switches if facts else ()
    if provider is None:
        return switches
    return (*(name for name, _ in KEY_VARIABLES[provider]), URL_VARIABLES[provider], *switches)
