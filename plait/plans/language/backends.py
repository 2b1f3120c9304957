"""The one table of agent backends: what crews may call them, which program each is, and what it needs and can do."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Backend = Literal["command", "scripted", "claude", "codex", "opencode", "gemini", "aider", "model", "acp"]
"""The name of a backend in a crew. Each has its row in `BACKENDS` (mypy and pydantic want the names spelled out)."""

Ability = Literal["model", "usage", "live usage", "cost", "sessions", "turns", "tools", "servers"]
"""`model`: works with the model that a role names. `usage`: may tell what an agent used up; `live usage`: also while it
works, without which nothing but the model door can debit a budget in mid-run; `cost`: in US dollars. `sessions`: a try
can go on with what an earlier one knows. `turns`: keeps a limit of them by itself. `tools`: has no others
than a role allows. `servers`: uses those of its `mcp`."""


@dataclass(frozen=True, slots=True)
class BackendFacts:
    """What is known of a backend without its code."""

    program: str | None = None
    """Looked for on the PATH when a role names no backend."""
    setting: Literal["command", "script"] | None = None
    """The key of a role without which it cannot work."""
    abilities: frozenset[Ability] = frozenset()


_MODEL: frozenset[Ability] = frozenset({"model"})
_CODEX: frozenset[Ability] = frozenset({"model", "usage", "sessions", "servers"})
_AIDER: frozenset[Ability] = frozenset({"model", "usage", "live usage", "cost"})
_OPENCODE: frozenset[Ability] = _AIDER | {"sessions", "tools", "servers"}

# Measured on claude 2.1.332, codex 0.171.0, opencode 1.18.33, gemini 0.61.0, aider 0.86.2: codex and gemini tell their
# tokens at the end alone, and never what it cost; opencode's `agent.build.steps` is no limit.
BACKENDS: Mapping[Backend, BackendFacts] = {
    "command": BackendFacts(setting="command", abilities=_MODEL),
    # Its sessions are those that its `usage` names: so what is done for real programs can be tried with a script.
    "scripted": BackendFacts(setting="script", abilities=frozenset({"usage", "sessions"})),
    "claude": BackendFacts(program="claude", abilities=_OPENCODE | {"turns"}),
    "codex": BackendFacts(program="codex", abilities=_CODEX),
    "opencode": BackendFacts(program="opencode", abilities=_OPENCODE),
    "gemini": BackendFacts(program="gemini", abilities=_CODEX | {"turns", "tools"}),
    "aider": BackendFacts(program="aider", abilities=_AIDER),
    "model": BackendFacts(abilities=_CODEX | {"live usage", "turns"}),
    "acp": BackendFacts(abilities=_MODEL | {"sessions", "servers"}),
}

PROGRAMS: Mapping[str, Backend] = {facts.program: name for name, facts in BACKENDS.items() if facts.program}
"""By program, the backend that is chosen where it is the only one on the PATH and a role names none."""
NAMED = ", ".join(BACKENDS)
"""All of their names, for the description of a key that holds one."""
