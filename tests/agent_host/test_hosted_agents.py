"""Hosted agents as the whole that a run starts: a process of its own under the shim, judged, stopped, and gone."""

import importlib.util
import json
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from plait.blocks.agents import hosted
from plait.blocks.agents.acp import AcpAgent
from plait.blocks.agents.base import AgentOrder
from plait.blocks.agents.model import ModelAgent
from plait.plans.agents.launching import DoorEntry
from plait.plans.errors import EnvironmentProblem
from tests.agents.cases import processes_of
from tests.support import acp_agent
from tests.support.agents import order_for, wait_until
from tests.support.fake_model import fake_model

DONE = {"text": "Done it."}


def _order(folder: Path, **given: Any) -> AgentOrder:
    order = order_for(folder, timeout=120)
    return replace(order, home=folder / "home", grace=2.0, **given)


def _acp(folder: Path, *steps: dict[str, Any], **script: Any) -> AcpAgent:
    place = folder / "script.json"
    place.write_text(json.dumps({"steps": steps, **script}))
    return AcpAgent(command=(sys.executable, acp_agent.__file__, str(place)))


def test_a_library_that_is_missing_is_told_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)

    with pytest.raises(EnvironmentProblem) as caught:
        ModelAgent(model="m").work(_order(tmp_path))

    assert caught.value.hint == "pip install 'prefect-plait[model]'"


def test_asking_whether_a_library_is_there_does_not_import_it() -> None:
    before = "pydantic_ai" in sys.modules

    hosted.require_library("model")

    assert ("pydantic_ai" in sys.modules) == before


@pytest.mark.slow
def test_a_model_works_in_a_process_of_its_own_and_its_tokens_are_exact(tmp_path: Path) -> None:
    lines = list[str]()
    with fake_model([{"write": {"path": "hello.txt", "content": "hello\n"}}, DONE]) as model:
        order = _order(tmp_path, door=DoorEntry(model.url, "token-of-the-door"), on_line=lines.append)
        # A repository that an agent has left: none of it may be imported.
        (order.directory / "pydantic_ai.py").write_text("raise SystemExit('imported')")
        (order.directory / "sitecustomize.py").write_text("raise SystemExit('imported')")
        environment = {**order.environment, "PYTHONPATH": str(order.directory)}
        report = ModelAgent(model="anthropic:m").work(replace(order, environment=environment))
        served = model.play.served["token-of-the-door"]

    assert report.problem is None
    assert report.claims_done
    assert (order.directory / "hello.txt").read_text() == "hello\n"
    assert report.usage is not None
    assert (report.usage.input_tokens, report.usage.output_tokens) == (served.read, served.written)
    assert report.usage.exact
    assert report.summary == "Done it."
    assert report.verdict is not None
    assert report.verdict.session
    assert "token-of-the-door" not in order.output.read_text()
    assert list(order.temporary.glob("host-order*")) == []
    assert lines
    assert not any(line.startswith("{") for line in lines)


@pytest.mark.slow
def test_a_model_that_is_stopped_leaves_nothing_and_goes_on_later(tmp_path: Path) -> None:
    stop = threading.Event()
    with fake_model([{"shell": "touch begun; sleep 300"}, {"text": "Went on."}]) as model:
        door = DoorEntry(model.url, "token")
        order = _order(tmp_path, door=door, stop=stop)
        reports = list[Any]()
        working = threading.Thread(target=lambda: reports.append(ModelAgent(model="openai-chat:m").work(order)))
        working.start()
        assert wait_until((order.directory / "begun").exists)
        stop.set()
        working.join(30)
        (report,) = reports
        assert report.cause == "cancelled"
        assert report.verdict.outcome == "cancelled"
        assert processes_of(tmp_path / "home") == []

        resumed = ModelAgent(model="openai-chat:m").work(_order(tmp_path, door=door, session=report.verdict.session))

    assert resumed.problem is None
    assert "[interrupted:" in json.dumps(model.play.bodies[-1])


@pytest.mark.slow
def test_a_provider_that_never_answers_is_a_stall(tmp_path: Path) -> None:
    with fake_model([{"text": "late", "silence": 60}]) as model:
        order = replace(_order(tmp_path, door=DoorEntry(model.url, "token")), stall=5.0)
        report = ModelAgent(model="openai-chat:m").work(order)

    assert report.verdict is not None
    assert report.verdict.outcome == "stalled"


@pytest.mark.slow
def test_words_that_come_slowly_are_no_stall(tmp_path: Path) -> None:
    with fake_model([{"shell": "for i in 1 2 3 4 5 6 7 8; do echo $i; sleep 1; done"}, DONE]) as model:
        order = replace(_order(tmp_path, door=DoorEntry(model.url, "token")), stall=7.0)
        report = ModelAgent(model="openai-chat:m").work(order)

    assert report.problem is None


@pytest.mark.slow
def test_outcomes_of_a_model_are_those_of_the_one_table(tmp_path: Path) -> None:
    turns: dict[str, dict[str, Any]] = {
        "login needed": {"status": 401},
        "rate limited": {"status": 429, "retry_after": 900},
        "quota ended": {"status": 429, "code": "insufficient_quota", "message": "You exceeded your current quota"},
    }
    for outcome, turn in turns.items():
        with fake_model([{**turn, "repeat": "forever"}]) as model:
            order = _order(tmp_path / outcome, door=DoorEntry(model.url, "token"))
            report = ModelAgent(model="openai-chat:m").work(order)
        assert report.verdict is not None
        assert report.verdict.outcome == outcome


@pytest.mark.slow
def test_an_acp_program_works_and_what_it_used_is_not_measured(tmp_path: Path) -> None:
    agent = _acp(tmp_path, {"write": {"path": "hello.txt", "content": "hello\n"}}, {"say": "Done it."})

    report = agent.work(_order(tmp_path))

    assert report.problem is None
    assert (tmp_path / "checkout/hello.txt").read_text() == "hello\n"
    assert report.usage is None or report.usage.input_tokens is None
    assert report.verdict is not None
    assert report.verdict.session == "session-of-acp"


@pytest.mark.slow
@pytest.mark.parametrize("deaf", [False, True])
def test_an_acp_program_is_told_to_stop_and_then_made_to(deaf: bool, tmp_path: Path) -> None:
    stop = threading.Event()
    agent = _acp(tmp_path, {"say": "working"}, {"hang": deaf})
    order = _order(tmp_path, stop=stop)
    reports = list[Any]()
    working = threading.Thread(target=lambda: reports.append(agent.work(order)))
    working.start()
    assert wait_until(lambda: (tmp_path / "script.json.seen").exists() and "prompt" in _seen(tmp_path))
    began = time.monotonic()
    stop.set()
    working.join(30)

    assert reports[0].verdict.outcome == "cancelled"
    assert "cancel" in _seen(tmp_path)
    assert time.monotonic() - began < 20
    assert processes_of(tmp_path / "home") == []


def _seen(folder: Path) -> list[str]:
    try:
        return [what[0] for what in json.loads((folder / "script.json.seen").read_text())]
    except ValueError:  # it is being written
        return []
