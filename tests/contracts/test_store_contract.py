"""What every store promises, on SQLite and on PostgreSQL."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from plait.plans.errors import CallError
from plait.plans.tasks.outcomes import FeatureOutcome
from plait.plans.tasks.states import TaskState
from plait.plans.usage import Usage
from plait.store.engine import Store, open_store
from plait.store.errors import StoreDamaged, StoreTooNew
from plait.store.history import (
    batch_durations,
    find_outcome,
    latest_run,
    recent_runs,
    record_run,
    role_durations,
    role_records,
)
from plait.store.records import BatchDuration, RoleDuration, TaskWork
from plait.store.tables import Row
from plait.store.versions import HEAD, READ_VERSION, VERSION_TABLE, VERSIONS
from tests.support.databases import a_store_of
from tests.support.outcomes import START, a_batch, a_task, an_outcome, at


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    with open_store(store_url) as opened:
        yield opened


def record(store: Store, outcome: FeatureOutcome, *, repository: str = "/shop", **work: TaskWork) -> None:
    record_run(store, outcome, repository=repository, plan_hash="hash", work=work)


def test_a_recorded_run_comes_back_as_it_was(store: Store) -> None:
    record(store, an_outcome())

    assert find_outcome(store, "run-0001") == an_outcome()


def test_recording_again_replaces_the_whole_run(store: Store) -> None:
    later = an_outcome(tasks=(a_task("MODEL"),), batches=(), salvage=())
    record(store, an_outcome())
    record(store, later)

    assert find_outcome(store, "run-0001") == later
    assert len(recent_runs(store)) == 1


def test_two_that_record_one_run_at_once_leave_one_of_them_whole(store: Store) -> None:
    versions = [an_outcome(tasks=tuple(a_task(f"T{n}") for n in range(count))) for count in range(1, 9)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda outcome: record(store, outcome), versions))

    assert find_outcome(store, "run-0001") in versions


def test_a_run_that_cannot_be_written_leaves_the_old_one(store: Store) -> None:
    record(store, an_outcome())
    without_zone = a_task("MODEL", end=None).model_copy(update={"started_at": datetime(2026, 1, 1)})

    with pytest.raises(Exception, match="no time zone"):
        record(store, an_outcome(tasks=(without_zone,)))

    assert find_outcome(store, "run-0001") == an_outcome()


def test_times_come_back_in_utc_to_the_millisecond(store: Store) -> None:
    india = timezone(timedelta(hours=5, minutes=30))
    record(store, an_outcome(started_at=datetime(2026, 11, 20, 14, 30, 0, 123999, tzinfo=india)))

    found = latest_run(store, "/shop")

    assert found is not None
    assert found.started_at == START
    assert found.started_at.tzinfo is UTC


@pytest.mark.parametrize("hostile", ["'; DROP TABLE runs; --", "nul \0 inside", "half \ud800 pair", "🦊 %s :name", ""])
def test_text_of_any_origin_is_kept(store: Store, hostile: str) -> None:
    task = a_task("MODEL").model_copy(update={"reason": hostile})
    record(store, an_outcome(tasks=(task,)))

    found = find_outcome(store, "run-0001")

    assert found is not None
    assert found.tasks[0].reason == hostile.replace("\0", "\N{REPLACEMENT CHARACTER}").replace("\ud800", "?")


def test_recent_runs_are_newest_first_of_one_repository_or_of_all(store: Store) -> None:
    for number, repository in enumerate(["/shop", "/bank", "/shop"]):
        record(store, an_outcome(run_id=f"run-{number}", started_at=at(number)), repository=repository)

    assert [run.run_id for run in recent_runs(store)] == ["run-2", "run-1", "run-0"]
    assert [run.run_id for run in recent_runs(store, repository="/shop")] == ["run-2", "run-0"]
    assert [run.run_id for run in recent_runs(store, limit=1)] == ["run-2"]
    assert (recent_runs(store)[0].landed, recent_runs(store)[0].tasks) == (2, 5)
    assert recent_runs(store)[0].started_at == at(2)


def test_a_prefix_finds_its_only_run_and_names_the_candidates_of_several(store: Store) -> None:
    for name in ["abc1", "abc2", "abc", "xyz", "a%c"]:
        record(store, an_outcome(run_id=name))

    assert find_outcome(store, "x") == an_outcome(run_id="xyz")
    assert find_outcome(store, "abc") == an_outcome(run_id="abc"), "a whole id is never ambiguous"
    assert find_outcome(store, "a%") == an_outcome(run_id="a%c")
    assert find_outcome(store, "X") is None
    assert find_outcome(store, "nothing") is None
    with pytest.raises(CallError, match=r"abc2 \(cart, 2026-11-20 09:00\)"):
        find_outcome(store, "ab")
    with pytest.raises(CallError, match="empty"):
        find_outcome(store, "")


def test_the_latest_run_is_of_its_repository_and_feature(store: Store) -> None:
    record(store, an_outcome(run_id="old"))
    record(store, an_outcome(run_id="new", started_at=at(5)))
    record(store, an_outcome(run_id="other", feature="login", started_at=at(9)))

    assert latest_run(store, "/shop", "cart") == an_outcome(run_id="new", started_at=at(5))
    assert latest_run(store, "/shop") == an_outcome(run_id="other", feature="login", started_at=at(9))
    assert latest_run(store, "/elsewhere") is None


def test_durations_are_those_of_checked_work(store: Store) -> None:
    record(store, an_outcome(), API=TaskWork(planned_seconds=50, actual_seconds=55.5), PAGE=TaskWork(10, 10))

    assert role_durations(store, "/shop") == (
        RoleDuration("architect", "MODEL", None, 40.0),
        RoleDuration("backend", "API", 50.0, 55.5),
        RoleDuration("qa", "TESTS", None, 50.0),
    )
    assert role_durations(store, "/shop", "backend") == (RoleDuration("backend", "API", 50.0, 55.5),)
    assert role_durations(store, "/elsewhere") == ()


def test_a_record_counts_what_agents_brought_to_an_end(store: Store) -> None:
    record(store, an_outcome())
    record(store, an_outcome(run_id="again", started_at=at(5)))

    records = {entry.role: (entry.succeeded, entry.tried) for entry in role_records(store, "/shop")}
    counted = {"done": 1, "landed": 1, "held": 1, "failed": 0}
    expected = dict[str, tuple[int, int]]()
    for task in an_outcome().tasks:
        if task.tries and task.agent and task.state in counted:
            good, all_ = expected.get(task.role, (0, 0))
            expected[task.role] = good + 2 * counted[task.state], all_ + 2
    assert records == expected
    assert role_records(store, "/elsewhere") == ()


def test_verifications_are_those_of_the_newest_batches_that_had_any(store: Store) -> None:
    first = (a_batch("batch-1", ended_at=at(160)), a_batch("batch-2", verifications=3, ended_at=at(190)))
    record(store, an_outcome(run_id="old", batches=first))
    later = (a_batch("batch-1", verifications=0), a_batch("batch-2", ended_at=None), a_batch("batch-3"))
    record(store, an_outcome(run_id="new", started_at=at(9), batches=later))

    assert batch_durations(store, "/shop") == (BatchDuration(20, 1), BatchDuration(90, 3), BatchDuration(60, 1))
    assert batch_durations(store, "/shop", limit=2) == (BatchDuration(20, 1), BatchDuration(90, 3))
    assert batch_durations(store, "/elsewhere") == ()


def test_many_threads_read_and_write_at_once(store: Store) -> None:
    def work(number: int) -> None:
        record(store, an_outcome(run_id=f"run-{number}", started_at=at(number)))
        recent_runs(store)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(32)))

    assert len(recent_runs(store, limit=100)) == 32


def test_many_that_open_an_empty_store_at_once_make_it_once(store_url: str) -> None:
    def work(number: int) -> None:
        with open_store(store_url) as store:
            record(store, an_outcome(run_id=f"run-{number}"))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))

    with open_store(store_url) as store:
        assert len(recent_runs(store)) == 8


def test_the_migrated_schema_is_the_one_of_the_tables(store: Store) -> None:
    with store.engine.connect() as connection:
        options = {"version_table": VERSION_TABLE, "compare_type": True}
        context = MigrationContext.configure(connection, opts=options)

        assert compare_metadata(context, Row.metadata) == []


def test_what_agents_used_up_is_kept_as_far_as_they_told(store: Store) -> None:
    used = Usage(input_tokens=2**40, output_tokens=7, usd=0.25, turns=3, model="opus", session="s-1", exact=False)
    tasks = (a_task("MODEL").model_copy(update={"usage": used}), a_task("API"))
    record(store, an_outcome(tasks=tasks))

    found = find_outcome(store, "run-0001")

    assert found is not None
    assert [task.usage for task in found.tasks] == [used, None]


@pytest.mark.parametrize("version", VERSIONS[:-1])
def test_a_store_of_an_older_plait_is_brought_to_this_version_with_all_that_is_in_it(
    store_url: str, version: str
) -> None:
    tasks = tuple(a_task(name) for name in ("MODEL", "API"))
    a_store_of(version, store_url, an_outcome(tasks=tasks, batches=()))

    with open_store(store_url) as store:
        assert find_outcome(store, "run-0001") == an_outcome(tasks=tasks, batches=())
        assert role_durations(store, "/shop", "backend") == tuple(
            RoleDuration("backend", name, None, 60.0) for name in ("MODEL", "API")
        )
        with store.engine.connect() as connection:
            assert connection.execute(text(READ_VERSION)).scalar() == HEAD


def test_a_store_of_a_newer_plait_is_left_alone(store: Store, store_url: str) -> None:
    with store.writing() as session:
        session.connection().execute(text("UPDATE plait_version SET version_num = '9999'"))

    with pytest.raises(StoreTooNew, match="schema 9999") as caught:
        open_store(store_url)

    assert caught.value.hint == "upgrade plait, or name another store"


def test_tables_of_somebody_else_are_left_alone(store: Store, store_url: str) -> None:
    with store.writing() as session:
        session.connection().execute(text("DROP TABLE plait_version"))

    with pytest.raises(StoreDamaged, match="already exists"):
        open_store(store_url)


def test_what_reading_changes_is_not_kept(store: Store) -> None:
    record(store, an_outcome())
    with store.reading() as session:
        session.connection().execute(text("DELETE FROM runs"))

    assert find_outcome(store, "run-0001") == an_outcome()


def test_a_finished_task_that_nothing_ever_ended_counts_for_no_duration(store: Store) -> None:
    record(store, an_outcome(tasks=(a_task("A", end=None), a_task("B", start=None, state=TaskState.DONE))))

    assert role_durations(store, "/shop") == ()
