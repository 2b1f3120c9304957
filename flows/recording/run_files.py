"""Writes down a run while it goes on and when it is over: the run file, the progress, the report, the history."""

import json
import logging
import os
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from plait.agent_tasks.review import FOLDER as REVIEWS
from plait.flows.past_durations import history_address
from plait.flows.running.watching import LiveRun, Watcher
from plait.plans.agents.activity import Activity
from plait.plans.errors import PlaitError
from plait.plans.language.groundwork import NOTHING, Groundwork, own_groundwork
from plait.plans.language.model import Integration
from plait.plans.tasks.expansion import PlannedTask
from plait.plans.tasks.outcomes import FeatureOutcome, TaskOutcome
from plait.show.outcome_json import outcome_json
from plait.show.progress import ActiveAgent, progress_of
from plait.workspace.process import started_at
from plait.workspace.small_files import read_plain_file, write_whole

if TYPE_CHECKING:  # SQLModel takes 0.2 to 1.5 s to import, and is needed at the end only
    from plait.store.records import TaskWork

PROGRESS_SECONDS = 0.5
"""How often the progress file is written while a run goes on."""

_MERGING = "merging.json"
_GROUNDWORK = "groundwork.json"

_LOG = logging.getLogger("plait")


@dataclass(frozen=True, slots=True)
class RunFile:
    """`run.json`: where a run is, so that `status`, `logs` and `cancel` find it from another terminal."""

    run_id: str
    feature: str
    repository: str
    pid: int
    started: str
    """The process' start time, so that a reused pid is not taken for it."""
    started_at: str
    flow_run: str | None
    deployed: bool
    """Whether a worker carries it out, so that Prefect cancels it."""
    api_url: str | None
    plan: str
    template: str = ""
    """The feature's name with its placeholders, where the run is of an edition."""
    crew: tuple[str, ...] = ()
    """What `--crew` said."""


def write_run_file(directory: Path, run: RunFile) -> None:
    """Write `run.json` whole or not at all."""
    write_whole(directory / "run.json", json.dumps({name: getattr(run, name) for name in RunFile.__slots__}, indent=1))


def write_merging(directory: Path, integration: Integration) -> None:
    """Keep what the plan says about conflicts, for who settles one by hand: the plan may be elsewhere by then."""
    kept = integration.model_dump_json(include={"merge", "structure"}, exclude_unset=True)
    write_whole(directory / _MERGING, kept)


def read_merging(directory: Path) -> Integration | None:
    """What the plan of a run says about conflicts, and nothing else of it; nothing where that was not kept."""
    try:
        return Integration.model_validate_json(read_plain_file(directory / _MERGING))
    except (OSError, ValueError):
        return None


@cache
def _own_groundwork() -> TypeAdapter[dict[str, Groundwork]]:
    return TypeAdapter(dict[str, Groundwork])


def write_own_groundwork(directory: Path, tasks: Iterable[PlannedTask]) -> None:
    """Keep what tasks say of their checkouts themselves, for who mends one by hand."""
    own = {task.id: own_groundwork(task.task) for task in tasks}
    said = {name: ground for name, ground in own.items() if ground != NOTHING}
    write_whole(directory / _GROUNDWORK, _own_groundwork().dump_json(said))


def read_own_groundwork(directory: Path) -> Mapping[str, Groundwork]:
    """By task, what it says itself; nothing where that was not kept."""
    try:
        return _own_groundwork().validate_json(read_plain_file(directory / _GROUNDWORK))
    except (OSError, ValueError):
        return {}


def this_run(
    run_id: str,
    feature: str,
    repository: str,
    *,
    flow_run: str | None,
    deployed: bool,
    plan: str,
    template: str = "",
    crew: tuple[str, ...] = (),
) -> RunFile:
    """The run file of this process."""
    return RunFile(
        run_id=run_id,
        feature=feature,
        repository=repository,
        pid=os.getpid(),
        started=started_at(os.getpid()) or "",
        started_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        flow_run=flow_run,
        deployed=deployed,
        api_url=os.environ.get("PREFECT_API_URL"),
        plan=plan,
        template=template,
        crew=crew,
    )


@contextmanager
def recorded_progress(live: LiveRun, directory: Path) -> Iterator[None]:
    """Keep `progress.json` true while the block runs: what agents printed last, and when it will end."""
    over, told = threading.Event(), set[int | None]()
    write_progress(live, directory, told)

    def keep() -> None:
        while not over.wait(PROGRESS_SECONDS):
            write_progress(live, directory, told)

    thread = threading.Thread(target=keep, name="plait-progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(timeout=5)
        write_progress(live, directory, told)  # what came between the last half second and the end


def _works_in(directory: Path, task: TaskOutcome) -> Path:
    """The folder of who is at work on it: its author, or its reviewer."""
    reads = task.review is not None and task.review.state == "reading"
    return directory / (REVIEWS if reads else "tasks") / task.id


def write_progress(live: LiveRun, directory: Path, told: set[int | None]) -> None:
    """Write where the run stands; a full disk must not end the run for this.

    `told`: the causes (numbers of errors) that have been said already; each is said once.
    """
    now = time.time()
    outcome = live.outcome(now)
    active = live.active = tuple(
        ActiveAgent(
            task=task.id,
            role=task.role,
            agent=task.agent or "",
            since=task.dispatched_at,
            **_doing(live.activities.get(task.id), live.lines.get(task.id, "")),
            silent_seconds=_silence(_works_in(directory, task), now, since=task.dispatched_at.timestamp()),
            worked_seconds=max(0.0, now - task.dispatched_at.timestamp()),
            planned_seconds=live.standings.facts[task.id].planned_seconds,
        )
        for task in outcome.tasks
        if task.dispatched_at
    )
    try:
        progress = progress_of(outcome, active, datetime.now(UTC), eta=live.eta)
        write_whole(directory / "progress.json", progress.to_json())
    except OSError as problem:
        if problem.errno not in told:
            _LOG.warning("cannot write the progress of %s: %s", outcome.run_id, problem)
        told.add(problem.errno)


def _doing(activity: Activity | None, line: str) -> dict[str, Any]:
    """What is shown of an agent at work: what its program says of itself before the line that it printed last."""
    if activity is None:
        return {"last_line": line}
    told = {"tool": activity.tool, "model": activity.model, "usage": activity.usage}
    return {"last_line": activity.words or line, **told}


def _silence(folder: Path, now: float, *, since: float) -> float:
    """For how long nothing was written to any log of a task, be it its agent's, its set-up's or a check's."""
    spoke = since
    with suppress(OSError):  # a folder that goes just now
        for log in (*folder.glob("*.log"), *folder.glob("try-*/*.log")):
            spoke = max(spoke, log.stat(follow_symlinks=False).st_mtime)
    return round(max(0.0, now - spoke), 1)


def write_outcome(outcome: FeatureOutcome, directory: Path, *, report: str, chart: str) -> None:
    """Write the end of a run: its data, its report, its Gantt."""
    write_whole(directory / "outcome.json", outcome.model_dump_json())
    write_whole(directory / "result.json", outcome_json(outcome))
    write_whole(directory / "report.md", report)
    write_whole(directory / "gantt.svg", chart)


def remember(
    outcome: FeatureOutcome,
    *,
    repository: str,
    plan_hash: str,
    planned: Mapping[str, float],
    home: Path,
    complexities: Mapping[str, str] | None = None,
    backends: Mapping[str, str] | None = None,
) -> str | None:
    """Put the run into the history, and say why when that did not work: what landed has landed all the same.

    Args:
        planned: By task, seconds; of those that have an estimate.
        complexities: By task, of those that are for an agent.
        backends: By role.
    """
    from plait.store.engine import open_store
    from plait.store.history import record_run

    url = history_address() or f"sqlite:///{home / 'plait.db'}"
    began, work = time.monotonic(), _work(outcome, planned, complexities or {}, backends or {})
    try:
        record_run(open_store(url), outcome, repository=repository, plan_hash=plan_hash, work=work)
    except PlaitError as problem:
        return f"the run is not in the history: {problem}"
    _LOG.debug("history written in %.3f s", time.monotonic() - began)
    return None


def _work(
    outcome: FeatureOutcome,
    planned: Mapping[str, float],
    complexities: Mapping[str, str],
    backends: Mapping[str, str],
) -> "dict[str, TaskWork]":
    """What each task was planned to take, and what it took, repairs included, without what a kill cut off (seconds)."""
    from plait.store.records import TaskWork

    work = {}
    for task in outcome.tasks:
        whole = [(span.ended_at - span.started_at).total_seconds() for span in task.spans if not span.cut]
        role = (task.agent or "").rpartition("-")[0] or task.role
        work[task.id] = TaskWork(
            planned_seconds=planned.get(task.id),
            actual_seconds=sum(whole) if whole else None,
            backend=backends.get(role) if task.id in complexities else None,
            complexity=complexities.get(task.id),
            review_score=task.review.score if task.review else None,
        )
    return work


class LineKeeper(Watcher):
    """Keeps what each agent printed last, and what it does now."""

    def __init__(self, lines: dict[str, str]) -> None:
        self._lines = lines
        self._activities: dict[str, Activity] = {}

    def begun(self, live: LiveRun) -> None:
        self._activities = live.activities

    def acted(self, task: str, activity: Activity) -> None:
        self._activities[task] = activity

    def heard(self, task: str, line: str) -> None:
        self._lines[task] = line
