"""Reads along while an answer of a model goes by: its tokens, its model, and how it failed; with little memory."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from plait.plans.agents.stream import Tokens
from plait.plans.budgets.event_stream import KEPT_END, EventStream
from plait.plans.budgets.usage_fields import Api, mapping, parsed, text, tokens_of, told_usage, usage_at_end

BYTES_A_TOKEN: Final = 4
"""The estimate for what nobody has counted yet."""
LONGEST_WHOLE: Final = 4_000_000
"""Bytes of an answer in one piece that are read whole; of a longer one, its end."""


class AnswerReader:
    """The pieces of one answer in; what it used up so far, at any time.

    Args:
        api: Whose answer it is.
        is_stream: Whether it comes as events, and not in one piece.
        sent: Bytes of the request: the estimate of what was read, until the answer tells it.
    """

    def __init__(self, api: Api, *, is_stream: bool, sent: int = 0) -> None:
        self._api, self._sent = api, sent
        self._events = EventStream() if is_stream else None
        self._whole = bytearray()
        self._told = Tokens()
        self._usage: dict[str, Any] = {}
        self._written_bytes = 0
        self._is_read_told = self._is_whole = False
        self.model: str | None = None
        self.failure: Mapping[str, Any] | None = None
        """The error that came in place of the rest of the answer, as the provider wrote it."""

    @property
    def is_exact(self) -> bool:
        """Whether the answer has told its usage to the end."""
        return self._is_whole

    @property
    def tokens(self) -> Tokens:
        """What the answer came to so far: what it told, and an estimate of what it did not."""
        if self._is_whole:
            return self._told
        written = max(self._told.written, -(-self._written_bytes // BYTES_A_TOKEN))
        return replace(self._told, read=self._told.read if self._is_read_told else self.sent_tokens, written=written)

    @property
    def told_so_far(self) -> Tokens:
        """As `tokens`, without the estimate of what was read: a picture in a request has few tokens and many bytes."""
        return self.tokens if self._is_read_told else replace(self.tokens, read=0)

    @property
    def sent_tokens(self) -> int:
        """The estimate of the tokens that the request has."""
        return -(-self._sent // BYTES_A_TOKEN)

    @property
    def boundary(self) -> int:
        """Where in the last piece its last event ends; 0: nowhere in it."""
        return self._events.boundary if self._events else 0

    def feed(self, piece: bytes) -> None:
        """Read a piece; whatever it is, nothing is raised."""
        if self._events is None:
            self._whole += piece
            if len(self._whole) > LONGEST_WHOLE:
                del self._whole[:-KEPT_END]
            return
        for data in self._events.feed(piece):
            self._hear(data)

    def close(self, *, is_complete: bool) -> None:
        """The answer has ended; `is_complete`: as the provider meant it to."""
        if self._events is not None:
            for data in self._events.close():
                self._hear(data)
        elif self._whole:
            self._hear_whole(bytes(self._whole))
            self._whole.clear()
        if not is_complete and self._events is None:
            self._is_whole = False

    def _hear_whole(self, body: bytes) -> None:
        answer = parsed(body)
        if isinstance(answer, list) and answer:  # generateContent streamed as one JSON list
            answer = answer[-1]
        record = mapping(answer)
        self._name(record.get("model") or record.get("modelVersion"))
        usage = told_usage(self._api, record) or usage_at_end(self._api, body[-KEPT_END:])
        self._count(usage)
        self._is_whole = bool(usage)
        self._written_bytes = len(body)
        self._fail(record.get("error"))

    def _hear(self, data: bytes) -> None:
        event = parsed(data)
        if event is None and len(data) >= KEPT_END:
            self._end_with(usage_at_end(self._api, data))
        elif isinstance(event, dict):
            _HEARD[self._api](self, event)
            self._fail(event.get("error"))

    def _messages(self, event: Mapping[str, Any]) -> None:
        match event.get("type"):
            case "message_start":
                message = mapping(event.get("message"))
                self._name(message.get("model"))
                self._count(mapping(message.get("usage")))
            case "content_block_delta":
                delta = mapping(event.get("delta"))
                self._wrote(delta.get("text"), delta.get("thinking"), delta.get("partial_json"))
            case "message_delta" if mapping(event.get("usage")):
                self._end_with(mapping(event.get("usage")))

    def _responses(self, event: Mapping[str, Any]) -> None:
        kind, response = text(event.get("type")), mapping(event.get("response"))
        self._name(response.get("model"))
        if kind.endswith(".delta"):
            self._wrote(event.get("delta"))
        elif kind in ("response.completed", "response.incomplete", "response.failed"):
            self._end_with(told_usage("responses", response))
            self._fail(response.get("error"))

    def _chat(self, chunk: Mapping[str, Any]) -> None:
        self._name(chunk.get("model"))
        choices = chunk.get("choices")
        for choice in choices if isinstance(choices, list) else []:
            delta = mapping(mapping(choice).get("delta"))
            self._wrote(delta.get("content"), delta.get("reasoning_content"), delta.get("reasoning"))
            calls = delta.get("tool_calls")
            for call in calls if isinstance(calls, list) else []:
                self._wrote(mapping(mapping(call).get("function")).get("arguments"))
        self._end_with(told_usage("chat", chunk))

    def _generate(self, chunk: Mapping[str, Any]) -> None:
        self._name(chunk.get("modelVersion"))
        candidates, is_last = chunk.get("candidates"), False
        for candidate in candidates if isinstance(candidates, list) else []:
            is_last = is_last or bool(mapping(candidate).get("finishReason"))
            parts = mapping(mapping(candidate).get("content")).get("parts")
            for part in parts if isinstance(parts, list) else []:
                call = mapping(part).get("functionCall")
                self._wrote(mapping(part).get("text"), str(call) if call else None)
        usage = told_usage("generate", chunk)
        self._count(usage)
        if usage and is_last:
            self._is_whole = True

    def _end_with(self, usage: Mapping[str, Any]) -> None:
        if usage:
            self._count(usage)
            self._is_whole = True

    def _count(self, usage: Mapping[str, Any]) -> None:
        """Later records tell more, or the same again: what one leaves out stays as it was."""
        if not usage:
            return
        self._usage.update({key: value for key, value in usage.items() if value is not None})
        self._told = tokens_of(self._api, self._usage)
        self._is_read_told = self._told.read > 0

    def _wrote(self, *pieces: Any) -> None:
        self._written_bytes += sum(len(text(piece).encode("utf-8", "replace")) for piece in pieces)

    def _name(self, model: Any) -> None:
        self.model = text(model)[:200] or self.model

    def _fail(self, error: Any) -> None:
        if error:
            self.failure = error if isinstance(error, dict) else {"message": str(error)[:2_000]}


_HEARD: Final = {
    "messages": AnswerReader._messages,  # noqa: SLF001  (one table for the four APIs)
    "responses": AnswerReader._responses,  # noqa: SLF001
    "chat": AnswerReader._chat,  # noqa: SLF001
    "generate": AnswerReader._generate,  # noqa: SLF001
}
