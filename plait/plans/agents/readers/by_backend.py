"""Which reader reads the stream of which program."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from plait.plans.agents.readers.claude import ClaudeReader
from plait.plans.agents.readers.codex import CodexReader
from plait.plans.agents.stream import Reader
from plait.plans.language.backends import Backend

READERS: Final[Mapping[Backend, Callable[[], Reader]]] = MappingProxyType(
    {"claude": ClaudeReader, "codex": CodexReader}
)
"""A new one for each try."""
