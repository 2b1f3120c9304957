"""What ends a try can be printed, logged, and sent through Prefect."""

import pytest

from plait.agent_tasks.errors import TaskImpossible, TaskStopped, TryFailed


@pytest.mark.parametrize("kind", [TryFailed, TaskStopped, TaskImpossible])
def test_a_reason_has_no_escapes_or_half_characters_and_survives_its_way(kind: type[Exception]) -> None:
    failure = kind("changed \x1b[2Jbad\udcff")

    assert str(failure).startswith("changed bad")
    assert str(failure).encode()
    assert str(kind(str(failure))) == str(failure)  # as Prefect rebuilds it
