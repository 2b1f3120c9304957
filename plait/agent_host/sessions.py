"""What a model and its tools have said to each other so far, kept in the agent's HOME: a later try goes on with it."""

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Final

from pydantic import ValidationError
from pydantic_ai.messages import (
    ModelMessage,
    ModelMessagesTypeAdapter,
    ModelRequest,
    ModelResponse,
    ToolCallPart,
    ToolReturnPart,
)

_FOLDER: Final = ".plait-model"
_NAME: Final = re.compile(r"[A-Za-z0-9-]{1,100}")
_LARGEST: Final = 256 << 20


class SessionGone(Exception):
    """There is no session of this name, or it cannot be read."""


def load_session(home: str, name: str) -> list[ModelMessage]:
    """The messages of a session, fit to go on with.

    Raises:
        SessionGone: it is not there.
    """
    if not _NAME.fullmatch(name):
        raise SessionGone(f"{name[:80]!r} is no session")
    try:
        handle = os.open(_place(home, name), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(handle, "rb") as file:  # noqa: PTH123  (a descriptor)
            messages = ModelMessagesTypeAdapter.validate_json(file.read(_LARGEST))
    except FileNotFoundError as problem:
        raise SessionGone(f"the session {name} is not there") from problem
    except (OSError, ValidationError) as problem:
        raise SessionGone(f"the session {name} cannot be read: {type(problem).__name__}") from problem
    return without_open_calls(messages)


def save_session(home: str, name: str, messages: list[ModelMessage]) -> None:
    """Keep the messages; a try that is killed while they are written leaves those of before."""
    place = _place(home, name)
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = place.with_suffix(".new")
    with suppress(FileNotFoundError):
        fresh.unlink()
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with open(handle, "wb") as file:  # noqa: PTH123
        file.write(ModelMessagesTypeAdapter.dump_json(messages))
    fresh.replace(place)


def without_open_calls(messages: list[ModelMessage]) -> list[ModelMessage]:
    """The same, where each use of a tool that was cut off has an answer that says so: providers refuse it else."""
    if not messages or not isinstance(last := messages[-1], ModelResponse):
        return messages
    interrupted = [
        ToolReturnPart(
            tool_name=part.tool_name,
            tool_call_id=part.tool_call_id,
            content="[interrupted: it may have been done in part, or not at all]",
        )
        for part in last.parts
        if isinstance(part, ToolCallPart)
    ]
    return [*messages, ModelRequest(parts=interrupted)] if interrupted else messages


def _place(home: str, name: str) -> Path:
    return Path(home) / _FOLDER / f"{name}.json"
