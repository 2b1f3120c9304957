"""Looks at what runs talk to: the Prefect server with its limits of roles, and the store of the history."""

import json
import os
import sqlite3
import time
import urllib.error
from collections.abc import Iterator, Mapping
from contextlib import closing
from email.utils import parsedate_to_datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from plait.flows.doctor.findings import Finding
from plait.flows.past_durations import history_address
from plait.flows.servers.choosing import active_profile, choose_server, foreign_keys
from plait.flows.servers.probing import authorized, opener_for, require_reachable
from plait.flows.servers.settings import is_loopback
from plait.plans.wording import listed
from plait.store.versions import HEAD, READ_VERSION, VERSIONS
from plait.workspace.home import database_file, home_path
from plait.workspace.places import is_file

_ANSWERED_WITHIN = 3.0
_SKEW = 5.0
"""Seconds that two clocks may differ: leases and schedules are told in absolute time."""
_LIMIT = "plait-role-"
_LONGEST = 65536


def look_at_server(slots: Mapping[str, int]) -> Iterator[Finding]:
    """The server that a run from this shell would use; `slots`: by role, how many agents the crew has."""
    choice = choose_server(None)
    if choice.trouble:
        hint = "`plait up` brings it back; until then each run starts a Prefect of its own"
        yield Finding("warning", f"the server of `plait up` is not used: {choice.trouble}", hint)
    elif choice.url is None:
        yield Finding("fine", "no Prefect server is named: each run starts one of its own")
    if choice.url is None:
        return
    url, variables = choice.url, {**os.environ, **choice.settings}
    yield from _foreign_keys(url)
    require_reachable(url, variables)
    yield Finding("fine", f"a run uses the Prefect server at {_shown(url)} ({choice.why})")
    yield from _versions(url, variables)
    yield from _openness(url)
    for role, own in slots.items():
        limit = _json(url, variables, f"/v2/concurrency_limits/{quote(_LIMIT + role)}")
        allowed = limit.get("limit") if isinstance(limit, dict) and limit.get("active", True) else None
        if isinstance(allowed, int) and allowed < own:
            hint = f"raise the limit {_LIMIT}{role} on its page under Concurrency"
            yield Finding("warning", f"the server lets {allowed} of {role} work at once, and the crew has {own}", hint)


def _foreign_keys(url: str) -> Iterator[Finding]:
    """A key that the user may think is used: Prefect's own commands send it to any address."""
    name, profile = active_profile(os.environ)
    keys = foreign_keys(url, profile)
    if keys and not any(os.environ.get(key) for key in keys):
        theirs = _shown(profile["PREFECT_API_URL"])
        words = f"{listed(keys)} of your Prefect profile {name} is for {theirs}, and is not sent to {_shown(url)}"
        hint = f"`export {keys[0]}=…` with the one of this server, or unset PREFECT_API_URL to use the profile's server"
        yield Finding("note", words, hint)


def _versions(url: str, variables: Mapping[str, str]) -> Iterator[Finding]:
    ours, theirs = version("prefect"), _json(url, variables, "/admin/version")
    yield Finding("fine", f"the Prefect server at {_shown(url)} answers (Prefect {theirs or 'Cloud'})")
    if isinstance(theirs, str) and theirs.split(".")[:2] != ours.split(".")[:2]:
        hint = "install the same minor version on both sides"
        yield Finding("warning", f"the server is Prefect {theirs}, and plait works with Prefect {ours}", hint)
    skew = _skew(url, variables)
    if skew is not None and abs(skew) > _SKEW:
        hint = "let both machines follow a time server: leases of roles and schedules are told in absolute time"
        yield Finding("warning", f"its clock is {abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} ours", hint)


def _openness(url: str) -> Iterator[Finding]:
    host = urlsplit(url).hostname or ""
    if "/workspaces/" in url or is_loopback(host):
        return
    if _status(url, "/admin/version") == 200:
        hint = "set PREFECT_SERVER_API_AUTH_STRING on it: whoever reaches it can run commands on its workers"
        yield Finding("warning", f"the server at {_shown(url)} asks nobody for a password", hint)


def look_at_store() -> Iterator[Finding]:
    """The history: reachable, and of a version that this plait knows."""
    address = history_address()
    if not address or address.startswith("sqlite"):
        file = database_file(home_path()) if not address else Path(address.split("://", 1)[1].removeprefix("/"))
        yield from _look_at_file(file)
        return
    from plait.store.engine import version_at

    found, place = version_at(address, patience=int(_ANSWERED_WITHIN))
    yield _judged(found, place)


def _look_at_file(file: Path) -> Iterator[Finding]:
    if not is_file(file):
        yield Finding("fine", f"the history will begin with the next run, in {file}")
        return
    hint = f"move {file} away: what has landed is in git, only past durations are lost"
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=1.0)) as connection:
            row = connection.execute(READ_VERSION).fetchone()
            damage = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as problem:
        busy = "locked" in str(problem)
        words = "is in use by another program" if busy else f"cannot be read: {problem}"
        yield Finding("warning" if busy else "error", f"the history {file} {words}", "" if busy else hint)
        return
    if damage != ("ok",):
        yield Finding("error", f"the history {file} is damaged: {damage[0]}", hint)
        return
    yield _judged(str(row[0]) if row else None, str(file))


def _judged(found: str | None, place: str) -> Finding:
    if found is not None and found not in VERSIONS:
        return Finding("error", f"the history in {place} is of a later plait (version {found})", "update plait here")
    if found != HEAD:
        return Finding("fine", f"the history in {place} will be brought to version {HEAD} by the next run")
    return Finding("fine", f"the history is in {place}")


def _json(url: str, variables: Mapping[str, str], path: str) -> Any:
    try:
        with _asked(url, variables, path) as answer:
            return json.loads(answer.read(_LONGEST))
    except (OSError, ValueError):
        return None


def _status(url: str, path: str) -> int | None:
    """What it answers to whoever has no key."""
    try:
        with _asked(url, {}, path) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        return refused.code
    except OSError:
        return None


def _skew(url: str, variables: Mapping[str, str]) -> float | None:
    """Seconds that the server's clock is ahead; nothing where it does not say what time it is."""
    try:
        with _asked(url, variables, "/admin/version") as answer:
            return parsedate_to_datetime(answer.headers["Date"]).timestamp() - time.time()
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _asked(url: str, variables: Mapping[str, str], path: str) -> Any:
    """An answer of its API, to be closed."""
    return opener_for(url).open(authorized(f"{url.rstrip('/')}{path}", variables), timeout=_ANSWERED_WITHIN)


def _shown(url: str) -> str:
    """The address without a password."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
