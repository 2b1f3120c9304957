"""One try: whatever ends it, what it left is kept and the reason written down."""

import threading
import time
from pathlib import Path

import pytest

from plait.agent_tasks.agent_in_checkout import Errand, agent_in_checkout
from plait.agent_tasks.errors import SetUpFailed, TaskImpossible, TaskPutOff, TaskStopped, TryFailed
from plait.agent_tasks.implement import implement
from plait.agent_tasks.trying import begin_try, past_tries
from plait.flows.running.session import Session
from plait.plans.language.groundwork import Groundwork
from plait.plans.usage import Usage
from plait.workspace.empty_tasks import empty_tasks, forget_empty
from tests.flows.opened import opened, order_of
from tests.support.repositories import commit_files, commit_on_branch, files_of, git


def test_work_is_kept_when_the_run_is_cancelled_during_its_verification(repository: Path, tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    plan = f"""
        feature: kept
        goal: Keep it.
        tasks:
          - {{id: A, run: echo work > a.txt, verify: ["touch {begun}; sleep 60"]}}
    """
    with opened(plan, repository) as session:

        def stop() -> None:
            while not begun.exists():
                time.sleep(0.02)
            session.shop.stop.set()

        threading.Thread(target=stop).start()
        with pytest.raises(TaskStopped):
            implement.fn(order_of(session, "A"), session.shop.facts)
        (one,) = past_tries(session.shop.folder_of("A"))

    assert one.salvage is not None
    assert files_of(repository, one.salvage)["a.txt"] == "work"


def test_a_branch_that_somebody_else_made_is_left_alone_and_the_work_is_kept(repository: Path) -> None:
    plan = "feature: kept\ngoal: Keep it.\ntasks:\n  - {id: A, run: echo work > a.txt}\n"
    with opened(plan, repository) as session:
        git(repository, "branch", "feature/kept/agent/command/A")

        with pytest.raises(Exception, match="somebody else"):
            implement.fn(order_of(session, "A"), session.shop.facts)
        (one,) = past_tries(session.shop.folder_of("A"))

    assert one.salvage is not None
    assert files_of(repository, one.salvage)["a.txt"] == "work"
    assert git(repository, "rev-parse", "feature/kept/agent/command/A") == git(repository, "rev-parse", "main")


def test_a_file_whose_name_is_no_text_fails_the_try_and_the_next_one_is_told(repository: Path) -> None:
    plan = """
        feature: odd
        goal: Name files oddly.
        tasks:
          - {id: A, run: "printf x > $(printf 'bad\\\\377')", owns: [docs/]}
    """
    with opened(plan, repository) as session:
        for _ in range(2):
            with pytest.raises(TryFailed, match="does not own"):
                implement.fn(order_of(session, "A"), session.shop.facts)
        prompt = (session.shop.folder_of("A") / "try-2" / "prompt.md").read_text(encoding="utf-8")

    assert "does not own: bad" in prompt


def test_the_verification_of_a_task_leaves_no_checkout_behind(repository: Path) -> None:
    plan = "feature: tidy\ngoal: Be tidy.\ntasks:\n  - {id: A, run: echo x > a.txt, verify: [test -f a.txt]}\n"
    with opened(plan, repository) as session:
        implement.fn(order_of(session, "A"), session.shop.facts)

        assert not (session.shop.folder_of("A") / "verify").exists()


SCRIPTED = """
    feature: used
    goal: Use things up.
    crew: {{backend: {{backend: scripted, script: {script}}}}}
    tasks:
      - {{id: A, role: backend, prompt: Do it., owns: [a.txt]}}
"""


def test_what_failed_tries_used_up_counts_as_well(repository: Path, tmp_path: Path) -> None:
    script = tmp_path / "used.script.yaml"
    script.write_text(
        """
        tasks:
          A:
            - steps: [{usage: {input_tokens: 100, turns: 1}}, {fail: {status: 1, say: tired}}]
            - steps:
                - usage: {input_tokens: 20, turns: 1, model: small}
                - write: {path: b.txt, text: b}
            - steps:
                - usage: {input_tokens: 3, turns: 1, usd: 0.5}
                - usage: {input_tokens: 4}
                - write: {path: a.txt, text: a}
        """
    )
    with opened(SCRIPTED.format(script=script), repository) as session:
        order = order_of(session, "A")
        for problem in ("tired", "does not own"):
            with pytest.raises(TryFailed, match=problem):
                implement.fn(order, session.shop.facts)
        report = implement.fn(order, session.shop.facts)
        tries = past_tries(session.shop.folder_of("A"))

    assert [one.usage and one.usage.input_tokens for one in tries] == [100, 20, 7]
    assert report.usage == Usage(input_tokens=127, turns=3, usd=0.5, model="small")


def test_only_the_tries_of_its_own_dispatch_are_in_a_report(repository: Path, tmp_path: Path) -> None:
    script = tmp_path / "used.script.yaml"
    script.write_text("tasks: {A: [{steps: [{usage: {turns: 5}}, {write: {path: a.txt, text: a}}]}]}")
    with opened(SCRIPTED.format(script=script), repository) as session:
        folder = session.shop.folder_of("A")
        begin_try(folder, agent="backend-1", dispatch="repair 1").close(failed="no", usage=Usage(turns=100))

        assert implement.fn(order_of(session, "A"), session.shop.facts).usage == Usage(turns=5)


def test_an_agent_that_fails_is_told_with_its_last_words_and_one_that_was_stopped_is_cancelled(
    repository: Path, tmp_path: Path
) -> None:
    begun = tmp_path / "begun"
    plan = f"""
        feature: kept
        goal: Keep.
        tasks:
          - {{id: A, run: "echo last words; exit 3"}}
          - {{id: B, run: touch {begun}; sleep 60}}
    """
    with opened(plan, repository) as session:
        with pytest.raises(TryFailed, match=r"^the script ended with exit status 3: last words$"):
            implement.fn(order_of(session, "A"), session.shop.facts)

        def stop() -> None:
            while not begun.exists():
                time.sleep(0.02)
            session.shop.stop.set()

        threading.Thread(target=stop).start()
        with pytest.raises(TaskStopped, match="was stopped because the run was cancelled"):
            implement.fn(order_of(session, "B"), session.shop.facts)


def test_what_fails_in_a_run_that_was_stopped_is_stopped(repository: Path) -> None:
    plan = "feature: kept\ngoal: Keep it.\ntasks:\n  - {id: A, run: echo work > a.txt, owns: [b.txt]}\n"
    with opened(plan, repository) as session:
        with pytest.raises(TaskStopped):
            _fail_after_the_stop(session)
        (attempt,) = past_tries(session.shop.folder_of("A"))

    assert (attempt.failed, attempt.salvage) == ("too late", "feature/kept/salvage/command/A/1")


def test_no_agent_starts_in_a_run_that_was_stopped(repository: Path) -> None:
    plan = "feature: kept\ngoal: Keep it.\ntasks:\n  - {id: A, run: echo work > a.txt}\n"
    with opened(plan, repository) as session:
        session.shop.stop.set()
        with pytest.raises(TaskStopped):
            implement.fn(order_of(session, "A"), session.shop.facts)

        assert not session.shop.folder_of("A").exists()


def test_while_the_run_is_paused_a_first_try_begins_and_another_is_put_off(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = "feature: kept\ngoal: Keep it.\ntasks:\n  - {id: A, run: echo work > a.txt, owns: [b.txt]}\n"
    with opened(plan, repository) as session:
        order, facts = order_of(session, "A"), session.shop.facts
        for tried in (1, 2):  # Prefect's runtime is told so by its environment
            monkeypatch.setenv("PREFECT__RUNTIME__TASK_RUN__RUN_COUNT", str(tried))
            with pytest.raises(TryFailed, match="does not own"):
                implement.fn(order, facts)
        session.shop.pause.set()
        with pytest.raises(TaskPutOff, match=r"^it changed what it does not own: a\.txt$"):
            implement.fn(order, facts)
        monkeypatch.setenv("PREFECT__RUNTIME__TASK_RUN__RUN_COUNT", "1")
        with pytest.raises(TryFailed):
            implement.fn(order, facts)


def test_the_set_up_that_fails_is_no_try_and_starts_no_agent(repository: Path) -> None:
    plan = (
        'feature: kept\ngoal: Keep it.\ntasks:\n  - {id: A, run: echo work > a.txt, setup: ["echo no net; exit 1"]}\n'
    )
    with opened(plan, repository) as session:
        told = "ended with exit status 1, also the second time\nit printed last:\nno net"
        with pytest.raises(SetUpFailed, match=told):
            implement.fn(order_of(session, "A"), session.shop.facts)
        folder = session.shop.folder_of("A")
        left = sorted(path.name for path in folder.glob("*/*"))

        assert past_tries(folder) == ()
        assert left == ["begun.json", "prompt.md", "setup.log"]
        assert (folder / "set-up-1/setup.log").read_text() == "no net\nno net\n"


@pytest.mark.parametrize("where", ["base", "elsewhere"])
def test_the_set_up_is_used_again_from_base_alone(repository: Path, tmp_path: Path, where: str) -> None:
    """Elsewhere other agents' code may run in it, and what it left would come to the next agent as if it were ours."""
    times = tmp_path / "times"
    plan = f"""
        feature: kept
        goal: Keep it.
        crew:
          setup: ["mkdir -p deps; echo x > deps/x; echo once >> {times}"]
          setup_inputs: [README.md]
        tasks:
          - {{id: A, run: echo work > a.txt}}
          - {{id: B, run: echo work > b.txt}}
    """
    commit_files(repository, {".gitignore": "deps/\n"})
    other = commit_on_branch(repository, "other", {"new.txt": "new"})
    with opened(plan, repository) as session:
        for task in ("A", "B"):
            start = other if where == "elsewhere" else None
            implement.fn(order_of(session, task, start=start), session.shop.facts)

    assert times.read_text().count("once") == (1 if where == "base" else 2)


def test_a_branch_that_its_user_stands_on_is_not_moved(repository: Path) -> None:
    plan = "feature: kept\ngoal: Keep it.\ntasks:\n  - {id: A, run: echo work >> a.txt}\n"
    with opened(plan, repository) as session:
        first = implement.fn(order_of(session, "A"), session.shop.facts).commit or ""
        git(repository, "switch", "--quiet", order_of(session, "A").branch)

        with pytest.raises(TaskImpossible, match="is checked out in"):
            implement.fn(order_of(session, "A", start=first, expected=first), session.shop.facts)

    assert git(repository, "rev-parse", "HEAD") == first


def test_a_task_without_changes_is_remembered_with_its_spec_and_makes_no_branch(repository: Path) -> None:
    plan = "feature: kept\ngoal: Keep it.\ntasks:\n  - {id: A, run: 'true'}\n"
    with opened(plan, repository) as session:
        began = time.monotonic()
        report = implement.fn(order_of(session, "A"), session.shop.facts)

        assert (report.commit, report.changed, report.task, report.agent) == (None, (), "A", "command-1")
        assert 0 <= report.seconds <= time.monotonic() - began
        assert set(empty_tasks(session.shop.control, "kept")) == {"A"}
        forget_empty(session.shop.control, "kept")
        assert empty_tasks(session.shop.control, "kept") == {}
    assert git(repository, "for-each-ref", "refs/heads/feature/kept") == ""


def _fail_after_the_stop(session: Session) -> None:
    with agent_in_checkout(_errand_of(session), session.shop):
        session.shop.stop.set()
        raise TryFailed("too late")


def _errand_of(session: Session) -> Errand:
    order = order_of(session, "A")
    return Errand(
        *(order.name, "A", "command", order.agent, "work", "", order.start, order.branch, Groundwork()),
        run=order.task.task.run,
    )
