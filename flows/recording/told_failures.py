"""Failures that the page tells once: a paragraph in the run's state and in an artifact, and no traceback in its log."""

import logging
from collections.abc import Mapping
from typing import Any

from prefect.exceptions import PrefectException
from prefect.runtime import flow_run

from plait.flows.recording.artifacts import publish_problem
from plait.plans.errors import PlaitError
from plait.plans.wording import markdown


class ToldFailure(PrefectException):
    """What a flow of ours ends with where it does not end well; its message is all that there is to say.

    `result`: what was done although it did not end well.
    """

    def __init__(self, message: str, result: Mapping[str, Any] | None = None) -> None:
        super().__init__(message, result)
        self.message, self.result = message, result

    def __str__(self) -> str:
        return self.message


class _ToldAlready(logging.Filter):
    """Drops what Prefect's engine says of a run that failed as it should: its state has said it, without a traceback.

    A worker's process ends by raising what its flow failed with (3.9.0, `handle_engine_signals`), and logs that.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        return not (record.exc_info and isinstance(record.exc_info[1], ToldFailure))


_TOLD_ALREADY = _ToldAlready()


def tell_failures_once() -> None:
    """In the process of a worker, which carries out this one flow run."""
    for name in ("prefect.engine", "prefect.flow_engine", "prefect.flow_runs"):
        logging.getLogger(name).addFilter(_TOLD_ALREADY)


def paragraph(problem: PlaitError) -> str:
    """A problem as the page shows it: a readable reason, not a traceback."""
    return f"{problem}\nHint: {problem.hint}" if problem.hint else str(problem)


def put_on_page(title: str, message: str) -> None:
    """Put on the page why this flow run came to nothing."""
    told = [markdown(line, 2_000) for line in (title, *message.splitlines())]
    publish_problem(str(flow_run.name), "# " + "\n\n".join(told), description=title)
