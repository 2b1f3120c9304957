"""What a command says of its plan before anything else: mistakes to programs, too, and how much lint finds."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from plait.flows.inputs.requests import Brief
from plait.plans.errors import PlanError


@contextmanager
def mistakes_told(*, json: bool) -> Iterator[None]:
    """Inside, the mistakes of a plan are printed as one JSON object, when that is wanted, before they go on."""
    try:
        yield
    except PlanError as mistakes:
        if json:
            sys.stdout.write(mistakes.to_json() + "\n")
        raise


def say_findings(brief: Brief) -> None:
    """Say on standard error how much `plait check` would show; nothing when that is nothing."""
    from plait.advice.lint.facts import Facts
    from plait.advice.lint.findings import lint, tally

    findings = lint(Facts(brief.plan, brief.crew, brief.expansion))
    if findings.shown:
        sys.stderr.write(f"lint: {tally(findings)} in {brief.source} (see `plait check {brief.source}`)\n")
