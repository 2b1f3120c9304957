"""Base that is taken in as a task of the run: who mends it, what is there already, and when there is nothing to do."""

from pathlib import Path
from textwrap import dedent

import pytest

from plait.flows.inputs.requests import read_brief
from plait.flows.running.base_watch import BaseWatch
from plait.flows.running.beginning import manifest_of
from plait.flows.running.nothing_left import is_all_done, notices_of
from plait.flows.running.session import Session
from plait.flows.running.startable import require_startable
from plait.plans.errors import CallError
from plait.plans.journal.events import TipMoved
from plait.plans.journal.manifest import Refresh
from plait.plans.run.machine import Run
from plait.workspace.trailers import message_with_trailers
from tests.conftest import BranchWith
from tests.flows.opened import opened
from tests.support.repositories import commit_files, commit_on_branch, git

PLAN = """
    feature: cart
    crew:
      dev: {backend: command, command: ["true"]}
      qa: {backend: command, command: ["true"]}
    tasks:
      - {id: A, role: dev, prompt: a}
      - {id: B, role: qa, prompt: b}
"""
TIP = "feature/cart/integration"


@pytest.fixture
def landed(repository: Path) -> str:
    """What plait has landed of the feature: A changed app.py, B changed README.md."""
    with opened(PLAN, repository) as session:
        tip = session.shop.base
        for task, role, path in (("A", "dev", "app.py"), ("B", "qa", "README.md")):
            spec = next(planned.spec_hash for planned in session.tasks if planned.id == task)
            trailers = {"Plait-Feature": "cart", "Plait-Task": task, "Plait-Role": role, "Plait-Spec": spec}
            made = commit_on_branch(repository, f"made-{task}", {path: f"{task}\n"}, start=tip)
            message = message_with_trailers(f"{task}: x", "", trailers).encode()
            tip = git(repository, "commit-tree", "-p", tip, "-F", "-", f"{made}^{{tree}}", stdin=message)
        session.shop.lander.land(batch="batch-1", old=None, new=tip)
    return tip


def refresh_of(session: Session) -> Refresh:
    assert session.refresh is not None
    assert session.tasks[0].id == session.refresh.task
    return session.refresh


def test_base_is_the_first_task_of_the_run_and_finished_ones_stay(repository: Path, landed: str) -> None:
    now = commit_files(repository, {"new.txt": "x\n"})
    with opened(PLAN, repository, refresh=True) as session:
        refresh = refresh_of(session)
        assert (refresh.commit, refresh.tip, refresh.name, refresh.task) == (now, now, "main", "refresh")
        assert next(iter(session.reuse.finished)) == "refresh"
        assert {task for task, work in session.reuse.finished.items() if work.landed} == {"A", "B"}
        assert git(repository, "rev-parse", f"feature/cart/agent/{session.tasks[0].role}/refresh") == now


@pytest.mark.parametrize(
    ("path", "extra", "role"),
    [
        ("app.py", "", "dev"),
        ("README.md", "", "qa"),
        ("app.py", "integration: {role: qa}", "dev"),
        ("new.txt", "integration: {role: qa}", "qa"),
        ("new.txt", "", None),
    ],
)
def test_who_made_what_conflicts_mends_it_else_the_role_for_that(
    repository: Path, landed: str, path: str, extra: str, role: str | None
) -> None:
    commit_files(repository, {path: "main\n"})
    with opened(PLAN + f"\n    {extra}", repository, refresh=True) as session:
        assert refresh_of(session).by_agent == (role is not None)
        assert session.tasks[0].role == (role or "command")


def test_a_plan_with_one_role_has_that_mend_it(repository: Path, landed: str) -> None:
    commit_files(repository, {"new.txt": "x\n"})
    with opened(PLAN.replace("role: qa", "role: dev"), repository, refresh=True) as session:
        assert (session.tasks[0].role, refresh_of(session).by_agent) == ("dev", True)


def test_it_takes_no_name_of_the_plan(repository: Path, landed: str) -> None:
    commit_files(repository, {"new.txt": "x\n"})
    plan = PLAN + "      - {id: refresh, role: qa, prompt: c}\n      - {id: refresh-2, role: qa, prompt: c}\n"
    with opened(plan, repository, refresh=True) as session:
        assert refresh_of(session).task == "refresh-3"


def test_with_nothing_to_take_in_that_is_said(repository: Path, landed: str) -> None:
    with opened(PLAN, repository, refresh=True) as session:
        assert session.refresh is None
        assert any("nothing to take in: the feature has all of main" in told for told in session.notices)


def test_before_anything_has_landed_there_is_nothing_to_take_in(repository: Path) -> None:
    for fresh in (False, True):
        with opened(PLAN, repository, refresh=True, fresh=fresh) as session:
            assert session.refresh is None
            assert any("nothing has landed yet" in told for told in session.notices)


def test_a_feature_that_is_begun_anew_starts_from_base_as_it_is_and_takes_nothing_in(
    repository: Path, landed: str
) -> None:
    now = commit_files(repository, {"new.txt": "x\n"})
    with opened(PLAN, repository, refresh=True, fresh=True) as session:
        assert (session.refresh, session.shop.base) == (None, now)
        assert any("there is nothing to take in" in told for told in session.notices)
    assert not git(repository, "for-each-ref", "refs/heads/feature/cart/agent/*/refresh")


def test_a_base_that_is_gone_cannot_be_taken_in_and_another_can(repository: Path, landed: str) -> None:
    git(repository, "checkout", "-q", "-b", "trunk")
    now = commit_files(repository, {"new.txt": "x\n"})
    git(repository, "branch", "-q", "-D", "main")
    with pytest.raises(CallError, match="main is gone"), opened(PLAN, repository, refresh=True):
        pass
    with opened(PLAN, repository, refresh=True, base="trunk") as session:
        assert refresh_of(session).commit == now


def test_a_tag_can_be_taken_in(repository: Path, landed: str) -> None:
    now = commit_files(repository, {"new.txt": "x\n"})
    git(repository, "tag", "-a", "-m", "x", "v1")
    commit_files(repository, {"newer.txt": "x\n"})
    with opened(PLAN, repository, refresh=True, base="v1") as session:
        assert (refresh_of(session).commit, refresh_of(session).name) == (now, "v1")


def test_what_mended_it_before_a_kill_is_taken_and_what_a_person_put_there_is_looked_at(
    repository: Path, landed: str, branch_with: BranchWith
) -> None:
    now = commit_files(repository, {"app.py": "main\n"})
    with opened(PLAN, repository, refresh=True) as session:
        store, branch, spec = session.shop.control.store, "feature/cart/agent/dev/refresh", session.tasks[0].spec_hash
        tree = store.tree_of(landed)
        said = {"Plait-Feature": "cart", "Plait-Task": "refresh", "Plait-Spec": spec}
        message = message_with_trailers("refresh (repair 1)", "", said)
        mended = store.commit_tree(tree, (now, landed), message, date="1700000000 +0000")
        session.shop.control.move_ref(f"refs/heads/{branch}", mended, now, reason="a test")
    with opened(PLAN, repository, refresh=True) as session:
        assert (refresh_of(session).tip, refresh_of(session).commit) == (mended, now)
        assert not session.reuse.repaired
    by_hand = branch_with("by-hand", {"app.py": "both\n"}, start="main")
    git(repository, "update-ref", f"refs/heads/{branch}", by_hand)
    with opened(PLAN, repository, refresh=True) as session:
        assert refresh_of(session).tip == now
        assert session.reuse.repaired == {"refresh": by_hand}
        assert git(repository, "rev-parse", branch) == by_hand
    newer = commit_files(repository, {"newer.txt": "x\n"})
    with opened(PLAN, repository, refresh=True) as session:
        assert (refresh_of(session).tip, session.reuse.repaired) == (newer, {})
        kept = f"refs/plait/old/run-1/{branch}"
        assert (git(repository, "rev-parse", branch), git(repository, "rev-parse", kept)) == (newer, by_hand)
        assert f"old work that no longer fits its task is kept at {kept}" in session.notices


def test_a_branch_that_somebody_stands_on_is_not_moved_to_a_newer_base(
    repository: Path, landed: str, tmp_path: Path
) -> None:
    commit_files(repository, {"new.txt": "x\n"})
    with opened(PLAN, repository, refresh=True) as session:
        branch = f"feature/cart/agent/{session.tasks[0].role}/refresh"
    git(repository, "worktree", "add", "-q", str(tmp_path / "mine"), branch)
    before = git(repository, "rev-parse", branch)
    with opened(PLAN, repository, refresh=True):
        pass
    commit_files(repository, {"newer.txt": "x\n"})
    with pytest.raises(CallError, match="is checked out in"), opened(PLAN, repository, refresh=True):
        pass
    assert git(repository, "rev-parse", branch) == before


def test_what_a_run_saw_to_be_taken_in_is_known_to_the_next_one_although_base_was_set_back(
    repository: Path, landed: str
) -> None:
    now = commit_files(repository, {"new.txt": "x\n"})
    with opened(PLAN, repository) as session:
        run = Run(manifest_of(session, urgency=None, paused_by=None))
        watch = BaseWatch(session.shop.control, run.standings)
        git(repository, "checkout", "-q", "--detach", TIP)
        git(repository, "merge", "-q", "--no-edit", "main")
        git(repository, "update-ref", f"refs/heads/{TIP}", "HEAD")
        git(repository, "checkout", "-q", "main")
        run.hear(TipMoved(git(repository, "rev-parse", TIP)), session.began)
        seen = watch.look()
        assert seen is not None
        assert (seen.standing.course, seen.standing.rests_on) == ("same", now)
    git(repository, "reset", "-q", "--hard", "HEAD~1")
    with opened(PLAN, repository) as session:
        assert (session.standing.course, session.standing.dropped, session.shop.base) == ("rewritten", 1, now)


@pytest.mark.parametrize(
    ("extra", "refresh", "is_done"),
    [
        ("", False, True),
        ("", True, True),
        ("integration: {land: auto}", False, False),
        ("integration: {land: never}", False, True),
        ("integration: {land: approve}", False, True),
        ("integration: {push: integration}", False, False),
        ("integration: {push: none}", False, True),
    ],
)
def test_what_has_all_landed_is_done_where_nothing_is_to_go_to_base_or_a_remote(
    repository: Path, landed: str, extra: str, *, refresh: bool, is_done: bool
) -> None:
    brief = read_brief(dedent(f"{PLAN}\n    {extra}"), source="plan.yaml", crew=None, folder=repository)
    startable = require_startable(brief, repository=repository, base=None, only=(), fresh=False)
    assert is_all_done(startable, refresh=refresh) is is_done
    told = notices_of(startable, brief, refresh=refresh)
    assert any("there is nothing to take in" in notice for notice in told) is refresh


def test_what_a_person_mended_is_taken_also_by_a_run_that_has_other_agents(
    repository: Path, landed: str, branch_with: BranchWith
) -> None:
    now = commit_files(repository, {"app.py": "main\n"})
    more = PLAN + "      - {id: C, role: qa, prompt: c}\n"
    with opened(more, repository, refresh=True) as session:
        assert session.tasks[0].role == "dev"
    by_hand = branch_with("by-hand", {"app.py": "both\n"}, start="main")
    git(repository, "update-ref", "refs/heads/feature/cart/agent/dev/refresh", by_hand)
    with opened(more, repository, refresh=True, only=("C",)) as session:
        assert (refresh_of(session).commit, session.tasks[0].role) == (now, "dev")
        assert session.reuse.repaired == {"refresh": by_hand}
        assert not refresh_of(session).by_agent
