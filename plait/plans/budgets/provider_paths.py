"""Which paths of a provider an agent needs, and no other: files, batches and keys of the account are none of them."""

import re
from dataclasses import dataclass
from typing import Final, Literal

from plait.plans.budgets.usage_fields import Api

Provider = Literal["anthropic", "openai", "google"]
"""`openai`: anything that speaks its APIs, too."""
PROVIDERS: Final[tuple[Provider, ...]] = ("anthropic", "openai", "google")

VENDOR_URLS: Final = {
    "anthropic": "https://api.anthropic.com",
    "openai": "https://api.openai.com/v1",
    "google": "https://generativelanguage.googleapis.com",
}
URL_VARIABLES: Final = {
    "anthropic": "ANTHROPIC_BASE_URL",
    "openai": "OPENAI_BASE_URL",
    "google": "GOOGLE_GEMINI_BASE_URL",
}

_NAME = r"[\w.:@+~-]{1,200}"
_PATHS: Final[dict[Provider, tuple[tuple[str, str, Api, bool], ...]]] = {
    "anthropic": (
        ("POST", r"/v1/messages", "messages", True),
        ("POST", r"/v1/messages/count_tokens", "messages", False),
        ("GET", rf"/v1/models(?:/{_NAME})?", "messages", False),
    ),
    "openai": (
        ("POST", r"(?:/v1)?/responses", "responses", True),
        ("POST", r"(?:/v1)?/responses/compact", "responses", True),
        ("POST", r"(?:/v1)?/chat/completions", "chat", True),
        ("GET", rf"(?:/v1)?/models(?:/{_NAME}){{0,3}}", "responses", False),
    ),
    "google": (
        (
            "POST",
            r"/v1(?:alpha|beta)?/models/[\w.+~-]{1,200}:(?:streamGenerateContent|generateContent)",
            "generate",
            True,
        ),
        ("POST", r"/v1(?:alpha|beta)?/models/[\w.+~-]{1,200}:countTokens", "generate", False),
        ("GET", rf"/v1(?:alpha|beta)?/models(?:/{_NAME})?", "generate", False),
    ),
}
_SHAPES: Final[dict[Provider, Api]] = {"anthropic": "messages", "openai": "responses", "google": "generate"}
_COMPILED = {
    provider: tuple((method, re.compile(pattern, re.ASCII), api, counts) for method, pattern, api, counts in paths)
    for provider, paths in _PATHS.items()
}


@dataclass(frozen=True, slots=True)
class Call:
    """What a request asks of a provider."""

    api: Api
    path: str
    """Below the provider's base URL, without its query."""
    is_counted: bool
    """Whether its answer uses up tokens."""


def call_of(provider: Provider, method: str, path: str) -> Call | None:
    """The call that a path below a route is; nothing where an agent has no business there.

    Args:
        provider: Of the route.
        method: Of HTTP.
        path: What follows the route, such as `/v1/messages`; for `openai` with `/v1` or without.
    """
    for wanted, pattern, api, is_counted in _COMPILED[provider]:
        if method == wanted and pattern.fullmatch(path) and ".." not in path:
            return Call(api, path.removeprefix("/v1") if provider == "openai" else path, is_counted)
    return None


def shape_of(provider: Provider) -> Api:
    """In whose shape a request is refused that is no known call."""
    return _SHAPES[provider]
