"""What an agent or a check sees of our environment: an allow-list, never a copy."""

import getpass
import os
import re
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

from plait.plans.errors import CallError

_NEVER = ("GIT_*", "PREFECT_*", "PLAIT_PROCESS")
"""A stray GIT_DIR sends an agent's git into another repository; a Prefect API with its key is code execution."""

_PROXIES = tuple(
    name for proxy in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY") for name in (proxy, proxy.lower())
)
_ASIDE = "PLAIT_ASIDE_"

_ALLOWED = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_*", "TERM", "TZ", "SHELL", *_PROXIES)

_DEFAULTS = {
    "PATH": os.defpath,
    "LANG": "C.UTF-8",
    # Nobody answers questions: a prompt or an editor would be a hang until the stall limit.
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_EDITOR": "false",
    "EDITOR": "false",
    "PAGER": "cat",
    "GIT_PAGER": "cat",
    "DEBIAN_FRONTEND": "noninteractive",
    "PIP_NO_INPUT": "1",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    # A line held back in a buffer looks like silence, and silence is a stall.
    "PYTHONUNBUFFERED": "1",
    # Logs are read by people and other agents. `CI` is not set: with it tools behave in other ways than for a developer
    # (warnings become errors, snapshots are not written).
    "NO_COLOR": "1",
}

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_PATTERN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\*?\Z")


def agent_environment(*, allow: Iterable[str] = (), extra: Mapping[str, str]) -> dict[str, str]:
    """The variables of a program: those of ours that are on the list, defaults for work without a person, then `extra`.

    Args:
        allow: Further names of ours to pass on, such as `ANTHROPIC_API_KEY`; a `*` at the end stands for any rest.
        extra: Variables to set.

    Raises:
        CallError: a name that no variable can have or that is never passed on (`GIT_…`, `PREFECT_…`), a NUL in a value.
    """
    allowed = (*_ALLOWED, *(_checked(name, _PATTERN) for name in allow))
    for name, value in extra.items():
        _checked(name, _NAME)
        if "\0" in value:
            raise CallError(f"the value of the environment variable {name} holds a NUL character")
    ours = {name.removeprefix(_ASIDE): value for name, value in os.environ.items()}
    inherited = {name: ours[name] for name in ours if _matches(name, allowed) and not _matches(name, _NEVER)}
    return {**_DEFAULTS, **inherited, **extra}


def user_environment() -> dict[str, str]:
    """All variables of ours, as the user's own programs have them: for git on the network, and for forges' programs."""
    ours = {name.removeprefix(_ASIDE): value for name, value in os.environ.items()}
    ours["PATH"] = os.pathsep.join(
        place for place in ours.get("PATH", os.defpath).split(os.pathsep) if place[:1] == "/"
    )
    return {name: value for name, value in ours.items() if not _matches(name, ("PREFECT_*", "PLAIT_*"))}


def with_proxies_aside(environment: Mapping[str, str]) -> dict[str, str]:
    """An environment whose proxies only agents and checks are given: a server on this machine is asked directly.

    `NO_PROXY` alone would not do: with a SOCKS proxy named, httpx 0.28 asks for a package that nobody has installed.
    """
    return {f"{_ASIDE}{name}" if name in _PROXIES else name: value for name, value in environment.items()}


def _checked(name: str, form: re.Pattern[str]) -> str:
    if not form.match(name):
        raise CallError(
            f"{name!r} cannot be the name of an environment variable",
            hint="letters, digits and underscores, not beginning with a digit",
        )
    if _matches(name, _NEVER):
        raise CallError(f"the environment variable {name} is never passed on to an agent", hint="leave it out")
    return name


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def user_name() -> str:
    """Who is at work here, for what is kept of a person's answers; empty where the system knows no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""
