"""A door as tests use one: fake providers before it, a client that says exactly what it is told, and tries let in."""

import http.client
import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlsplit

from plait.door.model_door import ModelDoor
from plait.door.patience import Patience
from plait.plans.agents.launching import DoorEntry
from plait.plans.agents.prices import PriceList, price_list
from plait.plans.budgets.limits import Limits
from plait.plans.budgets.provider_paths import Provider
from plait.plans.budgets.upstreams import Upstream, upstream_at

KEY = "sk-canary-0123456789abcdef"
PRICES = price_list({"models": {"fake-model": {"read": 10, "written": 100}}}, "a test")
SHORT = Patience(head=1.0, idle=5.0, body=1.0, reader=2.0, connect=2.0, silence=2.0, kept=5.0)


@contextmanager
def open_door(
    home: Path,
    *,
    prices: PriceList = PRICES,
    environment: Mapping[str, str] | None = None,
    run_limits: Limits = Limits(),  # noqa: B008
    day_limits: Limits = Limits(),  # noqa: B008
    clock: Callable[[], float] | None = None,
    patience: Patience = SHORT,
) -> Iterator[ModelDoor]:
    """A door with prices of its own, and without the patience of a real one."""
    more: dict[str, Any] = {"clock": clock} if clock else {}
    with ModelDoor(
        home,
        prices=prices,
        environment=environment or {},
        run="a-run",
        run_limits=run_limits,
        day_limits=day_limits,
        random=Random(1),  # noqa: S311
        patience=patience,
        **more,
    ) as door:
        yield door


def upstream_of(url: str, provider: Provider = "anthropic", key: str = KEY) -> Upstream:
    """A fake provider as an upstream."""
    return upstream_at(provider, f"{url}/v1" if provider == "openai" else url, key)


@dataclass(frozen=True)
class Answer:
    """What a client got."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)

    @property
    def events(self) -> list[Any]:
        """The data of its server-sent events."""
        lines = [line[6:] for line in self.body.decode().splitlines() if line.startswith("data: ")]
        return [json.loads(line) for line in lines if line != "[DONE]"]


PATHS: Mapping[str, str] = {
    "messages": "/v1/messages",
    "responses": "/v1/responses",
    "chat": "/v1/chat/completions",
    "generate": "/v1beta/models/fake-model:generateContent",
    "stream": "/v1beta/models/fake-model:streamGenerateContent?alt=sse",
}


def ask(
    entry: DoorEntry,
    path: str = PATHS["messages"],
    body: Any = None,
    *,
    method: str = "POST",
    headers: Mapping[str, str] | None = None,
    stream: bool = True,
) -> Answer:
    """One request of an agent, with the token where its program puts its key."""
    parts = urlsplit(entry.url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=20)
    if body is None:
        body = {"model": "fake-model", "stream": stream, "messages": [{"role": "user", "content": "hi"}]}
        body["tools"] = [{"name": "Write", "input_schema": {"type": "object"}}]
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    try:
        connection.request(method, parts.path + path, raw, dict(headers or {"x-api-key": entry.token}))
        answer = connection.getresponse()
        given = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, given, answer.read())
    finally:
        connection.close()


def say(entry: DoorEntry, raw: bytes, *, wait: float = 5.0, ends: bool = False) -> bytes:
    """Exactly these bytes to the door; all that comes back until it closes, or says no more for a while."""
    parts = urlsplit(entry.url)
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=wait) as agent:
        heard = b""
        with suppress(OSError):
            agent.sendall(raw)
            if ends:
                agent.shutdown(socket.SHUT_WR)
        with suppress(OSError):
            while piece := agent.recv(65536):
                heard += piece
        return heard


@dataclass
class RawUpstream:
    """A provider that answers each request with the next of some acts: bytes, or what to do with the connection."""

    acts: list[Callable[[socket.socket], None]]
    heard: list[bytes] = field(default_factory=list)
    """Requests, whole."""
    connections: int = 0
    url: str = ""


def sends(*pieces: bytes, then: str = "stay") -> Callable[[socket.socket], None]:
    """An act: send these, one after the other, then stay, close or reset."""

    def act(link: socket.socket) -> None:
        for piece in pieces:
            link.sendall(piece)
        if then == "reset":
            link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        if then in ("close", "reset"):
            link.close()

    return act


def whole(body: bytes, *, status: str = "200 OK", more: bytes = b"", kind: bytes = b"application/json") -> bytes:
    """An answer in one piece."""
    length = str(len(body)).encode()
    head = b"HTTP/1.1 %s\r\ncontent-type: %s\r\ncontent-length: %s\r\n" % (status.encode(), kind, length)
    return head + more + b"\r\n" + body


@contextmanager
def raw_upstream(*acts: Callable[[socket.socket], None]) -> Iterator[RawUpstream]:
    """A server on loopback that plays the acts, one for each request; the last one again and again."""
    server = socket.create_server(("127.0.0.1", 0))
    play = RawUpstream(list(acts), url=f"http://127.0.0.1:{server.getsockname()[1]}")
    links: list[socket.socket] = []

    def talk(link: socket.socket) -> None:
        with suppress(OSError, ValueError):
            while request := request_on(link):
                play.heard.append(request)
                act = play.acts.pop(0) if len(play.acts) > 1 else play.acts[0]
                act(link)

    def listen() -> None:
        with suppress(OSError):
            while True:
                link, _address = server.accept()
                play.connections += 1
                links.append(link)
                threading.Thread(target=talk, args=(link,), daemon=True).start()

    threading.Thread(target=listen, daemon=True).start()
    try:
        yield play
    finally:
        for link in links:
            with suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)
            link.close()
        with suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)
        server.close()


def request_on(link: socket.socket) -> bytes:
    """One whole request; nothing where the connection ends."""
    heard = b""
    while b"\r\n\r\n" not in heard:
        piece = link.recv(65536)
        if not piece:
            return b""
        heard += piece
    head, _blank, body = heard.partition(b"\r\n\r\n")
    lower = head.lower()
    if b"transfer-encoding: chunked" in lower:
        while not body.endswith(b"0\r\n\r\n"):
            body += link.recv(65536)
    elif b"content-length: " in lower:
        length = int(lower.split(b"content-length: ")[1].split(b"\r\n")[0])
        while len(body) < length:
            body += link.recv(65536)
    return head + b"\r\n\r\n" + body
