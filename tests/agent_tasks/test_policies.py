"""Which failures of a try are worth another one."""

from uuid import uuid4

import pytest
from prefect.client.schemas.objects import State, StateType, TaskRun

from plait.agent_tasks.errors import TaskStopped, TryFailed
from plait.agent_tasks.implement import implement, may_try_again
from plait.plans.errors import CallError, EnvironmentProblem
from plait.workspace.errors import DiskFull, GitFailed


@pytest.mark.parametrize(
    ("failure", "again"),
    [
        (TryFailed("the tests fail"), True),
        (ValueError("anything"), True),
        (GitFailed("update-ref", 128, "Unable to create '/r/x.lock': File exists."), True),
        (GitFailed("read-tree", 128, "fatal: unable to read sha1 file of a"), False),
        (GitFailed("update-index", 128, "error: unable to create temporary file: Read-only file system"), False),
        (DiskFull("full"), False),
        (EnvironmentProblem("no program"), False),
        (CallError("no such thing"), False),
        (TaskStopped(), False),
    ],
)
def test_only_what_can_pass_is_tried_again(failure: Exception, *, again: bool) -> None:
    run = TaskRun(flow_run_id=uuid4(), task_key="t", dynamic_key="0")
    assert may_try_again(implement, run, State(type=StateType.FAILED, data=failure)) is again
