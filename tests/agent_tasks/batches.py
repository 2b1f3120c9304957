"""One batch of made branches, integrated as the machine would order it, in a plan whose check is easy to fail."""

from collections.abc import Mapping, Sequence

from plait.agent_tasks.integrate import integrate
from plait.flows.running.session import Session
from plait.plans.tasks.work import BatchOrder, BatchReport, Candidate
from tests.conftest import DATE
from tests.support.patience import patience

PLAN = """
    feature: shop
    goal: Sell things.
    tasks:
      - {id: A, run: "true"}
    integration:
      verify: [test ! -f bad.txt]
"""
TIP = "feature/shop/integration"


def batch_of(
    session: Session, *branches: Candidate, groups: Sequence[tuple[str, ...]] = (), merge_only: bool = False
) -> BatchReport:
    """What comes of these branches as the machine knows them."""
    order = BatchOrder("batch-1", session.shop.run_id, branches, DATE, tuple(groups), merge_only=merge_only)
    with patience(30):
        return integrate.fn(order, session.shop.facts)


def batch(
    session: Session,
    tips: Mapping[str, str],
    *,
    needs: Mapping[str, tuple[str, ...]] | None = None,
    groups: Sequence[tuple[str, ...]] = (),
    merge_only: bool = False,
) -> BatchReport:
    """What comes of these tips, by task."""
    branches = (Candidate(task, tip, (needs or {}).get(task, ())) for task, tip in tips.items())
    return batch_of(session, *branches, groups=groups, merge_only=merge_only)
