"""Crews lie over one another key by key, and a plan may lower what a given crew allows, never raise it."""

import pytest
from pydantic import ValidationError

from plait.plans.errors import CallError, ExitCode, PlanError
from plait.plans.language.backends import BACKENDS
from plait.plans.language.crew import DEFAULT_CREW, Crew, Role, merge_crews
from plait.plans.language.parsing import parse_crew


def test_roles_stand_beside_the_other_keys() -> None:
    crew = parse_crew("default_backend: claude\nsetup: [make deps]\nbackend: {slots: 2}\nqa:\n")
    assert (crew.default_backend, crew.setup) == ("claude", ("make deps",))
    assert crew.roles == {"backend": Role(slots=2), "qa": Role()}
    assert Crew.model_validate(crew.model_dump()) == crew
    assert parse_crew(crew.model_dump_json()) == crew


def test_without_a_given_crew_the_plan_lies_over_the_default_one() -> None:
    merged = merge_crews(parse_crew("backend: {slots: 9}\npainter: {slots: 3}"))
    assert merged.roles["backend"].slots == 9
    assert merged.roles["painter"].slots == 3
    assert merged.roles["architect"] == DEFAULT_CREW.roles["architect"]
    assert merge_crews(Crew()) == merge_crews(Crew(), DEFAULT_CREW) == DEFAULT_CREW


def test_the_plan_wins_key_by_key() -> None:
    given = parse_crew(
        "default_backend: codex\nsetup: [a]\nbackend: {slots: 4, model: small, timeout: 2h}\nqa: {slots: 2}"
    )
    plan = parse_crew("setup: []\nbackend: {slots: 2, model: large}")
    merged = merge_crews(plan, given)
    assert merged.default_backend == "codex"
    assert merged.setup == ()
    assert merged.roles["backend"] == Role(slots=2, model="large", timeout=7200)
    assert merged.roles["qa"].slots == 2
    assert merged.roles["devops"] == DEFAULT_CREW.roles["devops"]


def test_a_plan_that_raises_slots_is_refused_with_both_numbers() -> None:
    given = parse_crew("backend: {slots: 2}\nqa: {slots: 1}")
    with pytest.raises(CallError) as caught:
        merge_crews(parse_crew("backend: {slots: 3}\nqa: {slots: 5}\nfrontend: {slots: 9}"), given)
    assert "3 slots of backend, and the crew has 2" in str(caught.value)
    assert "5 slots of qa, and the crew has 1" in str(caught.value)
    assert "frontend" not in str(caught.value)
    assert caught.value.exit_code is ExitCode.BAD_INPUT


def test_a_plan_that_says_nothing_of_slots_keeps_the_given_ones() -> None:
    merged = merge_crews(parse_crew("backend: {model: large}"), parse_crew("backend: {slots: 4}"))
    assert (merged.roles["backend"].slots, merged.roles["backend"].model) == (4, "large")


def test_a_given_role_without_slots_has_those_of_the_default_crew() -> None:
    given = parse_crew("qa: {model: large}\njuggler: {model: small}")
    merged = merge_crews(parse_crew("qa: {slots: 2}"), given)
    assert (merged.roles["qa"], merged.roles["juggler"].slots) == (Role(slots=2, model="large"), 1)
    with pytest.raises(CallError, match="3 slots of qa, and the crew has 2"):
        merge_crews(parse_crew("qa: {slots: 3}"), given)


def test_the_model_follows_the_complexity() -> None:
    role = Role(model={"simple": "haiku", "complex": "opus"})
    assert [role.model_for(level) for level in ("simple", "moderate", "complex")] == ["haiku", None, "opus"]
    assert Role(model="one").model_for("complex") == "one"
    assert Role().model_for("simple") is None


@pytest.mark.parametrize(
    ("keys", "backend"),
    [
        ("command: [agent]", "command"),
        ("script: a.yaml", "scripted"),
        ("command: [agent], script: a.yaml", None),
        ("command: [agent], backend: claude", "claude"),
        ("slots: 2", None),
    ],
)
def test_a_role_that_says_its_command_or_script_alone_has_that_backend(keys: str, backend: str | None) -> None:
    assert parse_crew(f"qa: {{{keys}}}").role("qa").own_backend == backend


def test_an_unknown_role_has_one_slot() -> None:
    assert DEFAULT_CREW.role("juggler") == Role(slots=1)


def test_nobody_in_the_default_crew_has_a_backend() -> None:
    assert all(role.backend is None and 1 <= role.slots <= 2 for role in DEFAULT_CREW.roles.values())


@pytest.mark.parametrize("size", ["512MiB", "0.5 GiB", "512mi"])
def test_sizes_are_bytes(size: str) -> None:
    assert Role.model_validate({"memory": size}).memory == 2**29


def test_a_crew_is_fixed_once_made() -> None:
    with pytest.raises(ValidationError):
        DEFAULT_CREW.default_backend = "x"  # type: ignore[misc]


def test_a_role_may_have_submodules_where_the_crew_has_none_and_the_other_way_round() -> None:
    crew = parse_crew("submodules: true\ndev: {}\nqa: {submodules: false}")
    assert [crew.fills_submodules(role) for role in ("dev", "qa", "other", None)] == [True, False, True, True]
    crew = parse_crew("dev: {submodules: true}\nqa:\n")
    assert [crew.fills_submodules(role) for role in ("dev", "qa", None)] == [True, False, True]
    assert not merge_crews(parse_crew("submodules: false"), parse_crew("submodules: true")).submodules
    assert merge_crews(parse_crew("dev:"), parse_crew("submodules: true")).submodules


def test_a_word_of_a_command_may_be_as_long_as_a_line_of_shell() -> None:
    """`--append-system-prompt` and `sh -c` take texts of several lines."""
    text = "Work carefully.\n" * 100

    assert Role(command=("claude", "-p", "--append-system-prompt", text)).command is not None


def test_a_role_says_its_sandbox_then_the_crew_then_the_backend() -> None:
    crew = parse_crew("dev: {sandbox: off}\nqa:\nsandbox: required")
    assert [crew.sandbox_of(role, "claude") for role in ("dev", "qa", "other")] == ["off", "required", "required"]
    levels = {backend: Crew().sandbox_of("dev", backend) for backend in BACKENDS}
    assert {backend for backend, level in levels.items() if level == "auto"} == {
        *("claude", "codex", "opencode", "gemini", "aider")
    }
    assert "required" not in levels.values()


@pytest.mark.parametrize(
    ("plan", "given", "says"),
    [
        ("sandbox: off", "sandbox: auto", "the plan asks for sandbox: off, and the crew has auto"),
        ("dev: {sandbox: auto}", "sandbox: required", "sandbox: auto for dev, and the crew has required"),
        ("dev: {sandbox: off}", "dev: {sandbox: required}", "sandbox: off for dev, and the crew has required"),
        ("new: {sandbox: off}", "sandbox: required", "sandbox: off for new, and the crew has required"),
        ("dev: {hosts: [evil.example]}", "dev: {sandbox: auto, hosts: [pypi.org]}", "lets dev reach evil.example"),
        ("new: {hosts: [evil.example]}", "sandbox: required", "lets new reach evil.example"),
    ],
)
def test_a_plan_opens_no_sandbox_that_the_crew_has_closed(plan: str, given: str, says: str) -> None:
    with pytest.raises(CallError, match=says):
        merge_crews(parse_crew(plan), parse_crew(given))


@pytest.mark.parametrize(
    ("plan", "given", "level"),
    [
        ("dev: {sandbox: required}", "sandbox: off", "required"),
        ("sandbox: required", "sandbox: auto", "required"),
        ("sandbox: off\ndev: {hosts: [pypi.org]}", "dev:", "off"),
        ("sandbox: off", "dev: {sandbox: required}", "required"),
        ("dev: {hosts: [pypi.org]}", "dev: {sandbox: auto, hosts: [pypi.org, a.example]}", "auto"),
    ],
)
def test_a_plan_may_close_one_or_say_what_the_crew_leaves_open(plan: str, given: str, level: str) -> None:
    assert merge_crews(parse_crew(plan), parse_crew(given)).sandbox_of("dev", "command") == level


def test_hosts_of_a_role_are_names() -> None:
    assert parse_crew("dev: {hosts: [PyPI.org]}").role("dev").hosts == ("pypi.org",)
    with pytest.raises(PlanError, match="out of reach in a sandbox"):
        parse_crew("dev: {hosts: [127.0.0.1]}")
