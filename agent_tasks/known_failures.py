"""Carries out `integration.base: new-failures`: what is red on what a tree goes onto does not count against it."""

import threading
from collections.abc import Collection

from plait.agent_tasks.verifying import contracts_in, verifier_with
from plait.agent_tasks.workshop import Workshop
from plait.plans.quality.known_reds import RedCommand
from plait.workspace.output import plain
from plait.workspace.verification import Verification


def surveyed(
    shop: Workshop, tree: str, landed: Collection[str], *, stop: threading.Event | None = None
) -> Verification | None:
    """All that is red on the tree of a base, remembered or waited for; nothing where the plan has another rule.

    Args:
        landed: Tasks whose work is in it.
        stop: Ends it, where that is not the run's.
    """
    if shop.facts.integration.base != "new-failures" or not shop.facts.integration.verify:
        return None
    return verifier_with(shop, contracts_in(shop, landed)).surveying().verify(tree, stop=stop or shop.stop)


def verified_words(*, unverified: bool, reds: Collection[RedCommand]) -> str:
    """What a commit says of its tree: `yes`, `no`, or `no new failures`."""
    if unverified:
        return "no"
    return "no new failures" if reds else "yes"


def red_words(reds: Collection[RedCommand]) -> tuple[str, ...]:
    """What was red and did not count, fit to be shown and kept."""
    return tuple(plain(red.words) for red in reds)
