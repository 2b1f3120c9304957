"""What is handed to a worker, by its names."""

import pytest
from pydantic import ValidationError

from plait.plans.tasks.work import RepairOrder, WorkOrder, from_json, to_json
from tests.support.bundles import SMALL, expanded

REPAIR = RepairOrder(2, "conflict", "c" * 40, "d" * 40, "A", None, ("a.py",), "clash", ())


def ordered(repair: RepairOrder | None) -> WorkOrder:
    (task,) = expanded({**SMALL, "id": "A"}).tasks
    return WorkOrder(
        task=task, agent="qa-1", start="c" * 40, branch="feature/f/agent/qa/A", expected=None, repair=repair
    )


def test_an_order_is_called_by_its_task_and_the_number_of_its_repair() -> None:
    assert [(order.name, order.dispatch) for order in (ordered(None), ordered(REPAIR))] == [
        ("A", "work"),
        ("A (repair 2)", "repair 2"),
    ]


def test_an_order_is_the_same_after_it_has_travelled() -> None:
    assert from_json(RepairOrder, to_json(REPAIR)) == REPAIR
    with pytest.raises(ValidationError):
        from_json(RepairOrder, "{}")
