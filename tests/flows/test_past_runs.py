"""What killed runs had spent counts on, over several kills, and whatever they left of their journals."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from plait.flows.journal_file import JOURNAL, JournalFile
from plait.flows.running.past_runs import KilledRun, killed_run
from plait.flows.runs import find_run
from plait.plans.journal.events import Begin, Event, Tick, WorkDone, WorkEnded
from plait.plans.journal.manifest import Manifest, PastEffort, TaskFacts
from plait.workspace.control import Control, open_control
from tests.support.repositories import commit_on_branch, git

TASKS = tuple(TaskFacts(id=name, role="r", branch=name, title=name, needs=(), seconds=1.0) for name in "AB")


@pytest.fixture
def control(repository: Path, hermetic: Path) -> Control:
    return open_control(repository, home=hermetic)


def left_by(home: Path, control: Control, run: str, manifest: Manifest, *events: Event) -> Path:
    """The folder of a run that was killed after it had heard this."""
    folder = home / "runs" / run
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps({"feature": "x", "repository": str(control.common_dir)}))
    journal = JournalFile.begin(folder, manifest)
    for at, event in enumerate(events):
        journal.append(1_000.0 + 10 * at, event)
    journal.close()
    return folder


def manifest(run: str, *tasks: TaskFacts, before: float = 0.0, **past: int) -> Manifest:
    effort = {task: PastEffort(tries) for task, tries in past.items()}
    return Manifest(run, "x", "b", "0" * 40, tasks, {"r": 1}, started_at=1_000.0, before=before, past=effort)


def found(home: Path, control: Control) -> KilledRun | None:
    return killed_run(home, control, "x", now=5_000.0)


def test_what_was_spent_on_tasks_that_are_no_part_of_the_run_counts_on(hermetic: Path, control: Control) -> None:
    left_by(hermetic, control, "run-2", manifest("run-2", TASKS[1], before=60.0, A=3), Begin(), Tick())

    killed = found(hermetic, control)

    assert killed is not None
    assert (killed.effort["A"].tries, killed.seconds) == (3, 70.0)


def test_the_work_that_a_kill_cut_off_is_marked_and_ends_with_the_last_thing_heard(
    hermetic: Path, control: Control
) -> None:
    left_by(hermetic, control, "run-2", manifest("run-2", TASKS[1]), Begin(), Tick(), Tick())

    killed = found(hermetic, control)

    assert killed is not None
    (span,) = killed.effort["B"].spans
    assert (span.ok, span.cut, (span.ended_at - span.started_at).total_seconds()) == (False, True, 10.0)


def test_a_run_that_is_killed_before_it_hears_anything_loses_nothing(hermetic: Path, control: Control) -> None:
    left_by(hermetic, control, "run-2", manifest("run-2", *TASKS, before=60.0, A=3))

    killed = found(hermetic, control)

    assert killed is not None
    assert (killed.effort["A"].tries, killed.seconds) == (3, 60.0)


def test_a_kill_before_the_first_line_loses_nothing_of_what_the_run_before_had_spent(
    hermetic: Path, control: Control
) -> None:
    left_by(hermetic, control, "run-1", manifest("run-1", *TASKS, before=60.0, A=3), Begin())
    folder = left_by(hermetic, control, "run-2", manifest("run-2", *TASKS, before=999.0, A=9), Begin())
    (folder / JOURNAL).write_text((folder / JOURNAL).read_text()[:100])
    os.utime(folder.parent / "run-1" / "run.json", (1.0, 1.0))

    killed = found(hermetic, control)

    assert killed is not None
    assert (killed.run, killed.effort["A"].tries) == ("run-1", 3)


def test_a_landing_that_no_event_could_tell_of_is_read_from_git(
    hermetic: Path, repository: Path, control: Control
) -> None:
    """Killed after the feature branch had moved: where journal and refs differ, refs hold."""
    task = replace(TASKS[0], branch="feature/x/agent/r/A")
    beginning = replace(manifest("run-1", task, replace(TASKS[1], branch="feature/x/agent/r/B")), slots={"r": 2})
    beginning = replace(beginning, branch="feature/x/integration")
    commit = commit_on_branch(repository, "feature/x/agent/r/A", {"a.txt": "a"})
    other = commit_on_branch(repository, "feature/x/agent/r/B", {"b.txt": "b"})
    git(repository, "branch", "feature/x/integration", commit)
    ends = (WorkEnded("A", WorkDone(commit, 1)), WorkEnded("B", WorkDone(other, 1)))
    folder = left_by(hermetic, control, "run-1", beginning, Begin(), Tick(), *ends)
    said = {"run_id": "run-1", "pid": 2**22 - 1, "started": "never"}
    (folder / "run.json").write_text(json.dumps(json.loads((folder / "run.json").read_text()) | said))

    outcome = find_run(hermetic, "run-1").outcome()

    assert outcome is not None
    assert {task.id: task.state.value for task in outcome.tasks} == {"A": "landed", "B": "done"}


def test_a_journal_that_cannot_be_read_keeps_no_run_from_going_on(hermetic: Path, control: Control) -> None:
    folder = left_by(hermetic, control, "run-2", manifest("run-2", *TASKS), Begin())
    (folder / JOURNAL).write_text('{"journal":99}\n')

    assert found(hermetic, control) is None


def test_a_run_that_ended_starts_anew(hermetic: Path, control: Control) -> None:
    (left_by(hermetic, control, "run-2", manifest("run-2", *TASKS, A=3), Begin()) / "result.json").write_text("{}")

    assert found(hermetic, control) is None
