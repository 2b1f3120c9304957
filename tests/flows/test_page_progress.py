"""How far a run is, as the Prefect page tells it."""

from datetime import UTC, datetime

from plait.flows.recording.page_progress import progress_words
from plait.plans.journal.events import WorkEnded, WorkRefused
from plait.show.progress import Eta
from tests.plans.run.played import BEGAN, Played, played

PLAN = """
    contracts: [{id: a_b, owner: A, files: [api.txt], approval: person}]
    tasks:
      - {id: A, run: echo}
      - {id: B, run: echo, needs: [{contract: a_b}]}
      - {id: C_D, run: echo, needs: [{contract: a_b}]}
"""
THREE = "tasks: [{id: A, run: echo}, {id: B, run: echo, needs: [A]}, {id: C, run: echo, needs: [B]}]"


def eta() -> Eta:
    return Eta(at=datetime.now(UTC), p10_seconds=480, p50_seconds=700, p80_seconds=800, p90_seconds=1200)


def one_landed() -> Played:
    run = played(THREE)
    run.starts()
    run.changes_nothing("A")
    return run


def test_it_counts_the_tasks_and_says_what_is_left() -> None:
    words = progress_words(one_landed().outcome, eta())

    assert words == "3 tasks: 1 landed, 1 ready, 1 pending; about 12 min left (8 min to 20 min)"


def test_it_says_for_what_a_person_is_waited_since_when_and_how_to_answer() -> None:
    run = played(PLAN)
    run.starts()
    run.passes(60)
    run.ends("A")
    since = f"{datetime.fromtimestamp(BEGAN + 60, UTC):%Y-%m-%d %H:%M:%S} UTC"

    assert progress_words(run.outcome, eta()) == (
        f"3 tasks: 2 pending, 1 done; since {since} it waits for a person to approve "
        "the contract a\\_b v1, written by A, B and C\\_D start after that: `plait approve cart a_b`; "
        "about 12 min left, plus the time until a\\_b is approved"
    )


def test_a_run_that_is_paused_says_so_and_by_whom() -> None:
    run = one_landed()
    run.pauses("a_n")

    assert progress_words(run.outcome, eta()) == (
        "3 tasks: 1 landed, 1 ready, 1 pending; paused by a\\_n: nothing new starts"
    )


def test_a_run_that_is_over_has_nothing_left() -> None:
    run = played(PLAN)
    run.starts()
    run.ends("A")
    run.closes()

    assert progress_words(run.outcome, eta()) == "3 tasks: 2 blocked, 1 done"


def test_roles_that_rest_are_told_with_their_time_in_words_that_do_not_change_each_second() -> None:
    run = played("crew: {dev: {}}\ntasks: [{id: A, role: dev, prompt: x}]")
    run.starts()
    run.hear(WorkEnded("A", WorkRefused("quota", "limit [reached]", run.now + 60), number=1))
    run.starts()
    until = f"{datetime.fromtimestamp(BEGAN + 62, UTC):%Y-%m-%d %H:%M:%S} UTC"

    assert progress_words(run.outcome, eta()) == (
        f"1 task: 1 pending; dev rest until {until} (no quota left: limit \\[reached\\])"
    )
