"""The model door beside a direct connection: how much later the first byte comes, with 1 agent and with 64 at once.

    python -m benchmarks.door [ROUNDS]

Provider and agents are processes of their own, the door is where a run has it: a thread of this one. An agent sends a
conversation of 50 kB on a connection that it keeps, and reads a stream of 20 events, 5 ms apart. Direct calls, calls by
the door, and calls by a proxy of starlette and httpx (what Prefect brings) take turns.
"""

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median, quantiles
from typing import Any
from urllib.parse import urlsplit

from benchmarks.measuring import numbers_given, show
from plait.door.model_door import ModelDoor
from plait.plans.agents.prices import PriceList
from plait.plans.budgets.upstreams import upstream_at

EVENTS, PAUSE, BODY = 20, 0.005, 50_000
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
START = {"type": "message_start", "message": {"model": "m", "usage": {"input_tokens": 12_000, "output_tokens": 1}}}
DELTA = {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "some words of an answer " * 3}}
END = {"type": "message_delta", "usage": {"output_tokens": 300}}

PROXY = """
import sys, httpx, uvicorn
from starlette.applications import Starlette
from starlette.responses import StreamingResponse
from starlette.routing import Route
client = httpx.AsyncClient(timeout=None, limits=httpx.Limits(max_connections=200))
async def handle(request):
    headers = [(k, v) for k, v in request.headers.raw if k not in (b"host", b"content-length")]
    length = [(b"content-length", request.headers["content-length"].encode())]
    url = sys.argv[1] + request.url.path
    out = client.build_request("POST", url, headers=headers + length, content=request.stream())
    answer = await client.send(out, stream=True)
    return StreamingResponse(answer.aiter_raw(), answer.status_code, background=None,
        headers={"content-type": answer.headers["content-type"]})
app = Starlette(routes=[Route("/{path:path}", handle, methods=["POST"])])
uvicorn.run(app, port=int(sys.argv[2]), log_level="error", access_log=False)
"""


def main() -> int:
    """Measure, print a table, write JSON."""
    if sys.argv[1:2] == ["provider"]:
        return asyncio.run(_provide())
    if sys.argv[1:2] == ["agents"]:
        return asyncio.run(_be_agents(json.loads(sys.argv[2])))
    (rounds,) = numbers_given(__doc__, ROUNDS=100)
    provider = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.door", "provider"], stdout=subprocess.PIPE, text=True
    )
    url = f"http://127.0.0.1:{provider.stdout.readline().strip() if provider.stdout else ''}"
    port = urlsplit(url).port or 0
    beside = port + 1 if port < 65_000 else port - 1
    proxy = subprocess.Popen([sys.executable, "-c", PROXY, url, str(beside)])
    try:
        with tempfile.TemporaryDirectory() as home, ModelDoor(Path(home), prices=PriceList(), environment={}) as door:
            entry = door.open_for("T", upstream_at("anthropic", url, "sk-real"), account="a")
            ways = {
                "direct": (f"{url}/v1/messages", "sk-real"),
                "model door": (f"{entry.url}/v1/messages", entry.token),
                "starlette, httpx": (f"http://127.0.0.1:{beside}/v1/messages", "sk-real"),
            }
            time.sleep(3)
            used = time.process_time()
            rows = _rows(ways, 1, int(rounds)) + _rows(ways, 64, max(4, int(rounds) // 8))
            sight = door.close(entry)
            cpu = (time.process_time() - used) / sight.calls * 1_000
        show("door", "the first byte of an answer, ms", rows)
        counted = f"{sight.calls} calls, {sight.tokens.read:,} tokens read and {sight.tokens.written:,} written"
        sys.stdout.write(f"  counted by the door: {counted}; {cpu:.2f} ms of its processor for each call\n")
    finally:
        provider.kill()
        proxy.kill()
    return 0 if sight.tokens.written == 300 * sight.calls else 1


def _rows(ways: dict[str, tuple[str, str]], agents: int, rounds: int) -> list[dict[str, object]]:
    """The figures of each way with so many agents at once."""
    order = json.dumps({"ways": ways, "agents": agents, "rounds": rounds})
    words = [sys.executable, "-m", "benchmarks.door", "agents", order]
    told = json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)
    first = {way: median(times) for way, times in told.items()}
    return [
        {
            "way": way,
            "agents": agents,
            "calls": len(times),
            "median": first[way],
            "p95": quantiles(times, n=20)[18],
            "added, median": first[way] - first["direct"],
        }
        for way, times in told.items()
    ]


async def _be_agents(order: dict[str, Any]) -> int:
    """Ask by each way in turn; print the milliseconds to the first byte of each call."""
    ways, agents, rounds = order["ways"], order["agents"], order["rounds"]
    links = {
        way: [await asyncio.open_connection("127.0.0.1", urlsplit(url).port) for _ in range(agents)]
        for way, (url, _key) in ways.items()
    }
    told: dict[str, list[float]] = {way: [] for way in ways}
    for number in range(rounds + 1):
        for way, (url, key) in ways.items():
            times = await asyncio.gather(*(_ask(link, urlsplit(url).path, key) for link in links[way]))
            told[way] += times if number else []  # the first round dials
    sys.stdout.write(json.dumps(told))
    return 0


async def _ask(link: tuple[asyncio.StreamReader, asyncio.StreamWriter], path: str, key: str) -> float:
    reader, writer = link
    body = b"x" * BODY
    head = f"POST {path} HTTP/1.1\r\nhost: x\r\nx-api-key: {key}\r\ncontent-length: {len(body)}\r\n\r\n"
    start = time.perf_counter()
    writer.write(head.encode() + body)
    await writer.drain()
    heard = await reader.read(65_536)
    first = time.perf_counter() - start
    while not heard.endswith(b"0\r\n\r\n"):
        heard = (heard + await reader.read(65_536))[-100:]
    return first * 1_000


async def _provide() -> int:
    """The provider: a stream for each request."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lower = head.lower()
                await reader.readexactly(int(lower.split(b"content-length: ")[1].split(b"\r\n")[0]))
                for number in range(EVENTS):
                    data = json.dumps(START if number == 0 else END if number == EVENTS - 1 else DELTA)
                    event = f"data: {data}\n\n".encode()
                    writer.write((HEAD if number == 0 else b"") + b"%x\r\n%s\r\n" % (len(event), event))
                    await writer.drain()
                    await asyncio.sleep(PAUSE)
                writer.write(b"0\r\n\r\n")
        except (OSError, asyncio.IncompleteReadError):
            pass

    server = await asyncio.start_server(talk, "127.0.0.1", 0, backlog=1_024)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
