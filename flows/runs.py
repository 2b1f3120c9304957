"""Finds the runs of this machine: live ones by their run file, older ones by what they left in PLAIT_HOME."""

import os
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from plait.agent_tasks.trying import count_tries, past_tries
from plait.flows.journal_file import kept_journal
from plait.plans.errors import CallError, PlaitError
from plait.plans.journal.lines import Journal
from plait.plans.language.editions import edition_option
from plait.plans.tasks.base_standing import BaseStanding
from plait.plans.tasks.outcomes import BatchOutcome, BatchState, FeatureOutcome, RunState, Span, TaskOutcome
from plait.plans.tasks.states import TaskState
from plait.plans.usage import usage_of
from plait.plans.wording import quoted
from plait.show.progress import Eta, Progress
from plait.show.run_outcome import outcome_of, replayed
from plait.workspace.home import kept_home
from plait.workspace.places import is_folder
from plait.workspace.process import is_alive
from plait.workspace.small_files import read_json_object, read_plain_file


@dataclass(frozen=True, slots=True)
class KnownRun:
    """A run that left a folder."""

    directory: Path
    run_id: str
    feature: str
    repository: str
    pid: int
    started: str
    flow_run: str | None
    deployed: bool
    api_url: str | None
    template: str = ""
    """The feature's name with its placeholders, where the run is of an edition."""

    @property
    def alive(self) -> bool:
        """Whether its process still goes on."""
        return is_alive(self.pid, self.started)

    @property
    def run_again(self) -> str:
        """`when the plan is run again`, and of an edition how: another day's run is another feature."""
        edition = edition_option(self.template, self.feature)
        return f"when the plan is run again{f' with --edition {edition}' if edition else ''}"

    def outcome(self) -> FeatureOutcome | None:
        """Where it stands: the fold of its journal; what ended, and what older versions left, is read as it was kept.

        Raises:
            CallError: its journal is of a later version, or damaged.
        """
        kept = None if self.has_ended else kept_journal(self.directory)
        if kept is not None:
            return self.played(kept)
        outcome = self._kept_outcome()
        return outcome if outcome is None else self._as_it_is(outcome, None)

    def shown_outcome(self) -> FeatureOutcome:
        """The same, for whoever was asked to show it.

        Raises:
            CallError: as `outcome`, or there is nothing to show.
        """
        outcome = self.outcome()
        if outcome is None:
            raise CallError(f"run {self.run_id} has left nothing to show yet")
        return outcome if outcome.base is None else outcome.model_copy(update={"base": self._base_now(outcome)})

    def _base_now(self, outcome: FeatureOutcome) -> BaseStanding | None:
        """How base stands beside the feature by now: it moves on after runs, too."""
        from plait.workspace.base_course import standing_now  # imports GitPython
        from plait.workspace.git import GitRepository

        with suppress(PlaitError, OSError):  # the repository is not there any more
            repository = GitRepository(Path(self.repository))
            tip = repository.resolve(f"refs/heads/{outcome.branch}") or repository.resolve(outcome.commit or "")
            return standing_now(repository, self.feature, outcome.base, tip) if outcome.base else None
        return outcome.base

    def played(self, journal: Journal) -> FeatureOutcome:
        """Where its journal says that it stands."""
        alive = not journal.is_closed and self.alive
        run = replayed(journal).standings
        orders = (*run.in_work.values(), *run.explaining.values())
        in_work = {order.id: tuple(branch.task for branch in order.branches) for order in orders}
        return self._as_it_is(outcome_of(run, now=time.time() if alive else None), journal, in_work)

    def _as_it_is(
        self, outcome: FeatureOutcome, journal: Journal | None, in_work: Mapping[str, Collection[str]] | None = None
    ) -> FeatureOutcome:
        """The same, with what the folders of its tasks know of tries that no event has told yet, and of a kill."""
        if outcome.state is not RunState.RUNNING:
            return outcome
        tasks = tuple(self._at_work(task, journal) for task in outcome.tasks)
        if self.alive:
            return outcome.model_copy(update={"tasks": tasks})
        ended, landed = outcome.started_at + timedelta(seconds=outcome.elapsed_seconds), self._landed(outcome)
        tasks = tuple(_killed(task, ended, landed=task.branch in landed) for task in tasks)
        there = frozenset(task.id for task in tasks if task.state is TaskState.LANDED)
        batches = tuple(_cut_short(batch, ended, (in_work or {}).get(batch.id, ()), there) for batch in outcome.batches)
        update = {"state": RunState.FAILED, "reason": KILLED, "tasks": tasks, "batches": batches}
        return outcome.model_copy(update=update | {"ended_at": None})

    @property
    def has_ended(self) -> bool:
        """Whether it came to its end; one that was killed did not."""
        return (self.directory / "result.json").exists()

    def _kept_outcome(self) -> FeatureOutcome | None:
        try:
            outcome = FeatureOutcome.model_validate_json(read_plain_file(self.directory / "outcome.json"))
        except (OSError, ValueError):
            return None
        return outcome if _could_be(outcome) else None

    def progress(self) -> Progress | None:
        """How far it is, as it said last; nothing when it is over."""
        if not self.alive:
            return None
        try:
            return Progress.model_validate_json(read_plain_file(self.directory / "progress.json"))
        except (OSError, ValueError):
            return None

    def eta(self) -> Eta | None:
        """When it will end, as its forecast said last; nothing when it is over, or none is kept."""
        progress = self.progress()
        return progress.eta if progress else None

    def _landed(self, outcome: FeatureOutcome) -> frozenset[str]:
        """The branches of tasks that are on the feature branch: git knows of a landing that no event could tell."""
        from plait.workspace.git import ask_about  # imports GitPython: for killed runs alone

        there = f"--merged=refs/heads/{outcome.branch}", f"refs/heads/feature/{self.feature}/agent/"
        with suppress(PlaitError, OSError):  # the repository is not there any more
            answer = ask_about(Path(self.repository), "for-each-ref", "--format=%(refname:lstrip=2)", *there)
            return frozenset(answer.lines) if not answer.status else frozenset()
        return frozenset()

    def _at_work(self, task: TaskOutcome, journal: Journal | None) -> TaskOutcome:
        """A task that is worked on, with the tries that its folder has."""
        if task.state is not TaskState.RUNNING:
            return task
        past, folder = journal.manifest.past.get(task.id) if journal else None, self.directory / "tasks" / task.id
        usage = usage_of((*((past.usage,) if past else ()), *(attempt.usage for attempt in past_tries(folder))))
        counted = max(task.tries, count_tries(folder) + (past.tries if past else 0))
        return task.model_copy(update={"tries": counted, "usage": usage or task.usage})


def _killed(task: TaskOutcome, ended: datetime, *, landed: bool) -> TaskOutcome:
    """A task of a killed run: what ran then does not run any more, and its last try and its time count."""
    if task.state in (TaskState.DONE, TaskState.HELD) and landed:
        return task.model_copy(update={"state": TaskState.LANDED, "reason": None})
    if task.state is not TaskState.RUNNING:
        return task
    began = task.dispatched_at or task.started_at or ended
    span = Span(started_at=began, ended_at=max(began, ended), ok=False, cut=True, agent=task.agent)
    update = {
        "state": TaskState.CANCELLED,
        "ended_at": span.ended_at,
        "reason": "it was killed with its run",
        "spans": (*task.spans, span),
        "dispatched_at": None,
    }
    return task.model_copy(update=update)


def _cut_short(batch: BatchOutcome, ended: datetime, tasks: Collection[str], there: Collection[str]) -> BatchOutcome:
    """A batch of a killed run: what it landed before anybody could hear of it has landed, and the rest has not.

    Example: A and B were in it, and A is on the feature branch: part landed, landed A.
    """
    if batch.state not in (BatchState.BUILDING, BatchState.VERIFYING, BatchState.SEARCHING):
        return batch
    landed = (*batch.landed, *(task for task in tasks if task in there and task not in batch.landed))
    some = BatchState.PART_LANDED if landed else BatchState.CUT_SHORT
    state = BatchState.LANDED if landed and set(tasks) <= set(landed) else some
    update = {"state": state, "landed": landed, "ended_at": max(batch.started_at or ended, ended)}
    return batch.model_copy(update=update | {"reason": "its run was killed"})


KILLED = "it was killed; `plait run` goes on with it, and what was spent by then counts on"
_LONGEST = 1e10
"""Seconds (three centuries): what took longer, or was at another time, was written by no clock."""


def _could_be(outcome: FeatureOutcome) -> bool:
    """Whether its times are ones that can be reckoned with."""
    spans = (span for task in outcome.tasks for span in task.spans)
    parts: tuple[FeatureOutcome | TaskOutcome | BatchOutcome | Span, ...]
    parts = (outcome, *outcome.tasks, *outcome.batches, *spans)
    moments = [moment for part in parts for moment in (part.started_at, part.ended_at)]
    moments += [moment for one in outcome.approvals for moment in (one.asked_at, one.answered_at)]
    moments += [task.dispatched_at for task in outcome.tasks]
    return abs(outcome.elapsed_seconds) < _LONGEST and all(1970 <= moment.year < 3000 for moment in moments if moment)


def known_runs(home: Path) -> list[KnownRun]:
    """All runs that left a folder, newest first."""
    dated_runs = sorted(_read_all(home), key=lambda dated: dated[0], reverse=True)
    return [run for _, run in dated_runs]


def _read_all(home: Path) -> Iterator[tuple[float, KnownRun]]:
    """Each run with the time of its run file; what is damaged, or of another version, is passed over."""
    for path in (home / "runs").glob("*/run.json"):
        try:
            yield path.stat().st_mtime, _known(path.parent, read_json_object(path))
        except (OSError, ValueError, KeyError):
            continue


def _known(directory: Path, facts: dict[str, Any]) -> KnownRun:
    """Raises KeyError or ValueError for what is no run file."""
    texts = [facts[key] for key in ("run_id", "feature", "repository", "started")]
    if not all(isinstance(text, str) for text in texts) or not isinstance(facts["pid"], int):
        raise ValueError(f"{directory} has no run file that this version knows")
    if not (facts["run_id"] + facts["feature"]).isprintable():
        raise ValueError("no run is called so")
    return KnownRun(
        directory=directory,
        run_id=facts["run_id"],
        feature=facts["feature"],
        repository=facts["repository"],
        pid=facts["pid"],
        started=facts["started"],
        flow_run=_text_or_none(facts.get("flow_run")),
        deployed=bool(facts.get("deployed")),
        api_url=_text_or_none(facts.get("api_url")),
        template=_text_or_none(facts.get("template")) or "",
    )


def _text_or_none(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def find_run(home: Path, wanted: str | None, *, task: str | None = None, among: Sequence[KnownRun] = ()) -> KnownRun:
    """The run that a person means: of all, or of those whose id begins so or whose feature it is, a live or the newest.

    `among`: those that are looked at first, newest first.

    Raises:
        CallError: there is none.
    """
    runs = known_runs(home)
    if not runs:
        raise CallError("there is no run yet", hint="start one with `plait run PLAN`")
    if wanted is not None:
        fitting = _fitting(among, wanted) or _fitting(runs, wanted)
        if not fitting:
            raise CallError(
                f"there is no run {wanted!r}", hint=f"the newest are {', '.join(run.run_id for run in runs[:3])}"
            )
        return next((run for run in fitting if run.alive), fitting[0])
    runs = list(among) or runs
    if task is not None:
        runs = [run for run in runs if is_folder(run.directory / "tasks" / task)] or runs
    return next((run for run in runs if run.alive), runs[0])


def run_meant(wanted: str | None, *, task: str | None = None, repository: Path | None = None) -> KnownRun:
    """The run that a command is about: without a name one of this repository alone, with a name one from anywhere.

    Where a repository is named it is one of that repository, with a name and without.

    Args:
        wanted: A run's id, its beginning, or a feature.
        task: Without a name, a run that has worked on this one is preferred.
        repository: A place in the repository that is meant in place of the one that the user stands in.

    Raises:
        CallError: there is none; live ones of several repositories are called so; or none is named where the user
            stands in no repository of a run.
    """
    home, here = kept_home(), runs_here() if repository is None else runs_of(repository)
    if wanted is None and not here:
        raise _none_here(known_runs(home), repository)
    if wanted is not None and repository is not None and not _fitting(here, wanted):
        raise CallError(f"{repository} has no run {quoted(wanted)}", hint=_names_of(here))
    runs = _fitting(here if repository is not None else known_runs(home), wanted) if wanted else []
    if wanted is None or not runs or _fitting(here, wanted):
        return find_run(home, wanted, task=task, among=here)
    alive = [run for run in runs if run.alive]
    if len({run.repository for run in alive}) > 1:
        sentence = f"in several repositories a run goes on that is called {quoted(wanted)}"
        raise CallError(sentence, hint=_name_one(alive, "its id"))
    return alive[0] if alive else runs[0]


def _none_here(runs: Sequence[KnownRun], repository: Path | None) -> CallError:
    """That no run can be meant, and which there are: what belongs to another repository is left alone."""
    if not runs:
        return CallError("there is no run yet", hint="start one with `plait run PLAN`")
    where = "where you stand" if repository is None else str(repository)
    sentence = f"no run of plait belongs to {where}, and those of other repositories are left alone"
    return CallError(sentence, hint=_name_one(runs, "one"))


def _names_of(runs: Sequence[KnownRun]) -> str:
    newest = ", ".join(run.run_id for run in runs[:3])
    return f"its newest are {newest}" if newest else "no run of plait belongs to it"


_MOST_NAMED = 4


def _name_one(runs: Sequence[KnownRun], what: str) -> str:
    ordered = [*(run for run in runs if run.alive), *(run for run in runs if not run.alive)]
    named = [f"{run.run_id} of {worktree_of(run.repository)}{' (running)' * run.alive}" for run in ordered]
    more = f", and {len(named) - _MOST_NAMED} more (`plait status --all`)" if len(named) > _MOST_NAMED else ""
    there = "; ".join(named[:_MOST_NAMED]) + more
    return f"name {what} (as the command's RUN or --run), or the repository with --repo; there are {there}"


def runs_here() -> list[KnownRun]:
    """The runs of the repository that the user stands in, newest first; none elsewhere.

    Who stands in what plait has handed out of a repository stands in that repository.
    """
    try:
        return runs_around(Path.cwd())
    except OSError:  # the directory has been deleted
        return []


def runs_of(repository: Path) -> list[KnownRun]:
    """The runs of the repository that a place belongs to, newest first.

    Raises:
        CallError: it belongs to none.
    """
    from plait.workspace.git import repository_around  # imports GitPython, which most commands do without

    if repository_around(repository) is None:
        raise CallError(f"{repository} is in no git repository", hint="--repo names a clone, or a directory in it")
    return runs_around(repository)


def runs_around(place: Path) -> list[KnownRun]:
    """The runs of the repository that a place belongs to, newest first; none where it belongs to none."""
    from plait.workspace.control import directory_of
    from plait.workspace.git import repository_around

    home, place = kept_home(), Path(os.path.realpath(place))
    try:
        repository = repository_around(place)
    except PlaitError:  # git is missing
        return []
    runs = known_runs(home)
    handed_out = [run for run in runs if _is_inside(place, directory_of(Path(run.repository), home=home))]
    return handed_out or [run for run in runs if run.repository == repository]


def _is_inside(place: Path, directory: Path) -> bool:
    return place.is_relative_to(os.path.realpath(directory))


def _fitting(runs: Sequence[KnownRun], wanted: str) -> list[KnownRun]:
    return [run for run in runs if run.run_id == wanted] or [
        run for run in runs if wanted and (run.run_id.startswith(wanted) or run.feature == wanted)
    ]


def worktree_of(repository: str) -> Path:
    """The checkout that belongs to a run's repository, whose run file names its git directory; a bare one is itself."""
    place = Path(repository)
    return place.parent if place.name == ".git" else place


def seen_from_here(repository: Path) -> str:
    """A repository as a command has to name it: not at all where the user stands in it."""
    try:
        return "" if Path.cwd().is_relative_to(repository) else str(repository)
    except OSError:  # the directory has been deleted
        return str(repository)
