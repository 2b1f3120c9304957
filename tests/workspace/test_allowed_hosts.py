"""The way out of a sandbox: these hosts by name, on these ports, and nowhere near this machine."""

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.plans.language.sandboxing import check_host, is_allowed
from plait.workspace import allowed_hosts
from plait.workspace.allowed_hosts import is_public, way_to
from tests.support.sandboxes import make_box, needs_sandbox, run_inside
from tests.workspace.test_sandbox import echoing


def asked(path: Path, request: bytes, then: bytes = b"") -> bytes:
    """What the proxy answers, and the host behind it."""
    with socket.socket(socket.AF_UNIX) as end:
        end.settimeout(20)
        end.connect(str(path))
        end.sendall(request)
        answer = end.recv(1 << 16)
        if then and b" 200 " in answer:
            end.sendall(then)
            end.shutdown(socket.SHUT_WR)
            answer += b"".join(iter(lambda: end.recv(1 << 16), b""))
        return answer


def nobody(name: str, port: int) -> Sequence[str]:
    raise AssertionError(f"{name}:{port} was looked up")


@pytest.fixture
def here_is_public(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one address that tests have plays a host of the Internet."""
    monkeypatch.setattr(allowed_hosts, "is_public", lambda address: address == "127.0.0.1")


@pytest.mark.usefixtures("here_is_public")
def test_a_host_of_the_list_is_reached() -> None:
    with (
        echoing() as door,
        way_to([f"one.example:{door.getsockname()[1]}"], environment={}, find=lambda *_: ["127.0.0.1"]) as path,
    ):
        assert path is not None
        told = asked(path, f"CONNECT One.example.:{door.getsockname()[1]} HTTP/1.1\r\n\r\n".encode(), b"x" * 100_000)
    assert told == b"HTTP/1.1 200 Connection established\r\n\r\n" + b"X" * 100_000


@pytest.mark.parametrize(
    "request_line",
    [
        "CONNECT two.example:443 HTTP/1.1",
        "CONNECT one.example:22 HTTP/1.1",
        "CONNECT evil-one.example:443 HTTP/1.1",
        "CONNECT one.example.evil.example:443 HTTP/1.1",
        "CONNECT 127.0.0.1:443 HTTP/1.1",
        "CONNECT 2130706433:443 HTTP/1.1",
        "CONNECT 0x7f.1:443 HTTP/1.1",
        "CONNECT [::1]:443 HTTP/1.1",
        "CONNECT one.example\0.evil:443 HTTP/1.1",
        "CONNECT one.example@evil.example:443 HTTP/1.1",
        "CONNECT one.example:443:22 HTTP/1.1",
        "GET http://one.example/ HTTP/1.1",
        "CONNECT  one.example:443 HTTP/1.1",
        "",
    ],
)
def test_whatever_else_is_asked_for_is_refused_without_a_look_up(request_line: str) -> None:
    with way_to(["one.example"], environment={}, find=nobody) as path:
        assert path is not None
        answer = asked(path, f"{request_line}\r\n\r\n".encode())
    assert answer.startswith((b"HTTP/1.1 403", b"HTTP/1.1 405"))
    assert b"plait's sandbox: " in answer


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "192.168.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",  # noqa: S104  (nothing is bound)
        "224.0.0.1",
        "::1",
        "::",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "fe80::1%eth0",
        "fd00::1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "::127.0.0.1",
        "ff02::1",
    ],
)
def test_a_name_that_leads_home_is_refused(address: str) -> None:
    with way_to(["one.example"], environment={}, find=lambda *_: [address]) as path:
        assert path is not None
        answer = asked(path, b"CONNECT one.example:443 HTTP/1.1\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 403")
    assert b"leads to this machine or its own network" in answer


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.215.14", "2606:4700::1111"])
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert is_public(address)


def test_a_name_is_looked_up_once_and_where_it_leads_then_is_where_it_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([["192.0.2.7"], ["127.0.0.1"]])
    monkeypatch.setattr(allowed_hosts, "is_public", lambda address: address == "192.0.2.7")
    monkeypatch.setattr(allowed_hosts, "_PATIENCE", 0.5)
    with way_to(["one.example"], environment={}, find=lambda *_: next(answers)) as path:
        assert path is not None
        asked(path, b"CONNECT one.example:443 HTTP/1.1\r\n\r\n")
    assert next(answers) == ["127.0.0.1"]


@contextmanager
def proxy_of_the_company(answer: bytes) -> Iterator[tuple[int, list[bytes]]]:
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as door:

        def serve() -> None:
            end, _ = door.accept()
            with end:
                heard.append(end.recv(4096))
                end.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        yield door.getsockname()[1], heard


def test_a_proxy_that_the_machine_needs_itself_is_gone_through() -> None:
    with proxy_of_the_company(b"HTTP/1.1 200 OK\r\n\r\nhello") as (port, heard):
        upstream = {"HTTPS_PROXY": f"http://me:p%40ss@127.0.0.1:{port}"}
        with way_to(["one.example"], environment=upstream, find=nobody) as path:
            assert path is not None
            told = asked(path, b"CONNECT one.example:443 HTTP/1.1\r\n\r\n", b"-")
    assert told.endswith(b"hello")
    assert heard[0].startswith(b"CONNECT one.example:443 HTTP/1.1\r\n")
    assert b"Proxy-Authorization: Basic bWU6cEBzcw==\r\n" in heard[0]


def test_what_that_proxy_refuses_is_told() -> None:
    with proxy_of_the_company(b"HTTP/1.1 407 Who are you\r\n\r\n") as (port, _):
        upstream = {"https_proxy": f"127.0.0.1:{port}"}
        with way_to(["one.example"], environment=upstream) as path:
            assert path is not None
            answer = asked(path, b"CONNECT one.example:443 HTTP/1.1\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 502")
    assert b"407 Who are you" in answer


def test_without_hosts_there_is_no_way_out() -> None:
    with way_to([], environment={}) as path:
        assert path is None


def test_open_connections_end_with_the_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allowed_hosts, "is_public", lambda _: True)
    with echoing() as door, socket.socket(socket.AF_UNIX) as end:
        port = door.getsockname()[1]
        with way_to([f"one.example:{port}"], environment={}, find=lambda *_: ["127.0.0.1"]) as path:
            assert path is not None
            end.settimeout(20)
            end.connect(str(path))
            end.sendall(f"CONNECT one.example:{port} HTTP/1.1\r\n\r\n".encode())
            assert b" 200 " in end.recv(4096)
        assert end.recv(4096) == b""
    assert not path.exists()


@needs_sandbox
@pytest.mark.usefixtures("here_is_public")
def test_curl_inside_finds_the_way_out_by_itself(tmp_path: Path) -> None:
    with echoing() as door:
        port = door.getsockname()[1]
        box = replace(make_box(tmp_path), hosts=(f"localtest.example:{port}",))
        script = f"curl -sS https://localtest.example:{port}; curl -sS https://other.example:{port}"
        told = run_inside(box, ["/bin/sh", "-c", script]).tail
    # There is no address of that name here: that it is looked up at all says that it was allowed.
    assert "response 502" in told
    assert "response 403" in told


@pytest.mark.parametrize(
    ("entry", "kept"),
    [
        ("PyPI.org", "pypi.org"),
        ("*.example.com", "*.example.com"),
        ("example.com:8443", "example.com:8443"),
        ("nexus", "nexus"),
        ("a.b.example.com.", "a.b.example.com"),
    ],
)
def test_hosts_are_names(entry: str, kept: str) -> None:
    assert check_host(entry) == kept


@pytest.mark.parametrize(
    "entry",
    [
        "",
        "*",
        "*.com",
        "https://pypi.org",
        "pypi.org/simple",
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f.1",
        "[::1]",
        "localhost",
        "db.localhost",
        "a b",
        "-x.org",
        "x..org",
        "pypi.org:0",
        "pypi.org:70000",
        "a@b.org",
        "ä.org",
    ],
)
def test_whatever_is_no_name_is_no_host(entry: str) -> None:
    with pytest.raises(ValueError, match=r"is no|is too wide"):
        check_host(entry)


@given(st.from_regex(r"(\*\.)?[a-z]{1,3}(\.[a-z]{1,3}){1,2}(:[1-9][0-9]{0,3})?", fullmatch=True), st.data())
def test_an_entry_covers_what_it_says_and_no_more(entry: str, data: st.DataObject) -> None:
    checked = check_host(entry)
    name, _, port = checked.partition(":")
    bare, usual = name.removeprefix("*."), int(port or 443)
    below = f"x.{bare}"
    assert is_allowed(below if name != bare else bare, usual, [checked])
    assert not is_allowed(bare if name != bare else below, usual, [checked])
    assert not is_allowed(f"x{bare}", usual, [checked])
    assert not is_allowed(below, usual + 1, [checked])
    assert not is_allowed(data.draw(st.from_regex(r"[0-9]{1,3}(\.[0-9]{1,3}){3}", fullmatch=True)), usual, [checked])
