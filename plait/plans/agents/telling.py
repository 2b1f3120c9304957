"""What people read of an agent's events: a line for each, in place of the program's own stream."""

import json

from plait.plans.agents.stream import (
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
from plait.plans.language.backends import Backend
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


def stream_of(line: bytes) -> Backend | None:
    """Whose stream a line begins, also where a command is the program; nothing for any other text.

    Example: `{"type":"thread.started","thread_id":"01a2"}` is codex's.
    """
    if not line.startswith(b"{"):
        return None
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    keys, kind = (record.keys(), record.get("type")) if isinstance(record, dict) else (set(), None)
    if kind == "thread.started" and "thread_id" in keys:
        return "codex"
    if kind == "init" and {"session_id", "model"} <= keys:
        return "gemini"
    if kind in ("system", "result", "assistant") and "session_id" in keys:
        return "claude"
    if kind in ("step_start", "error") and "sessionID" in keys:
        return "opencode"
    return None


def _subject(event: ToolStarted) -> str:
    """Of a tool: its command, else the files that it is about."""
    subject = event.detail or ", ".join(event.paths)
    return f": {subject}" if subject else ""


def _refusal(status: int | None, words: str) -> str:
    return " ".join(filter(None, (str(status) if status else "", words))) or "no reason is given"
