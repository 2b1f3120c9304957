"""One connection of an agent program to the door: requests in, answers out, nothing kept."""

import asyncio
from contextlib import suppress

import h11

from plait.door.agent_requests import Headers
from plait.door.patience import LONGEST_HEAD, PIECE, Patience
from plait.plans.budgets.usage_fields import Api
from plait.plans.budgets.vendor_words import Reason, refusal_body, status_of

_LINGER = 1.0
"""Seconds for which what a refused agent still sends is read away: else it would see a reset, and not the refusal."""
_DISCARDED = 64 * 1024 * 1024


class AgentGone(Exception):
    """The agent has closed its connection, or does not read any more."""


class AgentLink:
    """An agent's side of the conversation."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, patience: Patience) -> None:
        self.reader, self.writer, self.patience = reader, writer, patience
        self.http = h11.Connection(h11.SERVER, max_incomplete_event_size=LONGEST_HEAD)
        self.is_idle = True
        self._method = b""

    async def next_request(self) -> h11.Request | None:
        """The next request; nothing where none comes.

        Raises:
            h11.RemoteProtocolError: What comes is no HTTP.
        """
        clock = asyncio.get_running_loop().time
        self.is_idle = not self.http.trailing_data[0]
        deadline = clock() + (self.patience.idle if self.is_idle else self.patience.head)
        while True:
            event = self.http.next_event()
            if isinstance(event, h11.Request):
                self.is_idle, self._method = False, bytes(event.method)
                return event
            if event is not h11.NEED_DATA:
                return None
            try:
                async with asyncio.timeout_at(deadline):
                    piece = await self.reader.read(PIECE)
            except (TimeoutError, OSError):
                return None
            if self.is_idle:  # from its first byte on, a head has so many seconds in all
                self.is_idle, deadline = False, clock() + self.patience.head
            self.http.receive_data(piece)

    async def next_piece(self) -> bytes | None:
        """The next piece of the request's body; nothing at its end.

        Raises:
            AgentGone: It was cut off.
        """
        while True:
            try:
                event = self.http.next_event()
                if isinstance(event, h11.Data):
                    return bytes(event.data)
                if event is not h11.NEED_DATA:
                    if isinstance(event, h11.EndOfMessage):
                        return None
                    raise AgentGone("the request was cut off")
                if self.http.they_are_waiting_for_100_continue:
                    await self.send(h11.InformationalResponse(status_code=100, headers=[]))
                async with asyncio.timeout(self.patience.body):
                    piece = await self.reader.read(PIECE)
                self.http.receive_data(piece)
            except (TimeoutError, OSError, h11.RemoteProtocolError) as problem:
                raise AgentGone(f"the request was cut off: {problem}") from None

    async def send(self, *events: h11.InformationalResponse | h11.Response | h11.Data | h11.EndOfMessage) -> None:
        """Write parts of an answer, as fast as the agent reads.

        Raises:
            AgentGone: It does not.
        """
        self.writer.write(b"".join(self.http.send(event) or b"" for event in events))
        try:
            async with asyncio.timeout(self.patience.reader):
                await self.writer.drain()
        except (TimeoutError, OSError):
            raise AgentGone("it does not read its answer") from None

    async def until_gone(self) -> bool:
        """Wait while nothing comes; whether the agent has closed. What a second request began with is kept."""
        try:
            piece = await self.reader.read(PIECE)
        except OSError:
            return True
        if piece:
            with suppress(h11.ProtocolError):
                self.http.receive_data(piece)
        return not piece

    async def refuse(
        self,
        api: Api,
        reason: Reason,
        message: str,
        *,
        status: int | None = None,
        more: Headers | None = None,
        closes: bool = False,
    ) -> None:
        """Answer a request with words of the door's own, in the vendor's shape.

        What is left of the request is read away, so that another can follow; unless the connection closes with it.
        """
        if self.http.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            return
        seconds = next((int(value) for name, value in more or [] if name == b"retry-after"), None)
        body = refusal_body(api, reason, f"plait: {message}", retry_after=seconds)
        is_left = self.http.their_state is h11.SEND_BODY and not closes
        if self.http.they_are_waiting_for_100_continue:  # it may send its body or not: nobody could tell which
            is_left, closes = False, True
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), *(more or [])]
        if closes:
            headers.append((b"connection", b"close"))
        head = h11.Response(status_code=status or status_of(api, reason), headers=headers)
        await self.send(head, *([] if self._method == b"HEAD" else [h11.Data(data=body)]), h11.EndOfMessage())
        if is_left:
            await self.discard()

    async def discard(self) -> None:
        """Read away what is left of a request.

        Raises:
            AgentGone: It is too much, or does not come.
        """
        left = _DISCARDED
        while (piece := await self.next_piece()) is not None:
            left -= len(piece)
            if left < 0:
                raise AgentGone("it sends without end")

    def can_go_on(self) -> bool:
        """Whether another request may come on this connection; if so, it is ready for it."""
        if self.http.our_state is h11.DONE and self.http.their_state is h11.DONE:
            self.http.start_next_cycle()
            return True
        return False

    async def close(self) -> None:
        """End it so that what was written is read."""
        with suppress(OSError, TimeoutError, AgentGone):
            if self.writer.can_write_eof():
                self.writer.write_eof()
            async with asyncio.timeout(_LINGER):
                while await self.reader.read(PIECE):
                    pass
        self.writer.transport.abort()

    def abort(self) -> None:
        """End it so that the agent sees that its answer is not whole."""
        self.writer.transport.abort()
