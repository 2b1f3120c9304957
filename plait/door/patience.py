"""How long the model door waits for whom, and how much it takes from anybody."""

from dataclasses import dataclass

LONGEST_HEAD = 64 * 1024
"""Bytes of a request's line and headers."""
MOST_HEADERS = 128
LONGEST_BODY = 64 * 1024 * 1024
"""Bytes of a request: twice of what the widest API takes."""
LONGEST_ERROR = 64 * 1024
"""Bytes of an error answer that are read before it is handed on."""
PIECE = 64 * 1024
MOST_CONNECTIONS = 512
"""Of agents, at once; above it the longest idle one is closed."""
MOST_AT_ONCE = 64
"""Requests of one try at once."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds."""

    head: float = 30.0
    """For a request's head, once it has begun."""
    idle: float = 90.0
    """For the next request on a connection."""
    body: float = 120.0
    """For the next piece of a request's body."""
    reader: float = 300.0
    """For an agent that does not read its answer."""
    connect: float = 30.0
    """Until a provider is reached."""
    silence: float = 900.0
    """Of a provider: before its answer, and between pieces of it. A model may think for minutes."""
    kept: float = 15.0
    """For which a connection to a provider is kept that nobody uses."""
