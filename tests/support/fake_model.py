"""A model server on loopback that plays a script, in four APIs, streamed or not; it counts what it served to whom.

A script is a list of turns, or `{"scripts": {NAME: {"match": REGEX, "turns": [...]}}}`. A request is played by the one
that its path names (`/run/NAME/v1/messages`), else by the first whose `match` is in its text, else by `main`. Each
request of a conversation consumes a turn; requests without tools (titles, classifiers, probes of quota) are answered on
the side, unless the script says `"toolless": true` (aider). When no turn is left the answer is "Done.".

A turn is one of
    {"write": {"path": P, "content": C}}      the program's own tool for writing files (its shell, its patches)
    {"shell": "COMMAND"}                      the program's own shell
    {"mcp": {"server": S, "tool": T, "input": {}}}
    {"tool": {"name": N, "input": {}}}        any tool, by its exact name
    {"text": "..."}                           says so and ends
    {"calls": [TURN, TURN]}                   several calls in one answer
    {"status": 429, "retry_after": 2, "message": "...", "kind": "rate_limit_error", "code": "..."}
    {"broken": "garbage" | "cut" | "empty" | "html" | "half_json" | "error_event" | "refusal" | "max_tokens" | "reset"}
and with any of them: "say" (text before the call), "think", "usage" {"input", "output", "cache_read", "cache_write",
"reasoning"}, "silence" (seconds before the first byte), "stutter" (seconds after the first event), "headers" {}, "huge"
(bytes of text), "repeat" (a number, or "forever": {n} in strings counts up).

As a process: `python -m tests.support.fake_model --script play.json` prints {"port": N}; GET /_log and /_served tell
what it saw, POST /_script replaces the script.
"""

import argparse
import copy
import gzip
import json
import re
import socket
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.support.fake_answers import Answer, Api, Use, answered, api_of, error_body, read_and_written
from tests.support.fake_calls import Json, calls_of, offered

Turn = Json
Script = list[Turn] | Json
_SIDE: Turn = {"text": "A title", "usage": {"input": 10, "output": 5}}


@dataclass
class Served:
    """What one key was given: answers that were sent whole."""

    answers: int = 0
    read: int = 0
    """Tokens, with those of the cache."""
    written: int = 0
    refused: int = 0
    """Answers with an error, or broken off."""


@dataclass
class Position:
    """How far a script has come: the turn, and how often it was played."""

    turn: int = 0
    played: int = 0


@dataclass
class Play:
    """The scripts, how far each has come, and what was asked."""

    script: Script
    lock: threading.RLock = field(default_factory=threading.RLock)
    seen: list[Json] = field(default_factory=list)
    served: dict[str, Served] = field(default_factory=dict)
    bodies: list[Json] = field(default_factory=list)
    """Of each request that was played."""

    def __post_init__(self) -> None:
        self.load(self.script)

    def load(self, script: Script) -> None:
        """Begin another script."""
        with self.lock:
            written: Json = {"turns": script} if isinstance(script, list) else script
            self.scripts: dict[str, Json] = written.get("scripts") or {"main": written}
            self.at = {name: Position() for name in self.scripts}
            for told in (self.seen, self.served, self.bodies):
                told.clear()

    def choose(self, name: str | None, text: str) -> str:
        """The script that a request is played by."""
        if name in self.scripts:
            return name
        fits = (key for key, script in self.scripts.items() if "match" in script and re.search(script["match"], text))
        return next(fits, "main" if "main" in self.scripts else next(iter(self.scripts)))

    def next_turn(self, name: str) -> tuple[Turn, int]:
        """The turn whose turn it is, and its number."""
        with self.lock:
            turns, at = self.scripts[name]["turns"], self.at[name]
            if at.turn >= len(turns):
                return {"text": "Done."}, at.turn
            turn, index = copy.deepcopy(turns[at.turn]), at.turn
            at.played += 1
            count, repeat = at.played, turn.pop("repeat", 1)
            if repeat != "forever" and at.played >= int(repeat):
                at.turn, at.played = at.turn + 1, 0
            return _numbered(turn, count), index

    def again(self, name: str, index: int) -> None:
        """Play a turn once more."""
        with self.lock:
            self.at[name] = Position(index)

    def count(self, key: str, api: Api, use: Use | None) -> None:
        """Note an answer; one without tokens was none."""
        with self.lock:
            served = self.served.setdefault(key, Served())
            if use is None:
                served.refused += 1
                return
            read, written = read_and_written(api, use)
            served.answers, served.read, served.written = (
                served.answers + 1,
                served.read + read,
                served.written + written,
            )


def _numbered(value: Any, number: int) -> Any:
    if isinstance(value, str):
        return value.replace("{n}", str(number))
    if isinstance(value, dict):
        return {key: _numbered(item, number) for key, item in value.items()}
    return [_numbered(item, number) for item in value] if isinstance(value, list) else value


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    play: Play

    def log_message(self, *_: Any) -> None:
        """Nobody reads it."""

    def do_HEAD(self) -> None:
        self._send(b"")

    def do_GET(self) -> None:
        path = self.path.split("?")[0]
        if path == "/_log":
            return self._send_json(self.play.seen)
        if path == "/_served":
            return self._send_json({key: asdict(served) for key, served in self.play.served.items()})
        self.play.seen.append({"api": None, "method": "GET", "path": self.path, "key": self._key()})
        if path.endswith("/models"):
            model = {"id": "fake-model", "object": "model", "type": "model", "display_name": "Fake", "owned_by": "me"}
            return self._send_json({"object": "list", "data": [model], "models": [], "has_more": False})
        return self._send_json({"error": {"message": "no such page", "type": "not_found_error"}}, 404)

    def do_POST(self) -> None:
        raw = self._body()
        try:
            body = json.loads(raw or b"{}")
        except ValueError:
            body = {}
        path = self.path.split("?")[0]
        if path == "/_script":
            self.play.load(body)
            return self._send_json({"ok": True})
        if path.endswith(("count_tokens", ":countTokens")):
            count = max(1, len(raw) // 4)
            return self._send_json({"input_tokens": count, "totalTokens": count})
        api = api_of(path)
        if api is None:
            self.play.seen.append({"api": None, "method": "POST", "path": self.path, "key": self._key()})
            return self._send_json({"error": {"message": "no such endpoint", "type": "not_found_error"}}, 404)
        return self._answer(api, path, body, raw)

    def _answer(self, api: Api, path: str, body: Json, raw: bytes) -> None:
        tools = offered(body)
        named = re.match(r"^/run/([^/]+)/", path)
        name = self.play.choose(named[1] if named else None, raw.decode("utf-8", "replace"))
        is_toolless = bool(self.play.scripts[name].get("toolless"))
        is_side = not tools and not is_toolless
        turn, index = (dict(_SIDE), -1) if is_side else self.play.next_turn(name)
        model = body.get("model") or (path.rpartition("/")[2].partition(":")[0] if api == "gemini" else "fake")
        noted = {"api": api, "script": name, "turn": index, "side": is_side, "path": self.path, "model": model}
        self.play.seen.append({**noted, "key": self._key(), "tools": sorted(tools)})
        self.play.bodies.append(body)
        time.sleep(turn.get("silence", 0))
        headers = {key: str(value) for key, value in turn.get("headers", {}).items()}
        broken = turn.get("broken")
        if "status" in turn or broken in ("reset", "html"):
            self.play.count(self._key(), api, None)
            return self._refuse(api, turn, headers)
        calls, text = calls_of(turn, tools, is_toolless=is_toolless)
        text = turn.get("say", "") + text + "x" * int(turn.get("huge", 0))
        if any(call.kind == "tool_search" for call in calls):
            self.play.again(name, index)
        use = Use(**turn.get("usage", {}))
        stop = broken if broken in ("refusal", "max_tokens") else None
        if broken and not text and not calls:
            text = "This answer never ends well."
        whole, events = answered(api, Answer(model, calls, text, turn.get("think", ""), use, stop))
        # Before the last byte: whoever has heard it may ask for the count.
        self.play.count(self._key(), api, None if broken and not stop else use)
        if not (body.get("stream") or "streamGenerateContent" in path):
            return self._send_whole(api, whole, broken, headers)
        return self._stream(api, events, turn, headers)

    def _refuse(self, api: Api, turn: Turn, headers: dict[str, str]) -> None:
        if turn.get("broken") == "reset":
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
        elif turn.get("broken") == "html":
            self._send(b"<html><body><h1>502 Bad Gateway</h1></body></html>", kind="text/html")
        else:
            if "retry_after" in turn:
                headers.setdefault("retry-after", str(turn["retry_after"]))
            self._send_json(error_body(api, turn), turn["status"], headers)

    def _send_whole(self, api: Api, whole: Json, broken: str | None, headers: dict[str, str]) -> None:
        if broken in ("garbage", "cut", "half_json"):
            self._send(json.dumps(whole).encode()[:40], headers=headers)
        elif broken == "empty":
            self._send(b"", headers=headers)
        elif broken == "error_event":
            self._send_json(error_body(api, {"status": 529}), 529, headers)
        else:
            self._send_json(whole, headers=headers)

    def _stream(self, api: Api, events: list[tuple[str | None, Any]], turn: Turn, headers: dict[str, str]) -> None:
        broken = turn.get("broken")
        self.send_response(200)
        for key, value in {"content-type": "text/event-stream", "connection": "close", **headers}.items():
            self.send_header(key, value)
        self.end_headers()
        self.close_connection = True
        half = max(1, len(events) // 2)
        for at, (event, data) in enumerate(() if broken == "empty" else events):
            if at == 1:
                time.sleep(turn.get("stutter", 0))
            if broken and at == half and broken not in ("refusal", "max_tokens"):
                return self._misbehave(api, broken, data)
            self._emit(event, data)
        return None

    def _misbehave(self, api: Api, how: str, data: Any) -> None:
        """In the middle of a stream; `cut` is nothing more, and the connection closes."""
        if how == "garbage":
            self.wfile.write(b"data: {this is not JSON ]]]\n\n\x00\xff\xfe\n\n")
        elif how == "half_json":
            self.wfile.write(b"data: " + json.dumps(data).encode()[:20])
        elif how == "error_event" and api == "messages":
            error = {"type": "overloaded_error", "message": "Overloaded"}
            self._emit("error", {"type": "error", "error": error})
        elif how == "error_event" and api == "responses":
            error = {"code": "server_is_overloaded", "message": "Our servers are currently overloaded."}
            failed = {"id": "resp_x", "object": "response", "status": "failed", "output": [], "error": error}
            self._emit("response.failed", {"type": "response.failed", "response": failed})
        elif how == "error_event":
            told = {"code": 503, "message": "overloaded", "status": "UNAVAILABLE", "type": "overloaded_error"}
            self._emit(None, {"error": told})

    def _emit(self, event: str | None, data: Any) -> None:
        text = data if isinstance(data, str) else json.dumps(data)
        self.wfile.write(((f"event: {event}\n" if event else "") + f"data: {text}\n\n").encode())
        self.wfile.flush()

    def _key(self) -> str:
        """Who asks."""
        bearer = (self.headers.get("authorization") or "").partition(" ")[2]
        return self.headers.get("x-api-key") or self.headers.get("x-goog-api-key") or bearer

    def _body(self) -> bytes:
        if self.headers.get("transfer-encoding") == "chunked":
            raw = b""
            while size := int(self.rfile.readline().split(b";")[0] or b"0", 16):
                raw += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        return gzip.decompress(raw) if self.headers.get("content-encoding") == "gzip" else raw

    def _send_json(self, data: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        self._send(json.dumps(data).encode(), status, headers)

    def _send(
        self, raw: bytes, status: int = 200, headers: Mapping[str, str] | None = None, kind: str = "application/json"
    ) -> None:
        self.send_response(status)
        for key, value in {"content-type": kind, "content-length": str(len(raw)), **(headers or {})}.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(raw)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256  # 64 agents at once: Python's own is 5, and the sixth is reset

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed is no news."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def _serving(play: Play, port: int) -> _Server:
    return _Server(("127.0.0.1", port), type("Handler", (_Handler,), {"play": play}))


@dataclass(frozen=True)
class FakeModel:
    """One that serves in this process."""

    url: str
    """Without `/v1`."""
    play: Play

    @property
    def asked(self) -> list[Json]:
        """The requests of conversations, in order."""
        return [request for request in self.play.seen if request["api"] and not request["side"]]


@contextmanager
def fake_model(script: Script) -> Iterator[FakeModel]:
    """A fake model for as long as the block lasts."""
    play = Play(script)
    server = _serving(play, 0)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield FakeModel(f"http://127.0.0.1:{server.server_port}", play)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def main() -> None:
    """Serve as a process of its own."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--script", required=True)
    options.add_argument("--port", type=int, default=0)
    given = options.parse_args()
    server = _serving(Play(json.loads(Path(given.script).read_text(encoding="utf-8"))), given.port)
    print(json.dumps({"port": server.server_port}), flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
