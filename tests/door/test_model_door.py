"""What goes through the model door, and what is counted of it."""

import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from plait.plans.agents.door_sight import DoorSight
from plait.plans.agents.stream import Tokens
from plait.plans.budgets.provider_paths import Provider
from tests.door.doors import KEY, PATHS, ask, open_door, raw_upstream, say, sends, upstream_of, whole
from tests.support.fake_model import Script, fake_model

USE = {"input": 1_000, "output": 50, "cache_read": 200, "cache_write": 30}
FOREVER: Script = [{"text": "a few words", "usage": USE, "repeat": "forever"}]
CALLS: list[tuple[Provider, str, bool]] = [
    ("anthropic", "messages", True),
    ("anthropic", "messages", False),
    ("openai", "responses", True),
    ("openai", "responses", False),
    ("openai", "chat", True),
    ("openai", "chat", False),
    ("google", "stream", True),
    ("google", "generate", False),
]
HEADER = {"anthropic": "x-api-key", "openai": "authorization", "google": "x-goog-api-key"}


def test_an_answer_of_each_api_reaches_its_agent_and_is_counted_as_it_was_served(tmp_path: Path) -> None:
    with fake_model(FOREVER) as model, open_door(tmp_path) as door:
        for number, (provider, path, is_stream) in enumerate(CALLS):
            key = f"sk-of-{number}"
            entry = door.open_for(f"T{number}", upstream_of(model.url, provider, key), account=provider)
            token = f"Bearer {entry.token}" if provider == "openai" else entry.token
            answer = ask(entry, PATHS[path], headers={HEADER[provider]: token}, stream=is_stream)
            assert answer.status == 200
            assert b"a few words" in answer.body
            sight, served = door.close(entry), model.play.served[key]
            assert (sight.calls, sight.status, sight.is_exact, sight.model) == (1, 200, True, "fake-model")
            assert (sight.tokens.read, sight.tokens.written) == (served.read, served.written)
            assert sight.tokens.cached == 200
            assert sight.usd is not None


def test_64_agents_at_once_are_counted_apart_to_the_token(tmp_path: Path) -> None:
    """Each has usage and a key of its own; what the fake served to a key is what the door saw of its task."""
    agents = range(64)
    scripts = {
        f"a{number}": {
            "turns": [
                {"text": "x" * number, "usage": {"input": 1_000 + 7 * number, "output": 11 * number + call}}
                for call in range(3)
            ]
        }
        for number in agents
    }
    with fake_model({"scripts": scripts}) as model, open_door(tmp_path) as door:
        entries = [
            door.open_for(f"T{n}", upstream_of(f"{model.url}/run/a{n}", key=f"sk-of-{n}"), account="a") for n in agents
        ]
        with ThreadPoolExecutor(64) as pool:
            answers = list(pool.map(ask, entries * 3))
        assert not [answer.body for answer in answers if answer.status != 200]
        for number, entry in enumerate(entries):
            served, sight = model.play.served[f"sk-of-{number}"], door.close(entry)
            wanted = (3 * (1_000 + 7 * number), 3 * 11 * number + 3)
            assert (sight.calls, sight.tokens.read, sight.tokens.written) == (3, *wanted)
            assert (served.read, served.written) == wanted


def test_the_real_key_is_put_in_and_the_agent_never_sees_it(tmp_path: Path) -> None:
    """Also not where the provider says the whole request back, as some do in their errors."""
    echo = b'{"error": {"message": "Incorrect API key provided: %s"}}' % KEY.encode()
    answer = whole(echo, status="401 Unauthorized", more=b'set-cookie: a=b\r\nalt-svc: h3=":443"\r\n')
    with raw_upstream(sends(answer)) as upstream, open_door(tmp_path) as door:
        for provider, path in (("anthropic", "messages"), ("openai", "chat"), ("google", "stream")):
            entry = door.open_for("T", upstream_of(upstream.url, provider, KEY), account="a")  # type: ignore[arg-type]
            for headers in ({"x-api-key": entry.token}, {"authorization": f"Bearer {entry.token}"}):
                heard = ask(entry, PATHS[path], headers={**headers, "cookie": "c=d", "x-mine": "kept"})
                assert heard.status == 401
                assert KEY not in f"{heard.headers} {heard.body.decode()}"
                assert b"Incorrect API key provided: ***" in heard.body
                assert not {"set-cookie", "alt-svc"} & heard.headers.keys()
                request = upstream.heard.pop().decode()
                assert request.count(KEY) == 1
                assert entry.token not in request
                assert "x-mine: kept" in request.lower()
                assert "cookie" not in request
                assert "accept-encoding: identity" in request.lower()
            sight = door.close(entry)
            assert sight.refusal is not None
            assert sight.refusal.kind == "login"
            assert KEY not in repr(sight)


def test_a_key_in_the_query_is_replaced_there_and_credentials_beside_it_are_taken_out(tmp_path: Path) -> None:
    with raw_upstream(sends(whole(b"{}"))) as upstream, open_door(tmp_path) as door:
        entry = door.open_for("T", upstream_of(upstream.url, "google"), account="a")
        path = f"{PATHS['stream']}&%6bey={entry.token}&access_token=mine&x=1"
        assert ask(entry, path, headers={"content-type": "application/json"}).status == 200
        line = upstream.heard[0].split(b"\r\n")[0].decode()
        assert line == f"POST /v1beta/models/fake-model:streamGenerateContent?alt=sse&x=1&key={KEY} HTTP/1.1"


def test_what_breaks_off_is_estimated_and_said_to_be(tmp_path: Path) -> None:
    script: Script = [{"text": "x" * 8_000, "broken": "cut", "usage": USE}]
    with fake_model(script) as model, open_door(tmp_path) as door:
        entry = door.open_for("T", upstream_of(model.url), account="a")
        ask(entry)
        sight = door.close(entry)
        assert not sight.is_exact
        assert sight.tokens.read == 1_230
        assert 400 <= sight.tokens.written <= 2_000


def test_a_model_without_a_price_has_tokens_and_no_cost(tmp_path: Path) -> None:
    body = b'{"model": "odd", "usage": {"input_tokens": 5, "output_tokens": 6}}'
    with raw_upstream(sends(whole(body))) as upstream, open_door(tmp_path) as door:
        entry = door.open_for("T", upstream_of(upstream.url), account="a")
        ask(entry)
        assert door.close(entry) == DoorSight(calls=1, tokens=Tokens(5, 6), is_exact=True, model="odd", status=200)


def test_one_connection_serves_many_requests_on_both_sides(tmp_path: Path) -> None:
    """And requests that come before the last one is answered wait their turn."""
    body = b"{}"
    with raw_upstream(sends(whole(b'{"a": 1}'))) as upstream, open_door(tmp_path) as door:
        entry = door.open_for("T", upstream_of(upstream.url), account="a")
        request = b"POST /anthropic/v1/messages HTTP/1.1\r\nhost: x\r\nx-api-key: %s\r\ncontent-length: 2\r\n%s\r\n%s"
        asked = request % (entry.token.encode(), b"", body)
        last = request % (entry.token.encode(), b"connection: close\r\n", body)
        heard = say(entry, asked * 4 + last)
        assert heard.count(b"HTTP/1.1 200") == 5
        assert heard.count(b'{"a": 1}') == 5
        assert upstream.connections == 1
        assert door.close(entry).calls == 5


def test_a_kept_connection_that_the_provider_has_closed_is_replaced_unseen(tmp_path: Path) -> None:
    good = whole(b'{"a": 1}')
    acts = [sends(good), sends(then="close"), sends(good), sends(then="reset"), sends(good)]
    with raw_upstream(*acts) as upstream, open_door(tmp_path) as door:
        entry = door.open_for("T", upstream_of(upstream.url), account="a")
        assert [ask(entry).status for _ in range(3)] == [200, 200, 200]
        assert upstream.connections == 3
        assert upstream.heard[1] == upstream.heard[2]


def test_the_unix_socket_is_the_same_door(tmp_path: Path) -> None:
    with fake_model(FOREVER) as model, open_door(tmp_path) as door:
        entry = door.open_for("T", upstream_of(model.url), account="a")
        with socket.socket(socket.AF_UNIX) as agent:
            agent.connect(str(door.socket))
            agent.sendall(
                b"POST /anthropic/v1/messages HTTP/1.1\r\nhost: x\r\nauthorization: Bearer %s\r\n"
                b"connection: close\r\ncontent-length: 2\r\n\r\n{}" % entry.token.encode()
            )
            heard = b""
            while piece := agent.recv(65536):
                heard += piece
        assert heard.startswith(b"HTTP/1.1 200")
        assert door.socket.stat().st_mode & 0o777 in (0o600, 0o700, 0o755)
        assert door.socket.parent.stat().st_mode & 0o777 == 0o700
        assert door.close(entry).calls == 1
    assert not door_is_there(entry.url)


def door_is_there(url: str) -> bool:
    """Whether anybody listens there."""
    with socket.socket() as agent:
        return agent.connect_ex(("127.0.0.1", urlsplit(url).port)) == 0


def test_a_try_that_is_over_is_cut_off_and_its_token_is_worth_nothing(tmp_path: Path) -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: {}\n\n"
    with raw_upstream(sends(head)) as upstream, open_door(tmp_path) as door, ThreadPoolExecutor(1) as pool:
        entry = door.open_for("T", upstream_of(upstream.url), account="a")
        raw = b"POST /anthropic/v1/messages HTTP/1.1\r\nhost: x\r\nx-api-key: %s\r\ncontent-length: 2\r\n\r\n{}"
        still = pool.submit(say, entry, raw % entry.token.encode(), wait=20)
        while not door.sight_of(entry).calls:
            pass
        sight = door.close(entry)
        assert not still.result(10).endswith(b"0\r\n\r\n")
        assert (sight.calls, sight.is_exact) == (1, False)
        assert ask(entry).status == 401
        assert door.close(entry) == sight


@pytest.mark.parametrize("provider", ["anthropic", "openai", "google"])
def test_a_token_opens_its_own_route_alone(tmp_path: Path, provider: Provider) -> None:
    with raw_upstream(sends(whole(b"{}"))) as upstream, open_door(tmp_path) as door:
        entry = door.open_for("T", upstream_of(upstream.url, provider), account="a")
        for other, path in (("anthropic", "/v1/messages"), ("openai", "/v1/responses"), ("google", "/v1/models")):
            if other != provider:
                raw = b"GET /%s%s HTTP/1.1\r\nhost: x\r\nx-api-key: %s\r\nconnection: close\r\n\r\n"
                heard = say(entry, raw % (other.encode(), path.encode(), entry.token.encode()))
                assert heard.startswith(b"HTTP/1.1 404")
        assert not upstream.heard
