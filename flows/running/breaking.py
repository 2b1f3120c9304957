"""What broke a run, where it was neither a plan nor plait: a full disk, a Prefect server that is gone."""

import errno
import os

from plait.plans.errors import EnvironmentProblem, PlaitError
from plait.workspace.home import plait_home, require_space

ROOM_TO_WRITE = 4 * 1024 * 1024
"""Bytes below which a database cannot be written, although a small file can."""
_FULL = (errno.ENOSPC, errno.EDQUOT)
_GOES_ON = "what the report says has happened all the same, and `plait run` goes on with the rest"


def explained(problem: BaseException) -> BaseException:
    """The cause that a person can mend, in place of what failed for it; anything else as it is."""
    if isinstance(problem, PlaitError | KeyboardInterrupt):
        return problem
    try:
        require_space(plait_home(), ROOM_TO_WRITE)
    except EnvironmentProblem as full:
        return EnvironmentProblem(f"the run broke: {full}", hint=f"free some space; {_GOES_ON}")
    if isinstance(problem, OSError) and problem.errno in _FULL:  # of another disk, or it has room again
        return EnvironmentProblem(f"the run broke: no space left to write {problem.filename or ''}".rstrip(), _GOES_ON)
    if _is_deleted(problem):
        reason = "the Prefect server does not know the run any more: somebody has deleted it there"
        return EnvironmentProblem(reason, hint=_GOES_ON)
    if _is_the_servers(problem):
        url = os.environ.get("PREFECT_API_URL", "")
        reason = (str(problem).strip().splitlines() or [type(problem).__name__])[0][:300]
        return EnvironmentProblem(f"the Prefect server at {url} was lost during the run: {reason}", hint=_GOES_ON)
    return problem


def _is_deleted(problem: BaseException) -> bool:
    from prefect.exceptions import ObjectNotFound

    return isinstance(problem, ObjectNotFound)


def _is_the_servers(problem: BaseException) -> bool:
    """Whether Prefect's client gave up on its server: told by httpx, and by a RuntimeError before a flow begins."""
    import httpx

    unreached = isinstance(problem, RuntimeError) and str(problem).startswith("Failed to reach API")
    return unreached or isinstance(problem, httpx.HTTPError)
