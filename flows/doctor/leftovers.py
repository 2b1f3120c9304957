"""Looks for what killed programs left: runs that never ended, locks of git that nobody holds, half-made checkouts."""

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from plait.flows.doctor.findings import Finding, Level
from plait.flows.runs import known_runs
from plait.plans.wording import count, listed
from plait.workspace.git import repository_around
from plait.workspace.home import home_path
from plait.workspace.places import is_folder

_STALE = 60.0
"""Seconds after which a lock file of git was left by somebody who is gone: an honest one lives for milliseconds."""
_LOCKS = ("HEAD.lock", "index.lock", "packed-refs.lock", "config.lock", "shallow.lock")
_OF_THE_CHECKOUT = ("index.lock", "config.lock")
"""They stand in the user's way, and not in that of a run."""
_MOST = 5


def look_at_runs() -> Iterator[Finding]:
    """Runs that were killed, and how many are kept."""
    home = home_path()
    if not is_folder(home):
        return
    runs = known_runs(home)
    newest = {
        (run.repository, run.feature): run for run in reversed(runs)
    }  # what a later one went on with is told by it
    killed = [run for run in newest.values() if not run.alive and not (run.directory / "outcome.json").exists()]
    alive = [run.run_id for run in runs if run.alive]
    if alive:
        yield Finding("fine", f"going on now: {listed(alive, limit=_MOST)}")
    for run in sorted(killed, key=runs.index)[:_MOST]:
        hint = f"run its plan again: it goes on from there (`plait report {run.run_id}` shows how far it came)"
        yield Finding("note", f"the run {run.run_id} of {run.feature} was killed", hint)
    trials = [place for place in home.glob("preflight-*") if time.time() - place.stat().st_mtime > 24 * 3600]
    if trials:
        yield Finding(
            "note", f"{len(trials)} checkouts of killed preflights are left in {home}", f"rm -r {home}/preflight-*"
        )
    hint = "`plait clean` shows what may go of a repository's" if runs else ""
    yield Finding("fine", f"{count(len(runs), 'run')} kept in {home / 'runs'}", hint)


def look_at_locks(place: Path) -> Iterator[Finding]:
    """Lock files in the user's repository that a killed git has left: nothing can move then, ours or theirs."""
    around = repository_around(place)
    if around is None:
        return
    git_dir = Path(around)
    stale = [lock for lock in _lock_files(git_dir) if _age(lock) > _STALE]
    for lock in stale[:_MOST]:
        hint = f"when no git is at work there: rm {lock}"
        level: Level = "warning" if lock.name in _OF_THE_CHECKOUT else "error"
        yield Finding(level, f"a killed git has left the lock {lock}: nobody can move what it guards", hint)
    if not stale:
        yield Finding("fine", "no lock is left over in the repository")


def _lock_files(git_dir: Path) -> Iterator[Path]:
    yield from (git_dir / name for name in _LOCKS if (git_dir / name).exists())
    heads = git_dir / "refs"
    with suppress(OSError):
        yield from heads.rglob("*.lock")


def _age(lock: Path) -> float:
    try:
        return time.time() - lock.stat().st_mtime
    except OSError:
        return 0.0
