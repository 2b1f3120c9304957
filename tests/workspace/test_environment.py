"""A program sees the allow-list, and neither secrets nor what would send its git astray."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.plans.errors import CallError
from plait.workspace.environment import agent_environment, with_proxies_aside


def test_only_what_is_on_the_list_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "GIT_DIR",
        "GIT_AUTHOR_NAME",
        "PREFECT_API_KEY",
        "AWS_SECRET_ACCESS_KEY",
        "ANTHROPIC_API_KEY",
        "LC_TIME",
    ):
        monkeypatch.setenv(name, "canary")
    seen = agent_environment(extra={})
    assert "canary" not in {value for name, value in seen.items() if name != "LC_TIME"}
    assert seen["LC_TIME"] == "canary"
    assert agent_environment(allow=["ANTHROPIC_API_KEY"], extra={})["ANTHROPIC_API_KEY"] == "canary"
    assert "ANTHROPIC_API_KEY" in agent_environment(allow=["ANTHROPIC_*"], extra={})


def test_proxies_are_passed_on_also_when_they_were_put_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    proxies = {"https_proxy": "http://proxy.example:3128", "ALL_PROXY": "socks5://127.0.0.1:1080", "NO_PROXY": "x"}
    aside = with_proxies_aside({**proxies, "A": "1"})
    assert not proxies.keys() & aside.keys()
    assert aside["A"] == "1"
    for name, value in aside.items():
        monkeypatch.setenv(name, value)
    seen = agent_environment(extra={})
    assert {name: seen[name] for name in proxies} == proxies


def test_a_broad_pattern_does_not_reach_what_is_never_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", "/elsewhere")
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1")
    seen = agent_environment(allow=["G*", "P*"], extra={})
    assert not {"GIT_DIR", "PREFECT_API_URL"} & seen.keys()


def test_nobody_is_asked_and_nothing_is_paged() -> None:
    seen = agent_environment(extra={})
    assert (seen["GIT_TERMINAL_PROMPT"], seen["GIT_EDITOR"], seen["PAGER"]) == ("0", "false", "cat")
    assert "CI" not in seen


def test_what_is_set_wins() -> None:
    assert agent_environment(extra={"PAGER": "less", "PLAIT_PORT": "20010"})["PAGER"] == "less"


@pytest.mark.parametrize("name", ["", "A-B", "1A", "A=B", "A B", "A\n", "A\0", "GIT_DIR", "PREFECT_API_KEY", "*"])
def test_bad_names_are_refused(name: str) -> None:
    with pytest.raises(CallError):
        agent_environment(allow=[name], extra={})
    with pytest.raises(CallError):
        agent_environment(extra={name: "x"})


@given(st.dictionaries(st.text(max_size=6), st.text(max_size=6), max_size=3), st.lists(st.text(max_size=6), max_size=3))
def test_whatever_is_asked_the_answer_is_an_environment_or_a_call_error(
    extra: dict[str, str], allow: list[str]
) -> None:
    try:
        seen = agent_environment(allow=allow, extra=extra)
    except CallError:
        return
    assert not any("=" in name or "\0" in name + value for name, value in seen.items())
