"""The two pipes to an ACP program: messages are lines of JSON, and what is none must do no harm."""

import asyncio
import json
from typing import Any, Final

from plait.agent_host.telling import Teller, clean
from plait.plans.agents.readers.lines import json_of
from plait.plans.agents.stream import Warned
from plait.plans.wording import one_line

LONGEST_MESSAGE: Final = 32 << 20
"""Bytes; a longer line is passed over."""
_TOLD: Final = 3
"""How many lines that are no messages are told of."""


class PipeTransport:
    """As the SDK wants it: it gives whole messages, and nothing at the end."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, teller: Teller) -> None:
        self._reader, self._writer, self._teller = reader, writer, teller
        self._rest = bytearray()
        self._is_skipping = False
        self._strange = 0
        self._sending = asyncio.Lock()

    async def send(self, message: dict[str, Any]) -> None:
        """Send one message.

        Raises:
            ConnectionError: the program has ended.
        """
        async with self._sending:
            self._writer.write(json.dumps(message).encode() + b"\n")
            await self._writer.drain()

    async def receive(self) -> dict[str, Any] | None:
        """The next message; nothing when there are no more."""
        while True:
            line, found, rest = self._rest.partition(b"\n")
            if not found:
                if len(self._rest) > LONGEST_MESSAGE:
                    self._is_skipping = True
                    self._rest.clear()
                piece = await self._reader.read(1 << 16)
                if not piece:
                    return None
                self._teller.pulse()
                self._rest += piece
                continue
            self._rest = rest
            was_skipped, self._is_skipping = self._is_skipping, False
            message = None if was_skipped else json_of(line.decode("utf-8", "replace"))
            if isinstance(message, dict):
                return message
            if line.strip():
                self._tell_strange(bytes(line))

    async def close(self) -> None:
        """No more is sent: that tells most programs to end."""
        self._writer.close()

    def _tell_strange(self, line: bytes) -> None:
        self._strange += 1
        if self._strange <= _TOLD:
            text = one_line(clean(line[:400].decode("utf-8", "replace")), 200)
            self._teller.tell(Warned(f"the program prints what is no message of ACP: {text}"))
