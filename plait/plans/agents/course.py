"""What the events of a try come to, as far as a verdict needs them: bounded, however long it works."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final

from plait.plans.agents.at_work import AtWork
from plait.plans.agents.program_ends import is_reading
from plait.plans.agents.spending import Spending
from plait.plans.agents.stream import (
    TEXT,
    AgentEvent,
    Denied,
    Ended,
    Retrying,
    Said,
    Started,
    ToolEnded,
    ToolStarted,
    Unknown,
    Used,
    Warned,
)
from plait.plans.wording import one_line

_MOST_LINES: Final = 20
_MOST_TEXTS: Final = 40
"""codex says why it cannot begin, and a trace of its stack after that."""
_SHOWN: Final = 300


@dataclass(frozen=True, slots=True)
class Course:
    """What the events of a try come to; `after` takes the next one, so that nobody has to keep them all."""

    spending: Spending = field(default_factory=Spending)
    work: AtWork = field(default_factory=AtWork)
    ended: Ended | None = None
    """How it says that it ended, as the last thing it said: whoever works on has not ended."""
    retrying: Retrying | None = None
    """Its provider's last refusal, if nothing came after it."""
    has_worked: bool = False
    """Whether the use of a tool that may change something went well."""
    denials: tuple[str, ...] = ()
    is_denied_last: bool = False
    """Whether the last tool that it used was denied."""
    servers: tuple[tuple[str, str], ...] = ()
    warnings: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    """The last lines that it printed and that were no events."""
    unknown: tuple[str, ...] = ()

    def after(self, event: AgentEvent) -> "Course":
        now = replace(self, work=self.work.after(event))
        now = replace(now, spending=now.work.spending)
        match event:
            case Started():
                return replace(now, servers=event.servers or self.servers)
            case Said():
                return replace(now, ended=None, retrying=None)
            case ToolStarted():
                return replace(now, ended=None, retrying=None, is_denied_last=False)
            case ToolEnded():
                tool = next((tool.tool for tool in self.work.tools if tool.call == event.call), "")
                return replace(now, has_worked=self.has_worked or (event.is_good and not is_reading(tool)))
            case Denied():
                told = one_line(f"{event.tool or 'a tool'}: {event.reason or event.kind or 'denied'}", _SHOWN)
                return replace(now, denials=_added(self.denials, told), is_denied_last=True)
            case Retrying():
                return replace(now, ended=None, retrying=event)
            case Used() if event.scope == "call" and event.tokens and event.tokens.written:
                return replace(now, retrying=None)
            case Warned():
                return replace(now, warnings=_added(self.warnings, one_line(event.words, _SHOWN)))
            case Ended():
                return replace(now, ended=event, retrying=None)
            case Unknown() if event.kind.startswith(TEXT):
                return replace(now, texts=(*self.texts, event.kind.removeprefix(TEXT))[-_MOST_TEXTS:])
            case Unknown():
                return replace(now, unknown=_added(self.unknown, one_line(event.kind, 80)))
        return now


def course_of(events: Iterable[AgentEvent]) -> Course:
    """What all of these come to."""
    course = Course()
    for event in events:
        course = course.after(event)
    return course


def _added(lines: tuple[str, ...], line: str) -> tuple[str, ...]:
    """The last twenty of them, each once."""
    return (*(other for other in lines if other != line), line)[-_MOST_LINES:]
