"""Takes a stream of server-sent events apart, however it is cut, and keeps little of it."""

from typing import Final

LONGEST_EVENT: Final = 1_000_000
"""Bytes; of a longer event only its end is kept: that is where usage stands."""
KEPT_END: Final = 256_000


class EventStream:
    """Bytes in, the data of each event out. The events do not depend on where the pieces are cut."""

    def __init__(self) -> None:
        self._line = bytearray()
        self._data: list[bytes] = []
        self._held = 0
        self._after_return = False
        self.boundary = 0
        """Where in the last piece its last event ends: after that byte something of our own may stand; 0: nowhere."""
        self.is_between = True
        """Whether the stream stands between two events."""

    def feed(self, piece: bytes) -> list[bytes]:
        """The data of the events that this piece completes."""
        events: list[bytes] = []
        self.boundary = position = 0
        for line in piece.splitlines(keepends=True):
            position += len(line)
            if self._after_return and line == b"\n":  # the second half of a line break that was cut
                self._after_return = False
                self.boundary = position if self.is_between else 0
                continue
            self._after_return = line.endswith(b"\r")
            if not line.endswith((b"\n", b"\r")):
                self._keep(line)
            elif self._line or line.strip(b"\r\n"):
                self._keep(line.rstrip(b"\r\n"))
                self._end_line()
            else:
                events.extend(self._end_event())
                self.boundary = position
        return events

    def close(self) -> list[bytes]:
        """The event that the end of the stream completes: some servers leave out the last line break."""
        if self._line:
            self._end_line()
        return self._end_event()

    def _keep(self, part: bytes) -> None:
        self.is_between = False
        self._line += part
        if len(self._line) > LONGEST_EVENT:
            del self._line[:-KEPT_END]

    def _end_line(self) -> None:
        line = bytes(self._line)
        self._line.clear()
        name, colon, value = line.partition(b":")
        if colon and name == b"data":
            value = value.removeprefix(b" ")
        elif len(line) < KEPT_END:
            return  # names and numbers of events, comments
        else:
            value = line  # the end of a line that was too long
        self._data.append(value)
        self._held += len(value)
        while self._held > LONGEST_EVENT and len(self._data) > 1:
            self._held -= len(self._data.pop(0))

    def _end_event(self) -> list[bytes]:
        data = b"\n".join(self._data)
        self._data, self._held, self.is_between = [], 0, True
        return [data] if data else []
