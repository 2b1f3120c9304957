"""plait as the client of ACP programs: what it allows, tells, and makes of each of their ends."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from plait.plans.agents.launching import McpServer
from plait.plans.agents.stream import AgentEvent, Denied, Retrying, Said, Started, ToolEnded, ToolStarted, Used, Warned
from tests.agent_host.hosted import ended, host_order, of_kind, worked
from tests.support import acp_agent

pytest.importorskip("acp", reason="the extra `acp` is not installed")

WRITE = {"write": {"path": "hello.txt", "content": "hello\n"}}


def played(folder: Path, *steps: dict[str, Any], script: Any = None, **given: Any) -> tuple[AgentEvent, ...]:
    """What is told of a script's play."""
    place = folder / "script.json"
    place.write_text(json.dumps({"steps": steps, **(script or {})}))
    command = (sys.executable, acp_agent.__file__, str(place))
    return worked(host_order("acp", folder, command=command, **given))


def seen(folder: Path) -> list[list[Any]]:
    """What the program was given."""
    noted: list[list[Any]] = json.loads((folder / "script.json.seen").read_text())
    return noted


def test_it_works_in_its_checkout_and_its_tokens_are_not_measured(tmp_path: Path) -> None:
    server = McpServer("plait", command=("plait", "mcp"), environment={"A": "1"})
    web = McpServer("web", url="http://127.0.0.1:1/mcp", headers={"B": "2"})

    events = played(
        tmp_path,
        {"say": "I "},
        {"say": "write."},
        WRITE,
        {"say": "Done."},
        servers=(server, web),
        instructions="Brief.",
    )

    assert (ended(events).ending, ended(events).words) == ("completed", "Done.")
    assert (tmp_path / "checkout/hello.txt").read_text() == "hello\n"
    assert [said.text for said in of_kind(events, Said)] == ["I write.", "Done."]
    started, over = of_kind(events, ToolStarted, ToolEnded)
    assert (started.tool, started.paths) == ("edit", (f"{tmp_path}/checkout/hello.txt",))
    assert over.is_good
    assert of_kind(events, Used) == []
    new, prompt, answer = seen(tmp_path)
    assert new[1] == f"{tmp_path}/checkout"
    assert new[2] == [
        {"name": "plait", "command": "plait", "args": ["mcp"], "env": [{"name": "A", "value": "1"}]},
        {"name": "web", "type": "http", "url": "http://127.0.0.1:1/mcp", "headers": [{"name": "B", "value": "2"}]},
    ]
    assert prompt == ["prompt", ["Brief.", "Say hello."]]
    assert answer == ["answer", "once"]


@pytest.mark.parametrize(
    ("wish", "access", "answer"),
    [
        ({"kind": "edit", "path": "/etc/passwd"}, "write", "no"),
        ({"kind": "delete", "path": "../x"}, "write", "no"),
        ({"kind": "edit", "path": ".git/config"}, "write", "no"),
        ({"kind": "execute", "path": "/etc"}, "write", "once"),
        ({"kind": "other"}, "write", "once"),
        ({"kind": "edit", "path": "/etc/passwd", "no_options": True}, "write", "cancelled"),
        ({"kind": "edit", "path": "a.txt"}, "read", "no"),
        ({"kind": "execute"}, "read", "no"),
        ({"kind": "read", "path": "a.txt"}, "read", "once"),
    ],
    ids=str,
)
def test_what_it_asks_for_is_allowed_in_the_checkout_alone(
    wish: dict[str, Any], access: str, answer: str, tmp_path: Path
) -> None:
    events = played(tmp_path, {"ask": wish}, access=access)

    assert seen(tmp_path)[-1] == ["answer", answer]
    assert len(of_kind(events, Denied)) == (answer != "once")
    assert ended(events).ending == "completed"


def test_files_that_it_asks_for_are_served_from_the_checkout_alone(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    inside = f"{tmp_path}/checkout/a.txt"

    events = played(
        tmp_path,
        {"write_by_client": {"path": inside, "content": "one\ntwo\n"}},
        {"read_by_client": inside},
        {"read_by_client": f"{tmp_path}/secret"},
        {"write_by_client": {"path": f"{tmp_path}/secret", "content": "x"}},
        {"read_by_client": f"{tmp_path}/checkout/none"},
    )

    assert [what[:2] for what in seen(tmp_path)[2:]] == [
        ["served", None],
        ["served", "one\ntwo\n"],
        ["refused", -32602],
        ["refused", -32602],
        ["refused", -32002],
    ]
    assert [denied.tool for denied in of_kind(events, Denied)] == ["read", "write"]
    assert (tmp_path / "secret").read_text() == "secret"


@pytest.mark.parametrize(
    ("can", "session", "ending", "how"),
    [
        (["resume", "load"], "old", "completed", "resume"),
        (["load"], "old", "completed", "load"),
        (["resume in vain", "load"], "old", "completed", "load"),
        (["load"], "gone", "unclear", "load"),
        ([], "old", "unclear", None),
    ],
)
def test_a_session_goes_on_where_the_program_can(
    can: list[str], session: str, ending: str, how: str | None, tmp_path: Path
) -> None:
    events = played(tmp_path, {"say": "Now."}, script={"can": can}, session=session)

    assert ended(events).ending == ending
    if how:
        assert seen(tmp_path)[0] == [how, session]
    if ending == "completed":
        assert [said.text for said in of_kind(events, Said)] == ["Now."]
        assert of_kind(events, Started)[0].session == session


@pytest.mark.parametrize(
    ("step", "ending", "status"),
    [
        ({"stop": "max_turn_requests"}, "turn limit", None),
        ({"stop": "refusal"}, "refused", None),
        ({"stop": "cancelled"}, "interrupted", None),
        ({"stop": "max_tokens"}, "unclear", None),
        ({"exit": 3}, "unclear", None),
        ({"fail": {"code": -32603, "message": "Internal error"}}, "unclear", None),
        ({"fail": {"code": -32000, "message": "Authentication required"}}, "provider error", 401),
        ({"fail": {"code": -32603, "message": "x", "data": {"errorKind": "rate_limit"}}}, "provider error", 429),
        (
            {"fail": {"code": -32603, "message": "x", "data": {"codex_error_info": {"a": {"http_status_code": 429}}}}},
            "provider error",
            429,
        ),
        ({"fail": {"code": 500, "message": "scripted rate_limit_error"}}, "provider error", 500),
        (
            {"fail": {"code": -32603, "message": "Internal error: Reached maximum number of turns (3)"}},
            "turn limit",
            None,
        ),
        ({"say": "exceeded retry limit, last status: 429 Too Many Requests"}, "provider error", None),
    ],
    ids=str,
)
def test_each_way_of_its_end_is_told(step: dict[str, Any], ending: str, status: int | None, tmp_path: Path) -> None:
    events = played(tmp_path, step)

    assert (ended(events).ending, ended(events).status) == (ending, status)


def test_a_turn_that_was_refused_in_a_note_on_the_side_is_not_done(tmp_path: Path) -> None:
    error = {"message": "Reconnecting... 1/1", "codexErrorInfo": {"a": {"httpStatusCode": 429}}, "willRetry": True}
    note = {"sessionUpdate": "session_info_update", "_meta": {"codex": {"error": error}}}

    refused = played(tmp_path, {"tell": note}, {"say": "It did not work out."})
    over_it = played(tmp_path, {"tell": note}, WRITE, {"say": "Done."})

    assert (ended(refused).ending, ended(refused).status) == ("provider error", 429)
    assert of_kind(refused, Retrying)[0].status == 429
    assert ended(over_it).ending == "completed"


def test_a_program_that_wants_a_login_is_told_as_that(tmp_path: Path) -> None:
    events = played(tmp_path, script={"needs_login": True})

    assert (ended(events).ending, ended(events).status) == ("provider error", 401)


@pytest.mark.parametrize(("model", "warned"), [("big", 0), ("huge", 1)])
def test_a_model_is_chosen_where_the_program_has_it(model: str, warned: int, tmp_path: Path) -> None:
    events = played(tmp_path, script={"models": ["small", "big"]}, model=model)

    assert ["option", "model", model] in seen(tmp_path)
    assert len(of_kind(events, Warned)) == warned


def test_garbage_floods_and_unknown_updates_do_no_harm(tmp_path: Path) -> None:
    events = played(
        tmp_path,
        {"garbage": 100},
        {"flood": 33 << 20},
        {"tell": {"sessionUpdate": "something_new", "x": 1}},
        {"tell": {"sessionUpdate": "tool_call", "nothing": "of it fits"}},
        WRITE,
    )

    assert ended(events).ending == "completed"
    assert (tmp_path / "checkout/hello.txt").exists()
    assert len(of_kind(events, Warned)) == 3


@pytest.mark.parametrize("program", ["echo", "/no/such/program", "true"])
def test_a_program_that_is_none_of_acp_comes_to_an_end(program: str, tmp_path: Path) -> None:
    events = worked(host_order("acp", tmp_path, command=(program,)))

    assert ended(events).ending == "unclear"
