"""What an agent or a check sees of our environment: an allow-list, never a copy."""

import getpass
import os
import re
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from types import MappingProxyType

from plait.plans.errors import CallError
from plait.plans.language.environment import GivenVariable, from_blocks, from_shell, is_never_given, own_values
from plait.workspace.places import is_there
from plait.workspace.redacting import opened_block

_PROXIES = tuple(
    name for proxy in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY") for name in (proxy, proxy.lower())
)
_ASIDE = "PLAIT_ASIDE_"

_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
"""As proxies: without them nothing is reached from behind a gateway that opens TLS."""

_PLACES = ("PATH", "HOME", "XDG_*_HOME", "SHELL")
"""Programs look there for themselves, their settings and their logins."""

_ALLOWED = (*_PLACES, "USER", "LOGNAME", "LANG", "LC_*", "TERM", "TZ", *_PROXIES, *_CERTIFICATES)

_DEFAULTS = {
    "PATH": os.defpath,
    "LANG": "C.UTF-8",
    # Nobody answers questions: a prompt or an editor would be a hang until the stall limit.
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_EDITOR": "false",
    "GIT_SEQUENCE_EDITOR": "false",
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
    inherited = {name: ours[name] for name in ours if _matches(name, allowed) and not is_never_given(name)}
    return {**_DEFAULTS, **inherited, **extra}


def environment_of(given: Iterable[GivenVariable], *, extra: Mapping[str, str]) -> dict[str, str]:
    """The variables of a program that a plan and its crew give these; `extra` is plait's own, and counts before them.

    Those of Secret blocks are there in a run, which has opened them (`redacting.opened_blocks`), and nowhere else.

    Raises:
        CallError: as `agent_environment`.
    """
    given = tuple(given)
    opened = {name: value for name, block in from_blocks(given).items() if (value := opened_block(block)) is not None}
    return agent_environment(allow=from_shell(given), extra={**own_values(given), **opened, **extra})


TOOL_PLACES: Mapping[str, str] = MappingProxyType(
    {
        "CARGO_HOME": ".cargo",
        "RUSTUP_HOME": ".rustup",
        "GOPATH": "go",
        "GOCACHE": ".cache/go-build",
        "PYENV_ROOT": ".pyenv",
        "NVM_DIR": ".nvm",
        "VOLTA_HOME": ".volta",
        "GRADLE_USER_HOME": ".gradle",
        "npm_config_cache": ".npm",
        "npm_config_userconfig": ".npmrc",
        "PIP_CACHE_DIR": ".cache/pip",
        "UV_CACHE_DIR": ".cache/uv",
        "PLAYWRIGHT_BROWSERS_PATH": ".cache/ms-playwright",
    }
)
"""What tools look for below HOME, by the variable that says another place."""


def in_own_home(environment: Mapping[str, str], home: Path, *, sees_old: bool) -> dict[str, str]:
    """The variables of a program whose HOME is another one; where it sees the old one, tools find their own there."""
    kept = {name: value for name, value in environment.items() if not fnmatchcase(name, "XDG_*_HOME")}
    old, tools = Path(environment.get("HOME", "")), dict[str, str]()
    if sees_old and old.is_absolute():
        places = {name: old / place for name, place in TOOL_PLACES.items()}
        tools = {name: str(place) for name, place in places.items() if is_there(place)}
    return {**tools, **kept, "HOME": str(home)}


def our_values(names: Iterable[str]) -> dict[str, str]:
    """Those of our variables that say something."""
    return {name: value for name in names if (value := os.environ.get(name))}


def set_variables() -> frozenset[str]:
    """The names of our variables that say something."""
    return frozenset(name for name, value in os.environ.items() if value)


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
    if is_never_given(name):
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
