"""Whether a try ended because of its agent's account, or because its program cannot work at all."""

import time
from collections.abc import Mapping
from datetime import datetime

from plait.agent_tasks.workshop import Workshop
from plait.blocks.agents.base import AgentReport
from plait.door.machine_pauses import MachinePauses
from plait.plans.accounts.refusals import Kind, Refusal, last_lines, refusal_in
from plait.plans.accounts.sharing import account_of
from plait.plans.agents.outcomes import Outcome
from plait.plans.journal.events import ProgramBroke
from plait.workspace.local_zone import LocalZone, zone_of
from plait.workspace.output import last_line
from plait.workspace.pattern_search import fitting_lines

AT_ONCE = 10.0
"""Seconds within which a program ends that cannot work at all: one that works needs longer for its first answer."""


_KINDS: Mapping[Outcome, Kind] = {
    "rate limited": "overload",
    "overloaded": "overload",
    "quota ended": "quota",
    "login needed": "login",
}


def refusal_of(report: AgentReport, role: str, shop: Workshop, *, changed: bool) -> Refusal | None:
    """What the account of a failed try's agent has said; nothing where the try failed for another reason.

    Only of a program that did not end well, or changed nothing although it says so (aider and gemini end with 0), and
    only what it printed last: an agent may write about limits as much as it likes.
    """
    if report.cause == "cancelled" or (report.problem is None and changed):
        return None
    if report.verdict is not None and (kind := _KINDS.get(report.verdict.outcome)):
        return Refusal(kind, report.verdict.words or report.verdict.reason, report.verdict.until)
    lines = last_lines(report.tail, few=changed or report.problem is None)
    found = fitting_lines(shop.crew.role(role).pause_on, lines)
    for pattern in found.slow:
        shop.tell(f"{role}: pause_on {pattern!r} takes too long to search for, and is passed over")
    if report.verdict is not None and not found.lines:
        return None  # its stream says how it ended: an agent's prose about limits is none
    return refusal_in(lines, datetime.now(LocalZone()), zone_of, own=found.lines.__contains__)


def note_refusal(refusal: Refusal, role: str, shop: Workshop) -> None:
    """Let other runs of this machine know of it, too: what an account has said of its time holds for all of them."""
    if refusal.kind == "login":
        return  # a person may mend it for the next run
    account = account_of(role, shop.crew.role(role), shop.crew.default_backend)
    MachinePauses(shop.home).refuse(account, refusal, time.time())


def tell_if_broken(report: AgentReport, task: str, role: str, shop: Workshop, *, changed: bool) -> None:
    """Let the machine hear of a program that ended with an error at once and left nothing; a played script is none."""
    words = last_line(report.tail)
    # A program that aborts, as node does without memory, ends by a signal.
    is_at_once = report.cause in ("exited", "signalled") and report.status != 0 and report.seconds < AT_ONCE
    if is_at_once and words and not changed and shop.agent_of(role).backend != "scripted":
        shop.resting.on_event(ProgramBroke(task, role, words))
