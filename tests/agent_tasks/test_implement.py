"""One try: whatever ends it, what it left is kept and the reason written down."""

import threading
import time
from pathlib import Path

import pytest

from plait.agent_tasks.errors import TaskStopped, TryFailed
from plait.agent_tasks.implement import implement
from plait.agent_tasks.trying import past_tries
from tests.flows.opened import opened, order_of
from tests.support.repositories import files_of, git


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
