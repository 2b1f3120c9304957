"""From what a crew says about a role to the agent that works as it."""

from pathlib import Path
from typing import get_args

import pytest

from plait.blocks import SAVED_BLOCKS
from plait.blocks.agents.acp import AcpAgent
from plait.blocks.agents.codex import CodexAgent
from plait.blocks.agents.command import CommandAgent
from plait.blocks.agents.model import ModelAgent
from plait.blocks.agents.registry import AGENTS, BY_BACKEND, agent_for
from plait.blocks.agents.scripted import ScriptedAgent
from plait.plans.agents.programs import PROGRAM_FACTS
from plait.plans.errors import CallError, EnvironmentProblem, PlanError
from plait.plans.language.backends import BACKENDS, Backend
from plait.plans.language.crew import Role


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A search path with one program that is no agent."""
    folder = tmp_path / "programs"
    folder.mkdir()
    _install(folder, "ls")
    return folder


def _install(folder: Path, name: str) -> None:
    (folder / name).write_text("#!/bin/sh\n")
    (folder / name).chmod(0o755)


def test_a_command_of_the_crew_becomes_a_command_agent(tmp_path: Path) -> None:
    role = Role(backend="command", command=("agent", "{task}", "{model}"), model="opus", capabilities=("python",))

    agent = agent_for("backend", role, base_directory=tmp_path)

    assert isinstance(agent, CommandAgent)
    assert (agent.command, agent.model, agent.capabilities) == (("agent", "{task}", "{model}"), "opus", ("python",))


def test_a_role_with_a_command_needs_no_backend_whatever_the_others_work_with(tmp_path: Path) -> None:
    agent = agent_for("backend", Role(command=("agent",)), base_directory=tmp_path, default="scripted")

    assert isinstance(agent, CommandAgent)


def test_a_role_of_acp_and_one_of_a_model_become_their_agents(tmp_path: Path) -> None:
    roles = {"acp": Role(backend="acp", command=("gemini", "--acp")), "model": Role(backend="model", model="x:y")}

    agents = {name: agent_for("dev", role, base_directory=tmp_path) for name, role in roles.items()}

    assert isinstance(agents["acp"], AcpAgent)
    assert agents["acp"].facts.keys == ("GEMINI_API_KEY", "GOOGLE_API_KEY")
    assert isinstance(agents["model"], ModelAgent)


def test_a_script_is_found_beside_the_crew(tmp_path: Path) -> None:
    (tmp_path / "shop.script.yaml").write_text("tasks: {}")

    agent = agent_for("qa", Role(script="shop.script.yaml"), base_directory=tmp_path, default="scripted")

    assert isinstance(agent, ScriptedAgent)
    assert agent.path == str(tmp_path / "shop.script.yaml")


def test_mistakes_of_a_script_are_told_before_anything_runs(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("taks: {}")

    with pytest.raises(PlanError, match="unknown key"):
        agent_for("qa", Role(backend="scripted", script="bad.yaml"), base_directory=tmp_path)


@pytest.mark.parametrize(
    ("role", "told"),
    [
        (Role(backend="command"), "has the backend command, but no command"),
        (Role(backend="scripted"), "has the backend scripted, but no script"),
        (Role(backend="command", command=("agent", "{model}"), model="-x"), "would be read as an option"),
        (Role(backend="command", command=("agent", "{model}"), model={"simple": "-x"}), "would be read as an option"),
        (Role(backend="command", command=("agent",), prompt_by="file"), "gets its prompt as a file"),
        (Role(backend="scripted", script="none.yaml"), "cannot read the script"),
        (Role(backend="model"), "names no model"),
        (Role(backend="model", model="m", url="localhost:80"), "is no address"),
        (Role(backend="model", model="m", arguments=("-x",)), "is no program to have any"),
        (Role(backend="acp"), "has the backend acp, but no command"),
        (Role(backend="acp", command=("agent", "{task}")), "{task} means nothing in a command of the backend acp"),
    ],
)
def test_settings_that_do_not_fit_the_backend_are_refused(tmp_path: Path, role: Role, told: str) -> None:
    with pytest.raises(CallError, match=told):
        agent_for("backend", role, base_directory=tmp_path)


def test_the_table_of_backends_and_the_registry_agree() -> None:
    assert set(BACKENDS) == set(get_args(Backend))
    assert set(BY_BACKEND) == set(BACKENDS)
    assert set(AGENTS) <= set(SAVED_BLOCKS)
    for agent in AGENTS:
        setting = BACKENDS[agent.backend].setting
        assert setting is None or setting in Role.model_fields


def test_without_a_backend_the_only_program_found_is_chosen(tmp_path: Path, programs: Path) -> None:
    _install(programs, "codex")

    agent = agent_for("qa", Role(model="m"), base_directory=tmp_path, search_path=str(programs))

    assert agent == CodexAgent(model="m")


def test_a_program_that_is_not_there_is_told_with_how_to_install_it(tmp_path: Path, programs: Path) -> None:
    with pytest.raises(EnvironmentProblem, match="claude was not found on the PATH, which the role qa works") as caught:
        agent_for("qa", Role(backend="claude"), base_directory=tmp_path, search_path=str(programs))

    assert caught.value.exit_code == 3
    assert caught.value.hint == f"npm install -g @anthropic-ai/claude-code@{PROGRAM_FACTS['claude'].newest}"


def test_without_a_backend_none_and_several_programs_are_told(tmp_path: Path, programs: Path) -> None:
    with pytest.raises(EnvironmentProblem, match="no agent program is found") as none:
        agent_for("qa", Role(), base_directory=tmp_path, search_path=str(programs))
    _install(programs, "codex")
    _install(programs, "claude")
    with pytest.raises(EnvironmentProblem, match="several agent programs: claude and codex") as several:
        agent_for("qa", Role(), base_directory=tmp_path, search_path=str(programs))

    assert "claude, codex, opencode, gemini or aider" in (none.value.hint or "")
    assert "default_backend" in (several.value.hint or "")
