"""What the agent host prints: its events as lines on what was its standard output, and nothing else there."""

import os
import sys
import threading
import time
from dataclasses import fields, replace
from typing import Final, TypeVar

from plait.plans.agents.event_lines import PULSE, event_line
from plait.plans.agents.stream import AgentEvent

LONGEST_TEXT: Final = 20_000
"""Characters of any text in an event; of answers and words of the end more may be needed, and they have them."""
_LONGEST_END: Final = 1_000_000
_BETWEEN_PULSES: Final = 5.0
"""Seconds. A stream comes in hundreds of pieces."""
_ENDS: Final = frozenset({"answer"})

SomeEvent = TypeVar("SomeEvent", bound=AgentEvent)


class Teller:
    """Prints events, from any thread."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lock = threading.Lock()
        self._pulsed = 0.0

    @classmethod
    def in_place_of_output(cls) -> "Teller":
        """One for this process, whose prints and those of its libraries go to standard error from now on."""
        sys.stdout.flush()
        descriptor = os.dup(1)
        os.set_inheritable(descriptor, False)
        os.dup2(2, 1)
        return cls(descriptor)

    def tell(self, event: AgentEvent) -> None:
        """Print it now, with its long texts cut."""
        self._write(event_line(_fit(event)))

    def pulse(self) -> None:
        """Something has arrived, which is told now and then."""
        now = time.monotonic()
        if now - self._pulsed >= _BETWEEN_PULSES:
            self._pulsed = now
            self._write(PULSE)

    def _write(self, line: bytes) -> None:
        with self._lock:
            while line:
                line = line[os.write(self._descriptor, line) :]


def clean(text: str, longest: int = LONGEST_TEXT) -> str:
    """A text that any file and any reader takes, with its middle left out where it is too long."""
    text = text.encode("utf-8", "replace").decode()
    if len(text) <= longest:
        return text
    return f"{text[: longest // 2]} […] {text[-longest // 2 :]}"


def _fit(event: SomeEvent) -> SomeEvent:
    changed: dict[str, object] = {}
    for field in fields(event):
        value = getattr(event, field.name)
        if isinstance(value, str):
            changed[field.name] = clean(value, _LONGEST_END if field.name in _ENDS else LONGEST_TEXT)
        elif isinstance(value, tuple) and all(isinstance(each, str) for each in value):
            changed[field.name] = tuple(clean(each, 1000) for each in value[:500])
    return replace(event, **changed)  # type: ignore[arg-type]
