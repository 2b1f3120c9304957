"""The events of agents as lines of JSON: what plait's own agent host prints, and the reader of it."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, asdict, astuple, fields
from types import MappingProxyType
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from plait.plans.agents.readers.lines import LARGEST_COUNT, JsonLineReader, name_of
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

PULSE: Final = b'{"event":"pulse"}\n'
"""Says that something arrives, such as the words of a model or of a command: nobody is stalled. It is no event."""

_KINDS: Final[Mapping[str, type]] = MappingProxyType(
    {
        "started": Started,
        "said": Said,
        "tool started": ToolStarted,
        "tool ended": ToolEnded,
        "denied": Denied,
        "retrying": Retrying,
        "used": Used,
        "warned": Warned,
        "ended": Ended,
        "unknown": Unknown,
    }
)
_NAMES: Final = MappingProxyType({kind: name for name, kind in _KINDS.items()})
_ADAPTERS: Final[Mapping[str, TypeAdapter[AgentEvent]]] = MappingProxyType(
    {name: TypeAdapter(kind) for name, kind in _KINDS.items()}
)


def event_line(event: AgentEvent) -> bytes:
    """An event as the host prints it."""
    needed = {field.name for field in fields(event) if field.default is MISSING}
    told = {name: value for name, value in asdict(event).items() if name in needed or value not in (None, (), "")}
    return json.dumps({"event": _NAMES[type(event)], **told}).encode() + b"\n"


class EventLineReader(JsonLineReader):
    """Reads what the agent host prints. A program that it has started may have written into it: nothing is believed."""

    def _events(self, record: dict[str, Any]) -> Iterator[AgentEvent]:
        kind = record.pop("event", None)
        if kind == "pulse":
            return
        adapter = _ADAPTERS.get(kind) if isinstance(kind, str) else None
        if adapter is None:
            yield Unknown(name_of(kind))
            return
        try:
            event = adapter.validate_python(record)
        except (ValidationError, RecursionError):
            yield Unknown(f"{kind}, of another shape")
            return
        is_fit = _is_possible(event) and _is_text(astuple(event))
        yield event if is_fit else Unknown(f"{kind}, with impossible numbers or texts")


def _is_text(value: Any) -> bool:
    """Whether each text in it can be written anywhere: JSON may hold half a pair of surrogates."""
    if isinstance(value, tuple | list):
        return all(map(_is_text, value))
    return not isinstance(value, str) or value.isascii() or value == value.encode("utf-8", "replace").decode()


def _is_possible(event: AgentEvent) -> bool:
    """Whether its numbers can be counted with: JSON has negative ones and, for Python, those without an end."""
    match event:
        case Used(tokens=tokens, usd=usd):
            counts = astuple(tokens) if tokens else ()
            return all(0 <= count <= LARGEST_COUNT for count in counts) and (usd is None or 0 <= usd <= LARGEST_COUNT)
        case Retrying(delay=delay):
            return delay is None or 0 <= delay <= LARGEST_COUNT
    return True
