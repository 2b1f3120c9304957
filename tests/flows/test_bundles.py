"""Bundles over several runs: what was finished together stays so, and nothing is done twice."""

from pathlib import Path

import pytest

from plait.agent_tasks.errors import TryFailed
from plait.agent_tasks.implement import implement
from plait.flows.running.session import Session
from plait.plans.names import agent_branch, integration_branch
from plait.plans.tasks.work import RepairOrder
from tests.flows.opened import opened, order_of
from tests.support.repositories import commit_files, git

PLAN = """
    feature: labels
    goal: Every widget has a label.
    crew:
      default_backend: command
      labeller: {slots: 1, start_up: 10m, command: [sh, -c, 'for one in 1 2 3 4; do echo label >> ui-$one.txt; done']}
    tasks:
      - {id: L1, role: labeller, prompt: Label widget 1., duration: 12m, owns: [ui-1.txt]}
      - {id: L2, role: labeller, prompt: Label widget 2., duration: 12m, owns: [ui-2.txt]}
      - {id: L3, role: labeller, prompt: Label widget 3., duration: 12m, owns: [ui-3.txt]}
      - {id: L4, role: labeller, prompt: Label widget 4., duration: 12m, owns: [ui-4.txt]}
      - {id: LIST, run: ls > list.txt, needs: [L1, L2, L3, L4], duration: 1m, changes: required}
"""
BUNDLE = "L1-and-3-more"


def work(session: Session, task: str, *, start: str | None = None) -> str:
    commit = implement.fn(order_of(session, task, start=start), session.shop.facts).commit
    assert commit
    return commit


def land(repository: Path, commit: str) -> None:
    git(repository, "branch", "--force", integration_branch("labels"), commit)


def finished_in(session: Session) -> dict[str, str]:
    """What need not be done again, with the beginning of its commit's subject."""
    shown = {task: done.commit or "" for task, done in session.reuse.finished.items()}
    return {task: git(session.shop.control.common_dir, "log", "-1", "--format=%s", of) for task, of in shown.items()}


def test_small_tasks_become_one_task_whose_commit_names_them_all(repository: Path) -> None:
    with opened(PLAN, repository) as session:
        commit = work(session, BUNDLE)

    assert session.chosen == (BUNDLE, "LIST")
    assert session.tasks[1].needs == ((BUNDLE,),)
    assert git(repository, "log", "-1", "--format=%s", commit) == f"{BUNDLE}: L1, L2, L3 and L4"
    said = git(repository, "log", "-1", "--format=%(trailers:key=Plait-Members,valueonly)", commit)
    assert [one.partition("=")[0] for one in said.strip().split(", ")] == ["L1", "L2", "L3", "L4"]
    assert session.notices[-1].startswith("bundles: L1, L2, L3 and L4 to one agent: saves ")


def test_without_a_start_up_nothing_is_bundled(repository: Path) -> None:
    with opened(PLAN.replace("start_up: 10m, ", ""), repository) as session:
        assert session.chosen == ("L1", "L2", "L3", "L4", "LIST")


@pytest.mark.parametrize("landed", [True, False])
@pytest.mark.parametrize(
    "changed",
    [
        PLAN,
        PLAN.replace("start_up: 10m, ", ""),
        PLAN.replace("slots: 1", "slots: 4"),
        PLAN.replace("duration: 12m", "duration: 2m"),
        PLAN.replace(" duration: 12m,", ""),
        PLAN + "      - {id: L5, role: labeller, prompt: Label widget 5., duration: 12m, owns: [ui-5.txt]}\n",
    ],
    ids=["same", "no start-up", "more agents", "other durations", "no durations", "one more task"],
)
def test_a_finished_bundle_stays_one_whatever_the_forecast_says_now(
    repository: Path, changed: str, landed: bool
) -> None:
    with opened(PLAN, repository) as first:
        commit = work(first, BUNDLE)
    if landed:
        land(repository, commit)

    with opened(changed, repository, run_id="run-2") as second:
        assert finished_in(second) == {BUNDLE: f"{BUNDLE}: L1, L2, L3 and L4"}
        assert second.reuse.finished[BUNDLE].landed == landed
        assert set(second.chosen) - {"L5"} == {BUNDLE, "LIST"}
        assert second.reuse.outdated == ()


def test_of_a_landed_bundle_only_the_changed_task_is_done_again_and_on_top_of_it(repository: Path) -> None:
    with opened(PLAN, repository) as first:
        land(repository, work(first, BUNDLE))

    with opened(PLAN.replace("Label widget 2.", "Label it well."), repository, run_id="run-2") as second:
        assert set(finished_in(second)) == {"L1", "L3", "L4"}
        assert all(done.landed for done in second.reuse.finished.values())
        assert second.reuse.redone == {"L2"}
        assert second.chosen == ("L1", "L2", "L3", "L4", "LIST")

    with opened(PLAN.replace("L3", "M3"), repository, run_id="run-3") as third:
        assert set(finished_in(third)) == {"L1", "L2", "L4"}


def test_a_bundle_that_has_not_landed_is_put_aside_when_one_of_its_tasks_changes(repository: Path) -> None:
    with opened(PLAN, repository) as first:
        work(first, BUNDLE)
    branch = agent_branch("labels", "labeller", BUNDLE)

    with opened(PLAN.replace("Label widget 2.", "Label it well."), repository, run_id="run-2") as second:
        assert finished_in(second) == {}
        assert second.reuse.outdated == (branch,)
        assert second.chosen == (BUNDLE, "LIST")
        work(second, BUNDLE)

    with opened(PLAN.replace("Label widget 2.", "Label it well."), repository, run_id="run-3") as third:
        assert set(finished_in(third)) == {BUNDLE}


def test_tasks_that_an_earlier_run_worked_on_by_themselves_go_alone(repository: Path) -> None:
    alone = PLAN.replace("for one in 1 2 3 4", "for one in 2")
    with opened(alone, repository, only=("L2",)) as first:
        assert first.chosen == ("L2",)
        work(first, "L2")

    with opened(PLAN, repository, run_id="run-2") as second:
        assert set(finished_in(second)) == {"L2"}
        assert second.chosen == ("L1-and-2-more", "L2", "LIST")


def test_naming_one_task_of_a_finished_bundle_means_the_bundle(repository: Path) -> None:
    with opened(PLAN, repository) as first:
        work(first, BUNDLE)

    with opened(PLAN, repository, run_id="run-2", only=("L3",)) as second:
        assert second.chosen == (BUNDLE,)


def test_the_tasks_of_a_bundle_that_failed_go_alone_in_the_next_run(repository: Path) -> None:
    with (
        opened(PLAN.replace("1 2 3 4", "1 2 3"), repository) as first,
        pytest.raises(TryFailed, match="nothing for L4"),
    ):
        work(first, BUNDLE)

    with opened(PLAN, repository, run_id="run-2") as second:
        assert second.chosen == ("L1", "L2", "L3", "L4", "LIST")

    with opened(PLAN, repository, run_id="run-3", fresh=True) as third:
        assert third.chosen == (BUNDLE, "LIST")


def test_starting_over_bundles_anew(repository: Path) -> None:
    with opened(PLAN, repository) as first:
        land(repository, work(first, BUNDLE))

    with opened(PLAN, repository, run_id="run-2", fresh=True) as second:
        assert second.reuse.finished == {}
        assert second.chosen == (BUNDLE, "LIST")
        work(second, BUNDLE)


def test_a_repaired_bundle_is_the_bundle(repository: Path) -> None:
    with opened(PLAN, repository) as first:
        rejected = work(first, BUNDLE)
        tip = commit_files(repository, {"other.txt": "landed meanwhile\n"})
        repair = RepairOrder(1, "fails-alone", rejected, tip, None, None, (), "red", ())
        order = order_of(first, BUNDLE, start=tip, expected=rejected, repair=repair)
        repaired = implement.fn(order, first.shop.facts).commit

    assert repaired not in (None, rejected)
    with opened(PLAN, repository, run_id="run-2") as second:
        assert second.reuse.finished[BUNDLE].commit == repaired
        assert second.reuse.outdated == ()


def test_a_changed_task_that_is_changed_back_is_itself_still_not_the_bundle(repository: Path) -> None:
    with opened(PLAN, repository) as first:
        land(repository, work(first, BUNDLE))
    changed = PLAN.replace("Label widget 2.", "Label it well.").replace("1 2 3 4; do echo label", "2; do echo Label")
    with opened(changed, repository, run_id="run-2") as second:
        land(repository, work(second, "L2", start=git(repository, "rev-parse", integration_branch("labels"))))

    with opened(PLAN, repository, run_id="run-3") as third:
        assert set(third.reuse.finished) == {"L1", "L3", "L4"}
        assert third.reuse.redone == {"L2"}
