"""What is known of base while a run goes on: it is verified beside the agents, and a red one is told at once."""

from plait.plans.journal.effects import EndBatches, VerifyBase
from plait.plans.journal.events import BaseVerified
from plait.plans.run.standings import Standings
from plait.plans.run.statuses import Built, Landed, Working
from plait.plans.tasks.work import BaseOrder
from plait.plans.wording import count

REFUSED = "base is red, and integration.base is green"
"""Why nothing starts and nothing lands."""


def take_base_in(run: Standings) -> None:
    """Base as it is now is a finished branch, whose own commits are nobody's change."""
    refresh = run.manifest.refresh
    if refresh is None:
        return
    run.put(refresh.task, grounds=(refresh.commit,))
    if refresh.task not in run.manifest.repaired:
        run.dispatcher.settle(refresh.task, now=run.now)
        run.put(refresh.task, status=Built(run.run_time), commit=refresh.tip)
        behind = run.manifest.standing.behind if run.manifest.standing else 0
        more = f", with {count(behind, 'commit')} that the feature lacks" if behind else ""
        run.tell(f"takes in {refresh.name} as it is at {refresh.commit[:10]}{more}", about=refresh.task)


def ask_about_base(run: Standings) -> None:
    """Have what the run starts from verified, where there is anything left to do and to verify with."""
    ahead = any(not isinstance(standing.status, Landed) for standing in run.tasks.values())
    if run.manifest.base_rule and ahead:
        run.order(VerifyBase(BaseOrder(run.tip or run.manifest.base, run.landed)))


def start_of(run: Standings) -> str:
    """The commit of base that tasks start from: once it is taken in, the new one."""
    refresh = run.manifest.refresh
    is_in = refresh is not None and isinstance(run.tasks[refresh.task].status, Landed)
    return refresh.commit if refresh and is_in else run.manifest.base


def takes_base_in(run: Standings) -> bool:
    """Whether it is still to be seen if base fits: what starts before would start from the old one."""
    refresh = run.manifest.refresh
    if refresh is None or run.tasks[refresh.task].repairs or run.trouble is not None or run.by_hand is not None:
        return False
    if refresh.task in run.mending:
        return True
    is_built = isinstance(run.tasks[refresh.task].status, Built)
    return is_built and (refresh.task in run.taken or refresh.task in run.fit_to_land(run.rules))


def is_refused(run: Standings) -> bool:
    """Whether nothing starts and nothing lands, as base is red and the plan wants it green."""
    return run.manifest.base_rule == "green" and run.base is not None and run.base.state == "red"


def base_verified(run: Standings, event: BaseVerified) -> None:
    """A green base is what everybody hopes for; of a red one people hear before more is paid."""
    if run.base is not None:
        return
    run.base = report = event.report
    if report.state == "unknown":
        run.tell(f"nothing is known of base: {report.reason}")
    if report.state == "green" and report.reason:
        run.tell(f"base is green, but a check is flaky there: {report.reason}, and was green when it ran again")
    if report.state != "red" or run.stopping:
        return
    working = sum(isinstance(standing.status, Working) for standing in run.tasks.values())
    at_work = f" ({count(working, 'task')} at work)" if working else ""
    if run.manifest.base_rule == "green":
        run.trouble = run.trouble or f"{REFUSED}: {report.reason}"
        run.tell(f"base is red, so nothing more starts{at_work}", reason=report.reason)
        run.dispatcher.cancel_all()
        run.order(EndBatches())
        return
    lands = still_lands(run.manifest.base_rule)
    fine = f"as it should be where the checks test what this plan builds ({lands})"
    run.tell(f"base is red: {fine}, else `plait cancel` ends the run{at_work}", reason=report.reason)


def still_lands(rule: str) -> str:
    """What lands although base is red, in words; nothing where the plan wants it green."""
    known = {"new-failures": "what is red there does not count", "green": ""}
    return known.get(rule, "what is green lands")


def why_base_red(run: Standings) -> str | None:
    """Why what is finished could not land, where that is because base is red and it did not change that."""
    rules = run.rules
    left = [task for task in rules.built if task not in rules.held]
    if not left or run.as_they_are(left) not in run.base_red:
        return None
    reason = run.base.reason if run.base and run.base.state == "red" else "the same checks fail there"
    return f"base is red, so it cannot be said who is to blame that the batch is, too: {reason}"
