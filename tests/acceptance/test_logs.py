"""`plait logs`: by try what the set-up, the agent and the check printed; of all tasks with their names before it."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.acceptance.conftest import WritePlan
from tests.support.command import plait

pytestmark = pytest.mark.slow

PLAN = """
    feature: reasons
    goal: See why.
    crew:
      b:
        slots: 2
        backend: command
        command: [sh, -c, "cat > /dev/null; printf 'the agent speaks'; echo $PLAIT_TASK > $PLAIT_TASK.txt"]
        setup: ["echo setting up"]
    tasks:
      - {id: RED, role: b, prompt: x, retries: 1, verify: ["echo checking; no-such-program"]}
      - {id: WRONG, role: b, prompt: x}
    integration: {verify: ["test ! -e WRONG.txt || { echo too wrong; exit 3; }"], repairs: 0}
"""


def test_a_task_tells_all_that_was_printed_for_it_by_try(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    run = plait("run", str(write_plan(PLAN)), cwd=repository, env=prefect_server)
    assert run.status == 1, run.stderr
    assert "no-such-program: not found" in run.stdout
    assert "install the program that is missing" in run.stdout
    assert "say more in its prompt" not in run.stdout
    assert run.stdout.count("plait logs RED") == 1

    red = plait("logs", "RED", cwd=repository).stdout
    headings = [line.strip("─ ") for line in red.splitlines() if line.startswith("──")]
    assert headings == [
        f"RED, try {number} {what}"
        for number in (1, 2)
        for what in ("(work by b-1): set-up", "(work by b-1): agent", "(work by b-1): check", "does not count")
    ]
    assert red.index("the agent speaks\n") < red.index("checking\n") < red.index("RED, try 2")

    second = plait("logs", "RED", "--try", "2", "--json", cwd=repository).data
    assert [part["what"] for part in second["tries"][0]["logs"]] == ["set-up", "agent", "check"]
    assert "no-such-program" in second["tries"][0]["logs"][2]["text"]

    wrong = plait("logs", "WRONG", cwd=repository).stdout
    assert "rejected WRONG (fails-alone)" in wrong
    assert "too wrong" in wrong

    everything = plait("logs", cwd=repository).stdout.splitlines()
    assert "WRONG | the agent speaks" in everything
    assert "RED   | checking" in everything
    assert plait("logs", "--try", "1", cwd=repository).status == 2
