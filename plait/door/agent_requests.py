"""What agents may send: which requests are refused, which headers go on, and where the token stands."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote_plus

import h11

from plait.door.patience import LONGEST_BODY, LONGEST_HEAD, MOST_HEADERS
from plait.plans.budgets.upstreams import Upstream

Headers = list[tuple[bytes, bytes]]

_HOP_BY_HOP = frozenset(
    {b"connection", b"keep-alive", b"te", b"trailer", b"transfer-encoding", b"upgrade", b"proxy-connection", b"expect"}
)
_CREDENTIALS = frozenset({b"authorization", b"x-api-key", b"x-goog-api-key", b"api-key", b"cookie"})
_NOT_FORWARDED = (
    _HOP_BY_HOP
    | _CREDENTIALS
    | frozenset(
        {b"host", b"content-length", b"accept-encoding", b"forwarded", b"via", b"x-original-url", b"x-rewrite-url"}
    )
)
_NOT_FORWARDED_BEGINNINGS = (b"proxy-", b"x-forwarded-", b"x-http-method", b"x-method-override")
"""The last two would make another request of it: Google's servers obey `X-HTTP-Method-Override`."""
_NOT_RETURNED = _HOP_BY_HOP | frozenset({b"set-cookie", b"alt-svc", b"strict-transport-security", b"content-length"})
_TARGET = re.compile(rb"/[!-\"$-~]*")
_KEY_PARAMETERS = frozenset({"key", "access_token", "oauth_token", "api_key"})


class BadRequest(Exception):
    """What an agent sent is no request that the door takes, in words."""

    def __init__(self, words: str, status: int = 400) -> None:
        super().__init__(words, status)
        self.words, self.status = words, status


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes, taken apart."""

    route: str
    """The first part of its path, such as `anthropic`."""
    path: str
    """What follows, such as `/v1/messages`."""
    query: str
    """Without keys."""
    token: str
    """The one that stood in the query; empty where none did."""


def target_of(request: h11.Request) -> Target:
    """The target of a request.

    Raises:
        BadRequest: It is none of this server, as `GET http://other/`, or the request has two ideas of its own length.
    """
    names = [name for name, _value in request.headers]
    if request.http_version not in (b"1.1", b"1.0"):
        raise BadRequest("the door speaks HTTP/1.1", 505)
    if len(names) > MOST_HEADERS or size_of(request) > LONGEST_HEAD:
        raise BadRequest("the request has too many headers, or too long ones", 431)
    if b"transfer-encoding" in names and b"content-length" in names:
        raise BadRequest("the request says its length twice")
    if not _TARGET.fullmatch(request.target):
        raise BadRequest("the request's target is no path of this server")
    path, _mark, query = request.target.decode("ascii").partition("?")
    _root, _slash, rest = path.partition("/")
    route, slash, below = rest.partition("/")
    pairs = [(unquote_plus(pair.partition("=")[0]), pair) for pair in query.split("&") if pair]
    token = next((unquote_plus(pair.partition("=")[2]) for name, pair in pairs if name == "key"), "")
    kept = "&".join(pair for name, pair in pairs if name.lower() not in _KEY_PARAMETERS)
    return Target(route, slash + below, kept, token)


def size_of(head: h11.Request | h11.Response) -> int:
    """The bytes of a head, roughly. h11 limits only one that comes in several pieces."""
    target = len(head.target) if isinstance(head, h11.Request) else 0
    return target + sum(len(name) + len(value) + 4 for name, value in head.headers)


def length_of(headers: Iterable[tuple[bytes, bytes]]) -> int | None:
    """The length that a message says it has."""
    value = next((value for name, value in headers if name == b"content-length"), None)
    return None if value is None else int(value)


def is_too_long(request: h11.Request) -> bool:
    """Whether it says itself that it has more than the door takes."""
    length = length_of(request.headers)
    return length is not None and length > LONGEST_BODY


def asks_for_upgrade(request: h11.Request) -> bool:
    """Whether it wants to speak something else, such as WebSocket."""
    return any(name == b"upgrade" for name, _value in request.headers)


def tokens_in(request: h11.Request, target: Target) -> set[str]:
    """The tokens that a request has, wherever programs put their keys."""
    found = {target.token} if target.token else set()
    for name, value in request.headers:
        text = value.decode("latin-1").strip()
        if name in (b"x-api-key", b"x-goog-api-key", b"api-key"):
            found.add(text)
        elif name == b"authorization":
            scheme, _blank, rest = text.partition(" ")
            found.add(rest.strip() if scheme.lower() == "bearer" else text)
    return found


def forwarded(request: h11.Request, upstream: Upstream, *, has_query_key: bool) -> Headers:
    """The headers that go to the provider: the agent's, without credentials, and with the real key."""
    named = _named_by_connection(request.headers)
    headers: Headers = [(b"host", upstream.authority.encode())]
    length = length_of(request.headers)
    for name, value in request.headers:
        if name not in _NOT_FORWARDED and name not in named and not name.startswith(_NOT_FORWARDED_BEGINNINGS):
            headers.append((name, value))
    # Usage has to be read on the way: what is packed could only be unpacked.
    headers.append((b"accept-encoding", b"identity"))
    if length is not None:
        headers.append((b"content-length", str(length).encode()))
    elif any(name == b"transfer-encoding" for name, _value in request.headers):
        headers.append((b"transfer-encoding", b"chunked"))
    elif request.method == b"POST":
        headers.append((b"content-length", b"0"))
    if upstream.key and not has_query_key:
        headers.append(_credential(upstream))
    return headers


def returned(response: h11.Response) -> Headers:
    """The headers of an answer that go to the agent, its length included."""
    named = _named_by_connection(response.headers)
    headers = [(name, value) for name, value in response.headers if name not in _NOT_RETURNED and name not in named]
    length = length_of(response.headers)
    is_chunked = any(name == b"transfer-encoding" for name, _value in response.headers)
    if length is not None and not is_chunked:
        headers.append((b"content-length", str(length).encode()))
    return headers


def _credential(upstream: Upstream) -> tuple[bytes, bytes]:
    if upstream.credential == "bearer":
        return b"authorization", f"Bearer {upstream.key}".encode()
    return upstream.credential.encode(), upstream.key.encode()


def _named_by_connection(headers: Iterable[tuple[bytes, bytes]]) -> set[bytes]:
    """Headers that `Connection` names are for the next hop alone."""
    values = (value for name, value in headers if name == b"connection")
    return {part.strip().lower() for value in values for part in value.split(b",")} - {b"content-type"}
