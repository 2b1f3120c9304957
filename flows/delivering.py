"""Carries an open session from its first dispatch to its report."""

import hashlib
import logging
import math
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import partial
from uuid import UUID

from plait.agent_tasks.after_landing import finish_at_base
from plait.flows.costs import costs_of
from plait.flows.forecasting import durations_of, improved_order
from plait.flows.journal_file import JournalFile
from plait.flows.past_durations import history_of, verifications_of
from plait.flows.recording.artifacts import publish_report
from plait.flows.recording.asking import Asking
from plait.flows.recording.expectations import keep_expectations
from plait.flows.recording.kept_expectations import kept_forecast
from plait.flows.recording.notifying import NOTIFY, Notifying
from plait.flows.recording.outlook import Outlook
from plait.flows.recording.page_pause import PagePause
from plait.flows.recording.page_progress import PageProgress
from plait.flows.recording.reminding import Reminding
from plait.flows.recording.run_files import (
    LineKeeper,
    recorded_progress,
    remember,
    this_run,
    write_merging,
    write_outcome,
    write_own_groundwork,
    write_run_file,
)
from plait.flows.running.beginning import manifest_of
from plait.flows.running.calling import Call
from plait.flows.running.editions import change_of_edition, remove_old_editions
from plait.flows.running.loop import Loop
from plait.flows.running.session import Session
from plait.flows.running.slot_keeper import SlotKeeper
from plait.flows.running.tidying import tidy_run
from plait.flows.running.watching import LiveRun
from plait.flows.running.writing_back import write_back
from plait.flows.runs import worktree_of
from plait.flows.servers.client import is_embedded
from plait.flows.servers.role_limits import shared_slots
from plait.plans.errors import PlaitError
from plait.plans.journal.events import BroughtToBase, EditionCompared, TipMoved
from plait.plans.journal.fitting import fitting
from plait.plans.run.machine import Run
from plait.plans.tasks.outcomes import FeatureOutcome, RunState
from plait.plans.wording import count, spell_seconds
from plait.show.metrics import measure
from plait.show.pictures.chart import chart_of
from plait.show.pictures.gantt_svg import draw_gantt, gantt_uri
from plait.show.run_report import report_markdown
from plait.workspace.pause_wishes import wish_to_pause
from plait.workspace.redacting import without_secrets

_LOG = logging.getLogger("prefect.plait")


def deliver(
    session: Session, call: Call, *, flow_run: str | None, deployed: bool, improve: float = 0.0
) -> FeatureOutcome:
    """Run an open session to its end, and write everything down, whatever ends it.

    `improve`: seconds to search for a better order of dispatch before the first task starts.
    """
    shop, watchers = session.shop, session.watchers
    record = this_run(
        shop.run_id,
        shop.feature,
        str(shop.control.common_dir),
        flow_run=flow_run,
        deployed=deployed,
        plan=call.plan or call.brief.source,
        template=call.brief.template,
        crew=call.brief.crew_words,
    )
    write_run_file(shop.directory, record)
    write_merging(shop.directory, shop.facts.integration)
    write_own_groundwork(shop.directory, session.tasks)
    lines: dict[str, str] = {}
    watchers.add(LineKeeper(lines))
    urgency = _better_order(session, seconds=improve) if improve else None
    keep_expectations(session, session.brief, urgency=urgency)
    loop = open_loop(session, urgency=urgency, lines=lines, tells_first=call.preflight)
    for notice in (*session.notices, *_likely_cost(session)):
        watchers.noted(notice)
    _watch(session, loop.live, flow_run=flow_run)
    try:
        with recorded_progress(loop.live, shop.directory):
            loop.go()
            tip = write_back(session, loop.live.outcome(), tell=watchers.noted)
            if tip is not None:
                loop.hear_more(TipMoved(tip))
            loop.look_at_branch()
            brought = finish_at_base(shop, is_complete=_is_complete(session, loop.live.outcome()), tell=watchers.noted)
            if brought is not None:
                loop.hear_more(BroughtToBase(brought))
                if brought.state == "asked":
                    watchers.asked_to_land(brought)
            loop.look_at_base()
            change = change_of_edition(session, loop.live.outcome())
            if change is not None:
                loop.hear_more(EditionCompared(change))
            for removed in remove_old_editions(session):
                watchers.noted(removed)
    finally:
        loop.require_closed()
        outcome = loop.live.outcome()
        loop.journal.close()
        call.outcome, call.environment = outcome, loop.live.standings.environment
        watchers.ended(loop.live)
        _write_down(session, outcome, call)
    return outcome


def _likely_cost(session: Session) -> Iterator[str]:
    """What the run's agents may cost, where anything is known of that."""
    shop = session.shop
    ahead = [task for task in session.chosen if task not in session.reuse.finished]
    with suppress(PlaitError):  # a list of prices with mistakes is told of by `plait forecast`
        cost = costs_of(session.brief, repository=shop.control.common_dir, chosen=ahead, samples=200) if ahead else None
        if cost is not None and cost.usd is not None:
            yield f"likely cost: {cost.told}"


def _is_complete(session: Session, outcome: FeatureOutcome) -> bool:
    """Whether all tasks of the plan are on the feature branch, those that were not part of this run included."""
    landed = {task.id for task in outcome.landed}
    landed |= {task for task, work in session.reuse.finished.items() if work.landed}
    return outcome.state is RunState.COMPLETED and landed >= {task.id for task in session.brief.expansion.tasks}


def open_loop(
    session: Session, *, urgency: Mapping[str, float] | None = None, lines: dict[str, str], tells_first: bool = True
) -> Loop:
    """The loop of a session: its machine with all that earlier runs have left, and the slots that all runs share.

    `urgency`: by task, the order of dispatch; the usual rule's when absent. `tells_first`: whether agents wait at the
    start for what is said of base.
    """
    shop, watchers = session.shop, session.watchers
    wish = partial(wish_to_pause, shop.control, shop.feature)
    manifest = fitting(manifest_of(session, urgency=urgency, paused_by=wish()), without_secrets)
    live = LiveRun(Run(manifest), lines)
    watchers.begun(live)
    return Loop(
        live=live,
        shop=shop,
        tasks={task.id: task for task in session.tasks},
        keeper=SlotKeeper(shared_slots(manifest.slots, home=shop.home, tell=watchers.noted)),
        watchers=watchers,
        journal=JournalFile.begin(shop.directory, manifest),
        redact=without_secrets,
        wish_to_pause=wish,
        is_on_page=not is_embedded(),
        tells_first=tells_first,
    )


def _watch(session: Session, live: LiveRun, *, flow_run: str | None) -> None:
    """Keep the ETA true while the run goes on, and show it on the page; a server that dies with the run has none."""
    history = history_of(session.shop.control.common_dir)
    verified = verifications_of(session.shop.control.common_dir, session.brief.plan)
    watchers, is_shown = session.watchers, not is_embedded()
    watchers.add(Outlook(live, durations_of(session.brief, history), verified))
    watchers.add(Reminding(live, watchers))
    if command := os.environ.get(NOTIFY, "").strip():
        shop = session.shop
        watchers.add(Notifying(command, live, str(worktree_of(str(shop.control.common_dir))), shop.directory, watchers))
    watchers.add(PageProgress(live, is_shown=is_shown))
    watchers.add(Asking(session.shop, is_shown=is_shown))
    if flow_run and is_shown:
        watchers.add(PagePause(session.shop.control, session.shop.feature, UUID(flow_run), session.shop.stop))


def _better_order(session: Session, *, seconds: float) -> Mapping[str, float] | None:
    """Search for an order that simulated runs gain by, and say what came of it; nothing: the rule's own is as good."""
    shop = session.shop
    session.watchers.noted(f"run {shop.run_id}: searching for a better order, {spell_seconds(seconds)} at most")
    found = improved_order(
        session.brief,
        seconds=seconds,
        chosen=session.chosen,
        history=history_of(shop.control.common_dir),
        clock=lambda: math.inf if shop.stop.is_set() else time.monotonic(),
    )
    if found.elapsed < found.rule_elapsed:
        shorter = f"{spell_seconds(found.elapsed)} in place of {spell_seconds(found.rule_elapsed)} as planned"
        kept = "" if found.urgency else ", but simulated runs lose by it: the usual order is kept"
        session.watchers.noted(f"searched {count(found.evaluations, 'order')}: {shorter}{kept}")
    elif found.evaluations:
        session.watchers.noted(f"searched {count(found.evaluations, 'order')}: none is better than the usual one")
    else:
        session.watchers.noted("no order can be better than the usual one: it reaches the lower bound")
    return found.urgency


def _backends(session: Session, outcome: FeatureOutcome) -> Iterator[tuple[str, str]]:
    """By role, the program of its agents; of those that have worked."""
    roles = {(task.agent or "").rpartition("-")[0] for task in outcome.tasks if task.tries}
    for role in sorted(roles & session.shop.facts.agents):
        with suppress(PlaitError):  # its program has gone meanwhile
            yield role, session.shop.agent_of(role).backend


def _write_down(session: Session, outcome: FeatureOutcome, call: Call) -> None:
    """Report, artifact, history; after that the run's slots are not needed any more."""
    shop = session.shop
    expected = kept_forecast(shop.directory)
    chart = chart_of(f"{outcome.feature}: what happened", outcome=outcome, forecast=expected)
    report = report_markdown(
        outcome,
        metrics=measure(outcome),
        gantt_uri=gantt_uri(chart),
        logs_hint=f"plait logs TASK --run {shop.run_id}",
        forecast=expected,
    )
    write_outcome(outcome, shop.directory, report=report, chart=draw_gantt(chart))
    trouble = remember(
        outcome,
        repository=str(shop.control.common_dir),
        plan_hash=hashlib.sha256(call.brief.text.encode()).hexdigest(),
        planned={task.id: task.seconds for task in session.tasks if task.task.duration},
        home=shop.home,
        complexities={task.id: task.task.complexity for task in session.tasks if task.task.is_for_agent},
        backends=dict(_backends(session, outcome)),
    )
    if trouble:
        session.watchers.noted(trouble)
    publish_report(outcome, report)
    tidy_run(shop.directory)
