"""A model at work with plait's tools, against a fake one that plays scripts: what it does, tells, and comes to."""

import json
from pathlib import Path
from typing import Any

import pytest

from plait.agent_host import refusals
from plait.plans.agents.launching import DoorEntry
from plait.plans.agents.stream import AgentEvent, Denied, Ended, Retrying, Said, Started, ToolEnded, Used, Warned
from tests.agent_host.hosted import ended, host_order, of_kind, worked
from tests.support.fake_model import FakeModel, fake_model

pytest.importorskip("pydantic_ai", reason="the extra `model` is not installed")

WRITE = {"write": {"path": "src/hello.txt", "content": "hello\n"}}
DONE = {"text": "Done it."}
APIS = ("anthropic:m", "openai:m", "openai-chat:m")
each_api = pytest.mark.parametrize("name", APIS)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refusals, "_FIRST_WAIT", 0.01)


def at(model: FakeModel) -> dict[str, str]:
    """An environment in which all providers are the fake one."""
    return {
        "ANTHROPIC_BASE_URL": model.url,
        "ANTHROPIC_API_KEY": "key-of-a-user",
        "OPENAI_BASE_URL": f"{model.url}/v1",
        "OPENAI_API_KEY": "key-of-a-user",
    }


def played(folder: Path, *turns: dict[str, Any], name: str = "openai-chat:m", **given: Any) -> tuple[AgentEvent, ...]:
    """What is told of a script's play."""
    with fake_model(list(turns)) as model:
        return worked(host_order("model", folder, model=name, **given), at(model))


@each_api
def test_it_writes_and_runs_and_tells_its_tokens_to_the_token(name: str, tmp_path: Path) -> None:
    turns = [
        {**WRITE, "usage": {"input": 100, "output": 7, "cache_read": 30, "reasoning": 2}},
        {"shell": "cat src/hello.txt; touch ran", "say": "Now I run."},
        DONE,
    ]
    with fake_model(turns) as model:
        events = worked(host_order("model", tmp_path, model=name, instructions="Be brief."), at(model))
        served = model.play.served["key-of-a-user"]

    assert ended(events) == Ended("completed", words="Done it.", turns=3)
    assert (tmp_path / "checkout/src/hello.txt").read_text() == "hello\n"
    assert (tmp_path / "checkout/ran").exists()
    used = of_kind(events, Used)
    assert all(use.is_exact and use.scope == "call" and use.model == "m" for use in used)
    assert (sum(use.tokens.read for use in used), sum(use.tokens.written for use in used)) == (
        served.read,
        served.written,
    )
    assert used[0].tokens.cached == 30
    assert of_kind(events, Started)[0].session == "session-1"
    assert [said.text for said in of_kind(events, Said)] == ["Now I run.", "Done it."]
    assert all("Be brief." in json.dumps(body) for body in model.play.bodies)


@each_api
@pytest.mark.parametrize(
    ("turn", "status", "asked"),
    [
        ({"status": 401}, 401, 1),
        ({"status": 429, "retry_after": 0}, 429, 4),
        ({"status": 429, "retry_after": 900}, 429, 1),
        ({"status": 529}, 529, 4),
        ({"status": 503}, 503, 4),
        ({"status": 400, "message": "prompt is too long: 250000 tokens > 200000 maximum"}, 400, 1),
        ({"broken": "garbage"}, None, 4),
        ({"broken": "cut"}, None, 4),
        ({"broken": "empty"}, None, 4),
        ({"broken": "html"}, None, 4),
        ({"broken": "reset"}, None, 4),
    ],
    ids=str,
)
def test_a_provider_that_gives_no_answer_is_asked_a_few_times(
    name: str, turn: dict[str, Any], status: int | None, asked: int, tmp_path: Path
) -> None:
    with fake_model([{**turn, "repeat": "forever"}]) as model:
        events = worked(host_order("model", tmp_path, model=name), at(model))

    assert (ended(events).ending, ended(events).status) == ("provider error", status)
    assert len(model.asked) == asked
    assert [retry.status for retry in of_kind(events, Retrying)] == [status] * (asked - 1)


def test_a_long_wait_is_told_and_not_waited_for(tmp_path: Path) -> None:
    events = played(tmp_path, {"status": 429, "retry_after": 900})

    assert "retry after 900 seconds" in ended(events).words


@each_api
@pytest.mark.parametrize(
    ("broken", "ending"), [("refusal", "refused"), ("max_tokens", "unclear"), ("error_event", "completed")]
)
def test_an_answer_that_is_refused_or_cut_is_not_done(name: str, broken: str, ending: str, tmp_path: Path) -> None:
    events = played(tmp_path, {"broken": broken}, name=name)

    if broken == "refusal" and name == "openai:m":
        ending = "completed"  # Responses have no word for it: the answer itself says so
    assert ended(events).ending == ending


def test_a_passing_refusal_costs_nothing_of_what_was_done_before(tmp_path: Path) -> None:
    events = played(tmp_path, WRITE, {"status": 429, "retry_after": 0}, {"broken": "cut"}, DONE)

    assert ended(events) == Ended("completed", words="Done it.", turns=2)
    assert len(of_kind(events, ToolEnded)) == 1
    assert not all(use.is_exact for use in of_kind(events, Used))


def test_a_session_goes_on_with_what_was_said_by_another_model_as_well(tmp_path: Path) -> None:
    played(tmp_path, WRITE, {"text": "The word is kiwi."}, name="anthropic:m")
    with fake_model([DONE]) as model:
        events = worked(host_order("model", tmp_path, model="openai-chat:m", session="session-1"), at(model))

    assert ended(events).ending == "completed"
    assert "kiwi" in json.dumps(model.play.bodies[0])
    assert "src/hello.txt" in json.dumps(model.play.bodies[0])


def test_a_session_that_broke_off_in_a_tool_goes_on_after_it(tmp_path: Path) -> None:
    played(tmp_path, {"calls": [WRITE, {"shell": "true"}]}, {"status": 401})
    place = tmp_path / "home/.plait-model/session-1.json"
    place.write_text(json.dumps(json.loads(place.read_text())[:2]))

    with fake_model([DONE]) as model:
        events = worked(host_order("model", tmp_path, model="openai-chat:m", session="session-1"), at(model))

    assert ended(events).ending == "completed"
    assert json.dumps(model.play.bodies[0]).count("[interrupted:") == 2


@pytest.mark.parametrize("session", ["other", "../../etc/passwd", "x" * 300])
def test_a_session_that_is_not_there_is_told_and_nobody_is_asked(session: str, tmp_path: Path) -> None:
    with fake_model([DONE]) as model:
        events = worked(host_order("model", tmp_path, model="m", session=session), at(model))

    assert ended(events).ending == "unclear"
    assert model.asked == []


def test_its_turns_are_limited(tmp_path: Path) -> None:
    with fake_model([{"shell": "true", "repeat": "forever"}]) as model:
        events = worked(host_order("model", tmp_path, model="m", turns=3), at(model))

    assert (ended(events).ending, ended(events).turns, len(model.asked)) == ("turn limit", 3, 3)


@pytest.mark.parametrize(
    ("schema", "given", "answer"),
    [
        ({"type": "object", "properties": {"score": {"type": "integer"}}}, {"score": 3}, {"score": 3}),
        ({"type": "array", "items": {"type": "integer"}}, {"answer": [1, 2]}, [1, 2]),
    ],
)
def test_an_answer_of_a_form_is_given_in_it(schema: Any, given: Any, answer: Any, tmp_path: Path) -> None:
    turns = ({"text": "Prose."}, {"tool": {"name": "final_result", "input": given}})

    events = played(tmp_path, *turns, schema=json.dumps(schema), access="read")

    assert json.loads(ended(events).answer or "") == answer
    assert len(of_kind(events, Warned)) == 1


def test_a_review_has_no_tool_that_changes_anything(tmp_path: Path) -> None:
    events = played(tmp_path, WRITE, {"shell": "touch x"}, DONE, access="read")

    assert list((tmp_path / "checkout").iterdir()) == []
    assert of_kind(events, Started)[0].tools == ("list", "search", "read")
    assert "Unknown tool name" in of_kind(events, Warned)[0].words


def test_tools_are_those_that_the_role_has(tmp_path: Path) -> None:
    events = played(tmp_path, DONE, tools=("read", "write", "no-such"))

    assert of_kind(events, Started)[0].tools == ("read", "write")


@pytest.mark.parametrize("path", ["../escaped", "/etc/passwd", ".git/config", "a/../../escaped"])
def test_a_path_out_of_the_checkout_is_denied_and_told(path: str, tmp_path: Path) -> None:
    turns = [{"tool": {"name": "write", "input": {"path": path, "content": "x"}}}]

    events = played(tmp_path, *turns, {"tool": {"name": "read", "input": {"path": path}}}, DONE)

    assert [denied.tool for denied in of_kind(events, Denied)] == ["write", "read"]
    assert not (tmp_path / "escaped").exists()
    assert ended(events).ending == "completed"


def test_the_keys_are_not_in_the_environment_of_commands(tmp_path: Path) -> None:
    played(tmp_path, {"shell": "env > seen"}, DONE)

    assert "key-of-a-user" not in (tmp_path / "checkout/seen").read_text()


def test_without_a_key_nobody_is_asked(tmp_path: Path) -> None:
    events = worked(host_order("model", tmp_path, model="anthropic:m"))

    assert (ended(events).ending, ended(events).status) == ("provider error", 401)


def test_a_provider_that_nobody_knows_is_told(tmp_path: Path) -> None:
    events = worked(host_order("model", tmp_path, model="nobody:m"))

    assert ended(events).ending == "unclear"
    assert "nobody:m" in ended(events).words


@each_api
def test_the_door_takes_the_place_of_address_and_key(name: str, tmp_path: Path) -> None:
    with fake_model([DONE]) as model:
        order = host_order("model", tmp_path, model=name, door=DoorEntry(model.url, "token-of-the-door"))
        events = worked(order, {"ANTHROPIC_BASE_URL": "http://127.0.0.1:1", "OPENAI_BASE_URL": "http://127.0.0.1:1"})

    assert ended(events).ending == "completed"
    assert set(model.play.served) == {"token-of-the-door"}


def test_a_name_with_a_colon_is_a_servers_own_where_an_address_is_given(tmp_path: Path) -> None:
    with fake_model([DONE]) as model:
        events = worked(host_order("model", tmp_path, model="qwen3:8b", url=f"{model.url}/v1"))

    assert ended(events).ending == "completed"
    assert model.play.bodies[0]["model"] == "qwen3:8b"


def test_two_edits_of_one_answer_do_not_undo_each_other(tmp_path: Path) -> None:
    edits = [
        {"tool": {"name": "edit", "input": {"path": "a", "old": f"{number};", "new": "x;"}}} for number in range(5)
    ]
    first = {"write": {"path": "a", "content": "".join(f"{number};" for number in range(5))}}

    played(tmp_path, first, {"calls": edits}, DONE)

    assert (tmp_path / "checkout/a").read_text() == "x;" * 5


def test_a_model_that_uses_tools_wrongly_for_ever_comes_to_an_end(tmp_path: Path) -> None:
    wrong = {"tool": {"name": "write", "input": {"nonsense": 1}}, "repeat": "forever"}

    events = played(tmp_path, wrong)

    assert ended(events).ending == "unclear"
