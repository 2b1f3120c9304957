"""How agent programs are started: what holds for every order, whatever is in it."""

import json
import tomllib
from dataclasses import replace
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.plans.agents.launches.aider import launch_aider, unstoppable
from plait.plans.agents.launches.claude import launch_claude
from plait.plans.agents.launches.codex import launch_codex, toml
from plait.plans.agents.launches.gemini import launch_gemini
from plait.plans.agents.launches.opencode import launch_opencode
from plait.plans.agents.launching import DoorEntry, Launcher, LaunchOrder, McpServer
from plait.plans.agents.programs import PROGRAM_FACTS, untested

LAUNCHERS: dict[str, Launcher] = {
    "claude": launch_claude,
    "codex": launch_codex,
    "opencode": launch_opencode,
    "gemini": launch_gemini,
    "aider": launch_aider,
}
each = pytest.mark.parametrize("launcher", LAUNCHERS.values(), ids=LAUNCHERS)

SECRET = "s3cret-of-a-server"
SERVERS = (
    McpServer("notes", ("notes", "--all"), {"NOTES_KEY": SECRET}),
    McpServer("far", url="https://far.example/mcp", headers={"authorization": SECRET}),
)
ORDER = LaunchOrder(
    program="agent",
    prompt="-x: do it",
    directory="/srv/checkout",
    home="/state/home",
    temporary="/state/tmp",
    model="openai/m",
    instructions='Be "kind" \x7f \U0001f600.\n',
    new_session="6f1e9d1c-0000-4000-8000-000000000000",
    servers=SERVERS,
    door=DoorEntry("http://127.0.0.1:4711/openai", "token-of-the-door"),
)


@each
def test_secrets_and_prompts_are_no_arguments(launcher: Launcher) -> None:
    launch = launcher(ORDER)

    words = " ".join(launch.argv)
    assert SECRET not in words
    assert "token-of-the-door" not in words
    assert ORDER.prompt not in words
    assert all(len(word) < 4_000 for word in launch.argv)


@each
def test_files_are_put_below_its_home_or_its_temporary_folder(launcher: Launcher) -> None:
    for file in launcher(ORDER).files:
        assert PurePosixPath(file.path).is_relative_to(ORDER.home) or PurePosixPath(file.path).is_relative_to(
            ORDER.temporary
        )


@pytest.mark.parametrize("name", LAUNCHERS)
def test_with_the_door_no_key_of_its_provider_is_there(name: str) -> None:
    facts = next(facts for backend, facts in PROGRAM_FACTS.items() if backend == name)
    launch = LAUNCHERS[name](ORDER)

    for key in facts.variables:
        assert key in launch.without or launch.environment.get(key) == "token-of-the-door"


@each
def test_an_option_of_the_user_takes_the_place_of_ours(launcher: Launcher) -> None:
    launch = launcher(replace(ORDER, arguments=("--model", "another")))

    assert launch.argv.count("--model") == 1
    assert launch.argv[launch.argv.index("--model") + 1] == "another"


def test_codex_is_written_a_file_that_says_the_same() -> None:
    (file,) = launch_codex(ORDER).files
    settings = tomllib.loads(file.content)

    assert settings["developer_instructions"] == ORDER.instructions
    assert settings["mcp_servers"]["notes"]["required"] is True
    assert settings["mcp_servers"]["far"]["default_tools_approval_mode"] == "approve"
    assert settings["project_doc_max_bytes"] == 0


@given(
    st.dictionaries(
        st.text(max_size=8),
        st.recursive(
            st.text() | st.booleans() | st.integers(-(2**62), 2**62),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
            max_leaves=6,
        ),
    )
)
def test_what_is_written_as_toml_is_read_as_it_was(table: dict[str, object]) -> None:
    assert tomllib.loads(toml(table)) == table


def test_a_sandbox_of_ours_takes_the_place_of_the_programs_own() -> None:
    inside = replace(ORDER, is_sandboxed=True)

    assert "danger-full-access" in launch_codex(inside).argv
    assert "workspace-write" in launch_codex(ORDER).argv
    assert launch_claude(inside).environment["IS_SANDBOX"] == "1"
    assert "bypassPermissions" in launch_claude(inside).argv
    assert "bypassPermissions" not in launch_claude(ORDER).argv


def test_who_may_only_read_has_no_tools_that_write() -> None:
    reading = replace(ORDER, access="read")

    assert "Read,Grep,Glob" in launch_claude(reading).argv
    assert "read-only" in launch_codex(reading).argv
    assert "plan" in launch_gemini(reading).argv
    assert "--dry-run" in launch_aider(reading).argv
    (settings, *_) = launch_opencode(reading).files
    assert json.loads(settings.content)["permission"]["edit"] == "deny"


def test_a_session_goes_on_where_the_program_has_any() -> None:
    going_on = replace(ORDER, session="the-session")

    assert launch_codex(going_on).argv[-3:] == ("resume", "the-session", "-")
    for launcher in (launch_claude, launch_opencode, launch_gemini):
        assert "the-session" in launcher(going_on).argv
        assert ORDER.new_session not in launcher(going_on).argv


@given(st.text())
def test_any_settings_of_a_repository_are_looked_through(text: str) -> None:
    assert isinstance(unstoppable(text), tuple)


def test_versions_beside_those_that_were_tried_are_named() -> None:
    assert untested("claude", "2.1.332") == ""
    assert untested("claude", "2.1.197").startswith("claude 2.1.197 is older than")
    assert untested("codex", "1.0.0-alpha.3").startswith("codex 1.0.0-alpha.3 is newer than")
    assert untested("codex", "") == ""
