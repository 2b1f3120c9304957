"""What agents may try at the door, and that none of it gets further, takes the door down, or harms another agent."""

import socket
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from plait.door.patience import LONGEST_BODY, MOST_CONNECTIONS
from tests.door.doors import KEY, SHORT, ask, open_door, raw_upstream, say, sends, upstream_of, whole

GOOD = whole(b'{"model": "fake-model", "usage": {"input_tokens": 1, "output_tokens": 1}}')
CHUNKED = b"transfer-encoding: chunked\r\n"


def post(
    path: bytes = b"/anthropic/v1/messages", *, more: bytes = b"content-length: 2\r\n", body: bytes = b"{}"
) -> bytes:
    """A request with the token's place held."""
    return b"POST %s HTTP/1.1\r\nhost: x\r\nx-api-key: TOKEN\r\n%s\r\n%s" % (path, more, body)


REFUSED: dict[str, tuple[bytes, int]] = {
    "two lengths": (post(more=b"content-length: 2\r\ncontent-length: 3\r\n"), 400),
    "a length and chunks": (post(more=b"content-length: 2\r\n" + CHUNKED, body=b"0\r\n\r\n"), 400),
    "chunks and a length": (post(more=CHUNKED + b"content-length: 2\r\n", body=b"0\r\n\r\n"), 400),
    "an odd coding": (post(more=b"transfer-encoding: xchunked\r\n"), 501),
    "two codings": (post(more=b"transfer-encoding: gzip, chunked\r\n"), 501),
    "a length with a sign": (post(more=b"content-length: +2\r\n"), 400),
    "a length that is none": (post(more=b"content-length: two\r\n"), 400),
    "a negative length": (post(more=b"content-length: -1\r\n"), 400),
    "a blank before a colon": (post(more=b"content-length : 2\r\n"), 400),
    "a header without a name": (post(more=b": x\r\ncontent-length: 2\r\n"), 400),
    "a zero in a header": (post(more=b"x: a\0b\r\ncontent-length: 2\r\n"), 400),
    "too many headers": (post(more=b"x: y\r\n" * 200 + b"content-length: 2\r\n"), 431),
    "too long a header": (post(more=b"x: %s\r\n" % (b"y" * 100_000)), 431),
    "no HTTP": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello\r\n\r\n", 400),
    "an odd version": (b"POST / HTTP/9.9\r\n\r\n", 505),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    "another host": (post(b"http://evil.example/anthropic/v1/messages"), 400),
    "another host without a scheme": (post(b"//evil.example/v1/messages"), 404),
    "a tunnel": (b"CONNECT evil.example:443 HTTP/1.1\r\nhost: evil.example:443\r\n\r\n", 400),
    "no path": (b"OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n", 400),
    "upwards": (post(b"/anthropic/v1/messages/../files"), 404),
    "upwards in code": (post(b"/anthropic/v1/%2e%2e/v1/messages"), 404),
    "a slash in code": (post(b"/anthropic%2fv1/messages"), 404),
    "a double slash": (post(b"/anthropic//v1/messages"), 404),
    "a fragment": (post(b"/anthropic/v1/messages#x"), 400),
    "files": (post(b"/anthropic/v1/files"), 404),
    "batches": (post(b"/anthropic/v1/messages/batches"), 404),
    "the account": (post(b"/anthropic/v1/organizations/me"), 404),
    "another route": (post(b"/openai/v1/responses"), 404),
    "no route": (post(b"/v1/messages"), 404),
    "another method": (post().replace(b"POST", b"DELETE"), 404),
    "no token": (post().replace(b"TOKEN", b""), 401),
    "an unknown token": (post().replace(b"TOKEN", b"plait-nobody"), 401),
    "the real key": (post().replace(b"TOKEN", KEY.encode()), 401),
    "two tokens": (post(more=b"authorization: Bearer other\r\ncontent-length: 2\r\n"), 401),
    "a WebSocket": (post(more=b"connection: upgrade\r\nupgrade: websocket\r\ncontent-length: 2\r\n"), 426),
    "too long a body": (post(more=b"content-length: %d\r\n" % (LONGEST_BODY + 1)), 413),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_no_agent_needs_is_refused_and_does_not_go_out(tmp_path: Path, name: str) -> None:
    raw, status = REFUSED[name]
    with raw_upstream(sends(GOOD)) as upstream, open_door(tmp_path) as door:
        entry = door.open_for("T", upstream_of(upstream.url), account="a")
        heard = say(entry, raw.replace(b"TOKEN", entry.token.encode()), ends=True)
        assert heard.startswith(b"HTTP/1.1 %d " % status), heard[:200]
        assert b'"error"' in heard
        assert not upstream.heard
        assert ask(entry).status == 200


def test_no_request_is_smuggled_behind_another(tmp_path: Path) -> None:
    """What looks like a second request is one for the door, with a token of its own or none."""
    inner = b"POST /anthropic/v1/messages HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}"
    with raw_upstream(sends(GOOD)) as upstream, open_door(tmp_path) as door:
        entry = door.open_for("T", upstream_of(upstream.url), account="a")
        token = entry.token.encode()
        as_body = post(more=b"content-length: %d\r\n" % len(inner), body=inner).replace(b"TOKEN", token)
        heard = say(entry, as_body + inner, wait=2)
        assert heard.count(b"HTTP/1.1 200") == 1
        assert heard.count(b"HTTP/1.1 401") == 1
        assert [request.count(b"POST ") for request in upstream.heard] == [2]
        in_chunks = post(more=CHUNKED, body=b"%x;a=b\r\n%s\r\n0\r\nx-api-key: other\r\n\r\n" % (len(inner), inner))
        assert say(entry, in_chunks.replace(b"TOKEN", token), wait=2).startswith(b"HTTP/1.1 200")
        assert upstream.heard[1].endswith(b"%x\r\n%s\r\n0\r\n\r\n" % (len(inner), inner))
        assert b"x-api-key: other" not in upstream.heard[1]


def test_headers_that_would_make_another_request_of_it_stay_behind(tmp_path: Path) -> None:
    more = (
        b"x-http-method-override: DELETE\r\nx-forwarded-host: evil\r\nproxy-authorization: x\r\nvia: x\r\n"
        b"connection: x-mine, keep-alive\r\nx-mine: a\r\nte: trailers\r\ncontent-length: 2\r\n"
    )
    with raw_upstream(sends(GOOD)) as upstream, open_door(tmp_path) as door:
        entry = door.open_for("T", upstream_of(upstream.url), account="a")
        assert say(entry, post(more=more).replace(b"TOKEN", entry.token.encode()), wait=1).startswith(b"HTTP/1.1 200")
        names = {line.split(b":")[0].lower() for line in upstream.heard[0].split(b"\r\n\r\n")[0].split(b"\r\n")[1:]}
        assert names == {b"host", b"accept-encoding", b"content-length", b"x-api-key"}


def test_a_body_in_chunks_ends_where_it_gets_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plait.door.exchange.LONGEST_BODY", 1_000_000)
    chunk = b"%x\r\n%s\r\n" % (60_000, b"x" * 60_000)
    with raw_upstream(sends(GOOD)) as upstream, open_door(tmp_path) as door:
        entry = door.open_for("T", upstream_of(upstream.url), account="a")
        raw = post(more=CHUNKED, body=chunk * 20).replace(b"TOKEN", entry.token.encode())
        assert say(entry, raw).startswith(b"HTTP/1.1 413")
        assert not upstream.heard


def test_who_sends_slowly_or_nothing_is_let_go(tmp_path: Path) -> None:
    with raw_upstream(sends(GOOD)) as upstream, open_door(tmp_path) as door:
        entry = door.open_for("T", upstream_of(upstream.url), account="a")
        port = urlsplit(entry.url).port
        with socket.create_connection(("127.0.0.1", port), timeout=0.1) as slow:
            assert any(_is_let_go(slow) for _ in range(60))  # a byte now and then never makes a head
        half = post(more=b"content-length: 100\r\n").replace(b"TOKEN", entry.token.encode())
        assert say(entry, half, wait=20) == b""
        assert door.close(entry).calls == 0


def _is_let_go(slow: socket.socket) -> bool:
    """Whether the connection is over after one more byte and a while."""
    try:
        slow.sendall(b"P")
        return slow.recv(100) == b""
    except TimeoutError:
        return False
    except OSError:
        return True


def test_an_agent_that_does_not_read_holds_nobody_up_and_is_let_go(tmp_path: Path) -> None:
    body = b"x" * 30_000_000
    with raw_upstream(sends(whole(body), then="close"), sends(GOOD)) as upstream, open_door(tmp_path) as door:
        entry = door.open_for("T", upstream_of(upstream.url), account="a")
        port = urlsplit(entry.url).port
        with socket.create_connection(("127.0.0.1", port), timeout=20) as deaf:
            deaf.sendall(post().replace(b"TOKEN", entry.token.encode()))
            while not upstream.heard:
                pass
            assert ask(entry).status == 200
            deadline = time.monotonic() + 20
            while door.sight_of(entry).calls and time.monotonic() < deadline:
                if not door.sight_of(entry).is_exact:
                    break
                time.sleep(0.05)
        assert not door.close(entry).is_exact


def test_when_the_agent_goes_the_provider_is_left_at_once(tmp_path: Path) -> None:
    left = threading.Event()

    def silent(link: socket.socket) -> None:
        if link.recv(1) == b"":
            left.set()

    with raw_upstream(silent) as upstream, open_door(tmp_path) as door:
        entry = door.open_for("T", upstream_of(upstream.url), account="a")
        port = urlsplit(entry.url).port
        with socket.create_connection(("127.0.0.1", port)) as agent:
            agent.sendall(post().replace(b"TOKEN", entry.token.encode()))
            while not upstream.heard:
                pass
        assert left.wait(SHORT.silence - 0.5)


def test_more_connections_than_there_is_room_for_end_the_idle_ones(tmp_path: Path) -> None:
    with raw_upstream(sends(GOOD)) as upstream, open_door(tmp_path) as door:
        entry = door.open_for("T", upstream_of(upstream.url), account="a")
        port = urlsplit(entry.url).port
        idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(MOST_CONNECTIONS + 20)]
        try:
            assert ask(entry).status == 200
            idle[0].settimeout(10)
            assert idle[0].recv(1) == b""
        finally:
            for link in idle:
                link.close()


def test_http_1_0_and_waiting_for_100_work(tmp_path: Path) -> None:
    stream = (
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    )
    with raw_upstream(sends(stream)) as upstream, open_door(tmp_path) as door:
        entry = door.open_for("T", upstream_of(upstream.url), account="a")
        old = post().replace(b"TOKEN", entry.token.encode()).replace(b"HTTP/1.1", b"HTTP/1.0")
        heard = say(entry, old)
        assert heard.endswith(b"\r\n\r\nabc")
        assert b"chunked" not in heard
        port = urlsplit(entry.url).port
        with socket.create_connection(("127.0.0.1", port), timeout=10) as agent:
            more = b"expect: 100-continue\r\nconnection: close\r\ncontent-length: 2\r\n"
            agent.sendall(post(more=more, body=b"").replace(b"TOKEN", entry.token.encode()))
            assert agent.recv(100).startswith(b"HTTP/1.1 100 ")
            agent.sendall(b"{}")
            assert agent.recv(1000).startswith(b"HTTP/1.1 200 ")
        assert b"expect" not in upstream.heard[1]
        with socket.create_connection(("127.0.0.1", port), timeout=10) as agent:
            agent.sendall(
                post(more=b"expect: 100-continue\r\ncontent-length: 2\r\n", body=b"").replace(b"TOKEN", b"no")
            )
            assert agent.recv(1000).startswith(b"HTTP/1.1 401 ")
