"""A run has an agent for every role that may do one of its prompts, and says which fallback it goes without."""

from pathlib import Path
from textwrap import dedent

import pytest

from plait.flows.inputs.requests import read_brief
from plait.flows.running.staffing import Staff, open_agents
from plait.plans.errors import CallError, EnvironmentProblem


def staff_of(crew: str, tasks: str) -> Staff:
    plan = f"feature: f\ngoal: g\ncrew: {{{crew}}}\ntasks:\n{dedent(tasks)}"
    brief = read_brief(plan, source="plan.yaml", crew=None, folder=Path("/nowhere"))
    return open_agents(brief, brief.expansion.tasks)


ASKED = "- {id: A, role: mason, prompt: p}"
ABLE = "backend: command, command: [build]"


def test_a_fallback_has_an_agent_though_no_task_has_its_role_but_not_the_fallback_of_that() -> None:
    staff = staff_of(f"mason: {{{ABLE}, fallback: [b]}}, b: {{{ABLE}, fallback: [c]}}, c: {{{ABLE}}}", ASKED)
    assert set(staff.agents) == {"mason", "b"}
    assert staff.notices == ()


def test_a_fallback_without_an_agent_program_is_left_out_and_said() -> None:
    staff = staff_of(f"mason: {{{ABLE}, fallback: [b]}}, b: {{backend: codex, environment: {{PATH: /nowhere}}}}", ASKED)
    assert set(staff.agents) == {"mason"}
    (notice,) = staff.notices
    assert notice.startswith("b cannot help mason out: codex was not found on the PATH")


def test_a_fallback_with_a_mistake_in_it_is_refused() -> None:
    with pytest.raises(CallError, match="the role b has the backend command, but no command"):
        staff_of(f"mason: {{{ABLE}, fallback: [b]}}, b: {{backend: command}}", ASKED)


def test_the_role_of_a_task_has_to_have_an_agent_also_where_it_is_a_fallback() -> None:
    both = ASKED + "\n- {id: B, role: b, prompt: p}"
    with pytest.raises(EnvironmentProblem, match="codex"):
        staff_of(f"mason: {{{ABLE}, fallback: [b]}}, b: {{backend: codex, environment: {{PATH: /nowhere}}}}", both)


def test_commands_need_no_agents() -> None:
    staff = staff_of("mason: {fallback: [b]}, b: {}", "- {id: A, role: mason, run: make}")
    assert (staff.agents, staff.notices) == ({}, ())
