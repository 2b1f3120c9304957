"""One line before a run, when lint finds something in its plan."""

import sys

from plait.flows.inputs.requests import Brief


def say_findings(brief: Brief) -> None:
    """Say on standard error how much `plait check` would show; nothing when that is nothing."""
    from plait.advice.lint.engine import lint
    from plait.advice.lint.facts import Facts
    from plait.advice.lint.lines import tally

    found = lint(Facts(brief.plan, brief.crew, brief.expansion))
    if found.shown:
        sys.stderr.write(f"lint: {tally(found)} in {brief.source} (see `plait check {brief.source}`)\n")
