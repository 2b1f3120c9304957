"""What all readers of JSON lines have in common: lines of bounded length, and fields that may hold anything."""

import json
import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, Final

from plait.plans.agents.stream import TEXT, AgentEvent, Unknown
from plait.plans.wording import one_line

LONGEST_LINE: Final = 16 << 20
"""Bytes. claude and codex were seen to print lines of more than 2 MB, as they quote what tools say."""
LONGEST_PROSE: Final = 8_000
"""Characters of an answer that are kept for people."""
LONGEST_ANSWER: Final = 1 << 20
"""Characters of a structured answer: a longer one is none."""
LONGEST_PATH: Final = 4_096
LARGEST_COUNT: Final = 10**12
"""Of tokens, turns, dollars and seconds: what is larger counts as not told."""
MOST_PATHS: Final = 100
_LONGEST_NAME: Final = 200
_LONGEST_TEXT: Final = 1_000
"""Of a line that is no event: a refusal may name its time at the end of a long sentence."""


class LineSplitter:
    """Cuts pieces of bytes into lines, in any way that they come; holds no more than one line of `longest` bytes."""

    def __init__(self, longest: int = LONGEST_LINE) -> None:
        self._longest = longest
        self._rest = bytearray()
        self._is_skipping = False

    def feed(self, piece: bytes) -> Iterator[bytes | None]:
        """The lines that this piece completes, without their ends; None for one that was too long."""
        *ended, rest = piece.split(b"\n")
        for part in ended:
            self._take(part)
            yield self._line()
        self._take(rest)

    def close(self) -> Iterator[bytes | None]:
        """A last line without an end."""
        if self._rest or self._is_skipping:
            yield self._line()

    def _take(self, part: bytes) -> None:
        if self._is_skipping or len(self._rest) + len(part) > self._longest:
            self._is_skipping = True
            self._rest.clear()
        else:
            self._rest += part

    def _line(self) -> bytes | None:
        line = None if self._is_skipping else bytes(self._rest)
        self._rest.clear()
        self._is_skipping = False
        return line


class JsonLineReader(ABC):
    """A `Reader` of a program that prints one JSON object a line."""

    def __init__(self, longest: int = LONGEST_LINE) -> None:
        self._lines = LineSplitter(longest)

    def feed(self, piece: bytes) -> tuple[AgentEvent, ...]:
        """The events that this piece completes."""
        return tuple(event for line in self._lines.feed(piece) for event in self._read(line))

    def close(self) -> tuple[AgentEvent, ...]:
        """The events of a last line without an end."""
        return tuple(event for line in self._lines.close() for event in self._read(line))

    def _read(self, line: bytes | None) -> Iterator[AgentEvent]:
        if line is None:
            yield Unknown("a line that is too long")
            return
        text = line.decode("utf-8", "replace").strip().removeprefix("\ufeff")
        if not text:
            return
        record = json_of(text)
        if isinstance(record, dict):
            yield from self._events(record)
        else:
            yield Unknown(f"{TEXT}{one_line(text, _LONGEST_TEXT)}")

    @abstractmethod
    def _events(self, record: dict[str, Any]) -> Iterable[AgentEvent]:
        """What one object says. Any key may be absent, or hold anything."""


def json_of(text: str) -> Any:
    """What a JSON text holds; nothing where it is none. Python's reader also knows NaN: it counts as nothing."""
    try:
        return json.loads(text, parse_constant=lambda _name: None)
    except (ValueError, RecursionError):  # nested too deep, or a number of more than 4,300 digits
        return None


def mapping(value: Any) -> Mapping[str, Any]:
    """The value, if it is an object; else an empty one."""
    return value if isinstance(value, dict) else {}


def mappings(value: Any) -> Iterator[Mapping[str, Any]]:
    """Those of a list's items that are objects."""
    return (item for item in value if isinstance(item, dict)) if isinstance(value, list) else iter(())


def name_of(value: Any) -> str:
    """An id, the name of a tool or of a model: one line of at most 200 characters; empty where it is no text."""
    return one_line(value, _LONGEST_NAME) if isinstance(value, str) else ""


def line_of(value: Any, limit: int = 300) -> str:
    """Any text as one line; empty where it is no text."""
    return one_line(value, limit) if isinstance(value, str) else ""


def prose_of(value: Any) -> str:
    """Any text for people, its lines kept, without signs that do something to a terminal; empty where it is no text."""
    if not isinstance(value, str):
        return ""
    text = value[:LONGEST_PROSE].strip()
    return "\n".join(one_line(line, LONGEST_PROSE) for line in text.splitlines())


def count_of(value: Any) -> int:
    """A count; 0 where it is none."""
    is_count = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LARGEST_COUNT
    return value if is_count else 0


def amount_of(value: Any) -> float | None:
    """A number of dollars or seconds; nothing where it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) and 0 <= value <= LARGEST_COUNT else None


def status_of(value: Any) -> int | None:
    """An HTTP status; nothing where it is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 100 <= value <= 599 else None


def paths_of(*values: Any) -> tuple[str, ...]:
    """Those of the values, and of the items of lists among them, that may be paths; each once."""
    flat = (item for value in values for item in (value if isinstance(value, list) else [value]))
    fit = (path for path in flat if isinstance(path, str) and 0 < len(path) <= LONGEST_PATH)
    whole = (path.encode("utf-8", "replace").decode() for path in fit)  # half a surrogate cannot be written anywhere
    return tuple(islice(dict.fromkeys(whole), MOST_PATHS))


def answer_of(text: str) -> str | None:
    """The JSON object or list that a whole answer is, also in a fence of Markdown; nothing where it is none."""
    bare = text.strip()
    if len(bare) > LONGEST_ANSWER:
        return None
    if bare.startswith("```") and bare.endswith("```"):
        bare = bare.partition("\n")[2].removesuffix("```").strip()
    value = json_of(bare) if bare[:1] in ("{", "[") else None
    return dumped(value) if isinstance(value, dict | list) else None


def dumped(value: Any) -> str | None:
    """A value as JSON, in ASCII; nothing where it has infinite numbers or is too large."""
    try:
        text = json.dumps(value, allow_nan=False)
    except (ValueError, RecursionError):
        return None
    return text if len(text) <= LONGEST_ANSWER else None


TOOL_PATHS: Final = ("file_path", "notebook_path", "filePath", "absolute_path", "path", "dir_path", "paths")
"""Keys under which tools are given paths."""
_SUBJECTS: Final = ("command", "pattern", "query", "url", "description", "prompt", "file_path", "filePath", "path")
"""Keys under which tools are given what they are about, the most telling one first."""


def subject_of(given: Mapping[str, Any]) -> str:
    """What a tool is used for, in a line."""
    return next((line for key in _SUBJECTS if (line := line_of(given.get(key)))), "")
