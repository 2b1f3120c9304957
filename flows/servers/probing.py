"""Asks a Prefect server how it is, and whether it lets us in, without Prefect: that would take a second to import."""

import base64
import http.client
import json
import os
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from plait.flows.servers.settings import is_loopback
from plait.plans.errors import EnvironmentProblem

_PROBED_WITHIN = 2.0
"""Seconds that one answer may take."""
_REACHED_WITHIN = 5.0
"""Seconds that a server may take to let us in; it may be far away."""
_LONGEST_ANSWER = 4096
"""Bytes; a version takes twenty."""


def is_healthy(url: str) -> bool:
    """Whether a Prefect API answers at `http://127.0.0.1:4200/api`."""
    return status_of(url, "/health") == http.client.OK


def status_of(url: str, path: str, *, auth: str | None = None) -> int | None:
    """The status that an API answers to a GET, such as 401; nothing when it does not answer.

    Args:
        auth: What the API asks for, as `user:password`.
    """
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=_PROBED_WITHIN)
    headers = {"Authorization": "Basic " + base64.b64encode(auth.encode()).decode()} if auth else {}
    try:
        connection.request("GET", parts.path + path, headers=headers)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def is_picture(url: str) -> bool:
    """Whether a picture is at an address; the page of a server answers whatever it does not know with HTML."""
    try:
        with opener_for(url).open(url, timeout=_REACHED_WITHIN) as answer:
            return str(answer.headers.get_content_type()).startswith("image/")
    except (OSError, ValueError, http.client.HTTPException):
        return False


def last_words(log: Path, *, at_most: int = 300) -> str:
    """The last line of a log that says anything."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 8192))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return "it left no log"
    return next((line.strip()[:at_most] for line in reversed(lines) if line.strip()), "it said nothing")


def authorized(url: str, variables: Mapping[str, str]) -> urllib.request.Request:
    """A request for an address of an API whose scheme was checked, with what the variables have for its server."""
    request = urllib.request.Request(url)  # noqa: S310 - the scheme was checked
    auth, key = variables.get("PREFECT_API_AUTH_STRING"), variables.get("PREFECT_API_KEY")
    if auth:
        request.add_header("Authorization", "Basic " + base64.b64encode(auth.encode()).decode())
    elif key:
        request.add_header("Authorization", f"Bearer {key}")
    return request


def opener_for(url: str) -> urllib.request.OpenerDirector:
    """Without proxies for a server on this machine."""
    near = is_loopback(urlsplit(url).hostname or "")
    return urllib.request.build_opener(*([urllib.request.ProxyHandler({})] if near else []))


def require_reachable(url: str, variables: Mapping[str, str] | None = None) -> None:
    """Refuse a server that does not answer, that does not let us in, or that is not Prefect's.

    Args:
        variables: Where its keys are; this process's environment when absent.

    Raises:
        EnvironmentProblem: it cannot be reached, refuses our password, or answers something else than a version.
    """
    _require_address(url)
    request = authorized(f"{url.rstrip('/')}/admin/version", os.environ if variables is None else variables)
    try:
        with opener_for(url).open(request, timeout=_REACHED_WITHIN) as answer:
            _require_version(url, answer.read(_LONGEST_ANSWER))
    except urllib.error.HTTPError as answer:
        _judge(url, answer.code)
    except http.client.HTTPException:
        raise _not_prefect(url) from None
    except OSError as problem:
        cause = getattr(problem, "reason", problem)
        reason = (cause.strerror if isinstance(cause, OSError) else None) or cause
        hint = "start it (`plait up`), or run without it: `plait run --server none`"
        raise EnvironmentProblem(f"the Prefect server at {url} cannot be reached: {reason}", hint=hint) from None


def _require_address(url: str) -> None:
    try:
        parts = urlsplit(url)
        whole = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets that do not close, a port that is no number
        whole = False
    if not whole:
        raise EnvironmentProblem(
            f"PREFECT_API_URL is not an address: {url!r}",
            hint="it looks like http://127.0.0.1:4200/api; `plait run --server none` needs none",
        )


def _require_version(url: str, answer: bytes) -> None:
    """Prefect's page answers everywhere beside its API, with HTML; its API with a version in quotes."""
    try:
        version = json.loads(answer)
    except ValueError:
        version = None
    if not isinstance(version, str):
        raise _not_prefect(url)


def _judge(url: str, status: int) -> None:
    if status in (401, 403):
        hint = "set PREFECT_API_AUTH_STRING (`plait up` prints where it is kept)"
        raise EnvironmentProblem(f"the Prefect server at {url} refuses us ({status})", hint=hint)
    if status == 404:
        if "/workspaces/" in url:  # Prefect Cloud has no such route
            return
        raise _not_prefect(url)
    raise EnvironmentProblem(f"the Prefect server at {url} answers {status}", hint="see its log")


def _not_prefect(url: str) -> EnvironmentProblem:
    ends = urlsplit(url).path.rstrip("/").endswith("/api")
    hint = "see what listens there, or `plait run --server none`" if ends else "the address ends with /api"
    return EnvironmentProblem(f"what answers at {url} is not the API of a Prefect server", hint=hint)
