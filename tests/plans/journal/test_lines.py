"""The lines of a journal: whatever was heard comes back the same, bounded; what is not a journal is refused."""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plait.flows.journal_file import JOURNAL, JournalFile, kept_journal
from plait.plans.accounts.pauses import AccountPause
from plait.plans.errors import CallError, EnvironmentProblem
from plait.plans.journal.events import (
    BaseSeen,
    BaseVerified,
    BatchBroken,
    BatchDone,
    BatchEnded,
    BatchSettled,
    BatchStopped,
    Beat,
    Begin,
    BranchPutAside,
    BroughtToBase,
    Close,
    EditionCompared,
    Event,
    NoteTold,
    Pause,
    ProgramBroke,
    RecordsRead,
    RecordWritten,
    RepairFound,
    RepairTaken,
    Resume,
    ReviewAnswered,
    ReviewEnded,
    ReviewMissing,
    ReviewSaid,
    StartConflicted,
    StartPrepared,
    Stop,
    Tick,
    TipMoved,
    WorkDone,
    WorkEnded,
    WorkFailed,
    WorkPutOff,
    WorkRefused,
    WorkStopped,
    WorkUnprepared,
)
from plait.plans.journal.fitting import fitting
from plait.plans.journal.lines import VERSION, first_line, line_of, read_journal
from plait.plans.journal.manifest import EarlierWork, Manifest, PastEffort, TaskFacts
from plait.plans.language.secret_values import secret_values
from plait.plans.tasks.base_outcome import BaseOutcome
from plait.plans.tasks.base_standing import BaseStanding
from plait.plans.tasks.edition_change import EditionChange
from plait.plans.tasks.outcomes import BatchOutcome, BatchState, Held, Rejection, Span
from plait.plans.tasks.planned_contracts import PlannedContract, Record
from plait.plans.tasks.work import BaseReport, BatchReport, Rework, Unlanded
from plait.plans.usage import Usage
from plait.workspace.redacting import Redactor
from tests.plans.run.played import manifest_from

WORD = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
ODD = st.text(max_size=12)
"""Names of files that are no UTF-8 have half characters in them."""
SECONDS = st.floats(0, 9e9, allow_nan=False)
MOMENT = st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC), allow_imaginary=False)
SMALL = st.integers(0, 99)
MAYBE = st.none() | WORD


def tuples(of: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(of, max_size=3).map(tuple)


def tables(of: st.SearchStrategy[Any]) -> st.SearchStrategy[Mapping[str, Any]]:
    return st.dictionaries(WORD, of, max_size=3)


USAGE = st.none() | st.builds(Usage, turns=st.none() | SMALL, usd=st.none() | st.floats(0, 9), model=MAYBE)
SPANS = tuples(st.builds(Span, started_at=MOMENT, ended_at=MOMENT, repair=SMALL, ok=st.booleans(), agent=MAYBE))
RECORD = st.builds(
    Record, WORD, SMALL, st.sampled_from(["draft", "approved", "rejected"]), WORD, WORD, WORD, WORD, WORD, WORD
)
REJECTION = st.builds(
    Rejection,
    task=WORD,
    kind=st.sampled_from(["conflict", "pair", "base-red"]),
    partner=MAYBE,
    files=tuples(WORD),
    reason=WORD,
)
OUTCOME = st.builds(
    BatchOutcome,
    id=WORD,
    state=st.sampled_from(BatchState),
    commit=MAYBE,
    tree=MAYBE,
    verifications=SMALL,
    verified=st.booleans(),
    landed=tuples(WORD),
    rejected=tuples(REJECTION),
    held=tuples(st.builds(Held, task=WORD, by=WORD)),
    started_at=st.none() | MOMENT,
    ended_at=st.none() | MOMENT,
)
REPORT = st.builds(
    BatchReport,
    outcome=OUTCOME,
    rework=tuples(st.builds(Rework, WORD, WORD, MAYBE, MAYBE, tuples(ODD), ODD, tuples(WORD))),
    tip=MAYBE,
    land_by_hand=st.none() | ODD,
    unlanded=st.none() | st.builds(Unlanded, WORD, tuples(WORD), st.frozensets(WORD, max_size=3)),
    overtaken=st.booleans(),
)
WORK = (
    st.builds(WorkDone, MAYBE, SMALL, tables(WORD))
    | st.builds(WorkFailed, WORD, st.booleans())
    | st.builds(WorkStopped)
    | st.builds(WorkPutOff, WORD)
    | st.builds(WorkRefused, st.sampled_from(["quota", "login", "overload"]), WORD, st.none() | SECONDS)
    | st.builds(WorkUnprepared, WORD)
)
EVENTS: Mapping[type, st.SearchStrategy[Any]] = {
    Begin: st.builds(Begin),
    Tick: st.builds(Tick, st.none() | tables(SMALL)),
    Beat: st.just(Beat()),
    StartPrepared: st.builds(StartPrepared, WORD, WORD),
    StartConflicted: st.builds(StartConflicted, WORD, tuples(WORD), st.booleans()),
    WorkEnded: st.builds(WorkEnded, WORD, WORK, SMALL, tuples(WORD), USAGE, tables(SECONDS)),
    NoteTold: st.builds(NoteTold, WORD, WORD, WORD),
    ProgramBroke: st.builds(ProgramBroke, WORD, WORD, WORD),
    BatchSettled: st.builds(BatchSettled, WORD, tuples(WORD), WORD),
    BatchEnded: st.builds(
        BatchEnded,
        WORD,
        st.builds(BatchDone, REPORT) | st.builds(BatchStopped) | st.builds(BatchBroken, WORD),
    ),
    BranchPutAside: st.builds(BranchPutAside, WORD, SMALL, MAYBE, MAYBE),
    BaseVerified: st.builds(
        BaseVerified, st.builds(BaseReport, st.sampled_from(["green", "red", "unknown"]), ODD, SECONDS)
    ),
    RepairFound: st.builds(RepairFound, WORD, WORD),
    RepairTaken: st.builds(
        RepairTaken,
        WORD,
        SMALL,
        st.one_of(
            st.builds(WorkDone, MAYBE, SMALL, tables(WORD)),
            st.builds(WorkFailed, WORD, st.booleans()),
            st.builds(WorkStopped),
        ),
        WORD,
    ),
    ReviewEnded: st.builds(
        ReviewEnded,
        WORD,
        SMALL,
        st.one_of(
            st.builds(ReviewSaid, st.booleans(), st.floats(0, 10), WORD),
            st.builds(ReviewMissing, WORD),
            st.builds(WorkStopped),
        ),
    ),
    ReviewAnswered: st.builds(ReviewAnswered, WORD, WORD, st.booleans(), WORD, WORD),
    RecordWritten: st.builds(RecordWritten, RECORD),
    RecordsRead: st.builds(RecordsRead, tables(tuples(RECORD)), WORD),
    Pause: st.builds(Pause, WORD),
    Resume: st.builds(Resume, WORD),
    Stop: st.builds(Stop, WORD, st.booleans()),
    Close: st.builds(Close),
    TipMoved: st.builds(TipMoved, MAYBE, tuples(WORD), tuples(WORD), st.booleans()),
    EditionCompared: st.builds(EditionCompared, st.builds(EditionChange, before=WORD, commit=WORD, paths=tuples(WORD))),
    BroughtToBase: st.builds(
        BroughtToBase,
        st.builds(BaseOutcome, feature=WORD, state=st.sampled_from(["landed", "refused"]), base=WORD, reason=MAYBE),
    ),
    BaseSeen: st.builds(
        BaseSeen, st.builds(BaseStanding, name=WORD, course=st.sampled_from(["same", "behind", "gone"]))
    ),
}
NEEDS = tuples(tuples(WORD))
FACTS = st.builds(
    TaskFacts,
    id=WORD,
    role=WORD,
    branch=WORD,
    title=WORD,
    needs=NEEDS,
    seconds=SECONDS,
    planned_seconds=st.none() | SECONDS,
    dispatch_priority=SMALL,
    merge_priority=SMALL,
    uses=tables(SMALL),
    fallback=tuples(WORD),
    phase=MAYBE,
    writes=tuples(WORD),
    contracts=tuples(WORD),
    information=tuples(WORD),
    outputs=tuples(WORD),
    is_command=st.booleans(),
    members=tuples(WORD),
)
EARLIER = st.builds(EarlierWork, MAYBE, st.booleans(), tuples(WORD), MAYBE, tables(SMALL), tables(WORD))
MANIFESTS = st.builds(
    Manifest,
    run=WORD,
    feature=WORD,
    branch=WORD,
    base=WORD,
    tasks=tuples(FACTS),
    slots=tables(SMALL),
    started_at=SECONDS,
    tip=MAYBE,
    resources=tables(SMALL),
    urgency=st.none() | tables(SECONDS),
    ready=st.floats(0, 1),
    wait=SECONDS | st.just(float("inf")),
    repairs=SMALL,
    contracts=tuples(
        st.builds(
            PlannedContract,
            WORD,
            SMALL,
            MAYBE,
            tuples(WORD),
            tuples(WORD),
            tuples(WORD),
            tuples(WORD),
            tuples(WORD),
            st.booleans(),
        )
    ),
    phases=NEEDS,
    records=tables(tuples(RECORD)),
    earlier=tables(EARLIER),
    outputs=tables(tuples(WORD)),
    redone=tuples(WORD),
    sent_back=tables(EARLIER),
    past=tables(st.builds(PastEffort, SMALL, SPANS, USAGE)),
    salvage=tuples(WORD),
    unsupported=tuples(WORD),
    paused_by=MAYBE,
    accounts=tables(WORD),
    account_pauses=tables(
        st.builds(AccountPause, st.sampled_from(["quota", "login", "overload"]), WORD, SECONDS, SECONDS, st.booleans())
    ),
    quota_wait=SECONDS,
)

SMALLEST = manifest_from("tasks: [{id: A, run: echo}]")
HEAD = first_line(SMALLEST)
RECORDED = Record("api", 1, "draft", "c0ffee", "f00d")
LANDED = BatchEnded("b", BatchDone(BatchReport(BatchOutcome(id="b"))))


def test_every_kind_of_event_is_drawn() -> None:
    assert set(EVENTS) == set(Event.__args__)  # type: ignore[attr-defined]


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(at=SECONDS, event=st.one_of(*EVENTS.values()))
def test_whatever_was_heard_comes_back_the_same(at: float, event: Event) -> None:
    (entry,) = read_journal(HEAD + line_of(at, event)).entries

    assert (entry.at, entry.event) == (at, event)


@pytest.mark.parametrize("kind", EVENTS)
def test_each_kind_of_event_is_one_line(kind: type) -> None:
    @settings(max_examples=10, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(event=EVENTS[kind])
    def holds(event: Event) -> None:
        line = line_of(1.5, event)
        assert line.endswith("\n")
        assert "\n" not in line[:-1]
        assert json.loads(line)["event"]["kind"] == event.kind

    holds()


@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(manifest=MANIFESTS)
def test_what_a_run_began_with_comes_back_the_same(manifest: Manifest) -> None:
    assert read_journal(first_line(manifest)).manifest == manifest


# What a kill leaves.


def test_half_a_line_at_the_end_is_passed_over() -> None:
    whole = HEAD + line_of(1.0, Begin())

    for torn in range(1, len(line_of(2.0, Close()))):
        journal = read_journal(whole + line_of(2.0, Close())[:torn])
        assert [entry.event for entry in journal.entries] == [Begin()]
        assert not journal.is_closed


def test_a_run_that_came_to_its_end_is_closed_also_when_its_specs_got_their_history_after_that() -> None:
    closed = HEAD + line_of(1.0, Begin()) + line_of(2.0, Close())

    assert read_journal(closed).is_closed
    specs = closed + line_of(3.0, TipMoved("x"))
    brought = BroughtToBase(BaseOutcome(feature="x", state="landed", base="main"))
    assert read_journal(closed + line_of(3.0, brought)).is_closed
    assert read_journal(specs).is_closed
    assert read_journal(specs + line_of(4.0, TipMoved(None, lost=("A",), by_somebody=True))).is_closed
    assert not read_journal(HEAD).is_closed


# What is no journal.


@pytest.mark.parametrize("line", ["{}", "nonsense", '{"at":1}', '{"at":"x","event":{"kind":"begin"}}', "[]", ""])
def test_a_damaged_line_is_named(line: str) -> None:
    text = HEAD + line_of(1.0, Begin()) + line + "\n" + line_of(2.0, Close())

    with pytest.raises(CallError, match="damaged in line 3") as raised:
        read_journal(text)

    assert raised.value.hint == "what is before that line is sound"


NEWS = {
    "a kind of event": line_of(1.0, Begin()).replace("begin", "flood"),
    "a kind of result": line_of(1.0, WorkEnded("A", WorkStopped())).replace("stopped", "lent out"),
    "a field of an event": line_of(1.0, Tick()).replace('"room"', '"closed_backends":["x"],"room"'),
    "a field of a part": line_of(1.0, WorkEnded("A", WorkFailed("no"))).replace('"reason"', '"blame":1,"reason"'),
    "a field of a record": line_of(1.0, RecordWritten(RECORDED)).replace('"oid"', '"signed":1,"oid"'),
    "a field of a report": line_of(1.0, LANDED).replace('"rework"', '"forecast":1,"rework"'),
    "a field of an outcome": line_of(1.0, LANDED).replace('"held"', '"waived":[],"held"'),
    "a field of a usage": line_of(1.0, WorkEnded("A", WorkStopped(), usage=Usage(turns=1))).replace(
        '"turns"', '"watts":3,"turns"'
    ),
    "a state": line_of(1.0, LANDED).replace('"building"', '"rehearsing"'),
    "a status": line_of(1.0, RecordWritten(RECORDED)).replace('"draft"', '"contested"'),
    "something beside the event": line_of(1.0, Begin()).replace('"at"', '"by":"ann","at"'),
}


@pytest.mark.parametrize("line", NEWS.values(), ids=NEWS)
def test_what_a_newer_plait_has_written_is_never_misread(line: str) -> None:
    with pytest.raises(CallError, match="says something in line 3 that this plait does not know") as raised:
        read_journal(HEAD + line_of(1.0, Begin()) + line)

    assert raised.value.hint == "read it with the version of plait that wrote it, or a newer one"


@pytest.mark.parametrize("place", ['"manifest":', '"run":', '"role":'])
def test_what_a_run_of_a_newer_plait_began_with_is_not_misread_either(place: str) -> None:
    with pytest.raises(CallError, match="in line 1 that this plait does not know"):
        read_journal(HEAD.replace(place, f'"mood":1,{place}', 1))


def test_a_journal_of_a_later_version_is_refused_with_a_way_out() -> None:
    later = HEAD.replace(f'"journal":{VERSION}', f'"journal":{VERSION + 1}')

    with pytest.raises(CallError, match=f"has version {VERSION + 1}, and this plait knows {VERSION}") as raised:
        read_journal(later)

    assert raised.value.hint == "read it with the version of plait that wrote it, or a newer one"


@pytest.mark.parametrize("text", ["", "\n", "[]\n", '{"journal":"1"}\n', '{"journal":0}\n', "no json\n"])
def test_what_is_no_journal_is_told_apart(text: str) -> None:
    with pytest.raises(CallError, match="not the journal of a run") as raised:
        read_journal(text)

    assert raised.value.hint is not None
    assert JOURNAL in raised.value.hint


def test_a_beginning_without_a_manifest_is_a_damage_in_line_1() -> None:
    with pytest.raises(CallError, match="damaged in line 1"):
        read_journal(f'{{"journal":{VERSION},"manifest":{{}}}}\n')


# What is kept is without secrets.


def test_the_values_of_secrets_are_taken_out_the_longest_first() -> None:
    environment = {
        "API_KEY": "abcdefgh",
        "GITHUB_TOKEN": "abcdefgh-and-more",
        "my_password": "hunter22222",
        "EDITOR": "vim-vim-vim",
        "SHORT_SECRET": "1234567",
        "DATABASE": "postgres://me",
        "UNSET_IN_CREW": "",
    }
    redact = Redactor(secret_values(environment, allowed=["DATABASE", "ABSENT"]))

    assert redact("abcdefgh-and-more abcdefgh hunter22222") == "*** *** ***"
    assert redact("postgres://me") == "***", "agents get it, whatever it is called"
    assert redact("vim-vim-vim 1234567") == "vim-vim-vim 1234567"


@pytest.mark.parametrize("name", ["MY_KEY", "TOKEN", "A_SECRET_B", "PASSWD", "CREDENTIALS", "oauth"])
def test_a_variable_is_a_secret_by_its_name(name: str) -> None:
    assert Redactor(secret_values({name: "12345678"}))("a 12345678 b") == "a *** b"


def test_reasons_can_be_printed_and_written_whatever_they_quote() -> None:
    event = fitting(WorkEnded("A", WorkFailed("it changed \x1b[2Jbad\udcff")), Redactor())

    line = line_of(1.0, event)
    assert "\\u001b" not in line
    assert "\x1b" not in line
    assert "\udcff" not in line
    line.encode()


# The file.


def test_a_journal_is_written_line_by_line_and_read_again(tmp_path: Path) -> None:
    file = JournalFile.begin(tmp_path, SMALLEST)
    file.append(1.0, Begin())
    beside = kept_journal(tmp_path)
    file.append(2.0, Close())
    file.close()
    file.append(3.0, Tick())

    assert beside is not None
    assert [entry.event for entry in beside.entries] == [Begin()]
    journal = kept_journal(tmp_path)
    assert journal is not None
    assert (journal.manifest, [entry.at for entry in journal.entries]) == (SMALLEST, [1.0, 2.0])
    assert (tmp_path / JOURNAL).stat().st_mode & 0o077 == 0


def test_a_run_has_one_journal_and_runs_of_older_versions_none(tmp_path: Path) -> None:
    assert kept_journal(tmp_path) is None
    JournalFile.begin(tmp_path, SMALLEST).close()

    with pytest.raises(FileExistsError):
        JournalFile.begin(tmp_path, SMALLEST)


def test_a_journal_that_cannot_be_written_breaks_the_run_and_has_no_hole() -> None:
    full = os.fdopen(os.open("/dev/full", os.O_WRONLY), "w", encoding="utf-8")
    file = JournalFile(full)
    with pytest.raises(EnvironmentProblem, match="cannot be written: No space left on device"):
        file.append(1.0, Begin())
    file.append(2.0, Tick())  # nothing is written from then on
    file.close()
    with suppress(OSError):  # what was not written is tried once more
        full.close()


@pytest.mark.parametrize("at", ["-1", "1e11", "Infinity", "NaN", "true", '"12"', "null"])
def test_a_time_that_no_clock_shows_is_damage(at: str) -> None:
    with pytest.raises(CallError, match="damaged in line 2"):
        read_journal(HEAD + line_of(1.0, Begin()).replace('"at":1.0', f'"at":{at}'))


def test_a_line_that_is_nested_without_an_end_is_damage() -> None:
    with pytest.raises(CallError, match="damaged in line 2"):
        read_journal(HEAD + "[" * 100_000 + "\n")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GIT_AUTHOR_NAME", "Jane Developer"),
        ("XAUTHORITY", "/root/.Xauthority"),
        ("GNOME_KEYRING_CONTROL", "/run/keyring"),
        ("OLDPWD", "somewhere"),
        ("BYPASSED", "productions"),
    ],
)
def test_names_that_only_look_like_those_of_secrets_are_left_alone(name: str, value: str) -> None:
    assert Redactor(secret_values({name: value}))(f"it says {value}") == f"it says {value}"


def test_a_word_or_a_path_that_agents_are_given_is_no_secret() -> None:
    variables = {"NODE_ENV": "production", "PLACE": "/home/ann/work", "DSN": "db://u:p4ss@h"}
    clean = Redactor(secret_values(variables, variables))

    assert clean("production in /home/ann/work at db://u:p4ss@h") == "production in /home/ann/work at ***"


def test_a_secret_of_several_lines_is_taken_out_line_by_line() -> None:
    key = "-----BEGIN-----\nabcdefghijkl\nmnopqrstuvwx\n"

    assert Redactor(secret_values({"DEPLOY_KEY": key}))("it printed\nabcdefghijkl\nfirst") == "it printed\n***\nfirst"


def test_a_line_that_is_torn_within_a_sign_is_passed_over(tmp_path: Path) -> None:
    file = JournalFile.begin(tmp_path, SMALLEST)
    file.append(1.0, Begin())
    file.close()
    with (tmp_path / JOURNAL).open("ab") as journal:
        journal.write('{"at":2,"event":{"by":"\u00e4'.encode()[:-1])

    kept = kept_journal(tmp_path)

    assert kept is not None
    assert [entry.event for entry in kept.entries] == [Begin()]


def test_a_run_that_was_killed_in_its_first_moment_has_left_no_journal(tmp_path: Path) -> None:
    (tmp_path / JOURNAL).write_text('{"journal":1,"mani')

    assert kept_journal(tmp_path) is None
