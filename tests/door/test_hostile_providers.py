"""What providers, and the network before them, may do: the agent hears of it in its vendor's words, or sees a cut."""

import gzip
import http.client
import socket
import ssl
import threading
import zlib
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest

from plait.plans.agents.launching import DoorEntry
from plait.plans.agents.stream import Tokens
from plait.plans.budgets.upstreams import upstream_at
from tests.door.doors import PATHS, ask, open_door, raw_upstream, request_on, sends, upstream_of, whole

USAGE = b'{"model": "fake-model", "usage": {"input_tokens": 11, "output_tokens": 7}}'
STREAM = (
    b'data: {"type":"message_start","message":{"model":"fake-model","usage":{"input_tokens":11,"output_tokens":1}}}\n\n'
    b'data: {"type":"message_delta","usage":{"output_tokens":7}}\n\n'
)
EVENTS = b"content-type: text/event-stream\r\n"


@pytest.mark.parametrize(
    ("act", "status", "words"),
    [
        (sends(then="close"), 502, "closed the connection"),
        (sends(then="reset"), 502, "broke off"),
        (sends(b"SSH-2.0-OpenSSH\r\n", then="close"), 502, "127.0.0.1"),
        (sends(b"HTTP/1.1 200 OK\r\nx: %s\r\n\r\n" % (b"y" * 300_000)), 502, "have no end"),
        (sends(), 504, "has been silent for 2 s"),
        (sends(b"HTTP/1.1 100 Continue\r\n\r\n" + whole(USAGE)), 200, ""),
        (sends(whole(b"<html>", status="502 Bad Gateway", kind=b"text/html")), 502, ""),
        (sends(whole(b"", status="204 Empty")), 204, ""),
        (sends(b"HTTP/1.0 200 OK\r\n\r\n" + USAGE, then="close"), 200, ""),
        (sends(whole(b"", status="302 Found", more=b"location: http://evil/\r\n")), 302, ""),
        (sends(b"HTTP/1.1 500 Oops\r\ncontent-length: 100\r\n\r\nshort", then="close"), 500, ""),
    ],
)
def test_a_provider_that_does_not_answer_as_it_should(
    tmp_path: Path, act: Callable[[socket.socket], None], status: int, words: str
) -> None:
    with raw_upstream(act) as upstream, open_door(tmp_path) as door:
        entry = door.open_for("T", upstream_of(upstream.url), account="a")
        answer = ask(entry)
        assert answer.status == status
        if words:
            assert answer.json["type"] == "error"
            assert words in answer.json["error"]["message"]


def test_nobody_there_and_no_such_name(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with open_door(tmp_path) as door:
        for url in (f"http://127.0.0.1:{port}", "http://no-such-host.invalid"):
            entry = door.open_for("T", upstream_of(url), account="a")
            answer = ask(entry)
            assert answer.status == 502
            assert "cannot be reached" in answer.json["error"]["message"]


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n" + USAGE,
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhelloXXXX",
        b"HTTP/1.1 200 OK\r\n%stransfer-encoding: chunked\r\n\r\n%x\r\n%s\r\nzz\r\n" % (EVENTS, len(STREAM), STREAM),
    ],
)
def test_an_answer_that_is_cut_off_is_seen_to_be_cut_off(tmp_path: Path, raw: bytes) -> None:
    with raw_upstream(sends(raw, then="close")) as upstream, open_door(tmp_path) as door:
        entry = door.open_for("T", upstream_of(upstream.url), account="a")
        with pytest.raises((http.client.IncompleteRead, http.client.HTTPException, ConnectionError)):
            ask(entry)
        assert door.close(entry).calls == 1


def test_more_than_the_length_that_was_said_reaches_nobody(tmp_path: Path) -> None:
    """Not the next agent either: the connection is not used again."""
    extra = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil"
    with raw_upstream(sends(whole(USAGE) + extra), sends(whole(USAGE))) as upstream, open_door(tmp_path) as door:
        entry = door.open_for("T", upstream_of(upstream.url), account="a")
        assert [ask(entry).body, ask(entry).body] == [USAGE, USAGE]
        assert upstream.connections == 2


def test_a_hang_in_mid_stream_ends_as_a_cut(tmp_path: Path) -> None:
    raw = b"HTTP/1.1 200 OK\r\n%stransfer-encoding: chunked\r\n\r\n%x\r\n%s\r\n" % (EVENTS, len(STREAM), STREAM)
    with raw_upstream(sends(raw)) as upstream, open_door(tmp_path) as door:
        entry = door.open_for("T", upstream_of(upstream.url), account="a")
        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            ask(entry)
        assert door.close(entry).tokens == Tokens(11, 7)


@pytest.mark.parametrize("cut", [1, 2, 3, 7, 1_000])
def test_a_stream_may_be_cut_anywhere(tmp_path: Path, cut: int) -> None:
    pieces = [STREAM[at : at + cut] for at in range(0, len(STREAM), cut)]
    chunks = [b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces] + [b"0\r\n\r\n"]
    head = b"HTTP/1.1 200 OK\r\n%stransfer-encoding: chunked\r\n\r\n" % EVENTS
    with raw_upstream(sends(head, *chunks)) as upstream, open_door(tmp_path) as door:
        entry = door.open_for("T", upstream_of(upstream.url), account="a")
        assert ask(entry).body == STREAM
        sight = door.close(entry)
        assert (sight.tokens, sight.is_exact) == (Tokens(11, 7), True)


@pytest.mark.parametrize(
    ("coding", "pack", "tokens"),
    [
        (b"gzip", gzip.compress, Tokens(11, 7)),
        (b"deflate", zlib.compress, Tokens(11, 7)),
        (b"br", lambda body: body[::-1], None),
        (b"gzip", lambda body: body, None),
    ],
)
def test_a_packed_answer_goes_on_as_it_is_and_is_counted_where_it_can_be(
    tmp_path: Path, coding: bytes, pack: Callable[[bytes], bytes], tokens: Tokens | None
) -> None:
    answer = whole(pack(USAGE), more=b"content-encoding: %s\r\n" % coding)
    with raw_upstream(sends(answer)) as upstream, open_door(tmp_path) as door:
        entry = door.open_for("T", upstream_of(upstream.url), account="a")
        heard = ask(entry)
        assert heard.body == pack(USAGE)
        assert heard.headers["content-encoding"] == coding.decode()
        sight = door.close(entry)
        assert sight.is_exact == (tokens is not None)
        if tokens:
            assert sight.tokens == tokens


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    answer = whole(gzip.compress(b"\0" * 100_000_000, 1), more=b"content-encoding: gzip\r\n")
    with raw_upstream(sends(answer)) as upstream, open_door(tmp_path) as door:
        entry = door.open_for("T", upstream_of(upstream.url), account="a")
        assert ask(entry).status == 200
        assert not door.close(entry).is_exact


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate of 127.0.0.1 that signs itself, and its key."""
    x509 = pytest.importorskip("cryptography.x509")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a test")])
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1")), x509.DNSName("provider.example")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "certificate.pem", folder / "key.pem"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
    )
    return paths


def test_tls_is_verified_with_the_users_certificates_and_proxies_are_gone_through(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    tunnelled: list[bytes] = []

    def proxy(link: socket.socket) -> None:
        """Answers `CONNECT`, and is the provider itself behind it."""
        link.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with suppress(OSError), context.wrap_socket(link, server_side=True) as inner:
            tunnelled.append(request_on(inner))
            inner.sendall(whole(USAGE, more=b"connection: close\r\n"))

    with raw_upstream(proxy) as upstream:
        address = upstream.url.replace("http://", "http://me:p%40ss@")
        for environment, status in (
            ({"HTTPS_PROXY": address}, 502),
            ({"HTTPS_PROXY": address, "SSL_CERT_FILE": str(cert)}, 200),
            ({"https_proxy": address, "NODE_EXTRA_CA_CERTS": str(cert)}, 200),
            ({"HTTPS_PROXY": address, "SSL_CERT_FILE": str(cert), "NO_PROXY": "a, .Example"}, 502),
            ({"HTTPS_PROXY": "socks5://127.0.0.1:1"}, 502),
            ({"HTTPS_PROXY": address, "SSL_CERT_FILE": "/no/such/file"}, 502),
        ):
            with open_door(tmp_path, environment=environment) as door:
                entry = door.open_for("T", upstream_at("anthropic", "https://provider.example", "sk-x"), account="a")
                answer = ask(entry)
                assert answer.status == status, (environment, answer.body)
                assert status == 200 or answer.json["error"]["message"]
        assert len(upstream.heard) == 3
        assert b"CONNECT provider.example:443 HTTP/1.1" in upstream.heard[0]
        assert b"Proxy-Authorization: Basic bWU6cEBzcw==" in upstream.heard[0]
        assert all(b"x-api-key: sk-x" in request for request in tunnelled)


def test_a_provider_without_tls_is_asked_by_its_proxy_with_the_whole_address(tmp_path: Path) -> None:
    with raw_upstream(sends(whole(USAGE))) as upstream:
        environment = {"http_proxy": upstream.url.replace("http://", "http://me:pw@")}
        with open_door(tmp_path, environment=environment) as door:
            entry = door.open_for("T", upstream_at("openai", "http://models.lan:8080/api/v4", "k"), account="a")
            assert ask(entry, PATHS["chat"], headers={"authorization": f"Bearer {entry.token}"}).status == 200
            head = upstream.heard[0].split(b"\r\n\r\n")[0].lower()
            assert head.startswith(b"post http://models.lan:8080/api/v4/chat/completions http/1.1")
            assert b"host: models.lan:8080" in head
            assert b"proxy-authorization: basic bwu6chc=" in head


def test_a_door_that_is_shut_leaves_no_thread_and_no_socket(tmp_path: Path) -> None:
    with raw_upstream(sends()) as upstream, open_door(tmp_path) as door:
        entry = door.open_for("T", upstream_of(upstream.url), account="a")
        asking = threading.Thread(target=_ask_or_not, args=(entry,), daemon=True)
        asking.start()
        while not upstream.heard:
            pass
        folder = door.socket.parent
    asking.join(10)
    assert not asking.is_alive()
    assert not folder.exists()
    assert not [thread for thread in threading.enumerate() if thread.name == "plait-door"]


def _ask_or_not(entry: DoorEntry) -> None:
    with suppress(http.client.HTTPException, OSError):
        ask(entry)
