"""A run whose agents' accounts refuse them, and one whose programs break off at every task."""

import pytest

from plait.plans.journal.effects import PrepareStart, StartWork
from plait.plans.journal.events import Beat, ProgramBroke, Tick, WorkRefused
from plait.plans.run.statuses import Waiting
from plait.plans.tasks.outcomes import RunState
from tests.plans.run.played import AT_ONCE, Played, played

THREE = """
    crew: {dev: {slots: 2}, qa: {}}
    tasks:
      - {id: A, role: dev, prompt: x}
      - {id: B, role: dev, prompt: x}
      - {id: C, role: dev, prompt: x}
      - {id: Q, role: qa, prompt: x}
"""
HELPED = """
    crew: {dev: {fallback: [aid]}, aid: {}}
    tasks: [{id: A, role: dev, prompt: x}, {id: B, role: dev, prompt: x}, {id: R, role: dev, run: x}]
"""
HOUR = 3_600.0


def is_refused(run: Played, task: str, *, after: float | None = None, kind: str = "quota", tries: int = 0) -> None:
    """The account of a task's agent refuses; `after`: in how many seconds it says that it works again."""
    until = None if after is None else run.now + after
    run._end(task, WorkRefused(kind, "limit reached", until), tries=tries)  # type: ignore[arg-type]


def breaks_off(run: Played, task: str, words: str = "no such model") -> None:
    run.hear(ProgramBroke(task, "dev", words))


def told(run: Played) -> str:
    return "\n".join(run.told())


def test_nothing_starts_with_a_refused_account_until_the_time_that_it_names() -> None:
    run = played(THREE, **AT_ONCE)
    assert run.starts() == ("A", "B", "Q")

    is_refused(run, "A", after=HOUR)

    assert (run.starts(), run.state("A"), run.state("C")) == ((), "pending", "pending")
    assert run.run.wakes_at == run.now + HOUR + 2
    run.passes(HOUR - 1)
    assert run.starts() == ()
    run.passes(4)
    assert run.starts() == ("A",), "B is at work"


def test_roles_of_one_account_rest_together_and_others_go_on() -> None:
    shared = {"dev": "claude", "qa": "claude"}
    run = played(THREE, accounts=shared, **AT_ONCE)
    assert run.starts(room={"dev": 1, "qa": 0}) == ("A",)
    is_refused(run, "A", after=HOUR)
    assert run.starts() == ()

    alone = played(THREE, **AT_ONCE)
    assert alone.starts(room={"dev": 1, "qa": 0}) == ("A",)
    is_refused(alone, "A", after=HOUR)
    assert alone.starts() == ("Q",)


def test_a_refusal_costs_no_try_and_keeps_what_failed_before_it() -> None:
    run = played(THREE, **AT_ONCE)
    run.starts()

    is_refused(run, "A", after=60, tries=1)
    run.passes(90)
    run.starts()

    (start,) = [effect for effect in run.orders(StartWork) if effect.task == "A"][-1:]
    assert (run.standing("A").tries, start.tried) == (1, 1), "the one that failed before counts on"


def test_a_fallback_takes_over_and_commands_of_the_role_go_on() -> None:
    run = played(HELPED, **AT_ONCE)
    assert run.starts(room={"dev": 1, "aid": 0}) == ("A",)
    is_refused(run, "A", after=HOUR)

    started = [effect.agent for effect in run.hear(Tick()) if isinstance(effect, StartWork)]
    assert started == ["aid-1"]
    run.ends("A")
    assert run.starts() == ("B", "R"), "nobody else's work waits for a slot of dev"


def test_without_a_time_each_refusal_in_a_row_doubles_the_pause_and_work_begins_anew() -> None:
    run, ends = played("crew: {dev: {}}\ntasks: [{id: A, role: dev, prompt: x}]", **AT_ONCE), []
    for _ in range(3):
        run.starts()
        is_refused(run, "A")
        ends.append(run.standings.rests.pauses["role dev"].until - run.now)
        run.passes(ends[-1])
    assert ends == [300, 600, 1200]

    run.starts()
    run.ends("A")
    assert run.standings.rests.pauses == {}


def test_agents_beside_each_other_that_are_refused_count_once_and_are_told_of_once() -> None:
    run = played(THREE, **AT_ONCE)
    run.starts()
    is_refused(run, "A")
    run.passes(1)
    is_refused(run, "B")

    pause = run.standings.rests.pauses["role dev"]
    assert (pause.in_a_row, pause.until) == (1, run.now - 1 + 300)
    assert told(run).count("no quota left") == 1


@pytest.mark.parametrize("after", [-10.0, 0.0, 40 * 86_400.0, 1e30, float("inf"), float("nan")])
def test_a_time_that_is_past_or_absurd_is_none(after: float) -> None:
    run = played(THREE, **AT_ONCE)
    run.starts()
    is_refused(run, "A", after=after)

    assert run.standings.rests.pauses["role dev"].until == run.now + 300


def test_a_time_that_is_always_near_starts_nobody_every_second() -> None:
    run, begun = played("crew: {dev: {}}\ntasks: [{id: A, role: dev, prompt: x}]", **AT_ONCE), 0
    for _ in range(3_600):
        if run.starts():
            begun += 1
            is_refused(run, "A", after=1)
        run.passes(1)
    assert begun < 15


def test_a_run_that_only_waits_ends_after_the_limit_as_partial_and_says_what_to_do() -> None:
    run = played("crew: {dev: {}}\ntasks: [{id: A, role: dev, prompt: x}]", quota_wait=2 * HOUR, **AT_ONCE)
    run.starts()
    is_refused(run, "A", after=5 * HOUR)
    run.starts()
    run.passes(2 * HOUR - 1)
    run.hear(Beat())
    assert not run.run.is_over

    run.passes(1)
    run.starts()
    assert run.run.is_over
    run.closes()
    assert (run.outcome.state, run.state("A")) == (RunState.PARTIAL, "blocked")
    assert run.outcome.reason is not None
    assert "waited 2 h 00 min for the account of dev (no quota left: limit reached)" in run.outcome.reason
    assert "run the plan again" in run.outcome.reason
    conditions = run.outcome.conditions
    assert conditions is not None
    assert (conditions.account_seconds, conditions.account_roles) == (2 * HOUR, ("dev",))


def test_an_agent_that_is_refused_again_and_again_wins_no_more_than_the_limit() -> None:
    run = played("crew: {dev: {}}\ntasks: [{id: A, role: dev, prompt: x}]", quota_wait=HOUR, **AT_ONCE)
    began = run.now
    while not run.run.is_over:
        if run.starts():
            is_refused(run, "A", after=1_000)
        run.passes(10)
        run.hear(Beat())
        assert run.now < began + 2 * HOUR
    assert run.now < began + HOUR + 100


def test_tries_that_end_refused_after_long_work_do_not_go_on_for_ever() -> None:
    run = played("crew: {dev: {}}\ntasks: [{id: A, role: dev, prompt: x}]", quota_wait=6 * HOUR, **AT_ONCE)
    began = run.now
    while not run.run.is_over:
        if run.starts():
            run.passes(5 * HOUR)
            is_refused(run, "A", after=60)
        run.passes(30)
        run.hear(Beat())
        assert run.now < began + 24 * HOUR
    run.closes()
    assert run.outcome.state is RunState.PARTIAL


def test_time_in_which_others_work_or_a_person_has_paused_the_run_is_no_waiting() -> None:
    run = played(THREE, quota_wait=HOUR, **AT_ONCE)
    run.starts()
    is_refused(run, "A", after=9 * HOUR)
    is_refused(run, "B", after=9 * HOUR)
    run.starts()
    run.passes(5 * HOUR)
    run.ends("Q")
    run.starts()
    run.batch()
    run.pauses()
    run.passes(2 * HOUR)
    run.resumes()
    run.starts()

    assert not run.run.is_over
    run.passes(HOUR)
    run.starts()
    assert run.run.is_over


def test_a_start_that_was_being_prepared_does_not_start_when_its_account_refuses_meanwhile() -> None:
    text = """
        crew: {dev: {slots: 2}}
        tasks: [{id: A, role: dev, prompt: x}, {id: N, run: x}, {id: C, role: dev, prompt: x, needs: [N]}]
    """
    run = played(text, by_hand=[PrepareStart], **AT_ONCE)
    assert set(run.starts()) == {"A", "N"}
    run.ends("N")
    run.starts()
    is_refused(run, "A", after=HOUR)
    run.is_prepared("C")

    assert isinstance(run.standing("C").status, Waiting)
    assert {effect.task for effect in run.orders(StartWork)} == {"A", "N"}


def test_a_killed_run_that_is_taken_up_remembers_the_pause_and_how_long_it_has_waited() -> None:
    run = played(THREE, quota_wait=HOUR, **AT_ONCE)
    run.starts()
    is_refused(run, "A", after=2 * HOUR)

    again = played(THREE, account_pauses=run.standings.rests.pauses, started_at=run.now + 60, **AT_ONCE)
    assert again.starts() == ("Q",)
    again.passes(2 * HOUR)
    assert again.starts() == ("A", "B")


def test_a_cancelled_run_ends_at_once_although_it_waits() -> None:
    run = played(THREE, **AT_ONCE)
    run.starts(room={"dev": 1, "qa": 0})
    is_refused(run, "A", after=HOUR)
    run.stops()
    assert run.run.is_over
    run.closes()
    assert run.outcome.state is RunState.CANCELLED


def test_what_rests_is_shown_with_its_time_and_the_time_at_which_the_run_gives_up() -> None:
    run = played("crew: {dev: {}}\ntasks: [{id: A, role: dev, prompt: x}]", quota_wait=HOUR, **AT_ONCE)
    run.starts()
    is_refused(run, "A", after=2 * HOUR)
    run.starts()

    (rest,) = run.outcome.rests
    assert (rest.roles, rest.kind, rest.words) == (("dev",), "quota", "limit reached")
    assert rest.until is not None
    assert rest.until.timestamp() == run.now + 2 * HOUR + 2
    assert rest.gives_up_at is not None
    assert rest.gives_up_at.timestamp() == run.now + HOUR


# Programs that break off.


def test_equal_last_words_at_two_tasks_stop_a_role_for_the_run_and_others_go_on() -> None:
    run = played(THREE, **AT_ONCE)
    run.starts()
    breaks_off(run, "A")
    breaks_off(run, "A")
    assert run.standings.rests.stopped == {}, "one task may be what is wrong"

    breaks_off(run, "B")
    run.is_put_off("A", "it broke")
    run.is_put_off("B", "it broke")
    run.ends("Q")
    run.starts()
    run.batch()
    run.starts()

    assert run.run.is_over
    run.closes()
    assert run.outcome.state is RunState.PARTIAL
    assert run.states() == {"A": "blocked", "B": "blocked", "C": "blocked", "Q": "landed"}
    assert "dev was stopped" in (run.outcome.reason or "")
    assert "no such model" in (run.reason("C") or "")


@pytest.mark.parametrize(
    ("first", "second", "stops"),
    [
        ("no such model", "no such file", False),
        ("2026-11-30T10:00:00Z no such model", "2026-11-30T10:00:07Z no such model", True),
        ("[10:00:01] no such model", "[10:00:02] no such model", True),
        ("no such model (req_01AB)", "no such model (req_01CD)", True),
        ("cannot find TASK-1", "cannot find TASK-2", False),
    ],
)
def test_words_are_equal_when_only_dates_and_numbers_of_requests_differ(first: str, second: str, stops: bool) -> None:
    run = played(THREE, **AT_ONCE)
    run.starts()
    breaks_off(run, "A", first)
    breaks_off(run, "B", second)

    assert ("dev" in run.standings.rests.stopped) is stops


def test_a_role_that_has_done_a_task_meanwhile_is_not_stopped() -> None:
    run = played(THREE, **AT_ONCE)
    run.starts()
    breaks_off(run, "A")
    run.ends("B")
    run.starts()
    breaks_off(run, "C")

    assert run.standings.rests.stopped == {}


def test_the_tasks_of_a_stopped_role_go_to_its_fallback() -> None:
    run = played(HELPED, **AT_ONCE)
    run.starts(room={"dev": 1, "aid": 0})
    breaks_off(run, "A")
    breaks_off(run, "B")
    run.is_put_off("A")

    started = [effect.agent for effect in run.hear(Tick()) if isinstance(effect, StartWork)]
    assert "aid-1" in started
