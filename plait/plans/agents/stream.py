"""What an agent program tells while it works, in one closed vocabulary for the streams of all programs."""

from dataclasses import dataclass
from typing import Final, Literal, Protocol

TEXT: Final = "text: "

Ending = Literal["completed", "provider error", "turn limit", "budget", "refused", "interrupted", "unclear"]
"""How a program itself says that it ended; `provider error` with the status that it names, where it names one."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tokens as providers count them; `read` includes those that came from a cache or went into one."""

    read: int = 0
    written: int = 0
    """The thoughts included."""
    cached: int = 0
    """Of those read, the ones from a cache."""
    stored: int = 0
    """Of those read, the ones that were put into a cache."""
    stored_hour: int = 0
    """Of those stored, the ones that are kept for an hour, where it costs more."""
    thought: int = 0
    """Of those written, the thoughts."""


@dataclass(frozen=True, slots=True)
class Started:
    """It has begun, and says what it is."""

    session: str | None = None
    model: str | None = None
    version: str | None = None
    tools: tuple[str, ...] = ()
    servers: tuple[tuple[str, str], ...] = ()
    """MCP servers, each with its state: `connected`, `failed`, or the program's own word."""


@dataclass(frozen=True, slots=True)
class Said:
    """Words of the model for whoever reads along."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolStarted:
    """A tool is used."""

    call: str
    """What the program calls this use; its end has the same."""
    tool: str
    paths: tuple[str, ...] = ()
    """Files that it is about, as the program names them."""
    detail: str = ""
    """Its command or subject, in a line."""


@dataclass(frozen=True, slots=True)
class ToolEnded:
    """The use of a tool is over."""

    call: str
    is_good: bool
    paths: tuple[str, ...] = ()
    detail: str = ""
    """What went wrong, in a line."""


@dataclass(frozen=True, slots=True)
class Denied:
    """A tool that the program was not allowed to use. Counted; it does not end a try."""

    tool: str
    reason: str = ""
    kind: str = ""
    """The program's word for it, such as claude's `safetyCheck`."""


@dataclass(frozen=True, slots=True)
class Retrying:
    """The provider refused, or its answer broke off, and the program asks again by itself."""

    attempt: int = 1
    status: int | None = None
    delay: float | None = None
    """Seconds."""
    words: str = ""
    is_broken: bool = False
    """An answer began, and came to nothing: some programs ask for the next one for ever."""


@dataclass(frozen=True, slots=True)
class Used:
    """What was used up: of one call of the model, of what this process did up to here, or of the whole session so far.

    `try` is what was used since the last event of that scope: it takes the place of the calls told since then. A
    session may be older than this process: what its earlier tries have told has to be taken off, see `usage_of_events`.
    """

    tokens: Tokens | None
    """Nothing where it tells money alone."""
    scope: Literal["call", "try", "session"]
    usd: float | None = None
    is_exact: bool = True
    """false: part of it is an estimate, as claude's `output_tokens: 1` while it works."""
    call: str | None = None
    """The answer's id: the same one may be told several times, and counts once."""
    model: str | None = None


@dataclass(frozen=True, slots=True)
class Warned:
    """Something went wrong that does not end it."""

    words: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The program says that it has ended, and how. A stream without it was cut: crashed, or cancelled."""

    ending: Ending
    status: int | None = None
    """The provider's HTTP status, where it names one."""
    words: str = ""
    """Its last answer, or what went wrong."""
    turns: int | None = None
    answer: str | None = None
    """Structured output as JSON, where it was asked for."""
    session: str | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """An event that this version does not know, or a line that is none; never an error."""

    kind: str
    """The event's own name; of a line that is none `TEXT` and the line."""


AgentEvent = Started | Said | ToolStarted | ToolEnded | Denied | Retrying | Used | Warned | Ended | Unknown


class Reader(Protocol):
    """Reads what one program prints, piece by piece, into events. It does no I/O, and its memory is bounded.

    It raises nothing for whatever bytes it gets, and the events do not depend on where the pieces are cut.
    """

    def feed(self, piece: bytes) -> tuple[AgentEvent, ...]:
        """The events that this piece completes."""

    def close(self) -> tuple[AgentEvent, ...]:
        """The events that the end of the stream completes, such as those of a last line without an end."""
