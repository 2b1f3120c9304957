"""Shows a task run that was ended early as cancelled on the page, and not as a failure with a traceback."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar, cast

from prefect.context import TaskRunContext
from prefect.states import Cancelled

from plait.agent_tasks.errors import AccountRefused, TaskPutOff, TaskStopped

_Given = ParamSpec("_Given")
_Made = TypeVar("_Made")

_NAMES = {TaskStopped: "Cancelled", TaskPutOff: "PutOff", AccountRefused: "AccountPaused"}
"""What the page calls each: a person's Cancel, a pause before another try, an account that gives nothing now."""


def shown_as_cancelled(work: Callable[_Given, _Made]) -> Callable[_Given, _Made]:
    """The work of a Prefect task: where it ends early its run becomes Cancelled, with the exception as its result.

    Called without Prefect it raises, as it always did.
    """

    @wraps(work)
    def worked(*given: _Given.args, **named: _Given.kwargs) -> _Made:
        try:
            return work(*given, **named)
        except (TaskStopped, TaskPutOff, AccountRefused) as early:
            if TaskRunContext.get() is None:
                raise
            return cast(_Made, Cancelled(name=_NAMES[type(early)], message=str(early), data=early))

    return worked
