"""One request of an agent and its answer: handed on piece by piece, read along, stopped where a budget ends."""

import asyncio
import math
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random

import h11

from plait.door.agent_link import AgentGone, AgentLink
from plait.door.agent_requests import forwarded, returned, size_of
from plait.door.ledger import Ledger, Meter, OpenTry
from plait.door.machine_pauses import MachinePauses
from plait.door.patience import LONGEST_BODY, LONGEST_ERROR, LONGEST_HEAD, PIECE, Patience
from plait.door.provider_links import ProviderLink, ProviderLinks, Unreachable
from plait.plans.accounts.pauses import AccountPause
from plait.plans.accounts.refusals import Refusal
from plait.plans.budgets.answers import AnswerReader
from plait.plans.budgets.provider_paths import Call
from plait.plans.budgets.refused_answers import refusal_of_answer, refusal_of_error
from plait.plans.budgets.vendor_words import Reason, refusal_event

_REPLAYED = 256 * 1024
"""Bytes of a request that are kept until its answer begins, on a connection that was used before: the provider may have
closed it in the same moment, and has then read nothing."""
_WAITED_FOR = 90.0
"""Seconds of a pause that a program may wait out by itself; for longer ones it is told to end, which frees its slot."""
_A_KEY = 8
"""Bytes from which on a key is a secret: a server of one's own may be content with `x`, which stands everywhere."""
_LATE = 256 * 1024
"""Bytes that an answer may go on for when its budget is spent, until one of its events ends."""


class _Cut(Exception):
    """The provider's side broke: in words."""

    def __init__(self, words: str, reason: Reason = "upstream") -> None:
        super().__init__(words)
        self.words, self.reason = words, reason


class _TooLong(Exception):
    """The request has more bytes than the door takes."""


@dataclass(frozen=True, slots=True)
class House:
    """What all exchanges of a door share."""

    links: ProviderLinks
    ledger: Ledger
    pauses: MachinePauses
    patience: Patience
    clock: Callable[[], float]
    random: Random

    def pause_of(self, account: str) -> AccountPause | None:
        """Why nothing goes out for an account now."""
        return self.pauses.of(account, self.clock())


class Exchange:
    """One request that may go out, and its answer."""

    def __init__(self, house: House, agent: AgentLink, open_try: OpenTry, call: Call) -> None:
        self._house, self._agent, self._try, self._call = house, agent, open_try, call
        self._link: ProviderLink | None = None
        self._replay: list[bytes] | None = []
        self._sent = 0
        self._is_sent = self._is_begun = self._is_gone = False
        self._begun = house.clock()

    async def run(self, request: h11.Request, query: str, *, has_query_key: bool) -> bool:
        """Carry it out; whether the agent's connection can be used again."""
        head = self._head_of(request, query, has_query_key=has_query_key)
        try:
            link, response = await self._asked(head)
            async with self._watched():
                await self._hand_on(link, response)
        except _TooLong:
            await self._agent.refuse(self._call.api, "too large", f"more than {LONGEST_BODY:,} bytes", closes=True)
            return False
        except (Unreachable, _Cut) as problem:
            return await self._broken(problem)
        except AgentGone:
            return False
        finally:
            if self._link is not None:
                self._link.abort()
        return self._is_sent and not self._is_gone

    def _head_of(self, request: h11.Request, query: str, *, has_query_key: bool) -> h11.Request:
        upstream = self._try.upstream
        headers = forwarded(request, upstream, has_query_key=has_query_key)
        if has_query_key and upstream.key:
            query = f"{query}&key={upstream.key}" if query else f"key={upstream.key}"
        target = f"{upstream.path}{self._call.path}{f'?{query}' if query else ''}"
        return h11.Request(method=request.method, target=target, headers=headers)

    async def _asked(self, head: h11.Request) -> tuple[ProviderLink, h11.Response]:
        """A connection, and the head of its answer; asked again once where a kept connection turns out to be closed."""
        upstream, links = self._try.upstream, self._house.links
        self._link = link = await links.take(upstream)
        if not link.is_used:
            self._replay = None
        try:
            return link, await self._ask(link, head)
        except _Cut as cut:
            if not link.is_used or self._replay is None or cut.reason != "upstream":
                raise
        link.abort()
        self._link = link = await links.take(upstream, fresh=True)
        return link, await self._ask(link, head)

    async def _ask(self, link: ProviderLink, head: h11.Request) -> h11.Response:
        upload = asyncio.create_task(self._upload(link, self._by_proxy(link, head)))
        answer: asyncio.Task[h11.Response] | None = None
        try:
            await asyncio.wait({upload}, timeout=0)
            answer = asyncio.create_task(self._first_words(link))
            await asyncio.wait({upload, answer}, return_when=asyncio.FIRST_COMPLETED)
            if upload.done() and isinstance(upload.exception(), AgentGone | _TooLong):
                upload.result()
            async with self._watched():
                return await answer
        finally:
            for task in (upload, answer):
                if task is not None and not task.done():
                    task.cancel()
                if task is not None:
                    with suppress(asyncio.CancelledError, Exception):
                        await task

    async def _upload(self, link: ProviderLink, head: h11.Request) -> None:
        """Hand the request on. That the provider does not want all of it shows in its answer."""
        # The head goes with the body's first piece: one packet, and no server answers the one without the other.
        waiting: list[h11.Request | h11.Data] = [head, *(h11.Data(data=piece) for piece in self._replay or [])]
        try:
            while not self._is_sent:
                piece = await self._agent.next_piece()
                if piece is None:
                    self._is_sent = True
                    break
                self._sent += len(piece)
                if self._sent > LONGEST_BODY:
                    raise _TooLong
                self._keep(piece)
                await link.send(*waiting, h11.Data(data=piece))
                waiting = []
            await link.send(*waiting, h11.EndOfMessage())
        except (OSError, h11.LocalProtocolError):
            return

    def _keep(self, piece: bytes) -> None:
        if self._replay is not None and self._sent <= _REPLAYED:
            self._replay.append(piece)
        else:
            self._replay = None

    async def _first_words(self, link: ProviderLink) -> h11.Response:
        while True:
            event = await self._next(link)
            if isinstance(event, h11.Response):
                if size_of(event) > LONGEST_HEAD:
                    raise _Cut(_endless(self._try.upstream.host))
                return event
            if not isinstance(event, h11.InformationalResponse):
                raise _Cut(f"{self._try.upstream.host} closed the connection without an answer")

    async def _next(self, link: ProviderLink) -> object:
        """What the provider says next.

        Raises:
            _Cut: Nothing that can be read.
        """
        silence, host = self._house.patience.silence, self._try.upstream.host
        try:
            while (event := link.http.next_event()) is h11.NEED_DATA:
                await link.read(silence)
            return event
        except TimeoutError:
            raise _Cut(f"{host} has been silent for {silence:.0f} s", "silence") from None
        except (OSError, h11.ProtocolError) as problem:
            if isinstance(problem, h11.ProtocolError) and problem.error_status_hint == 431:  # more than h11 waits for
                raise _Cut(_endless(host)) from None
            is_closed = isinstance(problem, h11.ProtocolError) and link.reader.at_eof()
            words = "closed the connection in the middle of it" if is_closed else f"broke off: {problem}"
            raise _Cut(f"{host} {words}") from None

    def _by_proxy(self, link: ProviderLink, head: h11.Request) -> h11.Request:
        """The request as a proxy wants it that carries it unencrypted; the same where there is none."""
        if not link.is_by_proxy:
            return head
        upstream, headers = self._try.upstream, list(head.headers)
        credential = self._house.links.proxy_credential(upstream)
        if credential:
            headers.append((b"proxy-authorization", credential.encode()))
        target = f"http://{upstream.authority}".encode() + head.target
        return h11.Request(method=head.method, target=target, headers=headers)

    async def _hand_on(self, link: ProviderLink, response: h11.Response) -> None:
        if self._call.is_counted:
            self._try.calls += 1
            self._try.status = response.status_code
        if response.status_code >= 400:
            await self._hand_on_error(link, response)
        else:
            await self._hand_on_answer(link, response)

    async def _hand_on_error(self, link: ProviderLink, response: h11.Response) -> None:
        """Read an error whole, as errors are short, and hand it on without the key."""
        body = bytearray()
        with suppress(_Cut):
            while isinstance(event := await self._next(link), h11.Data):
                body += event.data
                if len(body) > LONGEST_ERROR:
                    break
        key = self._try.upstream.key.encode()
        safe = bytes(body).replace(key, b"***") if len(key) >= _A_KEY else bytes(body)
        pause = self._hear_refusal(response, safe)
        if pause is not None and pause.until - self._house.clock() > _WAITED_FOR:
            reason, more = pause_answer(pause, self._house.clock(), 0.0)
            self._is_begun = True
            await self._agent.refuse(self._call.api, reason, pause.words, more=more)
            self._give_back(link, response)
            return
        length = str(len(safe)).encode()
        headers = [(name, value) for name, value in returned(response) if name != b"content-length"]
        head = h11.Response(
            status_code=response.status_code, reason=response.reason, headers=[*headers, (b"content-length", length)]
        )
        self._is_begun = True
        await self._agent.send(head, h11.Data(data=safe), h11.EndOfMessage())
        self._give_back(link, response)

    def _hear_refusal(self, response: h11.Response, body: bytes) -> AccountPause | None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in response.headers}
        now = datetime.fromtimestamp(self._house.clock(), UTC).astimezone()
        return self._refused(refusal_of_answer(response.status_code, headers, body, now))

    def _refused(self, refusal: Refusal | None) -> AccountPause | None:
        if self._call.is_counted:
            self._try.refusal = refusal
        if refusal is None or refusal.kind == "login":  # a bad key is of this run alone
            return None
        house = self._house
        return house.pauses.refuse(self._try.account, refusal, house.clock(), share=house.random.random())

    async def _hand_on_answer(self, link: ProviderLink, response: h11.Response) -> None:
        """Hand an answer on as it comes, and read along."""
        headers = dict(response.headers)
        is_stream = headers.get(b"content-type", b"").strip().lower().startswith(b"text/event-stream")
        reader = AnswerReader(self._call.api, is_stream=is_stream, sent=self._sent)
        unpack = _unpacking(headers.get(b"content-encoding", b"").strip().lower())
        meter = Meter(self._house.ledger, self._try, reader) if self._call.is_counted else None
        head = h11.Response(status_code=response.status_code, reason=response.reason, headers=returned(response))
        self._is_begun, is_whole, is_stopped = True, False, False
        try:
            await self._agent.send(head)
            late = 0
            while True:
                piece, is_whole = await self._next_pieces(link)
                reader.feed(unpack(piece))
                words = meter.look() if meter and is_stream and not is_whole and not reader.is_exact else ""
                if words and (reader.boundary or late > _LATE):
                    is_stopped = True
                    await self._stop(piece[: reader.boundary], words, is_packed=b"content-encoding" in headers)
                    return
                late += len(piece) if words else 0
                if piece:
                    await self._agent.send(h11.Data(data=piece))
                if is_whole:
                    await self._agent.send(h11.EndOfMessage())
                    self._give_back(link, response)
                    return
        finally:
            reader.close(is_complete=is_whole)
            self._settle(reader, meter, is_good=is_whole and not is_stopped and response.status_code < 300)

    async def _next_pieces(self, link: ProviderLink) -> tuple[bytes, bool]:
        """All that has come by now, in one; and whether it was the end."""
        event = await self._next(link)
        pieces: list[bytes] = []
        while isinstance(event, h11.Data):
            pieces.append(bytes(event.data))
            try:
                event = link.http.next_event()
            except h11.ProtocolError:
                break  # shows again at the next read
        return b"".join(pieces), isinstance(event, h11.EndOfMessage)

    async def _stop(self, last: bytes, words: str, *, is_packed: bool) -> None:
        """End a stream in the middle, as its budget is spent: in the vendor's words, after a whole event."""
        self._try.spent = words
        if is_packed:
            self._agent.abort()
            raise AgentGone("the budget is spent")
        event = refusal_event(self._call.api, "budget", f"plait: the budget is spent: {words}")
        try:
            await self._agent.send(h11.Data(data=last + event), h11.EndOfMessage())
        except h11.LocalProtocolError:  # the provider had said how long it would be
            self._agent.abort()
            raise AgentGone("the budget is spent") from None

    def _settle(self, reader: AnswerReader, meter: Meter | None, *, is_good: bool) -> None:
        if meter is None:
            return
        meter.close()
        if reader.failure is not None:
            now = datetime.fromtimestamp(self._house.clock(), UTC).astimezone()
            self._refused(refusal_of_error(reader.failure, now))
        elif is_good:
            self._try.refusal = None
            self._house.pauses.works(self._try.account, self._begun)

    def _give_back(self, link: ProviderLink, response: h11.Response) -> None:
        self._house.links.give_back(self._try.upstream, link, response)
        self._link = None

    async def _broken(self, problem: Unreachable | _Cut) -> bool:
        """The provider's side broke: say so where the answer has not begun, else end it as it was ended."""
        if self._is_gone:
            return False
        if self._is_begun:
            self._agent.abort()
            return False
        reason = problem.reason if isinstance(problem, _Cut) else "upstream"
        with suppress(AgentGone):
            await self._agent.refuse(self._call.api, reason, str(problem))
            return True
        return False

    def _watched(self) -> "_Watch":
        """While it goes on, the provider is left at once when the agent goes: nobody would read what is paid for."""
        return _Watch(self)

    def left(self) -> None:
        """The agent has gone."""
        self._is_gone = True
        if self._link is not None:
            self._link.abort()

    @property
    def agent(self) -> AgentLink:
        """Whose request it is."""
        return self._agent

    @property
    def is_sent(self) -> bool:
        """Whether the whole request has been read."""
        return self._is_sent


class _Watch:
    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> None:
        if self._exchange.is_sent:
            self._task = asyncio.create_task(self._look())

    async def __aexit__(self, *_problem: object) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _look(self) -> None:
        if await self._exchange.agent.until_gone():
            self._exchange.left()


def pause_answer(pause: AccountPause, now: float, share: float) -> tuple[Reason, list[tuple[bytes, bytes]]]:
    """What is said while an account rests: when to ask again, spread a little; of long pauses: not to ask again."""
    seconds = max(1, math.ceil((pause.until - now) * (1 + 0.1 * share)))
    headers = [(b"retry-after", str(seconds).encode())]
    if pause.until - now <= _WAITED_FOR:
        return "pause", headers
    return "rest", [*headers, (b"x-should-retry", b"false")]  # the SDKs of Anthropic and OpenAI obey it


def _unpacking(encoding: bytes) -> Callable[[bytes], bytes]:
    """What makes an answer legible that came packed although nobody asked for it; nothing comes of what cannot be."""
    if encoding in (b"", b"identity"):
        return lambda piece: piece
    if encoding not in (b"gzip", b"x-gzip", b"deflate"):
        return lambda _piece: b""
    unpacker = zlib.decompressobj(wbits=47 if encoding != b"deflate" else 15)

    def unpack(piece: bytes) -> bytes:
        """At most sixteen times of what came: a bomb is not unpacked."""
        try:
            return unpacker.decompress(piece, max_length=16 * PIECE)
        except zlib.error:
            return b""

    return unpack


def _endless(host: str) -> str:
    return f"the headers of {host} have no end"
