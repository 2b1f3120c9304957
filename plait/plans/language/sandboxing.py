"""Whether agents work in a sandbox: the level of a role, and the hosts that it may reach from there."""

import re
from collections.abc import Iterable, Mapping
from typing import Literal

from plait.plans.language.backends import Backend

SandboxLevel = Literal["auto", "required", "off"]
"""`required`: not without one. `auto`: where it works and what the program needs is known, else said loudly."""

STRICTNESS: Mapping[SandboxLevel, int] = {"off": 0, "auto": 1, "required": 2}

_CONFINED_BY_DEFAULT: frozenset[Backend] = frozenset({"claude", "codex", "opencode", "gemini", "aider"})
"""Programs whose needs are known. A command of the user's may need anything: caches, logins, docker, a database."""

NOT_CONFINED: frozenset[Backend] = frozenset({"model", "acp"})
"""Backends that live in a process of plait's own code, around which this version puts no sandbox."""

PROVIDER_HOSTS: Mapping[Backend, tuple[str, ...]] = {
    "claude": ("api.anthropic.com", "platform.claude.com", "console.anthropic.com"),
    "codex": ("api.openai.com", "chatgpt.com", "auth.openai.com"),
    "gemini": ("generativelanguage.googleapis.com", "cloudcode-pa.googleapis.com", "oauth2.googleapis.com"),
}
"""What a program asks that does not go through the model door; of those that are not here nobody knows."""

ELSEWHERE = ("ANTHROPIC_BASE_URL", "OPENAI_BASE_URL", "OPENAI_API_BASE", "GOOGLE_GEMINI_BASE_URL", "CODEX_API_BASE_URL")
"""Variables that lead a program to another provider."""

USUAL_PORT = 443
_HOST = re.compile(
    r"(?P<star>\*\.)?(?P<name>(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)"
    r"(?::(?P<port>[0-9]{1,5}))?\Z"
)
_NUMBERS = re.compile(r"(?:0x[0-9a-f]*|[0-9]+)(?:\.(?:0x[0-9a-f]*|[0-9]+))*\Z")


def default_level(backend: Backend) -> SandboxLevel:
    """The level where neither role nor crew says one."""
    return "auto" if backend in _CONFINED_BY_DEFAULT else "off"


def check_host(text: str) -> str:
    """The entry in small letters; ValueError where it is none: a name, a `*.` before it, a port behind it."""
    entry = text.strip().lower().rstrip(".")
    found = _HOST.match(entry)
    if found is None or (found["port"] and not 0 < int(found["port"]) < 65536):
        raise ValueError("is no host: write a name such as pypi.org, *.example.com or example.com:8443")
    if _NUMBERS.match(found["name"]) or found["name"] == "localhost" or found["name"].endswith(".localhost"):
        raise ValueError("is no name on the network: addresses, and this machine, are out of reach in a sandbox")
    if found["star"] and "." not in found["name"]:
        raise ValueError("is too wide: name at least a domain, such as *.example.com")
    return entry


def is_allowed(name: str, port: int, hosts: Iterable[str]) -> bool:
    """Whether an entry of the list covers a host; an address in numbers never is.

    Example: `*.example.com` covers `a.example.com` and `a.b.example.com` on port 443, and not `example.com`.
    """
    wanted = name.lower().rstrip(".")
    if not wanted or _NUMBERS.match(wanted):
        return False
    for entry in hosts:
        found = _HOST.match(entry)
        if found is None or port != int(found["port"] or USUAL_PORT):
            continue
        if wanted.endswith(f".{found['name']}") if found["star"] else wanted == found["name"]:
            return True
    return False


def left_outside(backend: Backend, *, has_door: bool, variables: Iterable[str]) -> str:
    """Why `auto` leaves an agent outside of a sandbox that works here; empty where it does not.

    It never makes fail what works without one: who works for a provider that the sandbox could not let through, or may
    need anything, stays outside.

    Args:
        has_door: Whether it reaches its provider through the model door.
        variables: The names of those that it is given.
    """
    if backend in ("command", "scripted"):
        return "nobody knows what its command needs of this machine"
    if backend in NOT_CONFINED:
        return f"{backend} cannot be put into one"
    if has_door:
        return ""
    if named := sorted(set(ELSEWHERE).intersection(variables)):
        return f"{named[0]} leads it to another provider"
    return "" if backend in PROVIDER_HOSTS else f"nobody knows which provider {backend} asks"
