"""Which provider a model's name means, and how it is reached: by its own address, another one, or the model door."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from plait.agent_host.orders import HostOrder

if TYPE_CHECKING:
    from pydantic_ai.models import Model

CHAT: Final = "openai-chat"
"""The API that servers of other people's models speak: what a name without a provider means."""
_OPENAI: Final = ("openai", "openai-responses", CHAT)

KEYS: Final[Mapping[str, str]] = {
    "anthropic": "ANTHROPIC_API_KEY",
    "openai": "OPENAI_API_KEY",
    "openai-responses": "OPENAI_API_KEY",
    CHAT: "OPENAI_API_KEY",
    "google": "GOOGLE_API_KEY",
}
"""Of the providers for which an address can be given; all others of pydantic-ai are reached as it reaches them."""
_BASE_URLS: Final[Mapping[str, str]] = {
    "anthropic": "ANTHROPIC_BASE_URL",
    "openai": "OPENAI_BASE_URL",
    "openai-responses": "OPENAI_BASE_URL",
    CHAT: "OPENAI_BASE_URL",
    "google": "GOOGLE_GEMINI_BASE_URL",
}
_NO_KEY: Final = "no-key"
"""Servers on one's own machine want none; the clients want one."""


class KeyMissing(Exception):
    """The provider cannot be asked without a key."""


@dataclass(frozen=True, slots=True)
class Provider:
    """A model, and how its provider is reached."""

    name: str
    model: str
    url: str
    key: str

    @property
    def known_as(self) -> str:
        """As pydantic-ai names it."""
        return f"{self.name}:{self.model}"


def provider_of(order: HostOrder, environment: Mapping[str, str]) -> Provider:
    """Who is asked for the order's model.

    Example: `anthropic:claude-sonnet-5`; `qwen3-coder` with the address `http://127.0.0.1:8000/v1` is one of a server
    that speaks Chat Completions.

    Raises:
        KeyMissing: no key is there for a provider that wants one.
    """
    named = order.launch.model or ""
    prefix, colon, rest = named.partition(":")
    # With an address of its own a name may have a colon that divides nothing, such as `qwen3:8b`.
    is_divided = bool(colon) and (prefix in KEYS or not (order.url or environment.get(_BASE_URLS[CHAT])))
    name, model = (prefix, rest) if is_divided else (CHAT, named)
    if name not in KEYS:
        return Provider(name, model, "", "")
    if order.launch.door:
        url = order.launch.door.url.rstrip("/")
        return Provider(name, model, f"{url}/v1" if name in _OPENAI else url, order.launch.door.token)
    url = order.url or environment.get(_BASE_URLS[name], "")
    key = environment.get(KEYS[name]) or (environment.get("GEMINI_API_KEY", "") if name == "google" else "")
    if not key and not url:
        raise KeyMissing(f"{KEYS[name]} is not set, so {name} cannot be asked")
    return Provider(name, model, url, key or _NO_KEY)


def without_keys(environment: Mapping[str, str]) -> dict[str, str]:
    """What the commands of a model see of the environment: its provider's key is not their business."""
    hidden = {*KEYS.values(), "GEMINI_API_KEY"}
    return {name: value for name, value in environment.items() if name not in hidden}


def model_at(provider: Provider) -> "Model":
    """The model as pydantic-ai asks it: once, since plait asks again by itself and tells so.

    Raises:
        ModuleNotFoundError: the client of this provider is not installed.
    """
    from pydantic_ai.models import infer_model  # noqa: PLC0415

    if provider.name not in KEYS:
        return infer_model(provider.known_as)
    return infer_model(provider.known_as, provider_factory=lambda _name: _client_of(provider))


def _client_of(provider: Provider) -> Any:
    if provider.name == "anthropic":
        from anthropic import AsyncAnthropic  # noqa: PLC0415
        from pydantic_ai.providers.anthropic import AnthropicProvider  # noqa: PLC0415

        return AnthropicProvider(
            anthropic_client=AsyncAnthropic(api_key=provider.key, base_url=provider.url or None, max_retries=0)
        )
    if provider.name == "google":
        from pydantic_ai.providers.google import GoogleProvider  # noqa: PLC0415

        return GoogleProvider(api_key=provider.key, base_url=provider.url or None)
    from openai import AsyncOpenAI  # noqa: PLC0415
    from pydantic_ai.providers.openai import OpenAIProvider  # noqa: PLC0415

    return OpenAIProvider(openai_client=AsyncOpenAI(api_key=provider.key, base_url=provider.url or None, max_retries=0))


def settings_for(provider: Provider) -> dict[str, Any]:
    """What every request is to have: a conversation of tools is read again and again, and should come from a cache."""
    if provider.name != "anthropic":
        return {}
    cached = ("anthropic_cache_instructions", "anthropic_cache_tool_definitions", "anthropic_cache_messages")
    return dict.fromkeys(cached, True)


def host_environment() -> dict[str, str]:
    """This process's own, without what plait's shim has put there for itself."""
    return {name: value for name, value in os.environ.items() if name != "PLAIT_PROCESS"}
