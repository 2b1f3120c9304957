"""Which finished branches wait for a rejected one."""

from pathlib import Path

import pytest

from plait.flows.delivering import prepare_run
from plait.flows.running.dispatching import result_of
from plait.flows.servers.client import EMBEDDED
from plait.plans.tasks.outcomes import RunState, TaskState
from plait.workspace.errors import GitFailed
from tests.flows.opened import opened


@pytest.fixture(autouse=True)
def embedded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Role slots are files: these tests have no server."""
    monkeypatch.setenv(EMBEDDED, "1")


def test_what_waits_is_found_in_a_deep_graph_at_once(repository: Path) -> None:
    """By its paths, of which there are 3 to the power of 25, it would take years."""
    rows = ["feature: deep", "goal: Be deep.", "tasks:"]
    for layer in range(26):
        needs = f", needs: [{', '.join(f'T{layer - 1}-{one}' for one in range(3))}]" if layer else ""
        rows += [f"  - {{id: T{layer}-{one}, run: echo{needs}}}" for one in range(3)]
    with opened("\n".join(rows), repository) as session:
        integrating = prepare_run(session, tell=lambda _text: None).integrating
        for task, entry in session.book.entries.items():
            entry.state, entry.commit = TaskState.DONE, "0" * 40
            entry.rests_on = tuple(need for group in entry.planned.needs for need in group)
            integrating.finished_at[task] = 0.0
        assert integrating.holding.held() == {}

        del integrating.finished_at["T0-0"]
        session.book.entries["T0-0"].state = TaskState.HELD

        assert len(integrating.holding.held()) == 25 * 3
        assert "T0-1" not in integrating.holding.held()


def test_a_need_chosen_outside_the_run_does_not_hide_one_that_is_to_come(repository: Path) -> None:
    plan = """
        feature: either
        goal: One of two.
        tasks:
          - {id: A, run: echo a > a.txt}
          - {id: B, run: echo b > b.txt}
          - {id: C, run: cp a.txt c.txt, needs: [{any: [A, B]}]}
    """
    with opened(plan, repository, only=("A", "C")) as session:
        run = prepare_run(session, tell=lambda _text: None)

        started = [start.job.id for start in run.dispatcher.start(0.0)]

    assert started == ["A"]


def test_a_run_that_breaks_is_not_called_cancelled_and_says_why(repository: Path) -> None:
    plan = """
        feature: broken
        goal: Break.
        tasks:
          - {id: A, run: echo a > a.txt}
          - {id: B, run: echo b > b.txt, needs: [A]}
    """
    with opened(plan, repository) as session:
        run = prepare_run(session, tell=lambda _text: None)
        session.book.entries["A"].state, session.book.entries["A"].commit = TaskState.DONE, "1" * 40
        run.dispatcher.settle("A", now=0.0)

        with pytest.raises(GitFailed):
            run.run()

    assert run.broken
    assert "the run broke" in (session.book.entries["B"].reason or "")
    assert session.book.state(cancelled=not run.broken, trouble=bool(run.integrating.trouble)) is RunState.FAILED


def test_a_task_run_that_never_began_is_an_error_and_not_the_end_of_the_loop() -> None:
    class Lost:
        def result(self, *, raise_on_failure: bool) -> object:
            raise RuntimeError(f"not ready, {raise_on_failure}")

    assert isinstance(result_of(Lost()), RuntimeError)  # type: ignore[arg-type]  # all that it needs of a future


def test_what_rests_on_a_branch_that_is_being_made_again_waits_for_it(repository: Path) -> None:
    plan = """
        feature: redo
        goal: Again.
        tasks:
          - {id: A, run: echo a > a.txt}
          - {id: B, run: echo b > b.txt, needs: [A]}
    """
    with opened(plan, repository) as session:
        integrating = prepare_run(session, tell=lambda _text: None).integrating
        session.book.entries["A"].state = TaskState.RUNNING
        session.book.entries["B"].state, session.book.entries["B"].rests_on = TaskState.DONE, ("A",)
        integrating.finished_at["B"] = 0.0

        assert integrating.holding.held() == {"B": "A"}

        session.book.entries["A"].state = TaskState.LANDED
        assert integrating.holding.held() == {}
