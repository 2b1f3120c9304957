"""Which reader reads the stream of which program."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from plait.plans.agents.event_lines import EventLineReader
from plait.plans.agents.readers.aider import AiderReader
from plait.plans.agents.readers.claude import ClaudeReader
from plait.plans.agents.readers.codex import CodexReader
from plait.plans.agents.readers.gemini import GeminiReader
from plait.plans.agents.readers.opencode import OpencodeReader
from plait.plans.agents.stream import Reader
from plait.plans.language.backends import Backend

READERS: Final[Mapping[Backend, Callable[[], Reader]]] = MappingProxyType(
    {
        "claude": ClaudeReader,
        "codex": CodexReader,
        "opencode": OpencodeReader,
        "gemini": GeminiReader,
        "aider": AiderReader,
        "model": EventLineReader,
        "acp": EventLineReader,
    }
)
"""A new one for each try. aider's has to be given its file of usage as well."""
