"""What an agent program tells, followed while it works: for whoever looks on, for the verdict, to stop it in time."""

import threading
from collections import deque

from plait.blocks.agents.base import AgentOrder
from plait.plans.agents.activity import Activity
from plait.plans.agents.course import Course
from plait.plans.agents.stream import AgentEvent, Reader, Started
from plait.plans.agents.telling import told
from plait.workspace.growing_log import GrowingLog

_LINES = 60
"""Of what it told, those that a report carries."""


class TryStop(threading.Event):
    """Set with the run's own, or for this one try."""

    def __init__(self, outer: threading.Event) -> None:
        super().__init__()
        self._outer = outer

    def is_set(self) -> bool:
        """Whether the program has to end."""
        return self._outer.is_set() or super().is_set()


class Following:
    """Reads the log as it grows, in the thread that waits for the program."""

    def __init__(self, reader: Reader, order: AgentOrder) -> None:
        self._reader, self._order = reader, order
        self._log = GrowingLog(order.output)
        self._shown = ""
        self._session = ""
        self.course = Course()
        self.stop = TryStop(order.stop)
        self.version: str | None = None
        self.lines: deque[str] = deque(maxlen=_LINES)
        """The last that it told, as text."""

    def look(self, _line: str = "") -> None:
        """Read what has come; the last line itself is of the program's own form, and not for people."""
        self._hear(self.read())
        self._tell()
        if self.course.work.goes_nowhere:
            self.stop.set()

    def read(self) -> tuple[AgentEvent, ...]:
        """The events that have come since."""
        return tuple(event for piece in self._log.pieces() for event in self._reader.feed(piece))

    def finish(self) -> None:
        """Read the rest: nothing more comes."""
        self.look()
        self._hear(self._reader.close())
        self._tell()

    @property
    def was_stopped(self) -> bool:
        """Whether this one try was stopped, though the run goes on."""
        return self.course.work.goes_nowhere and not self._order.stop.is_set()

    def _hear(self, events: tuple[AgentEvent, ...]) -> None:
        for event in events:
            self.course = self.course.after(event)
            if isinstance(event, Started):
                self.version = event.version or self.version
            if line := told(event):
                self.lines.append(line)
            if self._order.on_event is not None:
                self._order.on_event(event)
        session = self.course.spending.session
        if session and session != self._session and self._order.on_session is not None:
            self._session = session
            self._order.on_session(session)

    def _tell(self) -> None:
        now = self.course.work
        tokens = now.tokens.read + now.tokens.written if now.tokens else None
        if self._order.on_activity is not None:
            usage = now.spending.usage(self._order.before)
            self._order.on_activity(Activity(now.retrying or now.words, now.tool, now.model or None, usage))
        parts = (now.model, f"{tokens:,} tokens" if tokens else "", now.doing)
        line = " · ".join(part for part in parts if part)
        if self._order.on_line is not None and line and line != self._shown:
            self._shown = line
            self._order.on_line(line)
