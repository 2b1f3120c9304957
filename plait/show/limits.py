"""Sentences on what kept a run from ending sooner."""

from collections.abc import Sequence

from plait.advice.waits import Scarce
from plait.plans.phrasing import listed, spell_seconds, spell_share
from plait.show.last_chain import LastChain, What
from plait.show.metrics import Metrics

_LINKS = 5
"""Tasks up to which a chain is shown whole."""
_PARTS = 4
_LITTLE = 0.02
"""A part of the time that is not named."""


def told_chain(chain: LastChain) -> str:
    """What the run's time went into, along the tasks that ended last."""
    totals = chain.totals()
    least = _LITTLE * sum(totals.values())
    parts = [f"{spell_seconds(own)} {_spent(*what)}" for what, own in totals.items() if own >= least]
    return f"The last to end was {_arrows(chain.tasks)}, which took {listed(tuple(parts[:_PARTS]))}."


def told_longest(chain: LastChain) -> str:
    """The longest task among those that ended last."""
    longest = max((step for step in chain.steps if step.what in ("work", "repair")), key=lambda step: step.seconds)
    return (
        f"The longest of {'them' if len(chain.tasks) > 1 else 'its work'} was {longest.task} with "
        f"{spell_seconds(longest.seconds)}: cut smaller, its parts could run beside one another."
    )


def told_limit(chain: LastChain, kind: str, metrics: Metrics) -> str:
    """What a run that was as short as its bound was bound by; `kind` as `Bound` says it."""
    bound = f"end it before {spell_seconds(metrics.bound_seconds)}"
    if " of " not in kind:
        return f"{_arrows(chain.tasks)} ended last: only shorter tasks, or fewer needs among them, {bound}."
    what, name = kind.split(" of ", 1)[1].split(" ", 1)
    if what == "resource":
        return f"The resource {name} was what all waited for: only more units of it, or less use, {bound}."
    return f"The work of {name} was what all waited for: only more agents, or less work for them, {bound}."


def told_scarce(scarce: Scarce, share: float, gain: float) -> str:
    """A role or resource of which one more would have helped, by that many seconds."""
    sooner = f"would have ended the run about {spell_seconds(gain)} sooner"
    if scarce.what == "resource":
        return f"The resource {scarce.name} was in use {spell_share(share)} of the time: one more unit of it {sooner}."
    return f"The agents of {scarce.name} worked {spell_share(share)} of the time: one more of them {sooner}."


def _spent(what: What, name: str) -> str:
    return {
        "work": "of work",
        "retry": "of tries that failed",
        "repair": "of repairs",
        "role": f"until an agent of {name} was free",
        "resource": f"until the resource {name} was free",
        "approval": f"until somebody approved {name}",
        "verification": "of verification",
        "nothing": "in which none of them was at work",
    }[what]


def _arrows(tasks: Sequence[str]) -> str:
    shown = tasks if len(tasks) <= _LINKS else [*tasks[:2], "…", *tasks[-2:]]
    return " → ".join(shown)
