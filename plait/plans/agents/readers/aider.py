"""Reads aider 0.86: its prose, which tells edits and errors, and the file of `--analytics-log`, which tells tokens."""

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from plait.plans.agents.readers.lines import (
    JsonLineReader,
    LineSplitter,
    amount_of,
    count_of,
    line_of,
    mapping,
    name_of,
    paths_of,
    prose_of,
    status_of,
)
from plait.plans.agents.stream import (
    AgentEvent,
    Ended,
    Ending,
    Retrying,
    Said,
    Started,
    Tokens,
    ToolEnded,
    ToolStarted,
    Unknown,
    Used,
    Warned,
)

_LONGEST: Final = 1 << 20
"""Bytes of a line. It prints the model's words as they are."""

_VERSION: Final = re.compile(r"Aider v(\S{1,40})$")
_MODEL: Final = re.compile(r"(?:Main )?model: (\S{1,200}) with ", re.IGNORECASE)
_EDITED: Final = re.compile(r"Applied edit to (.{1,4096})$")
_TOKENS: Final = re.compile(r"Tokens: \S{1,12} sent")
_RETRY: Final = re.compile(r"Retrying in ([\d.]{1,12}) seconds")
_ERROR: Final = re.compile(r"litellm\.(\w{1,60}): ")
_CODE: Final = re.compile(r"Error code: (\d{3})\b")
_WRONG: Final = re.compile(
    r"Only \d+ reflections allowed|The LLM did not conform to the edit format|Exception while updating files"
    r"|Empty response received|Unable to create |has hit a token limit"
)
_STATUSES: Final = {
    "AuthenticationError": 401,
    "PermissionDeniedError": 403,
    "NotFoundError": 404,
    "RateLimitError": 429,
    "RouterRateLimitError": 429,
    "InternalServerError": 500,
    "BadGatewayError": 502,
    "ServiceUnavailableError": 503,
}
"""By the error of litellm, through which it asks all providers."""
_HEADER: Final = re.compile(
    r"Detected dumb terminal|Update git (?:name|email) with|Creating empty file|Git repo:|Repo-map:"
    r"|HTTPSConnectionPool\(host='raw\.github|Added .{1,4096} to the chat|Weak model:|Editor model:|Cost: \$|Use /help|https://aider\.chat/"
)
_DONE: Final = re.compile(r"Completed --message(?:-file)?$")


class AiderReader:
    """The events of aider. Its exit status says nothing, and it ends well in words whatever happened.

    `feed` takes its standard output; `feed_usage` the file of `--analytics-log`, while it grows or before `close`. It
    has ended in order when the file says so, a model has answered, and no error of its provider came after that.
    """

    def __init__(self) -> None:
        self._lines = LineSplitter(_LONGEST)
        self._usage = _UsageReader()
        self._version: str | None = None
        self._edits = 0
        self._error: list[str] = []
        """Lines of what its provider refused last, since a model has answered."""
        self._error_is_open = False
        self._retries = 0
        self._wrong = ""
        self._last = ""
        self._is_quoting = False
        """Whether it prints an edit, in a fence: words of a file, and not for people."""

    def feed(self, piece: bytes) -> tuple[AgentEvent, ...]:
        """The events that a piece of its standard output completes."""
        return tuple(event for line in self._lines.feed(piece) for event in self._line(line))

    def feed_usage(self, piece: bytes) -> tuple[AgentEvent, ...]:
        """The events that a piece of its file of usage completes."""
        return self._usage.feed(piece)

    def close(self) -> tuple[AgentEvent, ...]:
        """The events of last lines without an end, and how it ended, where it told so."""
        events = [event for line in self._lines.close() for event in self._line(line)]
        return (*events, *self._usage.close(), *self._ended())

    def _ended(self) -> Iterator[Ended]:
        reason = self._usage.exit
        if reason is None:
            return
        words = line_of(" ".join(self._error), 1_000)
        ending: Ending = "completed"
        if words:
            ending = "provider error"
        elif not _DONE.match(reason) or not self._usage.answers or self._wrong:
            ending = "unclear"
        told = words or (self._wrong or reason if ending == "unclear" else self._last)
        yield Ended(ending, status=_status(words), words=prose_of(told), turns=self._usage.answers)

    def _line(self, line: bytes | None) -> Iterator[AgentEvent]:
        if line is None:
            yield Unknown("a line that is too long")
            return
        text = line.decode("utf-8", "replace").strip()
        if not text:
            self._error_is_open = False
        elif self._error_is_open and not _RETRY.match(text):
            self._error.append(text[:300])  # it breaks lines at 80 columns, and explains the error in the next one
            self._error_is_open = len(self._error) < 10
        else:
            yield from self._told(text)

    def _told(self, text: str) -> Iterator[AgentEvent]:
        if _ERROR.match(text):
            self._error, self._error_is_open = [text[:1_000]], True
        elif retry := _RETRY.match(text):
            self._retries += 1
            self._error_is_open = False
            words = line_of(" ".join(self._error))
            yield Retrying(self._retries, status=_status(words), delay=amount_of(_number(retry[1])), words=words)
        elif version := _VERSION.match(text):
            self._version = version[1]
        elif model := _MODEL.match(text):
            yield Started(model=name_of(model[1]), version=self._version)
        elif _TOKENS.match(text):
            self._error, self._retries, self._wrong, self._is_quoting = [], 0, "", False
        elif edited := _EDITED.match(text):
            self._edits += 1
            call, paths = f"edit {self._edits}", paths_of(edited[1])
            yield ToolStarted(call, "edit", paths, line_of(edited[1]))
            yield ToolEnded(call, is_good=True, paths=paths)
        elif _WRONG.search(text):
            self._wrong = line_of(text)
            yield Warned(self._wrong)
        elif text.startswith("```"):
            self._is_quoting = not self._is_quoting
        elif not self._is_quoting and not _HEADER.match(text) and (words := prose_of(text)):
            self._last = words
            yield Said(words)


class _UsageReader(JsonLineReader):
    """The lines of `--analytics-log`."""

    exit: str | None = None
    answers = 0

    def _events(self, record: dict[str, Any]) -> Iterable[AgentEvent]:
        told = mapping(record.get("properties"))
        match record.get("event"):
            case "message_send":
                self.answers += 1
                tokens = Tokens(count_of(told.get("prompt_tokens")), count_of(told.get("completion_tokens")))
                usd, model = amount_of(told.get("cost")), name_of(told.get("main_model")) or None
                yield Used(tokens, "call", usd=usd, call=f"message {self.answers}", model=model)
            case "message_send_exception":
                yield Warned(line_of(told.get("exception")))
            case "exit":
                self.exit = name_of(told.get("reason"))


def _status(words: str) -> int | None:
    if code := _CODE.search(words):
        return status_of(int(code[1]))
    error = _ERROR.match(words)
    return _STATUSES.get(error[1]) if error else None


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
