"""Opening a store: what goes wrong, what it says, and that it is quick."""

import pickle
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import event

import plait.store.engine
from plait.plans.errors import CallError
from plait.store.engine import Store, open_store
from plait.store.errors import StoreDamaged, StoreFull, StoreLocked, StoreUnreachable
from plait.store.history import find_outcome, recent_runs, record_run
from plait.store.moments import from_milliseconds, to_milliseconds
from plait.store.versions import VERSIONS
from tests.support.outcomes import a_task, an_outcome, at


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "plait.db"


def record(store: Store, name: str) -> None:
    record_run(store, an_outcome(run_id=name), repository="/shop", plan_hash="hash")


@contextmanager
def somebody_writing(file: Path) -> Iterator[None]:
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield


@pytest.mark.parametrize("name", ["plait.db", "a folder/the store.db", "what?now#50%25.db", "новый/магазин.db"])
def test_a_file_of_any_name_is_made_with_its_folder(tmp_path: Path, name: str) -> None:
    open_store(tmp_path / name).close()

    assert (tmp_path / name).is_file()


def test_a_store_at_head_opens_without_alembic_which_is_what_takes_long(file: Path) -> None:
    open_store(file).close()
    script = (
        "import sys, pathlib; from plait.store.engine import open_store;"
        "open_store(pathlib.Path(sys.argv[1])).close(); print('alembic' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script, file], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False"


def test_the_known_versions_are_those_of_the_migrations() -> None:
    scripts = ScriptDirectory(str(Path(plait.store.engine.__file__).parent / "migrations"))

    assert tuple(reversed([script.revision for script in scripts.walk_revisions()])) == VERSIONS


def test_sqlite_is_opened_for_many_processes(file: Path) -> None:
    with open_store(file) as store, store.reading() as session:
        pragmas = {
            name: session.connection().exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ["journal_mode", "foreign_keys", "busy_timeout"]
        }

    assert pragmas == {"journal_mode": "wal", "foreign_keys": 1, "busy_timeout": 10_000}


def test_processes_that_open_an_empty_store_at_once_make_it_once(file: Path) -> None:
    script = (
        "import sys, pathlib; from plait.store.engine import open_store; sys.stdin.read();"
        "open_store(pathlib.Path(sys.argv[1])).close()"
    )
    many = [
        subprocess.Popen([sys.executable, "-c", script, file], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    for process in many:
        assert process.stdin is not None
        process.stdin.close()
    complaints = [process.stderr.read() for process in many if process.stderr]

    assert [process.wait(timeout=60) for process in many] == [0] * 4, complaints
    assert complaints == [""] * 4


def test_readers_do_not_wait_for_a_writer(file: Path) -> None:
    with open_store(file, busy_seconds=0.1) as store:
        record(store, "run-1")
        with somebody_writing(file):
            assert len(recent_runs(store)) == 1


def test_a_writer_waits_for_another(file: Path) -> None:
    with open_store(file, busy_seconds=60) as store, ThreadPoolExecutor(1) as pool:
        record(store, "run-1")
        with somebody_writing(file):
            writing = pool.submit(record, store, "run-2")
            assert wait((writing,), timeout=0.3).not_done
        writing.result()

        assert [run.run_id for run in recent_runs(store)] == ["run-2", "run-1"]


def test_a_writer_that_has_waited_long_enough_says_that_it_is_locked(file: Path) -> None:
    with open_store(file, busy_seconds=0.2) as store:
        record(store, "run-1")
        with somebody_writing(file), pytest.raises(StoreLocked, match="is locked") as caught:
            record(store, "run-2")

        assert str(file) in str(caught.value)
        assert [run.run_id for run in recent_runs(store)] == ["run-1"]


def test_a_full_disk_loses_nothing_that_was_there(file: Path) -> None:
    with open_store(file) as store:
        record(store, "run-1")

        def no_more_pages(connection: sqlite3.Connection, _record: object) -> None:
            pages = connection.execute("PRAGMA page_count").fetchone()[0]
            connection.execute(f"PRAGMA max_page_count = {pages}")

        event.listen(store.engine, "connect", no_more_pages)
        big = an_outcome(tasks=tuple(a_task(f"T{number}", reason="x" * 5000) for number in range(50)))
        with pytest.raises(StoreFull, match="disk is full"):
            record_run(store, big, repository="/shop", plan_hash="hash")
        event.remove(store.engine, "connect", no_more_pages)

        assert find_outcome(store, "run-1") == an_outcome(run_id="run-1")
        assert find_outcome(store, "run-0001") is None


@pytest.mark.parametrize("content", [b"not a database at all, " * 50, b"SQLite format 3\0" + b"\xff" * 4000])
def test_a_file_that_is_no_store_is_refused_and_left_as_it_was(file: Path, content: bytes) -> None:
    file.write_bytes(content)

    with pytest.raises((StoreDamaged, StoreUnreachable)) as caught:
        open_store(file)

    assert caught.value.hint
    assert file.read_bytes() == content


def test_a_place_that_cannot_be_written_is_unreachable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(StoreUnreachable, match="cannot be made"):
        open_store(tmp_path / "file" / "plait.db")
    with pytest.raises(StoreUnreachable, match="unable to open"):
        open_store(tmp_path)


@pytest.mark.parametrize(
    "url",
    ["", "nonsense", "mysql://root@host/db", "sqlite://", "sqlite:///:memory:", "postgresql://h:port/db", "http://x"],
)
def test_a_url_that_is_none_of_ours_is_a_wrong_call(url: str) -> None:
    with pytest.raises(CallError) as caught:
        open_store(url)

    assert caught.value.hint


def closed_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:s3cret@127.0.0.1:{port}/plait",
        "postgres://me:s3cret@127.0.0.1:{port}/plait",
        "postgresql://127.0.0.1:{port}/plait?user=me&password=s3cret",
        "postgresql://me:s3cret@127.0.0.1:{port}/plait?nonsense=s3cret",
        "postgresql://me:s3cret@host:s3cret/plait",
        "mysql://me:s3cret@host/plait",
        "sqlite+s3://me:s3cret@host/plait",
    ],
)
def test_no_message_shows_the_password(url: str) -> None:
    with pytest.raises((StoreUnreachable, CallError)) as caught:
        open_store(url.format(port=closed_port()))

    assert "s3cret" not in f"{caught.value} {caught.value.hint} {caught.value!r}"
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_a_server_that_does_not_answer_is_named() -> None:
    port = closed_port()

    with pytest.raises(StoreUnreachable, match=f"127.0.0.1:{port}/plait cannot be used: .*refused"):
        open_store(f"postgresql://me@127.0.0.1:{port}/plait")


def test_a_problem_survives_pickling() -> None:
    problem = pickle.loads(pickle.dumps(StoreLocked("locked", "wait")))  # noqa: S301 - our own bytes

    assert (type(problem), problem.message, problem.hint) == (StoreLocked, "locked", "wait")


def test_moments_are_whole_milliseconds_and_have_a_zone() -> None:
    assert to_milliseconds(at(0.000999)) == to_milliseconds(at(0))
    assert from_milliseconds(to_milliseconds(at(1.5))) == at(1.5)
    with pytest.raises(ValueError, match="no time zone"):
        to_milliseconds(at(0).replace(tzinfo=None))


def test_killed_in_the_middle_of_recording_the_old_run_stays(file: Path) -> None:
    script = (
        "import os, sys, pathlib; from sqlalchemy import event; from plait.store.engine import open_store;"
        "from tests.store.test_engine import record; store = open_store(pathlib.Path(sys.argv[1]));"
        "event.listen(store.engine, 'commit', lambda connection: os.kill(os.getpid(), 9)); record(store, 'run-2')"
    )
    with open_store(file) as store:
        record(store, "run-1")
    done = subprocess.run([sys.executable, "-c", script, file], cwd=Path(__file__).parents[2], check=False)

    assert done.returncode == -9
    with open_store(file) as store:
        assert [run.run_id for run in recent_runs(store)] == ["run-1"]
