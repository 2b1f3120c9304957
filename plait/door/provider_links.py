"""Connections to providers: by the user's proxies and certificates, and kept open between calls."""

import asyncio
import base64
import ipaddress
import ssl
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import h11

from plait.door.patience import PIECE, Patience
from plait.plans.budgets.upstreams import Upstream

_MOST_KEPT = 64
_LONGEST_ANSWER_HEAD = 256 * 1024
_MORE_CERTIFICATES = ("NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "CODEX_CA_CERTIFICATE")
"""Where users name the certificate of their company for the programs that go through the door now; OpenSSL itself reads
SSL_CERT_FILE and SSL_CERT_DIR."""


class Unreachable(Exception):
    """A provider cannot be reached, in words."""


class ProviderLink:
    """One connection to a provider, or to a proxy before it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_by_proxy: bool) -> None:
        self.reader, self.writer, self.is_by_proxy = reader, writer, is_by_proxy
        self.http = h11.Connection(h11.CLIENT, max_incomplete_event_size=_LONGEST_ANSWER_HEAD)
        self.is_used = False
        """Whether it has answered before: then it may have been closed since, without anybody's fault."""
        self.kept_until = 0.0

    async def send(self, *events: h11.Request | h11.Data | h11.EndOfMessage) -> None:
        """Write parts of a request, as fast as the provider takes them."""
        self.writer.write(b"".join(self.http.send(event) or b"" for event in events))
        await self.writer.drain()

    async def read(self, silence: float) -> None:
        """Take in what has come.

        Raises:
            TimeoutError: Nothing has, for so many seconds.
            OSError: The connection broke.
        """
        async with asyncio.timeout(silence):
            piece = await self.reader.read(PIECE)
        self.http.receive_data(piece)

    def abort(self) -> None:
        """End it at once: a provider that notices stops its model."""
        self.writer.transport.abort()


class ProviderLinks:
    """Makes connections to providers, and keeps those that can be used again."""

    def __init__(self, environment: Mapping[str, str], patience: Patience) -> None:
        self._environment, self._patience = environment, patience
        self._proxies = _proxies_of(environment)
        self._kept: dict[tuple[str, str, int], list[ProviderLink]] = {}
        self._trust: ssl.SSLContext | None = None

    async def take(self, upstream: Upstream, *, fresh: bool = False) -> ProviderLink:
        """A connection to a provider: one that is there, or a new one.

        Raises:
            Unreachable: Name, port, proxy or certificate are not what they should be.
        """
        now = asyncio.get_running_loop().time()
        kept = [] if fresh else self._kept.get(_place(upstream), [])
        while kept:
            link = kept.pop()
            if link.kept_until > now and not link.reader.at_eof() and not link.writer.is_closing():
                return link
            link.abort()
        try:
            async with asyncio.timeout(self._patience.connect):
                return await self._dial(upstream)
        except TimeoutError:
            raise Unreachable(f"{upstream.host} does not answer for {self._patience.connect:.0f} s") from None
        except ssl.SSLError as problem:
            words = getattr(problem, "verify_message", "") or problem.reason or "TLS failed"
            raise Unreachable(
                f"{upstream.host} is not trusted: {words} (SSL_CERT_FILE names other certificates)"
            ) from None
        except (OSError, ValueError, h11.ProtocolError, asyncio.IncompleteReadError) as problem:
            raise Unreachable(f"{upstream.host} cannot be reached: {problem}") from None

    def give_back(self, upstream: Upstream, link: ProviderLink, response: h11.Response) -> None:
        """Keep a connection whose answer is complete, where both sides want it."""
        http = link.http
        if http.our_state is not h11.DONE or http.their_state is not h11.DONE or http.trailing_data[0]:
            link.abort()
            return
        http.start_next_cycle()
        link.is_used = True
        link.kept_until = asyncio.get_running_loop().time() + min(self._patience.kept, _named_patience(response))
        kept = self._kept.setdefault(_place(upstream), [])
        kept.append(link)
        if len(kept) > _MOST_KEPT:
            kept.pop(0).abort()

    def close(self) -> None:
        """End those that are kept."""
        for links in self._kept.values():
            for link in links:
                link.abort()
        self._kept.clear()

    async def _dial(self, upstream: Upstream) -> ProviderLink:
        proxy = self._proxy_for(upstream)
        tls = self._certificates() if upstream.scheme == "https" else None
        if proxy is None:
            named: dict[str, Any] = {"ssl": tls, "server_hostname": upstream.host} if tls else {}
            reader, writer = await asyncio.open_connection(upstream.host, upstream.port, **named)
            return ProviderLink(reader, writer, is_by_proxy=False)
        host, port, credential = proxy
        reader, writer = await asyncio.open_connection(host, port)
        try:
            if tls is None:
                return ProviderLink(reader, writer, is_by_proxy=True)
            await _tunnel(reader, writer, upstream, credential)
            await writer.start_tls(tls, server_hostname=upstream.host)
        except BaseException:
            writer.transport.abort()
            raise
        return ProviderLink(reader, writer, is_by_proxy=False)

    def proxy_credential(self, upstream: Upstream) -> str:
        """What the proxy of an unencrypted provider wants to see; empty where there is none."""
        proxy = self._proxy_for(upstream)
        return proxy[2] if proxy else ""

    def _proxy_for(self, upstream: Upstream) -> tuple[str, int, str] | None:
        """Host, port and credential of the proxy, as the user's environment names it."""
        address = self._proxies.get(upstream.scheme) or self._proxies.get("all")
        is_local = upstream.host in ("localhost", "127.0.0.1", "::1")
        if not address or is_local or _is_exempt(upstream, self._proxies.get("no", "")):
            return None
        parts = urlsplit(address if "://" in address else f"http://{address}")
        if parts.scheme != "http" or not parts.hostname:
            raise Unreachable(f"the proxy for {upstream.host} is not one by http://, and the door knows no other")
        user = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
        credential = "" if parts.username is None else f"Basic {base64.b64encode(user.encode()).decode()}"
        return parts.hostname, parts.port or 80, credential

    def _certificates(self) -> ssl.SSLContext:
        if self._trust is None:
            self._trust = _trust_of(self._environment)
        return self._trust


def _trust_of(environment: Mapping[str, str]) -> ssl.SSLContext:
    """Whom TLS trusts: this system's certificates, and those that the user's environment names."""
    file, folder = environment.get("SSL_CERT_FILE") or None, environment.get("SSL_CERT_DIR") or None
    try:
        context = ssl.create_default_context(cafile=file, capath=folder)
    except (OSError, ssl.SSLError) as problem:
        raise Unreachable(f"SSL_CERT_FILE or SSL_CERT_DIR name no certificates: {problem}") from None
    if not file and not folder and not context.cert_store_stats()["x509_ca"]:
        with suppress(ImportError):  # a system without certificates, such as a slim container; httpx brings these
            import certifi  # noqa: PLC0415

            context.load_verify_locations(certifi.where())
    for name in _MORE_CERTIFICATES:
        if environment.get(name):
            with suppress(OSError, ssl.SSLError):
                path = Path(environment[name])
                context.load_verify_locations(None if path.is_dir() else path, path if path.is_dir() else None)
    context.set_alpn_protocols(["http/1.1"])
    return context


async def _tunnel(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, upstream: Upstream, credential: str
) -> None:
    host = f"[{upstream.host}]" if ":" in upstream.host else upstream.host
    place = f"{host}:{upstream.port}"
    proof = f"Proxy-Authorization: {credential}\r\n" if credential else ""
    writer.write(f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n{proof}\r\n".encode())
    await writer.drain()
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError:
        raise OSError("the proxy's answer has no end") from None
    words = head.split(b"\r\n", 1)[0].decode("latin-1")[:100]
    if words.split(" ")[1:2] != ["200"]:
        raise OSError(f"the proxy says {words!a}")


def _proxies_of(environment: Mapping[str, str]) -> dict[str, str]:
    """As curl and Python read them: small letters win, and `HTTP_PROXY` in capitals counts for http as well."""
    proxies: dict[str, str] = {}
    for scheme, name in (("http", "http_proxy"), ("https", "https_proxy"), ("all", "all_proxy"), ("no", "no_proxy")):
        value = environment.get(name) or environment.get(name.upper()) or ""
        if value.strip():
            proxies[scheme] = value.strip()
    return proxies


def _is_exempt(upstream: Upstream, exceptions: str) -> bool:
    """Whether `NO_PROXY` names a provider: by name (`.example.org`, too), by address or network, or with a port."""
    host = upstream.host.lower()
    for word in exceptions.lower().replace(",", " ").split():
        name, _colon, port = word.rpartition(":") if word.count(":") == 1 else (word, "", "")
        name = (name or word).removeprefix("*").removeprefix(".")
        if port and port != str(upstream.port):
            continue
        if not name or host == name or host.endswith(f".{name}"):  # nothing is left of `*`
            return True
        with suppress(ValueError):
            if "/" in name and ipaddress.ip_address(host) in ipaddress.ip_network(name, strict=False):
                return True
    return False


def _place(upstream: Upstream) -> tuple[str, str, int]:
    return upstream.scheme, upstream.host, upstream.port


def _named_patience(response: h11.Response) -> float:
    """Seconds for which the other side keeps the connection, less one, where it says so."""
    for name, value in response.headers:
        if name == b"keep-alive":
            for part in value.decode("latin-1").split(","):
                word, _equals, seconds = part.strip().partition("=")
                if word.lower() == "timeout" and seconds.isdigit():
                    return float(seconds) - 1.0
    return float("inf")
