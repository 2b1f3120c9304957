"""Carries an open session from its first dispatch to its report."""

import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from plait.advice.bounds import Bound, lower_bound
from plait.agent_tasks.page_marks import mark
from plait.flows.forecasting import durations_of, improved_order
from plait.flows.history import history_of, verifications_of
from plait.flows.inputs.requests import priority_of
from plait.flows.recording.artifacts import publish_report
from plait.flows.recording.asking import Asking
from plait.flows.recording.keeping import keep_expectations
from plait.flows.recording.kept import kept_forecast
from plait.flows.recording.outlook import Outlook
from plait.flows.recording.page_progress import PageProgress
from plait.flows.recording.recording import recorded_progress, remember, this_run, write_outcome, write_run_file
from plait.flows.recording.reminding import Reminding
from plait.flows.running.book import Book
from plait.flows.running.calling import Call
from plait.flows.running.running import FeatureRun
from plait.flows.running.session import Session
from plait.flows.running.tidying import tidy_run
from plait.flows.running.writing_back import write_back
from plait.flows.servers.client import is_embedded
from plait.flows.servers.role_limits import shared_slots
from plait.plans.schedule.dispatch import Dispatcher, Job
from plait.plans.schedule.jobs import Layout
from plait.plans.tasks.expansion import PlannedTask
from plait.plans.tasks.outcomes import Conditions, FeatureOutcome, TaskState
from plait.plans.wording import count, spell_seconds
from plait.show.metrics import measure
from plait.show.pictures.chart import chart_of
from plait.show.pictures.gantt_svg import draw_gantt, gantt_uri
from plait.show.run_report import report_markdown

_LOG = logging.getLogger("prefect.plait")


def deliver(
    session: Session, call: Call, *, flow_run: str | None, deployed: bool, improve: float = 0.0
) -> FeatureOutcome:
    """Run an open session to its end, and write everything down, whatever ends it.

    `improve`: seconds to search for a better order of dispatch before the first task starts.
    """
    shop, book = session.shop, session.book
    record = this_run(
        shop.run_id,
        shop.feature,
        str(shop.control.common_dir),
        flow_run=flow_run,
        deployed=deployed,
        plan=call.brief.source,
    )
    write_run_file(shop.directory, record)
    call.on_start(book)
    for notice in session.notices:
        call.on_note(notice)
    urgency = _better_order(session, call, seconds=improve) if improve else None
    keep_expectations(session, session.brief, urgency=urgency)
    run = prepare_run(session, tell=call.on_note, urgency=urgency)
    page = _watch(session, run)
    try:
        with recorded_progress(book, shop.directory):
            run.run()
            write_back(session, session.brief, tell=call.on_note)
    finally:
        book.final_state = book.state(
            cancelled=shop.stop.is_set() and not run.broken, trouble=run.integrating.trouble is not None
        )
        bound = actual_bound(session)
        outcome = book.outcome(
            state=book.final_state,
            bound=bound.seconds,
            reason=run.integrating.trouble or run.integrating.by_hand,
            conditions=_conditions(session, bound),
        )
        call.outcome, call.environment = outcome, run.integrating.environment
        page.show()
        _write_down(session, outcome, call)
    return outcome


def _watch(session: Session, run: FeatureRun) -> PageProgress:
    """Keep the ETA true while the run goes on, and show it on the page; a server that dies with the run has none."""
    history = history_of(session.shop.control.common_dir)
    verified = verifications_of(session.shop.control.common_dir, session.brief.plan)
    outlook = Outlook(session.book, run.dispatcher, durations_of(session.brief, history), verified)
    page = PageProgress(session.book, is_shown=not is_embedded())
    asking = Asking(session.shop, run.contracting, is_shown=not is_embedded())
    reminding = Reminding(session.book)

    def look(now: float) -> None:
        outlook.look(now)
        reminding.look(now)
        page.look(now)
        asking.look()

    run.on_tick = look
    return page


def _better_order(session: Session, call: Call, *, seconds: float) -> Mapping[str, float] | None:
    """Search for an order that simulated runs gain by, and say what came of it; nothing: the rule's own is as good."""
    history = history_of(session.shop.control.common_dir)
    found = improved_order(session.brief, seconds=seconds, chosen=session.chosen, history=history)
    if found.elapsed < found.rule_elapsed:
        shorter = f"{spell_seconds(found.elapsed)} in place of {spell_seconds(found.rule_elapsed)} as planned"
        kept = "" if found.urgency else ", but simulated runs lose by it: the usual order is kept"
        call.on_note(f"searched {count(found.evaluations, 'order')}: {shorter}{kept}")
    elif found.evaluations:
        call.on_note(f"searched {count(found.evaluations, 'order')}: none is better than the usual one")
    else:
        call.on_note("no order can be better than the usual one: it reaches the lower bound")
    return found.urgency


def prepare_run(
    session: Session, *, tell: Callable[[str], None], urgency: Mapping[str, float] | None = None
) -> FeatureRun:
    """The loop with its dispatcher: what is finished already is settled, roles have the slots that all runs share.

    `urgency`: by task, the order of dispatch; the usual rule's when absent.
    """
    shop, book = session.shop, session.book
    jobs = [
        _job(session, entry.planned, entry.planned.seconds, frozenset(book.entries)) for entry in book.entries.values()
    ]
    slots = _slots(session)
    urgency = urgency or _urgency_of_informants(session, jobs, slots)
    dispatcher = Dispatcher(jobs, slots=slots, resources=session.brief.plan.resources, urgency=urgency)
    shared = shared_slots(slots, home=shop.home, tell=tell)
    run = FeatureRun(shop, session.brief.plan, book, dispatcher, shared, session.reuse)
    book.tip = shop.control.branch(book.branch)
    _settle(session, run)
    run.begin()
    return run


def _urgency_of_informants(
    session: Session, jobs: Sequence[Job], slots: Mapping[str, int]
) -> Mapping[str, float] | None:
    """The usual rule's urgency with what waits for a text behind its informants, as in the forecast.

    Nothing where no task waits so. Information is no need of the dispatcher: it holds such tasks back by itself.
    """
    entries = session.book.entries
    if not any(entry.planned.information for entry in entries.values()):
        return None
    told = [
        replace(job, needs=(*job.needs, *((one,) for one in entries[job.id].planned.information if one in entries)))
        for job in jobs
    ]
    layout = Layout(told, slots=slots, resources=session.brief.plan.resources, urgency=None)
    return dict(zip(layout.graph.ids, layout.urgency, strict=True))


def _job(session: Session, task: PlannedTask, seconds: float, known: frozenset[str]) -> Job:
    """A task as dispatch sees it; needs that are not part of this run (`--only`) are finished already."""
    priority = priority_of(task, session.shop.crew)
    outside = set(session.reuse.finished) - known
    needs = tuple(
        tuple(need for need in group if need in known) for group in task.needs if not outside.intersection(group)
    )
    return Job(
        id=task.id,
        role=task.role,
        seconds=seconds,
        needs=needs,
        priority=priority,
        uses=task.task.uses,
        fallback=session.shop.helpers_of(task),
    )


def _slots(session: Session) -> Mapping[str, int]:
    planned = [entry.planned for entry in session.book.entries.values()]
    return session.shop.crew.slots_of(task.role for task in planned)


def _settle(session: Session, run: FeatureRun) -> None:
    """Take over what an earlier run finished: it takes no slot, and what has not landed goes into the first batch."""
    now = run.dispatching.clock()
    for task, done in session.reuse.finished.items():
        entry = session.book.entries.get(task)
        if entry is None:
            continue
        entry.commit, entry.rests_on = done.commit, done.rests_on
        run.dispatching.dispatcher.settle(task, now=now)
        says = "landed by an earlier run" if done.landed else "finished by an earlier run"
        session.book.enter(task, TaskState.LANDED if done.landed else TaskState.DONE, says=says)
        run.dispatching.futures[task] = mark.submit(task, "Reused", says)
        if not done.landed:
            run.integrating.finished_at[task] = now
    for task, commit in session.reuse.sent_back.items():
        if task in session.book.entries:
            session.book.entries[task].commit = commit


def actual_bound(session: Session) -> Bound:
    """What no schedule could have beaten with the durations that were and the slots that there were (seconds)."""
    known = frozenset(session.book.entries)
    jobs = [
        _job(
            session,
            entry.planned,
            sum((span.ended_at - span.started_at).total_seconds() for span in entry.spans),
            known,
        )
        for entry in session.book.entries.values()
    ]
    return lower_bound(jobs, _slots(session), session.brief.plan.resources)


def _conditions(session: Session, bound: Bound) -> Conditions:
    """What the report needs to say what was waited for."""
    planned = [entry.planned for entry in session.book.entries.values()]
    phases: dict[str, tuple[str, ...]] = {}
    for task in planned:
        if task.phase is not None:
            phases[task.phase] = (*phases.get(task.phase, ()), task.id)
    return Conditions(
        needs={task.id: task.waits_for for task in planned if task.waits_for},
        uses={task.id: dict(task.task.uses) for task in planned if task.task.uses},
        slots=dict(_slots(session)),
        resources=dict(session.brief.plan.resources),
        phases=phases,
        commands=tuple(task.id for task in planned if task.task.run is not None),
        bound_kind=bound.kind,
    )


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
        planned=_planned(session.book),
        home=shop.home,
    )
    if trouble:
        call.on_note(trouble)
    publish_report(outcome, report)
    tidy_run(shop.directory)


def _planned(book: Book) -> dict[str, float]:
    return {task: entry.planned.seconds for task, entry in book.entries.items() if entry.planned.task.duration}
