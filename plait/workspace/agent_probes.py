"""What is seen of a known agent program without paying for it: its version, and signs of a login."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from plait.plans.agents.programs import PROGRAM_FACTS, ProgramFacts, untested
from plait.plans.errors import PlaitError
from plait.plans.language.backends import PROGRAMS
from plait.workspace.output import plain
from plait.workspace.places import is_there
from plait.workspace.process import TIMED_OUT, run_quick

PROBED_WITHIN = 5.0
"""Seconds that a program may take to tell its version."""

_VERSION = re.compile(r"[0-9]+\.[0-9]+[0-9A-Za-z.+-]*")


@dataclass(frozen=True, slots=True)
class ProgramSeen:
    """What an agent program said."""

    name: str
    version: str
    """Empty where it told none."""
    trouble: str = ""
    """Why it told none, or what speaks against its working, in a sentence."""
    hint: str = ""
    has_login: bool = False
    """Whether a login is all that shows, and no key."""


def probe(program: str, environment: Mapping[str, str]) -> ProgramSeen | None:
    """Ask a known program for its version, as its agents would start it; nothing where it is none of the known ones."""
    name = Path(program).name
    backend = PROGRAMS.get(name)
    if backend is None:
        return None
    known = PROGRAM_FACTS[backend]
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
    has_login = bool(known.logins) and not any(environment.get(variable) for variable in known.variables)
    if odd := untested(backend, said):
        hint = f"if it fails, install {known.package} {known.newest}, which plait is tested with"
        return ProgramSeen(name, said, odd, hint, has_login)
    return ProgramSeen(name, said, has_login=has_login)


def _no_login(known: ProgramFacts, environment: Mapping[str, str]) -> str:
    home = environment.get("HOME", "")
    files = (*known.logins, *known.signs)
    there = any(is_there(Path(home) / file) for file in files) if home else False
    if there or any(environment.get(name) for name in known.variables):
        return ""
    return f"there is no ~/{files[0]}, and its agents are given none of {', '.join(known.variables)}"
