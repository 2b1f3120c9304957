"""Which roles use the same account: what one of them is refused, all of them would be."""

import re
from collections.abc import Mapping
from pathlib import PurePath
from types import MappingProxyType
from typing import Final

from plait.plans.language.backends import PROGRAMS, Backend
from plait.plans.language.crew import Crew, Role

KNOWN: Final = (*PROGRAMS, "qwen", "copilot", "cursor-agent", "amp", "goose", "crush", "droid")
"""Programs that agents are, by the names that a command has them by, also within a line of shell."""
_WRAPPERS: Final = frozenset(
    {"sh", "bash", "dash", "zsh", "fish", "env", "nice", "timeout", "nohup", "stdbuf", "xargs", "sudo", "npx", "bunx"}
    | {"uvx", "uv", "pipx", "node", "bun", "deno", "python", "python3", "ruby", "perl", "docker", "podman", "bwrap"}
)
_PACKAGES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "@anthropic-ai/claude-code": "claude",
        "@openai/codex": "codex",
        "@google/gemini-cli": "gemini",
        "opencode-ai": "opencode",
    }
)
_WORD = re.compile(r"[\w@./-]+")


def account_of(name: str, role: Role, default: Backend | None = None) -> str:
    """The account that a role's agents use, as a name that roles of the same one share.

    What the crew says (`account`), else the known program in its command, else its own program, else its whole command.

    Example: `[claude, -p]` and `[sh, -c, "claude -p < in"]` share `claude`; two roles with `./agent.sh` share that.
    """
    if role.account is not None:
        return role.account
    backend = role.own_backend or default
    if backend != "command" or not role.command:
        return f"{backend} {role.script or ''}".strip() if backend else f"role {name}"
    words = [word for argument in role.command for word in _WORD.findall(argument)]
    names = [_PACKAGES.get(_without_version(word), PurePath(word).name) for word in words]
    known = next((program for program in names if program in KNOWN), None)
    if known:
        return known
    program = PurePath(role.command[0]).name
    return " ".join(role.command) if program.rstrip("0123456789.") in _WRAPPERS else role.command[0]


def accounts_of(crew: Crew, roles: Mapping[str, object]) -> dict[str, str]:
    """By role, its account."""
    return {name: account_of(name, crew.role(name), crew.default_backend) for name in roles}


def _without_version(package: str) -> str:
    name, at, _version = package.rpartition("@")
    return name if at and name else package
