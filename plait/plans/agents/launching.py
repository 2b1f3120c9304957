"""What is asked of an agent program, and how it is started for that: data, before any process is there."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class McpServer:
    """A server of the Model Context Protocol that the agent may use: a program, or an address."""

    name: str
    command: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    url: str = ""
    """Instead of `command`."""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DoorEntry:
    """How an agent reaches its provider through the model door."""

    url: str
    """Where the program's provider is for it, such as `http://127.0.0.1:4711/anthropic`; without `/v1`."""
    token: str
    """Takes the key's place: of this task alone, worth nothing anywhere else."""


@dataclass(frozen=True, slots=True)
class LaunchOrder:
    """One try of one task, as an agent program has to know of it. All paths are absolute."""

    program: str
    prompt: str
    directory: str
    """The checkout."""
    home: str
    """The program's HOME: its own, outside the checkout, kept for the tries of one task so that sessions can go on."""
    temporary: str
    """For files that are handed over."""
    model: str | None = None
    instructions: str = ""
    """What the role is told in any task: goes to the system prompt, where the program can."""
    session: str | None = None
    """The one to go on with; nothing for a new one."""
    new_session: str = ""
    """A UUID for a new one, for programs that take it."""
    turns: int | None = None
    usd: float | None = None
    schema: str | None = None
    """JSON schema of the answer, where one is wanted."""
    tools: tuple[str, ...] | None = None
    """The program's own names of the tools that it may have; nothing: what its backend gives by default."""
    denied_tools: tuple[str, ...] = ()
    """The program's own names of tools that it may not have, whatever else it has."""
    servers: tuple[McpServer, ...] = ()
    door: DoorEntry | None = None
    """Nothing: the program's own login or key."""
    key: str = ""
    """Where there is no door: the variable of its environment that holds the key; nothing for the program's login."""
    address: str = ""
    """Where there is no door: another address of its provider, which the role's environment says."""
    access: Literal["write", "read"] = "write"
    """`read`: for reviews and plans, which change no file."""
    is_sandboxed: bool = False
    """Whether plait's sandbox is around it: then the program's own is left out."""
    arguments: tuple[str, ...] = ()
    """Further arguments that the user wants."""


@dataclass(frozen=True, slots=True)
class LaunchFile:
    """A file that has to be there before the program starts, readable by this user alone."""

    path: str
    """Absolute: below `home` or `temporary`."""
    content: str


@dataclass(frozen=True, slots=True)
class Launch:
    """How a program is started."""

    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    """On top of what the role's agents are given."""
    without: frozenset[str] = frozenset()
    """Names that must not be in it, such as the real key where the door has it."""
    stdin: bytes = b""
    files: tuple[LaunchFile, ...] = ()
    reads: tuple[str, ...] = ()
    """Places that it has to read from beside its program's own, such as libraries: a sandbox shows them to it."""


Launcher = Callable[[LaunchOrder], Launch]
"""One for each program: pure."""
