"""A try goes on from what an earlier one left: its session, its files, its checkpoints."""

import json
import textwrap
import threading
import time
from pathlib import Path

import pytest

from plait.agent_tasks.errors import TaskStopped, TryFailed
from plait.agent_tasks.implement import implement
from plait.agent_tasks.trying import past_tries
from plait.flows.running.session import Session
from plait.plans.tasks.work import Try
from tests.flows.opened import opened, order_of
from tests.support.repositories import commit_files, files_of

PLAN = """
    feature: going
    goal: Go on.
    crew: {{backend: {{backend: scripted, script: {script}, checkpoint: {checkpoint}}}}}
    tasks:
      - {{id: A, role: backend, prompt: Write two parts., owns: [parts/]}}
"""


def tries_of(repository: Path, tmp_path: Path, script: str, *, tries: int, checkpoint: str = "5m") -> tuple[Try, ...]:
    """Play a script's tries one after the other; all but the last one fail."""
    written = tmp_path / "script.yaml"
    written.write_text(textwrap.dedent(script), encoding="utf-8")
    with opened(PLAN.format(script=written, checkpoint=checkpoint), repository) as session:
        for number in range(1, tries + 1):
            if number < tries:
                with pytest.raises(TryFailed):
                    implement.fn(order_of(session, "A"), session.shop.facts)
            else:
                implement.fn(order_of(session, "A"), session.shop.facts)
        return past_tries(session.shop.folder_of("A"))


def prompt(tmp_path: Path, number: int, *, run: str = "run-1") -> str:
    (found,) = tmp_path.rglob(f"{run}/**/try-{number}/prompt.md")
    return found.read_text(encoding="utf-8")


CRASHES = """
    tasks:
      A:
        - steps:
            - usage: {session: s-1, output_tokens: 5}
            - write: {path: parts/one, text: "1\\n"}
            - fail: {status: 3, say: gone}
        - steps:
            - run: [python, -c, "import os; os.stat('parts/one')"]
            - write: {path: parts/two, text: "2\\n"}
            - usage: {session: s-1, output_tokens: 7}
"""


def test_a_session_that_crashed_goes_on_with_its_files_and_all_of_them_count(repository: Path, tmp_path: Path) -> None:
    first, second = tries_of(repository, tmp_path, CRASHES, tries=2)

    assert (first.outcome, first.session, first.left_work) == ("crashed", "s-1", True)
    assert (second.outcome, second.session, second.resumed) == ("done", "s-1", True)
    made = files_of(repository, "feature/going/agent/backend/A")
    assert (made["parts/one"], made["parts/two"]) == ("1", "2")
    assert "You were at work on this before" in prompt(tmp_path, 2)
    assert "parts/one" in prompt(tmp_path, 2)


def test_an_agent_without_sessions_that_crashed_at_once_starts_as_if_nothing_had_been(
    repository: Path, tmp_path: Path
) -> None:
    script = CRASHES.replace("session: s-1, ", "").replace("os.stat('parts/one')", "assert not os.path.exists('parts')")
    first, second = tries_of(repository, tmp_path, script, tries=2)

    assert (first.session, first.checkpoint, second.resumed) == (None, None, False)
    assert list(files_of(repository, "feature/going/agent/backend/A").keys() & {"parts/one", "parts/two"}) == [
        "parts/two"
    ]
    assert "What is done" not in prompt(tmp_path, 2)


def test_an_agent_without_sessions_goes_on_from_the_checkpoints_of_one_that_worked_long_enough(
    repository: Path, tmp_path: Path
) -> None:
    script = CRASHES.replace("session: s-1, ", "").replace(
        "- fail: {status: 3, say: gone}", "- sleep: 1.5s\n            - fail: {status: 3, say: gone}"
    )
    first, second = tries_of(repository, tmp_path, script, tries=2, checkpoint="0.3s")

    assert first.checkpoint is not None
    assert not second.resumed
    made = files_of(repository, "feature/going/agent/backend/A")
    assert (made["parts/one"], made["parts/two"]) == ("1", "2")
    assert "Another agent was at work on this before" in prompt(tmp_path, 2)


def test_what_was_left_out_of_scope_is_not_gone_on_from(repository: Path, tmp_path: Path) -> None:
    script = """
        tasks:
          A:
            - steps:
                - usage: {session: s-1}
                - write: {path: elsewhere, text: "x\\n"}
            - steps:
                - run: [python, -c, "import os; assert not os.path.exists('elsewhere')"]
                - write: {path: parts/one, text: "1\\n"}
    """
    first, second = tries_of(repository, tmp_path, script, tries=2)

    assert (first.outcome, second.resumed) == ("out of scope", False)


def test_each_agent_of_a_role_on_a_task_has_the_same_directory_and_home_in_each_try(
    repository: Path, tmp_path: Path
) -> None:
    commit_files(repository, {".gitignore": "where\n"})
    script = """
        tasks:
          A:
            - steps:
                - run: [python, -c, "import os; print(os.getcwd()); raise SystemExit(3)"]
            - steps:
                - run: [python, -c, "import os; print(os.getcwd())"]
                - write: {path: parts/one, text: "1\\n"}
    """
    tries_of(repository, tmp_path, script, tries=2)
    first, second = (
        next(tmp_path.rglob(f"try-{number}/output.log")).read_text(encoding="utf-8").splitlines()[0]
        for number in (1, 2)
    )

    assert first == second


STOPPED = """
    tasks:
      A:
        - steps:
            - usage: {{session: s-1}}
            - write: {{path: parts/one, text: "1\\n"}}
            - run: [touch, {begun}]
            - sleep: {pause}
            - write: {{path: parts/two, text: "2\\n"}}
"""


def stop_at(begun: Path, session: Session) -> None:
    while not begun.exists():
        time.sleep(0.02)
    session.shop.stop.set()


def stopped_and_run_again(repository: Path, tmp_path: Path, *, fresh: bool = False, prompt: str = "same") -> Try:
    """A run is stopped while its agent works, and the plan is run again; the try of the second run."""
    written, begun = tmp_path / "script.yaml", tmp_path / "begun"
    plan = PLAN.format(script=written, checkpoint="5m")
    written.write_text(textwrap.dedent(STOPPED.format(begun=begun, pause="60s")), encoding="utf-8")
    with opened(plan, repository) as session:
        threading.Thread(target=stop_at, args=(begun, session)).start()
        with pytest.raises(TaskStopped):
            implement.fn(order_of(session, "A"), session.shop.facts)
        run_file = {"feature": "going", "repository": str(session.shop.control.common_dir)}
        (session.shop.directory / "run.json").write_text(json.dumps(run_file))
        (session.shop.directory / "result.json").write_text("{}")
    written.write_text(textwrap.dedent(STOPPED.format(begun=begun, pause="0s")), encoding="utf-8")
    again = plan if prompt == "same" else plan.replace("Write two parts.", prompt)
    with opened(again, repository, run_id="run-2", fresh=fresh) as session:
        implement.fn(order_of(session, "A"), session.shop.facts)
        (ended,) = past_tries(session.shop.folder_of("A"))
    return ended


def test_what_an_agent_had_in_hand_when_the_run_was_stopped_goes_on_in_the_next_run(
    repository: Path, tmp_path: Path
) -> None:
    ended = stopped_and_run_again(repository, tmp_path)

    assert (ended.resumed, ended.session) == (True, "s-1")
    assert "You were at work on this before" in prompt(tmp_path, 1, run="run-2")


@pytest.mark.parametrize(("fresh", "asked"), [(True, "same"), (False, "Write three parts.")])
def test_nothing_goes_on_in_a_run_that_starts_over_or_in_a_task_that_is_another(
    repository: Path, tmp_path: Path, *, fresh: bool, asked: str
) -> None:
    assert not stopped_and_run_again(repository, tmp_path, fresh=fresh, prompt=asked).resumed
