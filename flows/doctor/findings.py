"""What a look at one thing found, and how all looks are taken at once: none waits for another, or ends it."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from plait.plans.errors import PlaitError
from plait.workspace.output import plain

LONGEST_LOOK = 10.0
"""Seconds that one look may take."""

Level = Literal["fine", "note", "warning", "error"]
"""error: something will not work. warning: it works, and worse than it could. note: worth knowing."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    level: Level
    message: str
    hint: str = ""
    """How to mend it."""
    topic: str = ""
    """Of which look: set by `look_at_all`."""


Look = Callable[[], Iterable[Finding]]


@dataclass(slots=True)
class _Looking:
    topic: str
    look: Look
    findings: list[Finding] = field(default_factory=list)
    thread: threading.Thread | None = None

    def begin(self) -> None:
        # A daemon: a disk or a name server that never answers must not keep the command from ending.
        self.thread = threading.Thread(target=self._go, name=f"plait-doctor-{self.topic}", daemon=True)
        self.thread.start()

    def _go(self) -> None:
        try:
            for finding in self.look():
                self.findings.append(finding)  # what comes before trouble is kept
        except PlaitError as problem:
            self.findings.append(Finding("error", plain(str(problem)), plain(problem.hint or "")))
        except Exception as problem:
            words = f"{self.topic} could not be looked at: {type(problem).__name__}: {problem}"
            self.findings.append(Finding("warning", plain(words), "this is a bug of plait, or of the machine"))

    def end(self, deadline: float, *, within: float) -> Iterator[Finding]:
        if self.thread is not None:
            self.thread.join(max(0.0, deadline - time.monotonic()))
        kept = list(self.findings)
        if self.thread is not None and self.thread.is_alive():
            late = f"{self.topic}: no answer within {within:g} s"
            kept.append(Finding("warning", late, "a disk or a network that hangs? look at it by hand"))
        yield from (Finding(each.level, each.message, each.hint, self.topic) for each in kept)


def look_at_all(looks: Sequence[tuple[str, Look]], *, within: float = LONGEST_LOOK) -> tuple[Finding, ...]:
    """Take all looks at the same time, and give what they found in their order.

    Args:
        looks: Each with its topic.
        within: Seconds after which those that have not ended are left alone.
    """
    lookings = [_Looking(topic, look) for topic, look in looks]
    for looking in lookings:
        looking.begin()
    deadline = time.monotonic() + within
    return tuple(finding for looking in lookings for finding in looking.end(deadline, within=within))
