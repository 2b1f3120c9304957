"""Where a provider's calls go, and with which key: from the user's environment, which agents do not see."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal
from urllib.parse import urlsplit

from plait.plans.budgets.provider_paths import URL_VARIABLES, VENDOR_URLS, Provider
from plait.plans.errors import CallError

Credential = Literal["x-api-key", "bearer", "x-goog-api-key"]

KEY_VARIABLES: Final[Mapping[Provider, tuple[tuple[str, Credential], ...]]] = {
    "anthropic": (("ANTHROPIC_API_KEY", "x-api-key"), ("ANTHROPIC_AUTH_TOKEN", "bearer")),
    "openai": (("OPENAI_API_KEY", "bearer"), ("CODEX_API_KEY", "bearer")),
    "google": (("GEMINI_API_KEY", "x-goog-api-key"), ("GOOGLE_API_KEY", "x-goog-api-key")),
}
"""Where keys are, and how each is sent; the first that is there counts."""
_DEFAULT: Final[Mapping[Provider, Credential]] = {
    "anthropic": "x-api-key",
    "openai": "bearer",
    "google": "x-goog-api-key",
}


@dataclass(frozen=True, slots=True)
class Upstream:
    """A provider as one try reaches it."""

    provider: Provider
    scheme: Literal["http", "https"]
    host: str
    port: int
    path: str
    """What stands before each path, such as `/v1`; without a slash at its end."""
    key: str = field(default="", repr=False)
    """Empty: a server of one's own that asks for none."""
    credential: Credential = "bearer"

    @property
    def authority(self) -> str:
        """As the header `Host` has it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        is_usual = self.port == (443 if self.scheme == "https" else 80)
        return host if is_usual else f"{host}:{self.port}"


def upstream_at(provider: Provider, url: str, key: str = "", credential: Credential | None = None) -> Upstream:
    """A provider at a base URL.

    Raises:
        CallError: It is no base URL, or the key is none that a header can have.
    """
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        raise _no_base(provider, url) from None
    if (
        parts.scheme not in ("http", "https")
        or not parts.hostname
        or parts.query
        or parts.fragment
        or "@" in parts.netloc
    ):
        raise _no_base(provider, url)
    if not (url.isascii() and url.strip().isprintable()) or " " in url.strip():
        raise _no_base(provider, url)
    if key and not (key.isascii() and key.isprintable() and " " not in key):
        raise CallError(f"the key of {provider} is none: it has blanks, line breaks or other odd characters")
    scheme: Literal["http", "https"] = "https" if parts.scheme == "https" else "http"
    return Upstream(
        provider,
        scheme,
        parts.hostname,
        port or (443 if scheme == "https" else 80),
        parts.path.rstrip("/"),
        key,
        credential or _DEFAULT[provider],
    )


def upstream_in(environment: Mapping[str, str], provider: Provider) -> Upstream | None:
    """The provider that a user's environment names, with its key; nothing where neither a key nor an address is there.

    Raises:
        CallError: What stands there is no address, or no key.
    """
    url = environment.get(URL_VARIABLES[provider], "").strip()
    named = ((environment.get(name, "").strip(), credential) for name, credential in KEY_VARIABLES[provider])
    key, credential = next(((key, credential) for key, credential in named if key), ("", None))
    if not key and not url:
        return None
    return upstream_at(provider, url or VENDOR_URLS[provider], key, credential)


def _no_base(provider: Provider, url: str) -> CallError:
    where = url.rpartition("@")[2][:200]  # what stands before may be a password
    return CallError(
        f"the address of {provider} is no base URL: {where!a}",
        f"write {URL_VARIABLES[provider]} as {VENDOR_URLS[provider]}",
    )
