"""Tells the mistakes of a plan to programs as well as to people."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from plait.plans.errors import PlanError


@contextmanager
def mistakes_told(*, json: bool) -> Iterator[None]:
    """Inside, the mistakes of a plan are printed as one JSON object, when that is wanted, before they go on."""
    try:
        yield
    except PlanError as mistakes:
        if json:
            from plait.show.mistakes_json import mistakes_json

            sys.stdout.write(mistakes_json(mistakes) + "\n")
        raise
