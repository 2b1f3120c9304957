"""What of an event is heard and kept: bounded and without secrets, whatever it is, and as it is written."""

import types
from collections.abc import Iterator, Mapping
from dataclasses import is_dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import AwareDatetime, BaseModel

from plait.plans.journal.events import (
    BatchBroken,
    BatchDone,
    BatchEnded,
    BatchSettled,
    BranchPutAside,
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
    StartConflicted,
    StartPrepared,
    Stop,
    Tick,
    TipMoved,
    WorkDone,
    WorkEnded,
    WorkFailed,
    WorkPutOff,
    WorkUnprepared,
)
from plait.plans.journal.fitting import LONGEST, TEXTS, cut_text, fitting
from plait.plans.journal.lines import first_line, line_of, read_journal
from plait.plans.journal.manifest import Manifest, PastEffort
from plait.plans.tasks.base_outcome import BaseOutcome, PushedBranch
from plait.plans.tasks.base_standing import BaseStanding
from plait.plans.tasks.edition_change import EditionChange
from plait.plans.tasks.outcomes import (
    BatchOutcome,
    ChainBranch,
    Held,
    Rejection,
    SettledFile,
    StageOutcome,
    VerifiedTree,
    WeakenedTest,
)
from plait.plans.tasks.planned_contracts import Record
from plait.plans.tasks.work import BatchReport, Rework, Unlanded
from plait.plans.usage import Usage
from tests.plans.run.played import manifest_from

HEAD = first_line(manifest_from("tasks: [{id: A, run: echo}]"))
SECRET = "hunter22222"
LONG = "x" * 3 * LONGEST

NAMES: Mapping[type, set[str]] = {
    BaseOutcome: {"feature", "base", "way", "old", "commit", "tree", "verified", "tasks", "remote", "edition"},
    BaseStanding: {"name", "ref", "now", "began", "rests_on", "landed_as", "refresh", "edition"},
    EditionChange: {"commit", "before", "landed_now", "not_landed_now"},
    BatchEnded: {"batch"},
    BatchSettled: {"batch", "landed", "tip"},
    BatchOutcome: {"id", "commit", "tree", "landed", "acquitted", "onto"},
    BatchReport: {"tip", "spent"},
    BranchPutAside: {"task", "kept"},
    ChainBranch: {"task", "tip", "commit"},
    Held: {"task", "by"},
    NoteTold: {"task"},
    ProgramBroke: {"task", "role"},
    PushedBranch: {"branch", "commit"},
    Record: {"contract", "commit", "content", "owner", "oid"},
    RecordsRead: {"records", "refused"},
    Rejection: {"task", "partner", "presets"},
    RepairFound: {"task", "commit"},
    RepairTaken: {"task"},
    ReviewAnswered: {"task", "commit"},
    ReviewEnded: {"task"},
    Rework: {"task", "kind", "partner", "partner_commit"},
    SettledFile: {"task", "by"},
    StageOutcome: {"name", "log"},
    StartConflicted: {"task"},
    StartPrepared: {"task", "commit"},
    Tick: {"room"},
    TipMoved: {"tip", "lost", "landed"},
    Unlanded: {"onto", "tasks", "mates"},
    VerifiedTree: {"branches", "tree", "contracts"},
    WeakenedTest: {"task"},
    WorkDone: {"commit", "contents"},
    WorkEnded: {"task", "salvage", "spent"},
}
"""What the machine finds things by, and plan and git keep short."""


def hide(text: str) -> str:
    return text.replace(SECRET, "***")


def unchanged(text: str) -> str:
    return text


# Events, drawn from their types: a new field is drawn without anybody thinking of it.


def hints_of(kind: type) -> dict[str, Any]:
    """The fields of a part of an event, each with its type."""
    hints = get_type_hints(kind, include_extras=True)
    known = kind.model_fields if issubclass(kind, BaseModel) else kind.__dataclass_fields__  # type: ignore[attr-defined]
    return {name: hints[name] for name in known}


def is_part(form: Any) -> bool:
    return isinstance(form, type) and (is_dataclass(form) or issubclass(form, BaseModel))


def parts_of(form: Any) -> Iterator[type]:
    """All parts that something of a type may have, itself included."""
    if is_part(form):
        yield form
    for inner in hints_of(form).values() if is_part(form) else get_args(form):
        yield from parts_of(inner)


def has_words(form: Any) -> bool:
    """Whether there is text in it that is in no part of its own."""
    return form is str or (get_origin(form) is not Literal and any(map(has_words, get_args(form))))


WORD = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
LONG_TEXT = st.builds(
    lambda before, after, times: (before + SECRET + after) * times, WORD, WORD, st.sampled_from([1, 1, 200, 2_000])
)
LISTS = st.builds(
    lambda texts, times: tuple(texts * times), st.lists(LONG_TEXT | WORD, max_size=3), st.sampled_from([1, 9, 500])
)
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC), allow_imaginary=False)
PLAIN: Mapping[Any, st.SearchStrategy[Any]] = {
    str: WORD,
    bool: st.booleans(),
    int: st.integers(0, 99),
    float: st.floats(0, 99),
    type(None): st.none(),
    AwareDatetime: MOMENTS,
}


def drawn(form: Any) -> st.SearchStrategy[Any]:
    """Anything of a type."""
    inner = get_args(form)
    if is_part(form):
        return st.builds(form, **{name: field(form, name, hint) for name, hint in hints_of(form).items()})
    match get_origin(form):
        case None:
            return st.sampled_from(list(form)) if issubclass(form, Enum) else PLAIN[form]
        case origin if origin is Annotated:
            return drawn(inner[0])
        case origin if origin is Literal:
            return st.sampled_from(inner)
        case origin if origin in (Union, types.UnionType):
            return st.one_of(*map(drawn, inner))
        case origin if origin is tuple:
            return st.lists(drawn(inner[0]), max_size=3).map(tuple)
        case origin if origin is frozenset:
            return st.frozensets(drawn(inner[0]), max_size=3)
    return st.dictionaries(drawn(inner[0]), drawn(inner[1]), max_size=3)


def field(kind: type, name: str, form: Any) -> st.SearchStrategy[Any]:
    if name not in TEXTS.get(kind, ()):
        return drawn(form)
    if get_origin(form) is tuple:
        return LISTS
    text = LONG_TEXT.filter(lambda text: len(text) <= 200) if kind is Usage else LONG_TEXT
    return text | st.none() if type(None) in get_args(form) else text


def texts_in(part: Any) -> Iterator[tuple[str, ...]]:
    """The texts of an event, and its lists of texts."""
    if isinstance(part, tuple | frozenset):
        for one in part:
            yield from texts_in(one)
    elif isinstance(part, Mapping):
        yield from texts_in(tuple(part.values()))
    elif is_part(type(part)):
        for name in hints_of(type(part)):
            value = getattr(part, name)
            if name in TEXTS.get(type(part), ()):
                yield value if isinstance(value, tuple) else (value or "",)
            else:
                yield from texts_in(value)


def test_of_all_words_in_events_it_is_said_whether_they_are_texts_or_names() -> None:
    for kind in dict.fromkeys(parts_of(Event)):
        worded = {name for name, form in hints_of(kind).items() if has_words(form)}
        assert worded == {*TEXTS.get(kind, ()), *NAMES.get(kind, ())}, kind
        assert not {*TEXTS.get(kind, ())} & NAMES.get(kind, set())


@pytest.mark.parametrize("kind", get_args(Event))
def test_any_event_is_written_as_it_is_heard_and_bounded_and_without_secrets(kind: type) -> None:
    @settings(max_examples=40, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(event=drawn(kind))
    def holds(event: Event) -> None:
        fitted = fitting(event, hide)

        line = line_of(1.0, fitted)
        assert read_journal(HEAD + line).entries[0].event == fitted
        assert SECRET not in line
        assert all(sum(map(len, texts)) <= LONGEST for texts in texts_in(fitted))
        assert len(line) <= 6 * LONGEST * len(list(texts_in(fitted))) + 20_000, (
            "a sign of JSON has up to six characters"
        )
        assert fitting(fitted, hide) == fitted
        assert fitting(event, unchanged) == fitting(fitting(event, unchanged), unchanged)

    holds()


# Texts.


def test_a_text_keeps_its_beginning_and_its_end() -> None:
    short, text = "y" * LONGEST, "begin" + LONG + "end"

    assert cut_text(short) == short
    cut = cut_text(text)
    assert len(cut) <= LONGEST
    assert cut.startswith("beginx")
    assert cut.endswith("xend")
    kept = cut.count("x") + len("begin" + "end")
    assert f"({len(text) - kept} left out)" in cut


def test_a_text_is_cleaned_before_it_is_cut() -> None:
    """Half a secret is none that is found."""
    text = "x" * (LONGEST // 2 - 24) + SECRET + LONG

    heard = fitting(Stop(text), hide)

    assert heard == Stop(cut_text(hide(text)))
    assert "hunt" not in heard.reason


OUTCOME = BatchOutcome(
    id="b", reason=SECRET + LONG, rejected=(Rejection(task="A", kind="pair", files=(SECRET,), reason=SECRET + LONG),)
)
BATCH = BatchEnded(
    "b", BatchDone(BatchReport(OUTCOME, (Rework("A", "pair", None, None, (SECRET,), SECRET, (SECRET,)),)))
)
RECORD = Record("api", 1, "rejected", "c0ffee", "f00d", by="ann", reason=SECRET + LONG)
EVENTS: tuple[Event, ...] = (
    WorkEnded("A", WorkFailed(SECRET + LONG, environment=True), 3),
    WorkEnded("A", WorkPutOff(SECRET + LONG), 3),
    WorkEnded("A", WorkUnprepared(SECRET + LONG), 3),
    WorkEnded("A", WorkDone(None), usage=Usage(model=SECRET, session=SECRET)),
    BatchEnded("b", BatchBroken(SECRET + LONG)),
    BatchEnded("b", BatchDone(BatchReport(BatchOutcome(id="b"), land_by_hand=f"cd {SECRET}"))),
    BATCH,
    BranchPutAside("A", 1, SECRET + LONG),
    RecordWritten(RECORD),
    RecordsRead({"api": (RECORD,)}),
    Pause(SECRET),
    Resume(SECRET),
    StartConflicted("A", (SECRET, "a.txt"), inside_tip=False),
    Stop(SECRET + LONG, broken=True),
)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.kind)
def test_what_agents_people_and_tests_say_is_cut_and_cleaned_in_every_event(event: Event) -> None:
    line = line_of(1.0, fitting(event, hide))

    assert SECRET not in line
    assert "***" in line
    assert len(line) < 3 * LONGEST


def test_the_machine_hears_no_more_of_a_rejection_than_is_written() -> None:
    (entry,) = read_journal(HEAD + line_of(1.0, fitting(BATCH, hide))).entries

    assert entry.event == fitting(BATCH, hide)
    assert entry.event != BATCH


def test_the_rest_of_an_event_stays_as_it_is() -> None:
    event = WorkEnded("A", WorkFailed("no", environment=True), 3, ("kept",), Usage(turns=1), {"work": 1.0})

    assert fitting(event, unchanged) is event
    assert fitting(Tick({"a": 1}), lambda _text: "") == Tick({"a": 1})
    assert fitting(StartPrepared(SECRET, SECRET), hide) == StartPrepared(SECRET, SECRET), "it is found by its name"


def test_where_there_is_no_reason_none_is_made() -> None:
    batch = BatchEnded("b", BatchDone(BatchReport(BatchOutcome(id="b"))))

    assert fitting(batch, lambda _text: "x") == batch
    assert fitting(BranchPutAside("A", 1), lambda _text: "x") == BranchPutAside("A", 1)


def test_what_a_run_begins_with_is_cleaned_too() -> None:
    begun = manifest_from("tasks: [{id: A, run: echo}]")
    effort = PastEffort(usage=Usage(session=SECRET))
    manifest = Manifest(
        begun.run, "f", "b", "base", begun.tasks, {}, records={"api": (RECORD,)}, past={"A": effort}, paused_by=SECRET
    )

    fitted = fitting(manifest, hide)

    assert SECRET not in first_line(fitted)
    assert fitted.records["api"][0].reason == cut_text(hide(RECORD.reason))
    assert fitted.tasks is manifest.tasks


# Lists of texts.


def paths_heard(paths: tuple[str, ...]) -> tuple[str, ...]:
    return fitting(StartConflicted("A", paths, inside_tip=False), unchanged).paths


def test_of_a_hundred_thousand_paths_the_first_are_kept_and_how_many_more_there_are() -> None:
    paths = tuple(f"src/module_{number:06}/file.py" for number in range(100_000))

    heard = paths_heard(paths)

    assert 100 < len(heard) < 200
    assert heard[:-1] == paths[: len(heard) - 1]
    assert heard[-1] == f"… and {100_000 - len(heard) + 1} more"
    assert len(line_of(1.0, StartConflicted("A", heard, inside_tip=False))) < LONGEST + 200


def test_a_list_that_has_room_is_whole() -> None:
    just = ("x" * 1021,) * 4

    assert paths_heard(just) == just
    assert paths_heard((*just, "")) == (*just[:3], "… and 2 more")
    assert paths_heard(()) == ()


def test_one_path_that_is_longer_than_a_list_may_be_is_cut_itself() -> None:
    (path,) = paths_heard((LONG,))

    assert path == cut_text(LONG, LONGEST // 2)
    assert paths_heard((LONG,) * 4) == (path, path, "… and 2 more")
