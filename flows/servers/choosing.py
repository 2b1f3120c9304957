"""Chooses the Prefect server of a run: the one that was asked for, the user's own, that of `plait up`, or its own.

What a user has named is never replaced by another: where it does not answer, the run is refused. The server of
`plait up` was found by us alone, so a run goes on without it, and says why.
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

from plait.flows.servers.local_server import ServerRecord, password_file, read_server_record
from plait.flows.servers.probing import status_of
from plait.flows.servers.settings import local_client_settings
from plait.plans.errors import CallError, PlaitError
from plait.plans.wording import quoted
from plait.workspace.home import home_path
from plait.workspace.small_files import read_plain_file

OWN = "none"
"""What `--server` says for a Prefect of the run's own, which ends with it."""
_ADDRESS, _KEYS = "PREFECT_API_URL", ("PREFECT_API_AUTH_STRING", "PREFECT_API_KEY")


@dataclass(frozen=True, slots=True)
class ServerChoice:
    """Where a run is recorded."""

    why: str
    """Who says so, such as `PREFECT_API_URL`, to be read after the address."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """The variables that Prefect needs for it beside those that are set already; nothing for a server of its own."""
    trouble: str = ""
    """Why the server of `plait up` is not used, although there is one."""

    way_out: str = ""
    """What a run is told to do where that was found by us."""

    @property
    def notices(self) -> tuple[str, ...]:
        """What whoever starts a run should know."""
        told = f"the server of `plait up` is not used: {self.trouble}; this run starts a Prefect of its own"
        return (told,) if self.trouble else ()

    @property
    def url(self) -> str | None:
        """The address of its API; nothing for a server of the run's own."""
        return self.settings.get(_ADDRESS)


def choose_server(wanted: str | None, environment: Mapping[str, str] | None = None) -> ServerChoice:
    """The first that there is: `--server`, PREFECT_API_URL, the user's Prefect profile, `plait up`, or one of its own.

    Args:
        wanted: What `--server` says: `none`, or the address of an API; nothing where it is not given.
        environment: The caller's.

    Raises:
        CallError: `wanted` is neither.
    """
    variables = os.environ if environment is None else environment
    if wanted is not None:
        return ServerChoice("--server none") if wanted.strip().lower() == OWN else _asked_for(wanted.strip())
    if address := variables.get(_ADDRESS):
        return ServerChoice(f"as {_ADDRESS} says", _with_password(address, variables))
    name, profile = active_profile(variables)
    if address := profile.get(_ADDRESS):
        return ServerChoice(f"as your Prefect profile {name} says", _with_password(address, variables))
    return _of_plait_up()


def _asked_for(address: str) -> ServerChoice:
    try:
        is_address = urlsplit(address).scheme in ("http", "https") and bool(urlsplit(address).hostname)
    except ValueError:
        is_address = False
    if not is_address:
        hint = "it is `none`, or an address such as http://127.0.0.1:4200/api"
        raise CallError(f"--server does not know {quoted(address)}", hint=hint)
    return ServerChoice("as --server says", _with_password(address, os.environ))


def settings_for(address: str) -> dict[str, str]:
    """What Prefect needs for a server that something else than the user's environment names, such as a run's file.

    Keys that the environment has for another server are not for this one.
    """
    theirs = os.environ.get(_ADDRESS, address) != address
    return _with_password(address, {key: value for key, value in os.environ.items() if not (theirs and key in _KEYS)})


def _with_password(address: str, variables: Mapping[str, str]) -> dict[str, str]:
    """The address, and where no key is set, what is known for it: `plait up`'s password, or what the profile has."""
    if any(variables.get(key) for key in _KEYS):
        return {_ADDRESS: address}
    directory, place = _directory(), address.rstrip("/")
    record = read_server_record(directory) if directory else None
    password = _password(directory) if directory and record and record.url == place else None
    if directory and password:
        return local_client_settings(directory, url=place, auth=password)
    _, profile = active_profile(variables)
    same = not foreign_keys(address, profile)
    # Prefect itself sends a profile's keys to whatever address the environment names; an empty one it does not send.
    return {_ADDRESS: address} | {key: profile[key] if same else "" for key in _KEYS if profile.get(key)}


def foreign_keys(address: str, profile: Mapping[str, str]) -> tuple[str, ...]:
    """The keys of a profile that are for another address than this; of a profile without one they are for any."""
    theirs = profile.get(_ADDRESS, "").rstrip("/")
    return tuple(key for key in _KEYS if profile.get(key)) if theirs not in ("", address.rstrip("/")) else ()


def _of_plait_up() -> ServerChoice:
    """The server of `plait up`, where it can be used; else one of the run's own, and why."""
    directory = _directory()
    record = read_server_record(directory) if directory else None
    if directory is None or record is None:
        return ServerChoice("no other is named, and none of `plait up` is there")
    password = _password(directory)
    if (trouble := _trouble(record, password)) or password is None:
        return ServerChoice("that of `plait up` cannot be used", trouble=trouble)
    settings = local_client_settings(directory, url=record.url, auth=password)
    return ServerChoice("the server of `plait up`", settings, way_out="; --server none for one of its own")


def _trouble(record: ServerRecord, password: str | None) -> str:
    """Why a run cannot use it; nothing where it can. A server of another version may answer all the same."""
    here = version("prefect")
    if not record.server.alive:
        return "it has ended without `plait down` (`plait up` starts it again)"
    if record.prefect != here:
        return f"it runs Prefect {record.prefect}, and this is {here} (`plait down`, then `plait up`)"
    if password is None:
        return "its password cannot be read"
    status = status_of(record.url, "/admin/version", auth=password)
    if status is None:
        return f"it does not answer at {record.url}"
    return "" if status == HTTPStatus.OK else f"it answers {status} at {record.url}"


def _directory() -> Path | None:
    """Where `plait up` keeps what it knows, made or not; nothing where that cannot be there."""
    try:
        return home_path() / "server"
    except PlaitError:
        return None


def _password(directory: Path) -> str | None:
    """The password that was made; none is made here."""
    try:
        return read_plain_file(password_file(directory)).strip() or None
    except (OSError, ValueError):
        return None


def active_profile(variables: Mapping[str, str]) -> tuple[str, Mapping[str, str]]:
    """Name and settings of the Prefect profile that is in use; no settings where there is none that can be read."""
    try:
        profiles = tomllib.loads(read_plain_file(_profiles_file(variables)))
        name = variables.get("PREFECT_PROFILE") or profiles["active"]
        settings = profiles["profiles"][name]
        return str(name), {key: str(value) for key, value in settings.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError):  # RuntimeError: nobody's home
        return "", {}


def _profiles_file(variables: Mapping[str, str]) -> Path:
    if place := variables.get("PREFECT_PROFILES_PATH"):
        return Path(place).expanduser()
    home = variables.get("PREFECT_HOME")
    return (Path(home).expanduser() if home else Path.home() / ".prefect") / "profiles.toml"
