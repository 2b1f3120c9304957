"""Whether agents work in a sandbox: the level of a role, and the hosts that it may reach from there."""

import re
from collections.abc import Iterable, Mapping
from typing import Literal

from plait.plans.language.backends import Backend

SandboxLevel = Literal["auto", "required", "off"]
"""`required`: not without one. `auto`: where it can be, said loudly where it cannot. `off`: none."""

STRICTNESS: Mapping[SandboxLevel, int] = {"off": 0, "auto": 1, "required": 2}

_BY_DEFAULT: Mapping[Backend, SandboxLevel] = {"command": "off", "scripted": "off", "model": "off"}
"""What is known of: a command may need anything of the user's, and the last two work in plait's own process."""

IN_PROCESS: frozenset[Backend] = frozenset({"scripted", "model"})
"""Backends without a program that could be put into a sandbox."""

UNKNOWN_NEEDS: frozenset[Backend] = frozenset({"command"})
"""Backends of which nobody knows what they need outside of the checkout: `auto` leaves them where they work."""

USUAL_PORT = 443
_HOST = re.compile(
    r"(?P<star>\*\.)?(?P<name>(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)"
    r"(?::(?P<port>[0-9]{1,5}))?\Z"
)
_NUMBERS = re.compile(r"(?:0x[0-9a-f]*|[0-9]+)(?:\.(?:0x[0-9a-f]*|[0-9]+))*\Z")


def default_level(backend: Backend) -> SandboxLevel:
    """The level where neither role nor crew says one."""
    return _BY_DEFAULT.get(backend, "auto")


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
