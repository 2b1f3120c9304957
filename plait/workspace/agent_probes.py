"""What is seen of a known agent program without paying for it: its version, and signs of a login."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from plait.plans.errors import PlaitError
from plait.workspace.output import plain
from plait.workspace.places import is_there
from plait.workspace.process import TIMED_OUT, run_quick

PROBED_WITHIN = 5.0
"""Seconds that a program may take to tell its version."""

_VERSION = re.compile(r"[0-9]+\.[0-9]+[0-9A-Za-z.+-]*")


@dataclass(frozen=True, slots=True)
class KnownProgram:
    """Where a program keeps its login, and the variables that take its place."""

    files: tuple[str, ...]
    """From HOME."""
    variables: tuple[str, ...]


KNOWN: Mapping[str, KnownProgram] = {
    "claude": KnownProgram(
        (".claude/.credentials.json", "Library/Keychains"),  # on macOS it is in the keychain: nobody can look
        (
            "ANTHROPIC_API_KEY",
            "ANTHROPIC_AUTH_TOKEN",
            "CLAUDE_CODE_OAUTH_TOKEN",
            "CLAUDE_CODE_USE_BEDROCK",
            "CLAUDE_CODE_USE_VERTEX",
        ),
    ),
    "codex": KnownProgram((".codex/auth.json",), ("OPENAI_API_KEY", "CODEX_API_KEY")),
    "opencode": KnownProgram(
        (".local/share/opencode/auth.json", ".config/opencode/opencode.json"),
        ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "OPENROUTER_API_KEY", "GEMINI_API_KEY"),
    ),
    "gemini": KnownProgram(
        (".gemini/oauth_creds.json", ".gemini/google_accounts.json"), ("GEMINI_API_KEY", "GOOGLE_API_KEY")
    ),
    "aider": KnownProgram(
        (".aider.conf.yml", ".env"),
        ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "OPENROUTER_API_KEY", "GEMINI_API_KEY", "DEEPSEEK_API_KEY"),
    ),
}
"""Agent programs that are asked for their version. Of others nobody knows what `--version` would make them do."""


@dataclass(frozen=True, slots=True)
class ProgramSeen:
    """What an agent program said."""

    name: str
    version: str
    """Empty where it told none."""
    trouble: str = ""
    """Why it told none, or what speaks against its working, in a sentence."""
    hint: str = ""


def probe(program: str, environment: Mapping[str, str]) -> ProgramSeen | None:
    """Ask a known program for its version, as its agents would start it; nothing where it is none of the known ones."""
    name = Path(program).name
    known = KNOWN.get(name)
    if known is None:
        return None
    ask = (program, "--version")
    try:
        status, text = run_quick(ask, directory=Path("/"), environment=environment, timeout=PROBED_WITHIN)
    except PlaitError as problem:
        return ProgramSeen(name, "", str(problem), problem.hint or "")
    if status == TIMED_OUT:
        return ProgramSeen(name, "", f"`{name} --version` did not answer within {PROBED_WITHIN:g} s", "run it by hand")
    if status != 0:
        last = next((line for line in reversed(plain(text).splitlines()) if line.strip()), "it said nothing")
        return ProgramSeen(name, "", f"`{name} --version` ended with {status}: {last[:200]}", "install it anew")
    version = _VERSION.search(text)
    said = version[0] if version else ""
    if lack := _no_login(known, environment):
        hint = f"log in (start `{name}` once), or give the role one of these variables in its `environment`"
        return ProgramSeen(name, said, f"nothing shows that {name} is logged in: {lack}", hint)
    return ProgramSeen(name, said)


def _no_login(known: KnownProgram, environment: Mapping[str, str]) -> str:
    home = environment.get("HOME", "")
    there = any(is_there(Path(home) / file) for file in known.files) if home else False
    if there or any(environment.get(name) for name in known.variables):
        return ""
    return f"there is no ~/{known.files[0]}, and its agents are given none of {', '.join(known.variables)}"
