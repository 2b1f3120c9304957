"""What the agent host is asked for: one try, as a file of JSON that plait writes for it."""

import json
from dataclasses import asdict, dataclass
from typing import Literal

from pydantic import TypeAdapter

from plait.plans.agents.launching import LaunchOrder


@dataclass(frozen=True, slots=True)
class HostOrder:
    """One try of one task, by an agent of one kind."""

    kind: Literal["model", "acp"]
    launch: LaunchOrder
    import_path: tuple[str, ...]
    """Where the process that asks has its modules from: the host has the same, whatever its environment says."""
    url: str = ""
    """Of a model: where its provider is, when it is not the provider's own place."""
    command: tuple[str, ...] = ()
    """Of an ACP agent: the program and its arguments."""

    def as_json(self) -> str:
        """The file's text."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: bytes) -> "HostOrder":
        """What plait has written.

        Raises:
            ValidationError: somebody else has.
        """
        return TypeAdapter(cls).validate_json(text)
