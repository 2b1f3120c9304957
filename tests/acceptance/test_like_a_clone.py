"""Agents and checks find what they would find in a clone on the user's machine, seen through the command."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.acceptance.conftest import WritePlan
from tests.support.command import plait
from tests.support.repositories import commit_files, files_of, git

pytestmark = pytest.mark.slow


def test_versions_hooks_variables_and_copied_files_are_as_in_a_clone(
    repository: Path,
    write_plan: WritePlan,
    prefect_server: Mapping[str, str],
    tmp_path: Path,
    hermetic: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    (hooks / "pre-commit").write_text("#!/bin/sh\nexit 1\n")
    (hooks / "pre-commit").chmod(0o755)
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text(
        f"[commit]\n\tgpgSign = true\n[gpg]\n\tprogram = /bin/false\n[core]\n\thooksPath = {hooks}\n"
        "[user]\n\tname = t\n\temail = t@example.com\n"
    )
    commit_files(repository, {".gitignore": ".env\n"})
    git(repository, "tag", "-a", "v1.2.3", "-m", "v1.2.3")
    git(repository, "commit", "--allow-empty", "-m", "later")
    (repository / ".env").write_text("DATABASE_PASSWORD=correct-horse-7\n")
    agent = tmp_path / "agent"
    agent.write_text(
        "#!/bin/sh -e\ncat > /dev/null\ngit describe > agent.txt\ngit merge-base origin/main HEAD >> agent.txt\n"
        'test -f .env -a -z "$PLAIT_REPOSITORY" -a "$LEVEL" = task -a "$FROM_SHELL" = 1\n'
        'git add -A\ngit commit -qm mine\ncat .env\nif test ! -e "$ONCE"; then touch "$ONCE"; cat .env; exit 1; fi\n'
    )
    agent.chmod(0o755)
    plan = write_plan(
        f"""
        feature: clone
        goal: Like a clone.
        crew:
          copy: [.env, .missing]
          environment: {{LEVEL: crew, ONCE: {tmp_path}/once}}
          setup: ['test -d "$PLAIT_REPOSITORY/.git"; test -f .env']
          dev: {{backend: command, command: [{agent}], environment: [FROM_SHELL]}}
        tasks:
          - {{id: A, role: dev, prompt: Do it., owns: [agent.txt], environment: {{LEVEL: task}}, retries: 1,
             verify: [git describe, 'test -f .env -a "$LEVEL" = task -a "$FROM_SHELL" = 1']}}
        integration:
          environment: [FROM_SHELL]
          verify:
            - 'test "$(git diff --name-only main...HEAD)" = agent.txt -o -z "$(git diff --name-only main...HEAD)"'
            - 'git describe; test -f .env -a -z "$PLAIT_REPOSITORY" -a "$LEVEL" = crew -a "$FROM_SHELL" = 1'
        """
    )
    monkeypatch.delenv("GIT_AUTHOR_NAME", raising=False)
    variables = {**prefect_server, "HOME": str(home), "FROM_SHELL": "1", "OPENAI_API_KEY": "sk-123456789"}

    ended = plait("run", str(plan), "--json", cwd=repository, env=variables)

    assert ended.status == 0, ended.stderr
    assert "there is no .missing in" in ended.stderr
    assert "OPENAI_API_KEY" not in ended.stderr
    landed = files_of(repository, "feature/clone/integration")
    assert landed["agent.txt"].split() == [
        "v1.2.3-1-g" + git(repository, "rev-parse", "--short", "main").strip(),
        git(repository, "rev-parse", "main").strip(),
    ]
    assert ".env" not in landed
    for ref in git(repository, "for-each-ref", "--format=%(refname)").split():
        assert ".env" not in git(repository, "ls-tree", "-r", "--name-only", ref).split()
    (journal,) = hermetic.glob("runs/*/journal.jsonl")
    assert "correct-horse-7" not in journal.read_text(encoding="utf-8")


def test_a_key_that_claude_reads_and_is_not_given_is_told_by_check_and_run(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str], tmp_path: Path
) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "claude").write_text("#!/bin/sh\ncat > /dev/null\necho ${ANTHROPIC_API_KEY:-none} > key.txt\n")
    (programs / "claude").chmod(0o755)
    plan = write_plan(
        """
        feature: keys
        goal: Keys.
        crew: {dev: {backend: command, command: [claude, -p]}}
        tasks: [{id: A, role: dev, prompt: Do it., owns: [key.txt], verify: ["true"]}]
        """
    )
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    variables = {**prefect_server, "PATH": path, "ANTHROPIC_API_KEY": "sk-ant-1234567"}
    told = "claude reads ANTHROPIC_API_KEY, which is set here and not passed on to dev"

    assert told in plait("check", str(plan), cwd=repository, env=variables).stderr
    ended = plait("run", str(plan), "--json", cwd=repository, env=variables)

    assert ended.status == 0, ended.stderr
    assert told in ended.stderr
    assert files_of(repository, "feature/keys/integration")["key.txt"].strip() == "none"
