"""Asks a Prefect server from outside what it lets strangers do: each answer is a request or two."""

import http.client
import json
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from plait.flows.servers.probing import PATIENCE, status_of

_STRANGER = "http://stranger.example"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that a server does not do as it should."""

    problem: str
    hint: str


def server_safety(url: str) -> list[Finding]:
    """What is unsafe about the Prefect API at `url`, such as `http://127.0.0.1:4200/api`, seen without a password.

    Whether results are JSON, and leases outlive a restart, cannot be asked from outside.
    """
    found: list[Finding] = []
    if status_of(url, "/admin/version") == http.client.OK:
        problem = "its API asks for no password: who reaches it can run code on its workers"
        found.append(Finding(problem, "set PREFECT_SERVER_API_AUTH_STRING on the server"))
    if _accepts_strangers(url):
        problem = "it lets every web page that a user visits talk to it"
        found.append(Finding(problem, "set PREFECT_SERVER_API_CORS_ALLOWED_ORIGINS to its own address"))
    if not _is_ours(url) and not url.startswith("https:"):
        problem = "it is reached over the network without encryption: its password can be read on the way"
        found.append(Finding(problem, "put it behind https, or bind it to 127.0.0.1"))
    return found


def _accepts_strangers(url: str) -> bool:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=PATIENCE)
    try:
        asked = {"Origin": _STRANGER, "Access-Control-Request-Method": "POST"}
        connection.request("OPTIONS", parts.path + "/flows/filter", body=json.dumps({}), headers=asked)
        return connection.getresponse().getheader("Access-Control-Allow-Origin") in ("*", _STRANGER)
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _is_ours(url: str) -> bool:
    return is_loopback(urlsplit(url).hostname or "")


def is_loopback(host: str) -> bool:
    """Whether an address is reached from this machine alone."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
