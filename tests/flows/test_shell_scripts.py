"""A script of the user's around an agent's program: its variables are told as those of the program."""

from pathlib import Path

import pytest

from plait.flows.inputs.agents_here import shell_scripts
from plait.plans.language.parsing import parse_plan
from plait.plans.language.program_variables import told_variables

TEXT = '#!/usr/bin/env bash\nset -eu\ncat > prompt\nexec claude -p "$(cat prompt)"\n'
COMMANDS = {
    "beside the plan": "[./agents/run]",
    "given to a shell": "[bash, -eu, agents/run.sh]",
    "by its whole path": "[/usr/bin/env, PLACE/agents/run]",
}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS.keys())
@pytest.mark.parametrize("below", ["", "docs"])
def test_what_a_script_runs_is_not_given_what_it_reads_and_that_is_told(
    tmp_path: Path, command: str, below: str
) -> None:
    for folder in (".git", "agents", "docs"):
        (tmp_path / folder).mkdir()
    (tmp_path / "agents/run").write_text(TEXT)
    (tmp_path / "agents/run.sh").write_text(TEXT.partition("\n")[2])
    crew = f"{{dev: {{backend: command, command: {command.replace('PLACE', str(tmp_path))}}}}}"
    plan = parse_plan(f"feature: f\ncrew: {crew}\ntasks: [{{id: A, role: dev, prompt: x}}]\n")

    (told,) = told_variables(plan, plan.crew, {"ANTHROPIC_API_KEY"}, text_of=shell_scripts(tmp_path / below))

    assert told.startswith("claude reads ANTHROPIC_API_KEY, which is set here and not passed on to dev: ")


def test_what_is_no_shell_script_is_not_looked_into(tmp_path: Path) -> None:
    (tmp_path / "agent").write_text("#!/usr/bin/python3\nclaude\n")
    (tmp_path / "large.sh").write_text("claude\n" * 10_000)
    (tmp_path / "bytes.sh").write_bytes(b"claude\n\xff")
    (tmp_path / "claude").write_text(TEXT)
    text_of = shell_scripts(tmp_path)
    for word in ("./agent", "large.sh", "bytes.sh", "claude", "./none", ".", "/dev/zero", "a\0/b"):
        assert text_of(word) == ""
