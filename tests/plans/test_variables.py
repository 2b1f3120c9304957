"""The variables of plans and crews: how they are written, added up and told, and what may not be written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.plans.errors import PlanError
from plait.plans.language.crew import Crew, merge_crews
from plait.plans.language.environment import added, from_blocks, from_shell, own_values
from plait.plans.language.parsing import parse_crew, parse_plan
from plait.plans.language.program_variables import VARIABLES, programs_in, told_variables
from plait.plans.tasks.expansion import expand

_PLAN = """
feature: f
crew:
  environment: [ALL]
  dev: {backend: command, command: [claude, -p], environment: {OWN: dev, SHELL_GIVES: null, PORT: 8080, EMPTY: ""}}
tasks:
  - {id: A, role: dev, prompt: Do it., environment: [TASK, {OWN: task}]}
integration: {verify: [make test], environment: [DATABASE_URL]}
"""


def test_names_and_values_are_written_as_a_list_or_as_a_mapping() -> None:
    plan = parse_plan(_PLAN)
    role, task = plan.crew.role("dev"), plan.tasks[0]
    assert from_shell(role.environment) == ("SHELL_GIVES",)
    assert own_values(role.environment) == {"OWN": "dev", "PORT": "8080", "EMPTY": ""}
    together = added(plan.crew.environment, role.environment, task.environment)
    assert from_shell(together) == ("ALL", "SHELL_GIVES", "TASK")
    assert own_values(together)["OWN"] == "task"
    assert from_shell(plan.integration.environment) == ("DATABASE_URL",)


def test_a_plan_adds_variables_to_those_of_the_crew_that_it_runs_with() -> None:
    given = parse_crew("{environment: [TOKEN, HOST], dev: {slots: 2, environment: [A]}}")
    crew = merge_crews(parse_plan(_PLAN).crew, given)
    assert from_shell(crew.environment) == ("TOKEN", "HOST", "ALL")
    assert from_shell(crew.role("dev").environment) == ("A", "SHELL_GIVES")


@given(st.lists(st.tuples(st.sampled_from("ABC"), st.none() | st.text("xy", max_size=2)), max_size=6))
def test_a_crew_is_the_same_after_a_journey(written: list[tuple[str, str | None]]) -> None:
    crew = Crew.model_validate({"environment": [{name: value} for name, value in written], "dev": {"slots": 1}})
    assert Crew.model_validate_json(crew.model_dump_json(exclude_unset=True)) == crew
    assert own_values(added(crew.environment)) == {n: v for n, v in dict(written).items() if v is not None}


@pytest.mark.parametrize(
    ("where", "told"),
    [
        ("crew: {environment: {API_TOKEN: abc}}", "the value of API_TOKEN is a secret"),
        ("crew: {dev: {environment: [{DB_PASSWORD: abc}]}}", "the value of DB_PASSWORD is a secret"),
        ("integration: {environment: {AWS_SECRET_ACCESS_KEY: abc}}", "the value of AWS_SECRET_ACCESS_KEY is a secret"),
        ("crew: {environment: {KEY: {secret: abc}}}", "KEY is from a Secret block, and no plan may say which"),
        ("integration: {environment: [{KEY: {secret: abc}}]}", "KEY is from a Secret block"),
        ("crew: {environment: [GIT_DIR]}", "never passed on"),
        ("crew: {environment: {PREFECT_API_URL: x}}", "never passed on"),
        ("crew: {environment: [A-B]}", "not the name of an environment variable"),
        ("crew: {environment: [{A: b, C: d}]}", "crew.environment[0]"),
        ("crew: {environment: [[A]]}", "crew.environment[0]"),
        ("crew: {environment: A}", "must be a list of names, or a mapping"),
        ('crew: {environment: {A: "a\\0b"}}', "may not be in a plan"),
    ],
)
def test_what_may_not_be_written_is_refused_where_it_stands(where: str, told: str) -> None:
    with pytest.raises(PlanError) as refused:
        parse_plan(f"feature: f\n{where}\ntasks: [{{id: A, run: make}}]\n")
    assert told in str(refused.value)
    assert "abc" not in str(refused.value)


def test_a_crew_file_may_hold_values_that_a_plan_may_not() -> None:
    assert own_values(parse_crew("{environment: {API_TOKEN: abc}}").environment) == {"API_TOKEN": "abc"}


def test_a_crew_file_may_name_a_secret_block_in_place_of_a_value() -> None:
    crew = parse_crew("{environment: [A, {KEY: {secret: my-key}}], dev: {environment: {KEY: {secret: other}}}}")
    assert from_blocks(crew.environment) == {"KEY": "my-key"}
    assert from_blocks(crew.role("dev").environment) == {"KEY": "other"}
    assert (from_shell(crew.environment), own_values(crew.environment)) == (("A",), {})
    assert Crew.model_validate_json(crew.model_dump_json(exclude_unset=True)) == crew


@pytest.mark.parametrize(
    "value", ["{secret: }", "{secret: A B}", "{secret: [a]}", "{block: a}", "{secret: a, b: b}", "{}"]
)
def test_what_is_no_secret_block_is_refused(value: str) -> None:
    with pytest.raises(PlanError):
        parse_crew(f"{{environment: {{KEY: {value}}}}}")


def test_variables_are_part_of_what_a_task_is_and_without_them_nothing_is_new() -> None:
    plain = "feature: f\ntasks: [{id: A, run: make%s}]\n"
    hashes = {
        expand(plan, plan.crew).tasks[0].spec_hash
        for more in ("", ", environment: []", ", environment: [A]", ", environment: {A: '1'}")
        for plan in [parse_plan(plain % more)]
    }
    assert len(hashes) == 3


@pytest.mark.parametrize(
    ("command", "programs"),
    [
        ("claude -p", ["claude"]),
        ("/opt/bin/codex exec 'use gh and docker'", ["codex"]),
        ("cd web && NODE_ENV=test npx -y @openai/codex exec; npm ci", ["codex", "npm"]),
        ("npx -y @anthropic-ai/claude-code@2.1.0 -p", ["claude"]),
        ("env -i A=b timeout 10m gemini -p x | tee log", ["gemini"]),
        ("bash -ec 'cd x; aider --yes-always'", ["aider"]),
        ("if true; then ./gradlew test; fi", ["gradlew"]),
        ("stdbuf -oL claude -p", ["claude"]),
        ("sudo -u me -E claude", ["claude"]),
        ("env -u HTTPS_PROXY A=b codex exec", ["codex"]),
        ("mise exec node@22 -- codex", ["codex"]),
        ("direnv exec . gemini", ["gemini"]),
        ("poetry run aider", ["aider"]),
        ("python3 -m aider --yes", ["aider"]),
        ("python -m pip install x", ["pip"]),
        ("uv run --frozen claude -p", ["uv", "claude"]),
        ("uv tool run aider-chat", ["uv", "aider"]),
        ("pnpm dlx @google/gemini-cli", ["pnpm", "gemini"]),
        ("npm run docs; npm test", ["npm", "npm"]),
        ("timeout 10 grep -r docker src", []),
        ("poetry run pytest -k docker", []),
        ("# claude\necho claude # gh", []),
        ("cat <<X\nit's claude\nX", []),
        ("(uv sync)\ngo test ./...", ["uv", "go"]),
        ("git commit -m 'docker; claude'", []),
    ],
)
def test_known_programs_are_found_where_a_command_runs_them(command: str, programs: list[str]) -> None:
    assert list(programs_in(command)) == programs


@given(st.text(max_size=200))
def test_any_command_can_be_looked_at(command: str) -> None:
    assert set(programs_in(command)) <= VARIABLES.keys()


def test_what_a_program_needs_and_is_not_given_is_told() -> None:
    plan = parse_plan(
        """
        feature: f
        crew:
          setup: [npm ci]
          dev: {backend: command, command: [sh, -c, "claude -p"]}
          ops: {backend: command, command: [claude], environment: [ANTHROPIC_API_KEY, NPM_TOKEN]}
        tasks: [{id: A, role: dev, prompt: x}, {id: B, role: ops, prompt: x}, {id: C, run: "gh pr list"}]
        integration: {verify: [npm test]}
        """
    )
    present = {"ANTHROPIC_API_KEY", "NPM_TOKEN", "GH_TOKEN", "OPENAI_API_KEY"}
    told = told_variables(plan, plan.crew, present)
    assert [line.partition(": name")[0] for line in told] == [
        "npm reads NPM_TOKEN, which is set here and not passed on to dev, C and `integration.verify`",
        "claude reads ANTHROPIC_API_KEY, which is set here and not passed on to dev",
        "gh reads GH_TOKEN, which is set here and not passed on to C",
    ]
    assert told_variables(plan, plan.crew, ()) == (
        "ANTHROPIC_API_KEY and NPM_TOKEN are not set here, though `environment` names them",
    )
