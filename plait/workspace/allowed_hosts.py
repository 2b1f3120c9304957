"""The way out of a sandbox to a few hosts by name: a proxy for HTTPS (CONNECT) on a unix socket, and nothing else.

The program inside has no network and asks this proxy by the name of a host. Addresses are looked up here, once, and the
connection goes to the address that was judged: a name that leads to this machine or its network is refused.
"""

import base64
import ipaddress
import os
import re
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit

from plait.plans.language.sandboxing import is_allowed

_LONGEST_HEAD = 16 * 1024
_PATIENCE = 30.0
"""Seconds for a request to be told, a name to be found, a host to answer."""
_MOST_LINES = 256
"""Connections at once: a program that opens more waits."""
_REQUEST = re.compile(rb"CONNECT ([A-Za-z0-9._-]{1,255}):([0-9]{1,5}) HTTP/1\.[01]\r?\n")
_PIECE = 1 << 16

Find = Callable[[str, int], Sequence[str]]
"""The addresses of a name."""


def addresses_of(name: str, port: int) -> Sequence[str]:
    """As the system looks them up."""
    found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


def is_public(address: str) -> bool:
    """Whether an address is one of the Internet, also where it wraps one of the older kind.

    Example: `::ffff:127.0.0.1`, `64:ff9b::7f00:1` and `169.254.169.254` are none.
    """
    try:
        known = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(known, ipaddress.IPv6Address):
        wrapped = known.ipv4_mapped or known.sixtofour or (known.teredo[1] if known.teredo else None)
        if known in ipaddress.ip_network("64:ff9b::/96") or known in ipaddress.ip_network("::/96"):
            wrapped = ipaddress.IPv4Address(int(known) & 0xFFFFFFFF)
        if wrapped is not None:
            return is_public(str(wrapped))
    return known.is_global and not known.is_multicast


@contextmanager
def way_to(hosts: Sequence[str], *, environment: Mapping[str, str], find: Find = addresses_of) -> Iterator[Path | None]:
    """A unix socket that leads to these hosts while the block runs; nothing where there are none.

    Args:
        hosts: As a role names them: `pypi.org`, `*.example.com:8443`.
        environment: Its HTTPS_PROXY, if there is one, is asked in place of the network: it looks the names up then.
        find: How names are looked up.
    """
    if not hosts:
        yield None
        return
    upstream = environment.get("HTTPS_PROXY") or environment.get("https_proxy") or ""
    with tempfile.TemporaryDirectory(prefix="plait-", ignore_cleanup_errors=True) as folder:
        path = Path(folder) / "hosts"
        with _Proxy(tuple(hosts), path, upstream, find):
            yield path


@contextmanager
def way_home(port: int) -> Iterator[Path]:
    """A unix socket that leads to a port of this machine while the block runs."""
    with tempfile.TemporaryDirectory(prefix="plait-", ignore_cleanup_errors=True) as folder:
        path = Path(folder) / str(port)
        with _Bridge(port, path):
            yield path


class _Proxy:
    def __init__(self, hosts: tuple[str, ...], path: Path, upstream: str, find: Find) -> None:
        self.hosts, self.upstream, self.find = hosts, upstream, find
        self.door = socket.socket(socket.AF_UNIX)
        self.door.bind(os.fspath(path))
        self.door.listen(128)
        self.ends = set[socket.socket]()
        self.room, self.lock, self.closed = threading.Semaphore(_MOST_LINES), threading.Lock(), False
        self.thread = threading.Thread(target=self.accept, name="plait-hosts", daemon=True)

    def __enter__(self) -> None:
        self.thread.start()

    def __exit__(self, *_: object) -> None:
        with self.lock:
            self.closed = True
            ends = [self.door, *self.ends]
        for end in ends:  # whoever waits at one of them wakes up
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        self.room.release()
        self.thread.join(1)
        self.door.close()

    def accept(self) -> None:
        while True:
            self.room.acquire()
            try:
                inner, _ = self.door.accept()
            except OSError:
                if self.closed:
                    return
                self.room.release()
                continue
            threading.Thread(target=self.serve, args=(inner,), name="plait-host", daemon=True).start()

    def serve(self, inner: socket.socket) -> None:
        try:
            with self.held(inner):
                inner.settimeout(_PATIENCE)
                try:
                    outer = self.opened(inner)
                except _RefusedError as refusal:
                    inner.sendall(refusal.answer)
                    return
                with self.held(outer):
                    carry(inner, outer)
        except OSError:
            return
        finally:
            self.room.release()

    @contextmanager
    def held(self, end: socket.socket) -> Iterator[None]:
        with self.lock:
            self.ends.add(end)
            closed = self.closed
        try:
            if closed:
                raise OSError("the sandbox has ended")
            yield
        finally:
            with self.lock:
                self.ends.discard(end)
            end.close()

    def opened(self, inner: socket.socket) -> socket.socket:
        """The connection that was asked for.

        Raises:
            _RefusedError: it is none to be had.
        """
        request = _REQUEST.match(read_head(inner))
        if request is None:
            raise _RefusedError(405, "only CONNECT to a host by its name goes through, which is HTTPS")
        name, port = request[1].decode().lower().rstrip("."), int(request[2])
        if not is_allowed(name, port, self.hosts):
            raise _RefusedError(403, f"{name}:{port} is not among the role's hosts")
        try:
            outer = self.through(name, port) if self.upstream else self.straight(name, port)
        except OSError as problem:
            raise _RefusedError(502, f"{name}:{port} cannot be reached: {problem}") from problem
        if outer is None:
            raise _RefusedError(403, f"{name} leads to this machine or its own network")
        inner.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        return outer

    def straight(self, name: str, port: int) -> socket.socket | None:
        public = [address for address in self.find(name, port) if is_public(address)]
        problem: OSError | None = None
        for address in public[:4]:
            try:
                return socket.create_connection((address, port), timeout=_PATIENCE)
            except OSError as error:
                problem = error
        if problem:
            raise problem
        return None

    def through(self, name: str, port: int) -> socket.socket:
        """By the proxy that this machine needs itself."""
        url = urlsplit(self.upstream if "//" in self.upstream else f"//{self.upstream}")
        outer = socket.create_connection((url.hostname or "", url.port or 80), timeout=_PATIENCE)
        login = f"{unquote(url.username or '')}:{unquote(url.password or '')}" if url.username else ""
        words = f"Proxy-Authorization: Basic {base64.b64encode(login.encode()).decode()}\r\n" if login else ""
        outer.sendall(f"CONNECT {name}:{port} HTTP/1.1\r\nHost: {name}:{port}\r\n{words}\r\n".encode())
        head = read_head(outer)
        if not re.match(rb"HTTP/1\.[01] 200\b", head):
            outer.close()
            answer = head.partition(b"\r\n")[0].decode("ascii", "replace")
            raise OSError(f"the proxy answers {answer!r}")
        return outer


def read_head(end: socket.socket) -> bytes:
    """The head of a request or an answer, byte by byte at its end, so that nothing of what follows is taken."""
    head = b""
    while not head.endswith((b"\r\n\r\n", b"\n\n")) and len(head) < _LONGEST_HEAD:
        piece = end.recv(1)
        if not piece:
            break
        head += piece
    return head


class _Bridge(_Proxy):
    """As the proxy, to one port and without a word."""

    def __init__(self, port: int, path: Path) -> None:
        super().__init__((), path, "", addresses_of)
        self.port = port

    def opened(self, inner: socket.socket) -> socket.socket:  # noqa: ARG002  (nothing is read of it)
        return socket.create_connection(("127.0.0.1", self.port), timeout=_PATIENCE)


class _RefusedError(Exception):
    """The answer to a request that is not carried out."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(status, why)
        words = f"plait's sandbox: {why}\n".encode()
        head = f"HTTP/1.1 {status} Refused\r\nContent-Type: text/plain\r\nContent-Length: {len(words)}\r\n"
        self.answer = f"{head}Connection: close\r\n\r\n".encode() + words


def carry(inner: socket.socket, outer: socket.socket) -> None:
    """Both ways until both have ended."""
    for end in (inner, outer):
        end.settimeout(None)
    back = threading.Thread(target=_one_way, args=(outer, inner), name="plait-host-back", daemon=True)
    back.start()
    _one_way(inner, outer)
    back.join()


def _one_way(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(_PIECE):
            sink.sendall(piece)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
