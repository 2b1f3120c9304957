"""What the end of each agent program means beside its stream: exit statuses, words; and which tools only read."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from plait.plans.agents.outcomes import Outcome
from plait.plans.language.backends import Backend


@dataclass(frozen=True, slots=True)
class KnownEnd:
    """What an exit status, or words of a program, come to."""

    outcome: Outcome
    reason: str
    """In a sentence; what a person can do about it as well."""


@dataclass(frozen=True, slots=True)
class ProgramEnds:
    """What is known of how a program ends. One without a table of its own is judged by its events alone."""

    statuses: Mapping[int, KnownEnd] = field(default_factory=dict)
    """By exit status, where its stream has no end."""
    provider_statuses: Mapping[int, int] = field(default_factory=dict)
    """By exit status, the HTTP status that it stands for."""
    words: tuple[tuple[re.Pattern[str], KnownEnd], ...] = ()
    """What it prints, on standard error or as an error, when it cannot work at all."""
    lost_session: re.Pattern[str] | None = None
    """What it prints when nobody can go on with its session: it is not there, or longer than its model can read."""
    notes: tuple[tuple[re.Pattern[str], str], ...] = ()
    """What it prints on standard error that people should know."""
    is_told_of_errors: bool = True
    """false: it may say that all is well although its provider refused."""

    def known_status(self, status: int | None) -> KnownEnd | None:
        return None if status is None else self.statuses.get(status)

    def provider_status(self, status: int | None) -> int | None:
        return None if status is None else self.provider_statuses.get(status)

    def known_words(self, text: str) -> KnownEnd | None:
        return next((end for words, end in self.words if words.search(text)), None)

    def is_session_lost(self, text: str) -> bool:
        return self.lost_session is not None and self.lost_session.search(text) is not None

    def note(self, text: str) -> str:
        return next((note for words, note in self.notes if words.search(text)), "")


_HTTP: Final = (400, 401, 402, 403, 404, 408, 413, 429, 500, 502, 503, 504, 529)


def _words(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


_TOO_LONG: Final = (
    _words(r"prompt is too long|maximum context length|context (?:window|length) (?:is )?exceeded|exceeds the context"),
    KnownEnd("crashed", "its conversation is longer than its model can read"),
)

ENDS: Final[Mapping[Backend, ProgramEnds]] = MappingProxyType(
    {
        "claude": ProgramEnds(
            words=(
                (
                    _words(r"cannot be used with root/sudo"),
                    KnownEnd("crashed", "claude refuses to work as root without a sandbox: set `IS_SANDBOX=1` for it"),
                ),
                (
                    _words(r"session id \S{1,60} is already in use"),
                    KnownEnd("crashed", "another claude works in this session"),
                ),
                _TOO_LONG,
            ),
            lost_session=_words(r"no conversation found with session id|prompt is too long|start a new session"),
            notes=(
                (
                    _words(r"sandbox.{0,80}(?:not available|disabled|without sandbox|unsandboxed)"),
                    "claude's own sandbox was not there, and it worked without",
                ),
            ),
        ),
        "codex": ProgramEnds(
            words=(
                (
                    _words(r"required MCP server|MCP server.{0,80}(?:required|failed to (?:start|initialize))"),
                    KnownEnd("crashed", "an MCP server that codex was given as required did not start"),
                ),
                (
                    _words(r"not inside a trusted directory"),
                    KnownEnd("crashed", "codex refuses to work here: give it `--skip-git-repo-check`"),
                ),
                _TOO_LONG,
            ),
            lost_session=_words(
                r"no rollout found for thread id|thread \S{1,60} not found|prompt is too long|context (?:window|length)"
            ),
        ),
        "opencode": ProgramEnds(
            words=(_TOO_LONG,),
            lost_session=_words(r"\bsession not found\b|prompt is too long|context (?:window|length)"),
        ),
        "gemini": ProgramEnds(
            statuses={
                41: KnownEnd("login needed", "gemini has no login and no key"),
                53: KnownEnd("turn limit", "it was at the limit of its turns"),
                55: KnownEnd(
                    "crashed", "gemini does not trust this folder: start it with `--skip-trust`, in a sandbox"
                ),
                130: KnownEnd("crashed", "it was interrupted"),
            },
            # It ends with the HTTP status, of which a process keeps the last eight bits: 401 is 145, 429 is 173.
            provider_statuses={status % 256: status for status in _HTTP},
            lost_session=_words(r"error resuming session|invalid session identifier|no previous sessions found"),
        ),
        "aider": ProgramEnds(is_told_of_errors=False),
        "model": ProgramEnds(lost_session=_words(r"^the session \S{1,100} (?:is not there|cannot be read)")),
        "acp": ProgramEnds(  # an adapter of codex ends a turn in order on 429
            lost_session=_words(r"^it cannot go on with the session"), is_told_of_errors=False
        ),
    }
)
"""Measured on claude 2.1.332, codex 0.171.0, opencode 1.18.33, gemini 0.61.0, aider 0.86.2."""

_READING: Final = frozenset(
    (
        *("read", "grep", "glob", "ls", "list", "notebookread", "todowrite", "todoread", "websearch", "webfetch"),
        *("toolsearch", "taskcreate", "taskget", "tasklist", "taskupdate", "skill", "structuredoutput"),
        *("read_file", "read_many_files", "list_directory", "search_file_content", "grep_search", "write_todos"),
        *("google_web_search", "web_fetch", "web_search", "save_memory", "codesearch", "lsp", "search"),
    )
)
"""Tools that change nothing in a checkout, by the names that the programs have for them."""
_OURS: Final = re.compile(r"(?:mcp__?plait_|plait[/_])")
"""plait's own server, as claude, gemini, codex and opencode name its tools."""


def is_reading(tool: str) -> bool:
    """Whether a tool changes nothing in a checkout; of one that nobody knows it is not to be said."""
    return tool.casefold() in _READING or _OURS.match(tool) is not None
