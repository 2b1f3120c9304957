"""Retries and names of Prefect tasks, said once."""

from typing import Any

from prefect.client.schemas.objects import State, TaskRun
from prefect.tasks import Task

from plait.agent_tasks.errors import TaskImpossible, TaskStopped
from plait.plans.errors import CallError, EnvironmentProblem, PlanError
from plait.workspace.errors import GitFailed

RETRY_DELAY_SECONDS = 0.2
"""A try starts from a fresh checkout, so there is nothing to wait for; rate limits are another matter."""


def may_try_again(task: Task[..., Any], task_run: TaskRun, state: State[Any]) -> bool:  # noqa: ARG001
    """Whether a failed try deserves another: not after a cancellation, nor when the environment or a setting is wrong.

    Has to be a plain function with these parameters: for a partial or a callable object Prefect up to 3.8
    never retries, and says nothing.
    """
    failure = state.data
    if isinstance(failure, GitFailed):
        return failure.may_pass
    return not isinstance(failure, (TaskStopped, TaskImpossible, EnvironmentProblem, CallError, PlanError))
