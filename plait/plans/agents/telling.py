"""What people read of an agent's events: a line for each, in place of the program's own stream."""

from collections.abc import Iterable, Iterator

from plait.plans.agents.stream import (
    AgentEvent,
    Denied,
    Ended,
    Reader,
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

_LONGEST = 500
"""Characters of an event in a line."""
_TEXT = "text: "
"""What readers call a line that is no event: the program's own words, or those of what it started."""


def told(event: AgentEvent) -> str:
    """An event as a line of a log; empty where it says nothing to people."""
    match event:
        case Started(model=model, version=version):
            return " ".join(filter(None, ("started", model and f"with {model}", version and f"(version {version})")))
        case Said(text=text) | Warned(words=text):
            return one_line(text, _LONGEST)
        case ToolStarted(tool=tool):
            return one_line(f"{tool}{_subject(event)}", _LONGEST)
        case ToolEnded(is_good=False, detail=detail):
            return one_line(f"failed: {detail}", _LONGEST)
        case Denied(tool=tool, reason=reason):
            return one_line(f"denied: {tool}" + (f": {reason}" if reason else ""), _LONGEST)
        case Retrying(attempt=attempt, status=status, words=words):
            return one_line(f"asks again ({attempt}): {_refusal(status, words)}", _LONGEST)
        case Ended(ending="completed", words=words):
            return one_line(words, _LONGEST)
        case Ended(ending=ending, status=status, words=words):
            return one_line(f"{ending}: {_refusal(status, words)}", _LONGEST)
        case Unknown(kind=kind) if kind.startswith(_TEXT):
            return one_line(kind.removeprefix(_TEXT), _LONGEST)
        case ToolEnded() | Used() | Unknown():
            return ""


def readable(reader: Reader, pieces: Iterable[bytes]) -> Iterator[str]:
    """A program's stream as lines for people; the same line twice in a row only once."""
    last = ""
    for piece in pieces:
        for event in reader.feed(piece):
            if (line := told(event)) and line != last:
                yield (last := line)
    for event in reader.close():
        if (line := told(event)) and line != last:
            yield (last := line)


def _subject(event: ToolStarted) -> str:
    """Of a tool: its command, else the files that it is about."""
    subject = event.detail or ", ".join(event.paths)
    return f": {subject}" if subject else ""


def _refusal(status: int | None, words: str) -> str:
    return " ".join(filter(None, (str(status) if status else "", words))) or "no reason is given"
