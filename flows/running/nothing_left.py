"""A run whose tasks have all landed ends here: no server is started for it, and it leaves no run behind."""

import threading
import time
from collections.abc import Callable
from contextlib import chdir, suppress
from pathlib import Path

from plait.flows.inputs.requests import Brief
from plait.flows.running.refreshing import nothing_to_take_in
from plait.flows.running.startable import Startable
from plait.flows.servers.settings import talk_to
from plait.plans.journal.events import Begin, Close, TipMoved
from plait.plans.names import integration_branch
from plait.plans.tasks.base_standing import base_words
from plait.plans.tasks.outcomes import FeatureOutcome
from plait.plans.wording import count
from plait.show.run_outcome import outcome_of
from plait.workspace.home import plait_home, run_directory


def is_all_done(startable: Startable, *, refresh: bool) -> bool:
    """Whether nothing is left to do, as far as git says it: no task, no question, nothing to land on base or to push.

    `refresh`: whether the feature is asked to take in what base has by now.
    """
    outset, start = startable.outset, startable.start
    if outset is None or start.fresh:
        return False
    if refresh and not nothing_to_take_in(startable.control, outset.brief.plan.feature, start.base):
        return False
    integration = outset.brief.plan.integration
    # Whether a remote has it all only the remote knows: one that did not answer is asked again.
    stays_here = integration.land != "auto" and integration.push == "none"
    return outset.has_all_landed and not outset.brief.expansion.contracts and stays_here


def notices_of(startable: Startable, brief: Brief, *, refresh: bool) -> tuple[str, ...]:
    """What is said beside it: of base, and where that was to be taken in, that there is nothing of it to take in."""
    nothing = nothing_to_take_in(startable.control, brief.plan.feature, startable.start.base) if refresh else None
    return (*startable.start.told, *filter(None, [nothing]))


def nothing_told(startable: Startable, brief: Brief) -> str:
    """What a person is told of it."""
    feature, branch = brief.plan.feature, integration_branch(brief.plan.feature)
    tip = startable.control.branch(branch)
    where = f"{branch} ({tip[:10]})" if tip else "its base"
    outset = startable.outset
    done = [task for task in outset.brief.expansion.tasks if task.id in outset.chosen] if outset else []
    size = sum(max(1, len(task.members)) for task in done)  # as the plan counts them, bundled or not
    edition = f" --edition {brief.edition}" if brief.edition else ""
    moved = base_words(startable.start.standing)
    return (
        f"nothing to do: {count(size, 'task')} of {feature} {'has' if size == 1 else 'have'} landed on {where}\n"
        f"  `plait report {feature}` shows what they did, `plait run{edition} --fresh` starts over"
        + (f"\n  {moved}" if moved else "")
    )


def settle_again(
    brief: Brief, *, repository: Path, base: str | None, only: tuple[str, ...], tell: Callable[[str], None]
) -> FeatureOutcome | None:
    """Its outcome, and in a folder of specs what an earlier run could not write; nothing where more is to be done.

    Raises:
        PlaitError: as `open_session`.
    """
    home = plait_home()
    with chdir(home):  # Prefect reads files of the directory that it is imported in: not the user's
        talk_to({})
        from plait.flows.running.beginning import manifest_of
        from plait.flows.running.session import new_run_id, open_session
        from plait.flows.running.writing_back import write_back
        from plait.plans.run.machine import Run

        run_id = new_run_id(brief.plan.feature)
    try:
        with open_session(
            brief, run_id=run_id, repository=repository, base=base, only=only, fresh=False, stop=threading.Event()
        ) as session:
            run = Run(manifest_of(session, urgency=None, paused_by=None))
            run.hear(Begin(), session.began)
            if not run.is_over:
                return None
            tip = write_back(session, outcome_of(run.standings, now=time.time()), tell=tell)
            if tip is not None:
                run.hear(TipMoved(tip), time.time())
            run.hear(Close(), time.time())
            return outcome_of(run.standings, now=time.time())
    finally:
        with suppress(OSError):
            run_directory(home, run_id).rmdir()
