"""Asks a server on this machine whether it is well, without Prefect: that would take a second to import."""

import base64
import http.client
from pathlib import Path
from urllib.parse import urlsplit

PATIENCE = 2.0
"""Seconds that one answer may take."""


def is_healthy(url: str) -> bool:
    """Whether a Prefect API answers at `http://127.0.0.1:4200/api`."""
    return status_of(url, "/health") == http.client.OK


def status_of(url: str, path: str, *, auth: str | None = None) -> int | None:
    """The status that an API answers to a GET, such as 401; nothing when it does not answer.

    Args:
        auth: What the API asks for, as `user:password`.
    """
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=PATIENCE)
    headers = {"Authorization": "Basic " + base64.b64encode(auth.encode()).decode()} if auth else {}
    try:
        connection.request("GET", parts.path + path, headers=headers)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def last_words(log: Path, *, at_most: int = 300) -> str:
    """The last line of a log that says anything."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 8192))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return "it left no log"
    return next((line.strip()[:at_most] for line in reversed(lines) if line.strip()), "it said nothing")
