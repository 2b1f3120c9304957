"""The progress record of a run that goes on."""

import json
from datetime import datetime

import pytest
from pydantic import ValidationError

from plait.plans.tasks.outcomes import Approval, FeatureOutcome, Rest, RunState
from plait.plans.tasks.states import TaskState
from plait.show.progress import ActiveAgent, Eta, OpenQuestion, progress_of, spell_doubt, spell_rest
from tests.support.outcomes import START, a_batch, a_task, an_outcome, at


def half_way() -> FeatureOutcome:
    """After 100 s: two of five finished, one failed at once, one runs its second try."""
    tasks = (
        a_task("A", end=50),
        a_task("B", end=60, state=TaskState.DONE, tries=2),
        a_task("C", end=5, state=TaskState.FAILED),
        a_task("D", start=60, end=None, state=TaskState.RUNNING, tries=2),
        a_task("E", start=None, state=TaskState.PENDING),
    )
    return an_outcome(state=RunState.RUNNING, tasks=tasks, batches=(), ended_at=None, bound_seconds=180.0)


def agent_on(task: str, since: datetime) -> ActiveAgent:
    return ActiveAgent(task=task, role="backend", agent="backend-1", since=since, last_line="compiling")


def test_it_counts_states_pace_and_errors() -> None:
    progress = progress_of(half_way(), [agent_on("D", at(60))], at(100))

    assert progress.elapsed_seconds == 100
    assert progress.tasks == 5
    assert (progress.totals.landed, progress.totals.done, progress.totals.failed) == (1, 1, 1)
    assert (progress.totals.running, progress.totals.pending, progress.totals.blocked) == (1, 1, 0)
    assert progress.tasks_per_hour == pytest.approx(72)
    assert progress.error_rate == pytest.approx(3 / 5), "of A 1, B 2, C 1 and D's first try, three failed"
    assert progress.active[0].last_line == "compiling"


def test_the_eta_is_the_later_of_bound_and_pace_unless_a_forecast_knows_better() -> None:
    assert progress_of(half_way(), [], at(100)).eta_seconds == pytest.approx(100), "two more at 50 s each"
    assert progress_of(half_way(), [], at(20)).eta_seconds == pytest.approx(160), "what is left of the bound"


def test_a_forecast_of_the_rest_comes_before_the_pace_and_grows_shorter_as_time_goes_by() -> None:
    eta = Eta(at=at(90), p10_seconds=20, p50_seconds=43, p80_seconds=60, p90_seconds=5)

    progress = progress_of(half_way(), [], at(100), eta=eta)

    assert progress.eta_seconds == 33
    assert progress.eta == Eta(at=at(100), p10_seconds=10, p50_seconds=33, p80_seconds=50, p90_seconds=0)
    assert progress_of(an_outcome(), [], at(500), eta=eta).eta is None, "nothing is ahead"


def test_a_run_that_has_just_begun_knows_no_more_than_its_bound() -> None:
    waiting = an_outcome(tasks=(a_task("A", start=None, state=TaskState.READY),), bound_seconds=0.0)
    progress = progress_of(waiting, [], START)

    assert (progress.tasks_per_hour, progress.error_rate, progress.eta_seconds) == (None, None, None)


def test_a_run_with_nothing_ahead_is_there() -> None:
    assert progress_of(an_outcome(), [], at(500)).eta_seconds == 0


def landing() -> FeatureOutcome:
    """All is done, and a batch of it is being verified."""
    done = a_task("A", end=50, state=TaskState.DONE)
    batch = a_batch(started_at=at(55), ended_at=None, landed=())
    return an_outcome(state=RunState.RUNNING, tasks=(done,), batches=(batch,), ended_at=None)


def test_while_the_last_batch_is_verified_the_run_is_not_said_to_be_over() -> None:
    eta = Eta(at=at(60), p10_seconds=20, p50_seconds=43, p80_seconds=60, p90_seconds=90)

    assert progress_of(landing(), [], at(60), eta=eta).eta_seconds == 43
    assert progress_of(landing(), [], at(60)).eta_seconds is None, "nobody knows how long that takes"


def test_it_says_what_a_person_is_waited_for_and_how_to_answer() -> None:
    asked = Approval(contract="cart-api", version=2, owner="API", asked_at=at(30), holds=("PAGE", "TESTS"))
    outcome = half_way().model_copy(update={"approvals": (asked,)})

    progress = progress_of(outcome, [], at(100))

    assert progress.waiting == (
        OpenQuestion(
            contract="cart-api",
            version=2,
            written_by="API",
            since=at(30),
            holds=("PAGE", "TESTS"),
            command="plait approve cart cart-api",
        ),
    )
    assert progress.eta_seconds is None, "how long a person takes is not told by the pace so far"
    answered = asked.model_copy(update={"answered_at": at(40)})
    assert progress_of(half_way().model_copy(update={"approvals": (answered,)}), [], at(100)).waiting == ()


def test_it_is_one_line_of_json_and_fixed() -> None:
    progress = progress_of(half_way(), [agent_on("D", at(60))], at(100))
    record = json.loads(progress.to_json())

    assert list(record) == [
        *(
            "session",
            "at",
            "elapsed_seconds",
            "tasks",
            "totals",
            "active",
            "tasks_per_hour",
            "error_rate",
            "eta_seconds",
            "eta",
            "waiting",
            "paused_by",
            "resting",
            "usage",
        )
    ]
    assert "\n" not in progress.to_json()
    with pytest.raises(ValidationError):
        progress.tasks = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    ("silent", "worked", "planned", "doubtful"),
    [
        (599.0, 700.0, None, False),
        (600.0, 700.0, None, True),
        (600.0, 700.0, 7_200.0, False),
        (3_600.0, 3_700.0, 7_200.0, True),
        (0.0, 29.0, 2.0, False),
        (0.0, 30.0, 2.0, True),
        (26.0, 30.0, 2.0, True),
        (27.0, 30.0, 2.0, True),
        (1.0, 2_399.0, 600.0, False),
        (1.0, 2_400.0, 600.0, True),
    ],
)
def test_who_is_silent_for_long_or_late_by_far_is_doubtful(
    silent: float, worked: float, planned: float | None, doubtful: bool
) -> None:
    agent = agent_on("D", at(0)).model_copy(
        update={"silent_seconds": silent, "worked_seconds": worked, "planned_seconds": planned}
    )
    assert agent.is_doubtful is doubtful
    if doubtful:
        said = spell_doubt(agent)
        assert ("silent for" in said) == (silent >= 27)
        assert ("times its estimate" in said) == (planned is not None and worked / planned >= 4)
        assert "`plait logs D -f`" in said


def test_a_role_that_rests_is_told_with_its_time_its_end_and_its_words() -> None:
    rest = Rest(roles=("dev", "qa"), kind="quota", words="limit reached", until=at(7_300), gives_up_at=at(90_100))
    told = spell_rest(rest, at(100))

    assert told.startswith("dev and qa: no quota left, tried again at ")
    assert " (in 2 h), the run ends at " in told
    assert told.endswith(": limit reached")
    assert spell_rest(Rest(roles=("dev",), kind="stopped", words="no model"), at(0)) == (
        "dev: stopped, as its program ends at once with the same words: no model"
    )
    (resting,) = progress_of(half_way().model_copy(update={"rests": (rest,)}), [], at(100)).resting
    assert (resting.roles, resting.until) == (("dev", "qa"), at(7_300))
