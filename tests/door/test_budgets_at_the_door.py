"""Where a budget ends, work is stopped in mid-stream, in the vendor's words, and no further call goes out."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from plait.plans.budgets.limits import Expense, Limits
from plait.plans.budgets.provider_paths import Provider
from tests.door.doors import PATHS, RawUpstream, ask, open_door, raw_upstream, sends, upstream_of, whole

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
WORDS = "word " * 80  # a hundred tokens by the estimate

_START = {"message": {"model": "fake-model", "usage": {"input_tokens": 500, "output_tokens": 1}}}
BEGINNINGS: dict[str, Any] = {
    "messages": {"type": "message_start", **_START},
    "responses": {"type": "response.created", "response": {"model": "fake-model"}},
    "chat": {"model": "fake-model", "choices": []},
    "stream": {"modelVersion": "fake-model", "usageMetadata": {"promptTokenCount": 500}},
}
DELTAS: dict[str, Any] = {
    "messages": {"type": "content_block_delta", "delta": {"type": "text_delta", "text": WORDS}},
    "responses": {"type": "response.output_text.delta", "delta": WORDS},
    "chat": {"choices": [{"delta": {"content": WORDS}}]},
    "stream": {"candidates": [{"content": {"parts": [{"text": WORDS}]}}]},
}
APIS: list[tuple[Provider, str]] = [
    ("anthropic", "messages"),
    ("openai", "responses"),
    ("openai", "chat"),
    ("google", "stream"),
]


def endless(path: str, stopped: threading.Event, *, cut: int = 0) -> Callable[[socket.socket], None]:
    """An act: a stream without end, its events cut in pieces; `stopped` is set when nobody wants more of it."""

    def act(link: socket.socket) -> None:
        def send(data: Any) -> None:
            event = b"data: %s\n\n" % json.dumps(data).encode()
            for at in range(0, len(event), cut or len(event)):
                piece = event[at : at + (cut or len(event))]
                link.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))

        try:
            link.sendall(HEAD)
            send(BEGINNINGS[path])
            while True:
                send(DELTAS[path])
        except OSError:
            stopped.set()

    return act


@contextmanager
def endless_upstream(path: str, *, cut: int = 0) -> Iterator[tuple[RawUpstream, threading.Event]]:
    """A provider that never ends its answers."""
    stopped = threading.Event()
    with raw_upstream(endless(path, stopped, cut=cut)) as upstream:
        yield upstream, stopped


@pytest.mark.parametrize(("provider", "path"), APIS)
@pytest.mark.parametrize("cut", [0, 7])
def test_a_stream_is_stopped_at_the_limit_after_a_whole_event_in_the_vendors_words(
    tmp_path: Path, provider: Provider, path: str, cut: int
) -> None:
    with endless_upstream(path, cut=cut) as (upstream, stopped), open_door(tmp_path) as door:
        entry = door.open_for("T", upstream_of(upstream.url, provider), account="a", limits=Limits(tokens=2_000))
        answer = ask(entry, PATHS[path], headers={"x-api-key": entry.token})
        assert answer.status == 200
        *_others, last = answer.events
        assert "plait: the budget is spent: tokens of the task: 2,000" in json.dumps(last)
        assert stopped.wait(10)
        again = ask(entry, PATHS[path], headers={"x-api-key": entry.token})
        assert again.status == {"messages": 402, "responses": 429, "chat": 429, "stream": 403}[path]
        assert "tokens of the task: 2,000" in again.json["error"]["message"]
        assert again.headers["x-should-retry"] == "false"
        assert len(upstream.heard) == 1
        sight = door.close(entry)
        assert sight.spent == "tokens of the task: 2,000"
        assert not sight.is_exact
        assert 2_000 <= sight.tokens.read + sight.tokens.written <= 2_000 + 70_000  # what was on its way in one piece


def test_money_is_counted_while_it_is_spent(tmp_path: Path) -> None:
    with endless_upstream("messages") as (upstream, _stopped), open_door(tmp_path) as door:
        entry = door.open_for("T", upstream_of(upstream.url), account="a", limits=Limits(usd=0.05))
        assert "usd of the task: 0.05" in json.dumps(ask(entry).events[-1])
        sight = door.close(entry)
        assert sight.usd is not None
        assert sight.usd >= 0.05


def test_tries_of_a_task_count_together_and_other_tasks_do_not(tmp_path: Path) -> None:
    body = whole(b'{"model": "fake-model", "usage": {"input_tokens": 60, "output_tokens": 0}}')
    with raw_upstream(sends(body)) as upstream, open_door(tmp_path) as door:
        limits = Limits(tokens=100)
        first = door.open_for("T", upstream_of(upstream.url), account="a", limits=limits)
        assert [ask(first).status, ask(first).status, ask(first).status] == [200, 200, 402]
        assert door.close(first).spent == "tokens of the task: 100"
        again = door.open_for("T", upstream_of(upstream.url), account="a", limits=limits)
        other = door.open_for("U", upstream_of(upstream.url), account="a", limits=limits)
        more = door.open_for("V", upstream_of(upstream.url), account="a", limits=limits, before=Expense(tokens=99))
        assert [ask(again).status, ask(other).status, ask(more).status, ask(more).status] == [402, 200, 200, 402]
        assert door.close(again).calls == 0
        assert door.expense_of("T").tokens == 120


def test_a_budget_of_the_run_ends_all_of_its_tasks(tmp_path: Path) -> None:
    body = whole(b'{"model": "fake-model", "usage": {"input_tokens": 60, "output_tokens": 0}}')
    with raw_upstream(sends(body)) as upstream, open_door(tmp_path, run_limits=Limits(tokens=150)) as door:
        entries = [door.open_for(f"T{n}", upstream_of(upstream.url), account="a") for n in range(3)]
        assert [ask(entry).status for entry in entries] == [200, 200, 200]
        assert [ask(entry).status for entry in entries] == [402, 402, 402]
        assert door.close(entries[0]).spent == "tokens of the run: 150"
        assert door.run_expense.tokens == 180


def test_a_budget_of_the_day_holds_for_all_runs_of_the_machine_until_midnight(tmp_path: Path) -> None:
    body = whole(b'{"model": "fake-model", "usage": {"input_tokens": 60, "output_tokens": 0}}')
    limits, moment = Limits(tokens=100), [1_800_000_000.0]
    with raw_upstream(sends(body)) as upstream:
        for status in (200, 200, 402):
            with open_door(tmp_path, day_limits=limits, clock=lambda: moment[0]) as door:
                entry = door.open_for("T", upstream_of(upstream.url), account="a")
                assert ask(entry).status == status
        moment[0] += 86_400
        with open_door(tmp_path, day_limits=limits, clock=lambda: moment[0]) as door:
            entry = door.open_for("T", upstream_of(upstream.url), account="a")
            assert ask(entry).status == 200
            door.add("T", Expense(tokens=40))
            assert ask(entry).status == 402
            assert door.close(entry).spent == "tokens of the day: 100"


def test_the_runs_time_ends_streams_that_go_on(tmp_path: Path) -> None:
    with endless_upstream("messages") as (upstream, stopped), open_door(tmp_path) as door:
        entry = door.open_for("T", upstream_of(upstream.url), account="a")
        thread = threading.Thread(target=ask, args=(entry,), daemon=True)
        thread.start()
        while not upstream.heard:
            pass
        door.end_budget("time of the run: 12h")
        assert stopped.wait(10)
        thread.join(10)
        assert ask(entry).status == 402
        assert door.close(entry).spent == "time of the run: 12h"


def test_an_answer_that_has_told_its_usage_is_let_through_to_its_end(tmp_path: Path) -> None:
    """It is paid for."""
    end = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 9_000}}
    events = [BEGINNINGS["messages"], DELTAS["messages"], end, {"type": "message_stop"}]
    pieces = [b"data: %s\n\n" % json.dumps(event).encode() for event in events]
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
    with raw_upstream(sends(head, *pieces, then="close")) as upstream, open_door(tmp_path) as door:
        entry = door.open_for("T", upstream_of(upstream.url), account="a", limits=Limits(tokens=5_000))
        assert ask(entry).events == events
        assert ask(entry).status == 402
        assert door.close(entry).is_exact
