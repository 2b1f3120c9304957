"""The stream of an agent program as lines for people, while it is read; any other log stays as it is."""

from plait.plans.agents.readers.by_backend import READERS
from plait.plans.agents.stream import AgentEvent, Reader
from plait.plans.agents.telling import stream_of, told

_LONGEST = 1 << 16
"""Bytes of a first line that is waited for: claude's begins with the names of all of its tools."""


class ReadableStream:
    """Takes a log in pieces, and gives what people read of it; nothing is lost, as the log stays whole."""

    def __init__(self) -> None:
        self._reader: Reader | None = None
        self._rest = b""
        self._last = ""

    def feed(self, piece: bytes) -> bytes:
        """What this piece says."""
        if self._reader is not None:
            return self._lines(self._reader.feed(piece))
        *lines, self._rest = (self._rest + piece).split(b"\n")
        said = b""
        for at, line in enumerate(lines):
            if backend := stream_of(line):
                self._reader = READERS[backend]()
                ahead, self._rest = b"\n".join((*lines[at:], self._rest)), b""
                return said + self._lines(self._reader.feed(ahead))
            said += line + b"\n"
        if not self._rest.startswith(b"{") or len(self._rest) > _LONGEST:
            said, self._rest = said + self._rest, b""
        return said

    def close(self) -> bytes:
        """What the end of the log says."""
        rest, self._rest = self._rest, b""
        if self._reader is None and (backend := stream_of(rest)):
            self._reader = READERS[backend]()
        if self._reader is None:
            return rest
        return self._lines((*self._reader.feed(rest), *self._reader.close()))

    def _lines(self, events: tuple[AgentEvent, ...]) -> bytes:
        """One for each event that says something; claude says its last words twice."""
        text = ""
        for event in events:
            if (line := told(event)) and line != self._last:
                text += f"{line}\n"
                self._last = line
        return text.encode("utf-8", "replace")
