"""`plait logs`: by try what the set-up, the agent and the check printed; of all tasks with their names before it."""

import signal
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.acceptance.conftest import WritePlan
from tests.support.command import Running, plait
from tests.support.repositories import commit_files, git

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


LIVE = """
    feature: live
    goal: See it come.
    crew:
      b: {backend: command, command: [./speak.sh], setup: ["echo setting up"]}
    tasks: [{id: A, role: b, prompt: x, owns: [a.txt]}]
"""


def test_whoever_follows_a_task_reads_its_set_up_too_and_of_a_killed_one_that_it_was_cut_off(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str], tmp_path: Path
) -> None:
    script = f"#!/bin/sh\ncat > /dev/null; echo the agent speaks; touch {tmp_path}/works; sleep 300\n"
    commit_files(repository, {"speak.sh": script})
    git(repository, "update-index", "--chmod=+x", "speak.sh")
    git(repository, "commit", "--quiet", "--message", "It may be run")
    running = Running("run", str(write_plan(LIVE)), cwd=repository, env=prefect_server)
    running.wait_until((tmp_path / "works").exists)
    following = Running("logs", "A", "--follow", cwd=repository)
    live = plait("logs", "A", cwd=repository).stdout

    running.signal(signal.SIGKILL)
    running.process.wait()
    followed = following.end()
    killed = plait("logs", "A", cwd=repository).stdout

    assert "A, try 1 (not over): agent" in live
    assert followed.stdout.splitlines() == ["setting up", "the agent speaks"]
    assert "A, try 1 (cut off with its run): agent" in killed


ENDS = """
    feature: ends
    goal: Fail for a reason.
    crew: {{b: {{slots: 2, backend: command, command: [sh, -c, "cat > /dev/null; {does}"]}}{setup}}}
    tasks:
      - {{id: A, role: b, prompt: x, owns: [a.txt], retries: 0, verify: ["echo looking closely; grep -q b a.txt"]}}
"""


@pytest.mark.parametrize(
    ("does", "setup", "advice", "shown"),
    [
        ("echo a > a.txt", "", "look at what its check printed", "looking closely"),
        ("true", "", "say more in its prompt, or that it may change nothing", None),
        ("echo out of order; exit 4", "", "look at what its agent printed last", "out of order"),
        ("true", ", setup: ['echo no such index; exit 3']", "mend `setup`", "no such index"),
    ],
)
def test_the_end_of_a_run_shows_why_what_helps_and_one_command_and_calls_no_failure_good(
    repository: Path,
    write_plan: WritePlan,
    prefect_server: Mapping[str, str],
    does: str,
    setup: str,
    advice: str,
    shown: str | None,
) -> None:
    plan = write_plan(ENDS.format(does=does, setup=setup))

    ended = plait("run", str(plan), "--no-preflight", cwd=repository, env=prefect_server)

    assert ended.status == 1, ended.stderr
    assert advice in ended.stdout + ended.stderr
    assert shown is None or shown in ended.stdout
    assert ended.stdout.count("plait logs A") == 1
    assert "good" not in ended.stdout
    assert "poor" not in ended.stdout
    assert shown is None or shown in plait("logs", "A", cwd=repository).stdout
