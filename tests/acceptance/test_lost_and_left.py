"""Whole runs in which an agent commits where nothing is looked for, and one in which the merge is right as it is."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.acceptance.conftest import WritePlan
from tests.support.command import plait
from tests.support.repositories import commit_files, files_of

pytestmark = pytest.mark.slow


def test_the_next_try_is_told_of_what_the_last_one_committed_elsewhere_and_can_bring_it_back(
    repository: Path, tmp_path: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    agent = tmp_path / "agent.sh"
    agent.write_text(
        "prompt=$(cat); own=$(git branch --show-current)\n"
        "kept=$(printf '%s' \"$prompt\" | sed -n \"s/.*--git-dir='\\([^']*\\)'.*/\\1/p\")\n"
        'if [ -n "$kept" ]; then git --git-dir="$kept" show fix-it:README.md > README.md; exit; fi\n'
        "git checkout -q -b fix-it && echo precious >> README.md && git commit -qam wip && git checkout -q $own\n"
    )
    plan = write_plan(f"""
        feature: shop
        goal: Sell.
        crew: {{dev: {{backend: command, command: [sh, {agent}]}}}}
        tasks: [{{id: A, role: dev, prompt: Do it., owns: [README.md], retries: 1}}]
    """)

    ended = plait("run", str(plan), "--json", cwd=repository, env=prefect_server)

    assert ended.status == 0, ended.stderr
    assert "what it committed in its own git (the branch fix-it) does not count, and is kept in" in ended.stderr
    assert files_of(repository, "feature/shop/integration")["README.md"].endswith("precious")


def test_an_agent_may_answer_a_repair_order_by_leaving_the_merge_as_it_is(
    repository: Path, tmp_path: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    commit_files(repository, {"x.txt": "".join(f"{number}\n" for number in range(30))})
    agent = tmp_path / "agent.sh"
    agent.write_text(
        f"cat > {tmp_path}/prompt\n"
        "case $PLAIT_TASK in\n"
        "A) rm x.txt; echo more >> README.md ;;\n"
        "B) grep -q more README.md || { sleep 1; echo needed >> x.txt; } ;;\n"
        "esac\n"
    )
    plan = write_plan(f"""
        feature: shop
        goal: Sell.
        crew: {{dev: {{slots: 2, backend: command, command: [sh, {agent}]}}}}
        tasks:
          - {{id: A, role: dev, prompt: Tidy up., owns: [x.txt, README.md], retries: 0}}
          - {{id: B, role: dev, prompt: Add., owns: [x.txt], retries: 0, verify: [grep -q needed x.txt]}}
    """)

    ended = plait("run", str(plan), "--json", cwd=repository, env=prefect_server)

    assert ended.status == 0, ended.stderr
    assert "x.txt (modify/delete): as B has it" in (tmp_path / "prompt").read_text()
    assert files_of(repository, "feature/shop/integration")["x.txt"].endswith("needed")
