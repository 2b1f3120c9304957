"""A feature that has landed on its own branch, made without a server: what `plait land` and `plait undo` start from."""

from pathlib import Path

from plait.agent_tasks.implement import implement
from tests.flows.opened import opened, order_of
from tests.support.repositories import git

PLAN = """
    feature: cart
    goal: A basket.
    tasks:
      - {id: A, run: echo a > a.txt}
      - {id: B, run: cp a.txt b.txt, needs: [A]}
    integration:
      verify: ["test ! -e bad.txt"]
"""
BRANCH = "feature/cart/integration"


def finish(repository: Path, plan: str = PLAN, *, run_id: str = "run-1") -> str:
    """Both tasks on the feature branch, as a run lands them; its tip."""
    with opened(plan, repository, run_id=run_id) as session:
        first = implement.fn(order_of(session, "A"), session.shop.facts).commit
        tip = implement.fn(order_of(session, "B", start=first), session.shop.facts).commit
        assert tip is not None
        session.shop.lander.land(batch="batch-1", old=session.shop.lander.tip(), new=tip)
    return tip


def stand_elsewhere(repository: Path) -> None:
    """Nobody has `main` checked out."""
    git(repository, "switch", "--quiet", "--detach")


def log(repository: Path, revision: str) -> str:
    """A commit's message."""
    return git(repository, "log", "-1", "--format=%B", revision)
