"""What a run puts on the Prefect page to read: its plan when it begins, its report when it is over."""

import logging
import re

from prefect.artifacts import create_markdown_artifact

from plait.plans.tasks.outcomes import FeatureOutcome

_LOG = logging.getLogger("prefect.plait")


def artifact_key(feature: str, what: str) -> str:
    """The key under which the page keeps the versions of one artifact: Prefect takes a-z, digits and dashes alone."""
    return re.sub(r"[^a-z0-9]+", "-", f"feature-{feature}-{what}".lower())


def publish_plan(feature: str, text: str) -> None:
    """Put what is planned on the page."""
    _publish(artifact_key(feature, "plan"), text, description=f"What {feature} is going to take")


def publish_report(outcome: FeatureOutcome, report: str) -> None:
    """Put the report on the page."""
    _publish(artifact_key(outcome.feature, "report"), report, description=f"Report of run {outcome.run_id}")


def publish_problem(run: str, text: str, *, description: str) -> None:
    """Put on the page why a flow run came to nothing; `run`: its name."""
    _publish(artifact_key(run, "problem"), text, description=description)


def publish_question(key: str, text: str, *, description: str) -> None:
    """Put on the page what a person has to say, or what somebody has said."""
    _publish(key, text, description=description)


def _publish(key: str, text: str, *, description: str) -> None:
    try:
        create_markdown_artifact(markdown=text, key=key, description=description)
    except Exception:
        _LOG.warning("%s could not be put on the Prefect page", key, exc_info=True)
