"""What a task's own checks say holds for what they were given, and for nothing that was given something else."""

from pathlib import Path

import pytest

from plait.agent_tasks.errors import TryFailed
from plait.agent_tasks.implement import implement
from tests.agent_tasks.batches import batch
from tests.flows.opened import opened, order_of

PLAN = """
    feature: apart
    goal: Keep verdicts apart.
    tasks:
      - id: A
        run: echo a > a.txt
        environment: {{MODE: {mode}}}
        verify: ['test "$MODE" = easy']
    integration:
      verify: ['test "$MODE" = easy']
"""


def test_a_green_of_a_task_with_variables_of_its_own_is_none_for_the_batch(repository: Path) -> None:
    with opened(PLAN.format(mode="easy"), repository) as session:
        made = implement.fn(order_of(session, "A"), session.shop.facts)
        assert made.commit is not None
        report = batch(session, {"A": made.commit})

    assert [no.task for no in report.outcome.rejected] == ["A"]


def test_what_was_green_with_other_variables_is_checked_again(repository: Path) -> None:
    with opened(PLAN.format(mode="easy"), repository) as session:
        assert implement.fn(order_of(session, "A"), session.shop.facts).commit
    later = PLAN.format(mode="hard").replace("feature: apart", "feature: later")
    with opened(later, repository) as session, pytest.raises(TryFailed, match="failed"):
        implement.fn(order_of(session, "A"), session.shop.facts)


def test_what_was_green_with_other_copied_files_is_checked_again(repository: Path) -> None:
    plan = """
        feature: {feature}
        goal: Keep verdicts apart.
        tasks:
          - {{id: A, run: echo a > a.txt, copy: [.env], verify: [grep easy .env]}}
    """
    (repository / ".env").write_text("MODE=easy\n")
    with opened(plan.format(feature="apart"), repository) as session:
        assert implement.fn(order_of(session, "A"), session.shop.facts).commit
    (repository / ".env").write_text("MODE=hard\n")
    with opened(plan.format(feature="later"), repository) as session, pytest.raises(TryFailed, match="failed"):
        implement.fn(order_of(session, "A"), session.shop.facts)
