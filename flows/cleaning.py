"""Finds and deletes what finished features leave: branches that landed, salvage, checkouts, run folders; ours alone.

A thing goes only where it is provably ours and nothing of it is lost that nobody kept: a branch by name, trailers and
history, a folder by its run file and by what lies in it. What belongs to a run that goes on is never looked at twice:
the feature's lock is held while its things go.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatch
from pathlib import Path
from typing import Literal

from plait.flows.run_listing import last_with_work
from plait.flows.running.tidying import checkouts_in, tidy_run
from plait.flows.runs import KnownRun, runs_here, runs_of
from plait.plans.errors import CallError, PlaitError
from plait.plans.names import integration_branch
from plait.plans.tasks.outcomes import FeatureOutcome, RunState
from plait.workspace.control import HEADS, Control, open_control
from plait.workspace.deleting import delete_tree
from plait.workspace.home import plait_home
from plait.workspace.ref_landing import feature_lock
from plait.workspace.trailers import trailers_of

_OF_A_TRY = ("prompt.md", "output.log", "setup.log", "result.json", "begun.json", "verify-*.log")
"""What lies in the folder of a try that is over; whatever else does may be work that was kept nowhere else."""


@dataclass(frozen=True, slots=True)
class Leftover:
    """One thing that may go."""

    kind: Literal["branch", "checkouts", "run"]
    name: str
    """A branch, or the id of a run."""
    feature: str
    why: str
    """Why nobody needs it, as the end of a sentence that begins with `it`."""
    commit: str = ""
    """Of a branch: it goes only while it is there."""
    path: Path | None = None
    """Of a folder."""

    def record(self) -> dict[str, str | None]:
        """What `--json` prints."""
        place = str(self.path) if self.path else None
        return {"kind": self.kind, "name": self.name, "feature": self.feature, "why": self.why, "path": place}


@dataclass(frozen=True, slots=True)
class Leftovers:
    """What may go of a repository, and what was looked at and stays."""

    control: Control
    found: tuple[Leftover, ...]
    kept: tuple[str, ...]
    """In a sentence each."""


def find_leftovers(repository: Path | None, *, older: float, now: datetime | None = None) -> Leftovers:
    """What finished features of the repository have left that is older than so many seconds.

    Raises:
        CallError: the place is in no repository, or no run of plait belongs to it.
    """
    runs = runs_of(repository) if repository else runs_here()
    if not runs:
        raise CallError("no run of plait belongs to where you stand", hint="--repo names another repository")
    control = open_control(Path(runs[0].repository), home=plait_home())
    before = (now or datetime.now(UTC)).timestamp() - older
    features: defaultdict[str, list[KnownRun]] = defaultdict(list)
    for run in runs:
        features[run.feature].append(run)
    found: list[Leftover] = []
    kept: list[str] = []
    told_by: set[str] = set()  # the plans of which a newer edition without branches stays: the next is held against it
    for feature, of_it in features.items():
        if any(run.alive for run in of_it):
            kept.append(f"{feature} goes on: nothing of it is touched")
            continue
        found += _branches(control, feature, of_it[0], before, kept)
        template = of_it[0].template
        is_gone = bool(template) and not control.target.refs(f"{HEADS}feature/{feature}/")
        stays = set() if is_gone and template in told_by else {of_it[0].run_id, last_with_work(of_it[0]).run_id}
        told_by |= {template} if is_gone else set()
        found += _folders(of_it, before, kept, stays=stays)
    return Leftovers(control, tuple(found), tuple(kept))


def delete_leftovers(leftovers: Leftovers) -> tuple[tuple[Leftover, ...], tuple[str, ...]]:
    """Delete what was found, each feature's under its lock; what went, and why the rest did not."""
    gone: list[Leftover] = []
    kept: list[str] = []
    for feature in dict.fromkeys(thing.feature for thing in leftovers.found):
        things = [thing for thing in leftovers.found if thing.feature == feature]
        try:
            with feature_lock(leftovers.control, feature, "clean"):
                for thing in things:
                    problem = _delete(leftovers.control, thing)
                    gone += [thing] if problem is None else []
                    kept += [f"{thing.name}: {problem}"] if problem else []
        except CallError as problem:  # somebody has begun to run it meanwhile
            kept.append(str(problem))
    return tuple(gone), tuple(kept)


def _delete(control: Control, thing: Leftover) -> str | None:
    """Why it could not go; nothing when it is gone."""
    try:
        if thing.kind == "branch":
            if (place := control.worktree_of(thing.name)) is not None:
                return f"it is checked out in {place}"
            control.target.ask("update-ref", "--no-deref", "-d", HEADS + thing.name, thing.commit)
        elif thing.kind == "checkouts" and thing.path:
            tidy_run(thing.path)
        elif thing.path:
            delete_tree(thing.path)
    except (PlaitError, OSError) as problem:
        return str(problem)
    return None


def _branches(control: Control, feature: str, newest: KnownRun, before: float, kept: list[str]) -> Iterator[Leftover]:
    """The branches of agents whose work has landed, and the salvage, of a feature that has landed as a whole."""
    outcome = _ended(last_with_work(newest))
    if outcome is None or outcome.state is not RunState.COMPLETED or _end_of(outcome) > before:
        return
    landed = [tip for name in (integration_branch(feature), "") if (tip := _tip(control, name))]
    for ref, commit in sorted(control.target.refs(f"{HEADS}feature/{feature}/").items()):
        name = ref.removeprefix(HEADS)
        kind = name.removeprefix(f"feature/{feature}/").partition("/")[0]
        if kind not in ("agent", "salvage"):
            continue
        if place := control.worktree_of(name):
            kept.append(f"{name} is checked out in {place}")
        elif kind == "agent" and any(_has(control, tip, commit) for tip in landed):
            yield Leftover("branch", name, feature, "has landed: the feature branch holds all of it", commit)
        elif kind == "agent":
            kept.append(f"{name} holds what has not landed")
        elif not trailers_of(control, commit).keys() >= {"Plait-Run", "Plait-Task"}:
            kept.append(f"{name} does not say that plait has made it")
        else:
            yield Leftover("branch", name, feature, "is what a failed try left, and the task has landed since", commit)


def _tip(control: Control, branch: str) -> str | None:
    with suppress(PlaitError):
        return control.branch(branch) if branch else control.base_commit(None)[1]
    return None


def _has(control: Control, tip: str, commit: str) -> bool:
    try:
        return control.store.is_ancestor(commit, tip)
    except PlaitError:
        return False


def _folders(runs: Sequence[KnownRun], before: float, kept: list[str], *, stays: Collection[str]) -> Iterator[Leftover]:
    """What lies in the folders of a feature's runs that are over; of those that stay only the checkouts."""
    for run in runs:
        folder, outcome = run.directory, _ended(run)
        if folder.is_symlink() or outcome is None:
            continue
        if run.run_id in stays or _end_of(outcome) > before:
            if checkouts_in(folder):
                yield Leftover("checkouts", run.run_id, run.feature, "is over, and its checkouts stand", path=folder)
        elif odd := next(_unknown(folder), None):
            kept.append(f"run {run.run_id} holds {odd}, which may be work that was kept nowhere else")
        else:
            yield Leftover("run", run.run_id, run.feature, f"ended {_end_date(outcome)}", path=folder)


def _unknown(folder: Path) -> Iterator[Path]:
    """What lies in folders of tries and is no log."""
    for path in _entries(folder.glob("tasks/*/try-*")):
        if not any(fnmatch(path.name, known) for known in _OF_A_TRY) or path.is_symlink():
            yield path


def _entries(folders: Iterable[Path]) -> Iterator[Path]:
    for folder in folders:
        yield from folder.iterdir() if folder.is_dir() and not folder.is_symlink() else (folder,)


def _ended(run: KnownRun) -> FeatureOutcome | None:
    """How a run ended; nothing of one that was killed, which the next one goes on with."""
    if not (run.directory / "result.json").exists():
        return None
    with suppress(CallError):
        return run.outcome()
    return None


def _end_of(outcome: FeatureOutcome) -> float:
    return (outcome.ended_at or outcome.started_at).timestamp()


def _end_date(outcome: FeatureOutcome) -> str:
    return f"{outcome.ended_at or outcome.started_at:%Y-%m-%d}"
