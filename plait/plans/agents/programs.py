"""What is known of each agent program: the versions that were tried, its keys, and where it keeps its login."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from plait.plans.language.backends import Backend


@dataclass(frozen=True, slots=True)
class ProgramFacts:
    """An agent program that plait drives."""

    package: str
    """What its installer calls it."""
    oldest: str
    """The versions that it was tried with go from this one …"""
    newest: str
    """… up to this one, which is the one that tests install."""
    keys: tuple[str, ...]
    """Variables that take a login's place, and that its agents are given where our environment has them."""
    switches: tuple[str, ...] = ()
    """Variables that send it to a cloud of its own, with logins of that cloud; given like keys, never with the door."""
    logins: tuple[str, ...] = ()
    """Files from HOME that are its login: copied into the HOME of its agents, where there is no key."""
    addresses: tuple[str, ...] = ()
    """Variables that say another address of its provider, where the program itself does not read them."""
    signs: tuple[str, ...] = ()
    """Further files from HOME that show a login, or settings that may hold a key."""

    @property
    def variables(self) -> tuple[str, ...]:
        return (*self.keys, *self.switches)


PROGRAM_FACTS: Final[Mapping[Backend, ProgramFacts]] = MappingProxyType(
    {
        "claude": ProgramFacts(
            package="@anthropic-ai/claude-code",
            oldest="2.1.332",
            newest="2.1.332",
            keys=("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN"),
            switches=("CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX"),
            logins=(".claude/.credentials.json",),
            signs=("Library/Keychains",),  # on macOS it is in the keychain: nobody can look
        ),
        "codex": ProgramFacts(
            package="@openai/codex",
            oldest="0.171.0",
            newest="0.171.0",
            keys=("OPENAI_API_KEY", "CODEX_API_KEY"),
            logins=(".codex/auth.json",),
            addresses=("OPENAI_BASE_URL",),
        ),
        "opencode": ProgramFacts(
            package="opencode-ai",
            oldest="1.18.33",
            newest="1.18.33",
            keys=("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "OPENROUTER_API_KEY", "GEMINI_API_KEY"),
            logins=(".local/share/opencode/auth.json",),
            signs=(".config/opencode/opencode.json",),
        ),
        "gemini": ProgramFacts(
            package="@google/gemini-cli",
            oldest="0.61.0",
            newest="0.61.0",
            keys=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
            logins=(".gemini/oauth_creds.json", ".gemini/google_accounts.json"),
        ),
        "aider": ProgramFacts(
            package="aider-chat",
            oldest="0.86.2",
            newest="0.86.2",
            keys=("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "OPENROUTER_API_KEY", "GEMINI_API_KEY", "DEEPSEEK_API_KEY"),
            addresses=("OPENAI_API_BASE", "OPENAI_BASE_URL", "ANTHROPIC_API_BASE", "ANTHROPIC_BASE_URL"),
            signs=(".aider.conf.yml", ".env"),
        ),
    }
)
"""By backend; each is started by its backend's name."""


def how_to_install(backend: Backend) -> str | None:
    """The command that installs the version that plait is tested with; nothing for what is no program of these."""
    facts = PROGRAM_FACTS.get(backend)
    if facts is None:
        return None
    if backend == "aider":
        return f"pipx install {facts.package}=={facts.newest}"
    return f"npm install -g {facts.package}@{facts.newest}"  # without a version npm may take an old one, on an old Node


def untested(backend: Backend, version: str) -> str:
    """What speaks against a version, in a sentence; empty where it is one of those that were tried, or unknown.

    Example: `claude 2.1.197 is older than 2.1.332, the oldest that plait was tried with`.
    """
    facts = PROGRAM_FACTS.get(backend)
    if facts is None or not version:
        return ""
    if _order(version) < _order(facts.oldest):
        return f"{backend} {version} is older than {facts.oldest}, the oldest that plait was tried with"
    if _order(version) > _order(facts.newest):
        return f"{backend} {version} is newer than {facts.newest}, the newest that plait was tried with"
    return ""


def _order(version: str) -> tuple[int, ...]:
    """`2.1.332-beta` as (2, 1, 332); numbers of any length, as they come from a program."""
    return tuple(int(part[:9]) for part in re.findall(r"[0-9]+", version)[:3])
