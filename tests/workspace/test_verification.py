"""Verifying exact trees: real slots, real processes."""

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from plait.plans.language.verify_stages import VerifyStage
from plait.plans.quality import learned_limits
from plait.workspace import warm_caches
from plait.workspace.control import Control, open_control
from plait.workspace.learned_times import LearnedTimes
from plait.workspace.verification import Verification, Verifier
from tests.support.patience import patience
from tests.workspace.histories import History


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History.with_checkout(tmp_path / "shop")


@pytest.fixture
def control(history: History, tmp_path: Path) -> Control:
    return open_control(tmp_path / "shop", home=tmp_path / "home")


@pytest.fixture
def verifier(control: Control, tmp_path: Path):
    """Makes verifiers that note each run in `notes`."""

    def make(*commands: str, **options) -> Verifier:
        settings = {
            "timeout": 30.0,
            "slots": 1,
            "environment": {"PATH": os.environ["PATH"], "NOTES": str(tmp_path / "notes")},
        }
        settings |= options
        places = {"place": tmp_path / "slots", "cache": tmp_path / "cache", "logs": tmp_path / "logs"}
        return Verifier(control, commands=commands, **places, **settings)

    return make


@pytest.fixture
def notes(tmp_path: Path):
    path = tmp_path / "notes"
    return lambda: path.read_text().splitlines() if path.exists() else []


def tree_with(history: History, **files: str) -> str:
    return history.repository.tree_of(history.commit(dict(files)))


def test_commands_run_in_exactly_the_tree(verifier, history, notes) -> None:
    tree = tree_with(history, f="1\n", g="2\n")
    found = verifier("ls -A | grep -v '^.git$' >>$NOTES", "cat f g >>$NOTES; echo told").verify(tree)
    assert notes() == ["f", "g", "1", "2"]
    assert (found.outcome, found.green, found.remembered, found.unverified) == ("green", True, False, False)
    assert found.log is not None
    assert found.log.read_text() == "told\n"
    assert found.seconds > 0


def test_the_first_red_command_ends_it(verifier, history, notes) -> None:
    commands = ("echo one >>$NOTES", "echo two >>$NOTES; echo 'no such cart'; exit 3", "echo three >>$NOTES")
    found = verifier(*commands).verify(tree_with(history, f="1\n"))
    assert notes() == ["one", "two"]
    assert (found.outcome, found.command) == ("red", commands[1])
    assert "no such cart" in found.tail


@pytest.mark.parametrize("command", ["exit 1", "nosuchprogram", "kill -SEGV $$", "test -f missing"])
def test_what_fails_is_red(verifier, history, command) -> None:
    assert verifier(command).verify(tree_with(history, f="1\n")).outcome == "red"


def test_without_commands_it_is_green_but_unverified(verifier, history, tmp_path: Path) -> None:
    found = verifier().verify(tree_with(history, f="1\n"))
    assert (found.green, found.unverified) == (True, True)
    assert not (tmp_path / "slots").exists()


def test_what_a_run_leaves_in_its_slot_is_gone_for_the_next(verifier, history) -> None:
    check = "test ! -e left && test ! -e .git/left && test $(cat f) = $(cat expected)"
    mess = "echo x >left; touch .git/left; echo 9 >f; git update-ref -d HEAD; rm -f expected; mkdir expected"
    maker = verifier(check, mess)
    for number in "123":
        assert maker.verify(tree_with(history, f=number, expected=number, **{f"only{number}": "x"})).green


def test_the_commands_see_the_given_environment_and_no_other(verifier, history, notes, monkeypatch) -> None:
    monkeypatch.setenv("SECRET", "hunter2")
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    environment = {"PATH": os.environ["PATH"], "PLAIT_PORT": "4711"}
    command = 'test -z "$SECRET$GIT_DIR" && test $PLAIT_PORT = 4711 && test $PLAIT_SLOT = 1 && touch "$TMPDIR/x"'
    assert verifier(command, environment=environment).verify(tree_with(history, f="1\n")).green


# --- remembering


def test_a_tree_is_verified_once(verifier, history, notes) -> None:
    tree, other = tree_with(history, f="1\n"), tree_with(history, f="2\n")
    one = verifier("echo run >>$NOTES; grep 1 f")
    first, again = one.verify(tree), one.verify(tree)
    assert (again.green, again.remembered, again.seconds) == (True, True, first.seconds)
    assert not one.verify(other).green
    assert one.verify(other).remembered
    assert len(notes()) == 2


def test_a_tree_can_be_verified_again_and_no_red_takes_a_green_back(verifier, history, notes) -> None:
    tree = tree_with(history, f="1\n")
    one = verifier("echo run >>$NOTES; test $(wc -l <$NOTES) = 2")
    outcomes = [one.verify(tree, again=True).outcome for _ in range(3)]
    assert outcomes == ["red", "green", "red"]
    assert (one.verify(tree).green, len(notes())) == (True, 3)


def test_green_is_remembered_by_the_next_run_and_red_is_not(verifier, history, notes) -> None:
    green, red = tree_with(history, f="1\n"), tree_with(history, f="2\n")
    for _ in range(2):
        one = verifier("echo run $(cat f) >>$NOTES; grep 1 f")
        assert (one.verify(green).outcome, one.verify(red).outcome) == ("green", "red")
    assert notes() == ["run 1", "run 2", "run 2"]


def test_other_commands_know_nothing_of_it(verifier, history) -> None:
    tree = tree_with(history, f="1\n")
    assert verifier("true").verify(tree).green
    assert not verifier("true", setup=("true",)).verify(tree).remembered
    assert not verifier("true ").verify(tree).remembered
    assert verifier("true").verify(tree).remembered


@pytest.mark.parametrize("content", ["", "{", "[]", '{"tree": "other", "seconds": 1}', '{"tree": null}'])
def test_a_damaged_memory_is_no_memory(verifier, history, control, content) -> None:
    tree = tree_with(history, f="1\n")
    assert verifier("true").verify(tree).green
    [kept] = (control.directory / "verified").rglob(tree)
    kept.write_text(content)
    found = verifier("true").verify(tree)
    assert (found.green, found.remembered) == (True, False)


# --- stages

SLOW_LAST = (
    VerifyStage(stage="syntax", run=("echo clean",)),
    VerifyStage(stage="tests", run=("echo one; echo one >>$NOTES", "echo two; exit 3", "echo three >>$NOTES")),
    VerifyStage(stage="security", run=("echo four >>$NOTES",)),
    "echo five >>$NOTES",
)


def test_each_stage_has_its_verdict_and_its_log_and_the_first_red_one_ends_it(verifier, history, notes) -> None:
    seen = verifier(*SLOW_LAST).verify(tree_with(history, f="1\n"))
    assert [(stage.name, stage.outcome) for stage in seen.stages] == [
        ("syntax", "green"),
        ("tests", "red"),
        ("security", "not-reached"),
        ("", "not-reached"),
    ]
    assert (seen.outcome, seen.command, seen.tail) == ("red", "echo two; exit 3", "two\n")
    assert notes() == ["one"]
    syntax, tests, *rest = seen.stages
    assert (syntax.log.read_text(), tests.log.read_text()) == ("clean\n", "one\ntwo\n")
    assert seen.log == tests.log
    assert syntax.seconds > 0
    assert [stage.log for stage in rest] == [None, None]


def test_the_log_of_the_whole_leads_to_those_of_its_stages(verifier, history) -> None:
    seen = verifier(VerifyStage(stage="syntax", run=("echo clean",)), "echo plain").verify(tree_with(history, f="1\n"))
    leads, plain = seen.log.read_text().splitlines()
    assert leads.startswith("[syntax: green, ")
    assert (seen.log.parent / leads.rpartition(", ")[2].rstrip("]")).read_text() == "clean\n"
    assert plain == "plain"


# --- what is red on base


NAMED = VerifyStage(stage="tests", run=("sh tests.sh",))
SEVERAL = ("echo lint >>$NOTES; test ! -f lint.txt", NAMED, "echo last >>$NOTES; test ! -f last.txt")


def shell_tests(*failing: str) -> str:
    return "".join(f"echo 'FAILED tests.py::{name} - no'\n" for name in failing) + f"exit {min(len(failing), 1)}\n"


def test_of_a_base_all_that_is_red_is_seen(verifier, history, notes) -> None:
    base = tree_with(history, **{"lint.txt": "", "last.txt": "", "tests.sh": shell_tests("old", "older")})
    seen = verifier(*SEVERAL).surveying().verify(base)
    assert (seen.outcome, seen.command, notes()) == ("red", SEVERAL[0], ["lint", "last"])
    assert [(red.stage, red.command, red.failing) for red in seen.reds] == [
        ("", SEVERAL[0], ()),
        ("tests", "sh tests.sh", ("tests.py::old", "tests.py::older")),
        ("", SEVERAL[2], ()),
    ]


def test_what_is_red_on_base_as_well_does_not_count_and_hides_nothing_behind_it(verifier, history, notes) -> None:
    base = tree_with(history, **{"lint.txt": "", "tests.sh": shell_tests("old", "older")})
    one = verifier(*SEVERAL)
    forgiving = one.forgiving(one.surveying().verify(base).reds)

    same = forgiving.verify(tree_with(history, **{"lint.txt": "more", "tests.sh": shell_tests("old")}))
    assert (same.outcome, [stage.outcome for stage in same.stages]) == (
        "green",
        ["red-on-base", "red-on-base", "green"],
    )
    assert [red.failing for red in same.reds] == [(), ("tests.py::old",)]

    worse = forgiving.verify(tree_with(history, **{"lint.txt": "", "tests.sh": shell_tests("old", "new")}))
    assert (worse.outcome, worse.command, worse.failing) == ("red", "sh tests.sh", ("tests.py::new",))
    assert "red on base as well: tests.py::old" in worse.tail

    behind = forgiving.verify(tree_with(history, **{"lint.txt": "", "last.txt": "", "tests.sh": shell_tests("old")}))
    assert (behind.outcome, behind.command) == ("red", SEVERAL[2])

    broken_off = forgiving.verify(tree_with(history, **{"tests.sh": "exit 1"}))
    assert broken_off.outcome == "red"

    assert not one.verify(same.tree).green  # by the plain rule nothing of it is known


def test_what_landed_with_old_failures_is_remembered_with_them_also_by_the_next_run(verifier, history, notes) -> None:
    base = tree_with(history, **{"lint.txt": "", "tests.sh": shell_tests("old")})
    tree = tree_with(history, **{"lint.txt": "", "tests.sh": shell_tests()})
    one = verifier(*SEVERAL)
    reds = one.surveying().verify(base).reds
    one.forgiving(reds).verify(tree)
    ran = notes()

    later = verifier(*SEVERAL).forgiving(reds).verify(tree)
    assert (later.green, later.remembered, [red.command for red in later.reds]) == (True, True, [SEVERAL[0]])
    as_base = one.surveying().verify(tree)
    assert (as_base.outcome, as_base.remembered, as_base.reds) == ("red", True, later.reds)
    assert notes() == ran


def test_a_tree_that_is_green_by_all_checks_owes_nothing_to_base(verifier, history) -> None:
    base, tree = tree_with(history, **{"lint.txt": "", "tests.sh": ""}), tree_with(history, **{"tests.sh": ""})
    one = verifier(*SEVERAL)
    one.forgiving(one.surveying().verify(base).reds).verify(tree)
    plain = one.verify(tree)
    assert (plain.green, plain.remembered, plain.reds) == (True, True, ())


def test_a_command_that_hangs_is_excused_only_by_one_that_hung(verifier, history) -> None:
    slow = VerifyStage(stage="tests", run=("sh tests.sh",), timeout=0.5)
    one = verifier(slow)
    failing, hanging = (tree_with(history, **{"tests.sh": text}) for text in ("exit 1", "sleep 30"))
    assert one.forgiving(one.surveying().verify(failing).reds).verify(hanging).outcome == "timeout"
    assert one.forgiving(one.surveying().verify(hanging).reds).verify(hanging).outcome == "green"


def test_stages_are_remembered_within_a_run_and_as_commands_between_runs(verifier, history, notes) -> None:
    tree = tree_with(history, f="1\n")
    one = verifier(VerifyStage(stage="tests", run=("echo run >>$NOTES", "true")))
    assert [stage.name for stage in one.verify(tree).stages] == ["tests"]
    assert [stage.name for stage in one.verify(tree).stages] == ["tests"]
    later = verifier("echo run >>$NOTES", "true").verify(tree)
    assert (later.green, later.remembered) == (True, True)
    assert notes() == ["run"]


def test_a_stage_has_a_time_limit_of_its_own(verifier, history) -> None:
    stage = VerifyStage(stage="tests", run=("true", "sleep 60"), timeout=0.3)
    seen = verifier("true", stage).verify(tree_with(history, f="1\n"))
    assert (seen.outcome, seen.command) == ("timeout", "sleep 60")
    assert [stage.outcome for stage in seen.stages] == ["green", "timeout"]


@pytest.mark.skipif(sys.platform != "linux", reason="counted in another way elsewhere")
def test_a_stage_that_holds_too_much_memory_is_red_and_says_why(verifier, history) -> None:
    hold = f"{sys.executable} -c 'import time; held = bytearray(200_000_000); time.sleep(60)'"
    with patience():
        seen = verifier(VerifyStage(run=(hold,), memory=100 << 20)).verify(tree_with(history, f="1\n"))
    assert (seen.outcome, seen.command) == ("red", hold)
    assert "held more than the 100 MiB" in seen.tail


def test_a_check_that_prints_much_is_green_and_its_log_is_bounded(verifier, history) -> None:
    seen = verifier("echo first; head -c 40000000 /dev/zero | tr '\\0' x; echo last").verify(
        tree_with(history, f="1\n")
    )
    assert seen.green
    assert 10_000_000 <= seen.log.stat().st_size < 10_001_000
    log = seen.log.read_text()
    assert log.startswith("first\nx")
    assert log.endswith("xlast\n")


def test_failing_tests_are_named_from_the_output_and_from_the_report(verifier, history) -> None:
    printed = verifier("echo 'FAILED tests/a.py::test_b - no'; exit 1").verify(tree_with(history, f="1\n"))
    assert printed.failing == ("tests/a.py::test_b",)
    write = 'printf \'<s><testcase classname="C" name="t"><failure/></testcase></s>\' >out/r.xml; exit 1'
    stage = VerifyStage(stage="tests", run=("mkdir -p out", write), junit="out/r.xml")
    reported = verifier(stage).verify(tree_with(history, f="1\n"))
    assert (reported.failing, reported.tail.strip()) == (("C::t",), "[failed: C::t]")


FORGED = '<s><testcase classname="Forged" name="t"><failure/></testcase></s>'


@pytest.mark.parametrize(
    "plant",
    [
        "true",
        "rm -rf out; ln -s /proc/self out",
        "ln -sf /etc/passwd out/r.xml",
        "mkfifo out/r.xml",
        "mkdir -p out/r.xml",
        "rm -rf out; touch out",
        "head -c 11000000 /dev/zero >out/r.xml",
        "printf '\\377\\000<' >out/r.xml",
    ],
)
def test_a_report_that_is_none_or_was_not_written_by_the_check_names_nothing(verifier, history, plant) -> None:
    tree = tree_with(history, **{"out/r.xml": FORGED})
    stage = VerifyStage(run=(f"{plant}; exit 1",), junit="out/r.xml")
    seen = verifier(stage).verify(tree)
    assert (seen.outcome, seen.failing) == ("red", ())


def test_a_link_that_the_tree_brings_is_not_followed_to_remove_a_report(verifier, history, tmp_path: Path) -> None:
    precious = tmp_path / "elsewhere"
    precious.mkdir()
    (precious / "r.xml").write_text(FORGED)
    tree = history.repository.tree_of(history.commit({"f": "1\n"}))
    plant = f"ln -s {precious} out"
    assert not verifier(plant, VerifyStage(run=("false",), junit="out/r.xml")).verify(tree).failing
    assert (precious / "r.xml").read_text() == FORGED


# --- warm caches

COUNT = "mkdir -p .cache/deep; echo x >>.cache/deep/runs; wc -l <.cache/deep/runs | tr -d ' ' >>$NOTES"


def warming(run: str = "test ! -f bad", *more: str) -> VerifyStage:
    return VerifyStage(stage="tests", run=(COUNT, run, *more), cache=(".cache",))


def test_a_cache_that_a_green_tree_left_is_there_for_the_next(verifier, history, notes) -> None:
    one = verifier(warming())
    assert all(one.verify(tree_with(history, f=number)).green for number in "123")
    assert notes() == ["1", "2", "3"]


def test_what_a_red_tree_left_in_a_cache_is_gone(verifier, history, notes) -> None:
    one = verifier(warming())
    assert one.verify(tree_with(history, f="1")).green
    assert not one.verify(tree_with(history, bad="1")).green
    assert one.verify(tree_with(history, f="2")).green
    assert notes() == ["1", "2", "1"]


def test_what_is_not_declared_is_gone_and_another_verifier_starts_cold(verifier, history, notes) -> None:
    assert verifier(warming("echo x >left", "mkdir other")).verify(tree_with(history, f="1")).green
    assert verifier(warming("test ! -e left -a ! -e other")).verify(tree_with(history, f="2")).green
    assert notes() == ["1", "1"]


def test_a_slot_has_caches_of_its_own(verifier, history, notes) -> None:
    one = verifier(warming(), slots=2)
    trees = [tree_with(history, f=str(number)) for number in range(4)]
    assert all(one.verify(tree).green for tree in trees)
    assert sorted(notes()) == ["1", "1", "2", "2"]


@pytest.mark.parametrize(
    "mess",
    [
        "mv .cache ../away; ln -s ../away .cache",
        "rm -rf .cache; echo x >.cache",
        "rm -rf .cache; mkfifo .cache",
        "chmod 000 .cache/deep",
        "chmod 000 .cache",
    ],
)
def test_what_is_no_directory_or_cannot_be_read_is_not_handed_on(verifier, history, notes, mess) -> None:
    one = verifier(warming(mess))
    assert [one.verify(tree_with(history, f=number)).outcome for number in "12"] == ["green", "green"]
    if os.geteuid() or "chmod" not in mess:
        assert notes() == ["1", "1"]


def test_a_cache_with_a_link_above_it_is_neither_kept_nor_brought_back(verifier, history, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "cache").mkdir()
    (victim / "cache" / "precious").write_text("x")
    plant = f"if test -f plant; then rm -rf web; ln -s {victim} web; else mkdir -p web/cache; fi"
    one = verifier(VerifyStage(run=(plant,), cache=("web/cache",)))
    for files in ({"f": "1"}, {"plant": "1"}, {"f": "2"}):
        assert one.verify(tree_with(history, **files)).green
    assert (victim / "cache" / "precious").read_text() == "x"
    assert sorted(path.name for path in victim.iterdir()) == ["cache"]


def test_what_the_tree_itself_has_in_a_cache_is_the_trees(verifier, history, notes) -> None:
    one = verifier(
        VerifyStage(run=("cat .cache/f >>$NOTES; ls .cache | wc -l >>$NOTES; touch .cache/more",), cache=(".cache",))
    )
    for number in "12":
        assert one.verify(tree_with(history, **{".cache/f": f"{number}\n"})).green
    assert [line.strip() for line in notes()] == ["1", "1", "2", "1"]


def test_a_file_of_the_tree_above_a_cache_keeps_it_out(verifier, history, notes) -> None:
    run = "if test -d a; then mkdir -p a/b; fi; test -e a && ls -R a >>$NOTES || mkdir -p a/b"
    one = verifier(VerifyStage(run=(run,), cache=("a/b",)))
    assert one.verify(tree_with(history, f="1")).green
    assert one.verify(tree_with(history, a="a file")).green
    assert notes() == ["a"]


def test_nothing_of_a_cache_is_in_the_tree_that_is_verified(verifier, history, notes) -> None:
    one = verifier(warming("git status --porcelain --untracked-files=no >>$NOTES; git ls-files >>$NOTES"))
    assert all(one.verify(tree_with(history, f=number)).green for number in "12")
    assert notes() == ["1", "f", "2", "f"]


def test_caches_within_caches_are_kept_once(verifier, history, notes) -> None:
    stage = VerifyStage(run=(COUNT,), cache=(".cache", ".cache/deep", "web/none"))
    one = verifier(stage)
    assert all(one.verify(tree_with(history, f=number)).green for number in "12")
    assert notes() == ["1", "2"]


def test_a_cache_that_is_too_large_is_not_kept(verifier, history, notes, monkeypatch) -> None:
    monkeypatch.setattr(warm_caches, "MOST_ENTRIES", 3)
    one = verifier(warming("touch .cache/$(cat f)"))
    assert all(one.verify(tree_with(history, f=number)).green for number in "123")
    assert notes() == ["1", "2", "1"]


def test_what_is_planted_where_caches_are_kept_is_never_looked_at(verifier, history, notes) -> None:
    plant = "for kept in ../../slot-*-caches ../../slot-1-caches/x; do mkdir -p $kept/.cache/deep; done"
    one = verifier(warming(plant))
    assert all(one.verify(tree_with(history, f=number)).green for number in "123")
    assert notes() == ["1", "2", "3"]


def test_set_up_comes_first_and_what_it_makes_is_no_cache(verifier, history, notes) -> None:
    setup = ("mkdir -p .cache; echo fresh >.cache/made",)
    one = verifier(VerifyStage(run=("ls .cache >>$NOTES; touch .cache/more",), cache=(".cache",)), setup=setup)
    assert all(one.verify(tree_with(history, f=number)).green for number in "12")
    assert notes() == ["made", "made"]


def test_cold_runs_are_compared_with_cold_runs(tmp_path: Path) -> None:
    times = LearnedTimes(tmp_path)
    for _ in range(3):
        times.learn("make", 100.0, cold=True)
        times.learn("make", 20.0)
    assert (times.limit("make", cold=True), times.limit("make")) == (500.0, 100.0)


# --- once more


@pytest.fixture
def runner(tmp_path: Path) -> dict[str, str]:
    """An environment with a `pytest` that notes its arguments, and fails as often as the file `red` has lines."""
    place = tmp_path / "bin"
    place.mkdir()
    script = (
        "#!/bin/sh\n"
        'echo "pytest $*" >>$NOTES\n'
        "test $(grep -c pytest $NOTES) -gt $(cat red) && exit 0\n"
        "echo 'FAILED tests/a.py::test_b - no'; exit 1\n"
    )
    (place / "pytest").write_text(script)
    (place / "pytest").chmod(0o755)
    return {"PATH": f"{place}:{os.environ['PATH']}", "NOTES": str(tmp_path / "notes")}


STAGES = (
    "echo before >>$NOTES",
    VerifyStage(stage="tests", run=("echo build >>$NOTES", "pytest -q tests", "echo behind >>$NOTES")),
    "echo last >>$NOTES",
)


def test_what_is_red_again_is_told_from_the_failed_tests_alone(verifier, history, notes, runner) -> None:
    one = verifier(*STAGES, environment=runner)
    tree = tree_with(history, red="9")
    first, second = one.verify(tree), one.verify(tree, again=True)
    assert (second.outcome, second.command, second.failing) == ("red", "pytest -q tests", ("tests/a.py::test_b",))
    assert (second.remembered, second.stages) == (False, first.stages)
    assert notes() == [
        *("before", "build", "pytest -q tests"),
        *("before", "build", "pytest -q tests/a.py::test_b"),
    ]


def test_what_is_green_again_was_run_as_a_whole(verifier, history, notes, runner) -> None:
    one = verifier(*STAGES, environment=runner)
    tree = tree_with(history, red="1")
    assert one.verify(tree).outcome == "red"
    seen = one.verify(tree, again=True)
    assert (seen.green, seen.remembered) == (True, False)
    assert [line for line in notes() if "pytest" in line] == [
        "pytest -q tests",
        "pytest -q tests/a.py::test_b",
        "pytest -q tests",
    ]
    assert notes()[-2:] == ["behind", "last"]
    assert one.verify(tree).green, "a green that was seen stays remembered"


def test_failed_tests_that_pass_alone_do_not_make_the_whole_green(verifier, history, notes, runner) -> None:
    one = verifier("pytest -q", 'test "$(tail -n 1 $NOTES)" != "pytest -q"', environment=runner)
    tree = tree_with(history, red="1")
    assert one.verify(tree).outcome == "red"
    assert one.verify(tree, again=True).outcome == "red"


def test_where_no_test_is_named_the_whole_is_run_again(verifier, history, notes) -> None:
    one = verifier("echo run >>$NOTES; test $(wc -l <$NOTES) -gt 2")
    tree = tree_with(history, f="1")
    assert [one.verify(tree, again=again).outcome for again in (False, True, True)] == ["red", "red", "green"]


def test_a_red_that_follows_a_green_takes_nothing_back(verifier, history, notes) -> None:
    one = verifier("echo run >>$NOTES; test $(wc -l <$NOTES) -lt 2")
    tree = tree_with(history, f="1")
    assert [one.verify(tree, again=again).outcome for again in (False, True, False)] == ["green", "red", "green"]


def test_a_repetition_starts_on_cold_caches(verifier, history, notes) -> None:
    one = verifier(warming("test ! -f bad -o $(wc -l <$NOTES) -gt 2"))
    assert one.verify(tree_with(history, f="1")).green
    tree = tree_with(history, bad="1")
    assert [one.verify(tree, again=again).outcome for again in (False, True)] == ["red", "green"]
    assert one.verify(tree_with(history, f="2")).green
    assert notes() == ["1", "2", "1", "1"], "and leaves none to the next tree"


def test_a_repetition_of_what_a_change_affects_runs_the_same_stages(verifier, history, notes) -> None:
    before, after = tree_with(history, **START), tree_with(history, **{**START, "docs/b": "2"})
    one = verifier(*BY_PATHS).since(before, after)
    assert [one.verify(after, again=again).remembered for again in (False, False, True)] == [False, True, False]
    assert notes() == ["pages", "always"] * 2


# --- what hangs


def test_a_check_that_hangs_is_ended_by_what_it_took_while_it_was_green(verifier, history, notes, monkeypatch) -> None:
    monkeypatch.setattr(learned_limits, "SHORTEST", 0.5)
    command = "echo run >>$NOTES; if test -f hangs; then sleep 60; fi"
    for number in "123":
        assert verifier(command, timeout=None).verify(tree_with(history, f=number)).green
    with patience():
        seen = verifier(command, timeout=None).verify(tree_with(history, hangs="x"))
    assert (seen.outcome, seen.command) == ("timeout", command)
    assert "it hangs" in seen.tail
    assert len(notes()) == 3 + 2, "it is run again before it counts"


def test_a_shorter_limit_of_the_plan_is_not_called_a_hang(verifier, history) -> None:
    for number in "123":
        assert verifier("test ! -f hangs || sleep 60").verify(tree_with(history, f=number)).green
    seen = verifier("test ! -f hangs || sleep 60", timeout=0.3).verify(tree_with(history, hangs="x"))
    assert (seen.outcome, "hangs," in seen.tail) == ("timeout", False)


@pytest.mark.parametrize("content", ["", "{", "{}", "[null]", '["1"]', "[-1, -1, -1]", "[NaN, 1, 1]", "9" * 20_000])
def test_damaged_times_are_no_times(tmp_path: Path, content) -> None:
    times = LearnedTimes(tmp_path / "times")
    times.learn("make", 20.0)
    [file] = (tmp_path / "times").iterdir()
    file.write_text(content)
    assert times.limit("make") is None
    for _ in range(40):
        times.learn("make", 20.0)
    assert (times.limit("make"), times.limit("make ")) == (100.0, None)
    assert len(json.loads(file.read_text())) == 30


# --- only what is affected

BY_PATHS = (
    VerifyStage(stage="python", run=("echo python >>$NOTES; test ! -e src/bad",), paths=("src/**",)),
    VerifyStage(stage="pages", run=("echo pages >>$NOTES",), paths=("docs/**", "*.md")),
    "echo always >>$NOTES",
)
START = {"src/a": "1", "docs/b": "1", "lock": "1"}


def test_stages_of_whose_paths_none_was_changed_do_not_run(verifier, history, notes) -> None:
    before = tree_with(history, **START)
    after = tree_with(history, **{**START, "docs/b": "2"})
    one = verifier(*BY_PATHS)
    seen = one.since(before, after).verify(after)
    assert [(stage.name, stage.outcome) for stage in seen.stages] == [
        ("python", "unaffected"),
        ("pages", "green"),
        ("", "green"),
    ]
    assert notes() == ["pages", "always"]
    assert one.recall(after).stages == seen.stages
    assert not one.verify(after).remembered, "less than all was run"
    assert one.since(before, after).verify(after).remembered


def test_without_a_tree_to_compare_with_all_stages_run(verifier, history, notes) -> None:
    assert verifier(*BY_PATHS).verify(tree_with(history, **START)).green
    assert notes() == ["python", "pages", "always"]


def test_where_nothing_is_affected_nothing_runs(verifier, history, notes) -> None:
    before, after = tree_with(history, **START), tree_with(history, **{**START, "lock": "2"})
    one = verifier(*BY_PATHS[:2])
    seen = one.since(before, after).verify(after)
    assert (seen.green, seen.unverified, seen.remembered, seen.unaffected) == (True, False, True, True)
    assert [stage.outcome for stage in seen.stages] == ["unaffected", "unaffected"]
    assert one.recall(after) == seen
    assert notes() == []


def test_the_search_of_a_batch_runs_the_same_stages_on_all_of_its_trees(verifier, history, notes) -> None:
    before = tree_with(history, **{**START, "src/bad": "red before anybody came"})
    part = tree_with(history, **{**START, "src/bad": "red before anybody came", "docs/b": "2"})
    whole = tree_with(history, **{**START, "src/bad": "red before anybody came", "docs/b": "2", "src/a": "2"})
    one = verifier(*BY_PATHS).since(before, whole)
    assert [one.verify(tree).outcome for tree in (whole, part, before)] == ["red", "red", "red"]


def test_a_tree_that_differs_in_more_is_verified_with_more(verifier, history, notes) -> None:
    before, after = tree_with(history, **START), tree_with(history, **{**START, "docs/b": "2"})
    other = tree_with(history, **{**START, "src/bad": "x"})
    assert verifier(*BY_PATHS).since(before, after).verify(other).outcome == "red"


def test_a_changed_lock_file_affects_every_stage(verifier, history, notes) -> None:
    before, after = tree_with(history, **START), tree_with(history, **{**START, "lock": "2"})
    assert verifier(*BY_PATHS, setup=("true",), setup_inputs=("lock",)).since(before, after).verify(after).green
    assert notes() == ["python", "pages", "always"]


def test_what_is_red_because_of_a_stage_that_is_left_out_says_nothing(verifier, history, notes) -> None:
    before = tree_with(history, **{**START, "src/bad": "x"})
    after = tree_with(history, **{**START, "src/bad": "x", "docs/b": "2"})
    one = verifier(*BY_PATHS)
    assert one.verify(after).outcome == "red"
    assert one.since(before, after).verify(after).green
    assert one.recall(after).green


def test_a_tree_that_was_green_in_all_stages_is_green_in_some(verifier, history, notes) -> None:
    before, after = tree_with(history, **START), tree_with(history, **{**START, "docs/b": "2"})
    assert verifier(*BY_PATHS).verify(after).green
    assert verifier(*BY_PATHS).since(before, after).verify(after).remembered


def test_contracts_are_tested_whatever_is_affected(verifier, history, notes) -> None:
    before, after = tree_with(history, **START), tree_with(history, **{**START, "docs/b": "2"})
    wider = verifier(*BY_PATHS[:2]).since(before, after).also(["echo contract >>$NOTES"], environment={})
    assert wider.verify(after).green
    assert notes() == ["pages", "contract"]


# --- trouble


def test_a_timeout_is_tried_again_once_and_then_told(verifier, history, notes) -> None:
    found = verifier("echo run >>$NOTES; sleep 30", timeout=0.4).verify(tree_with(history, f="1\n"))
    assert (found.outcome, found.command) == ("timeout", "echo run >>$NOTES; sleep 30")
    assert len(notes()) == 2


def test_a_timeout_that_does_not_come_again_is_green(verifier, history, notes) -> None:
    command = "echo run >>$NOTES; test $(wc -l <$NOTES) -gt 1 || sleep 30"
    found = verifier(command, timeout=1.0).verify(tree_with(history, f="1\n"))
    assert found.green
    assert len(notes()) == 2


def test_the_timeout_is_for_all_commands_together(verifier, history) -> None:
    """Each alone would be in time."""
    found = verifier(*["sleep 1"] * 3, timeout=2.5).verify(tree_with(history, f="1\n"))
    assert (found.outcome, found.command) == ("timeout", "sleep 1")


@pytest.mark.parametrize("command", ["kill -KILL $$", "sh -c 'kill -KILL $$'; exit $?"], ids=["itself", "its child"])
def test_what_the_kernel_killed_says_nothing_about_the_tree(verifier, history, notes, command) -> None:
    one = verifier(f"echo run >>$NOTES; {command}")
    tree = tree_with(history, f="1\n")
    assert one.verify(tree).outcome == "infrastructure"
    assert not one.verify(tree).remembered
    assert len(notes()) == 4


def test_a_missing_tree_is_trouble_and_no_verdict(verifier) -> None:
    found = verifier("true").verify("0" * 39 + "1")
    assert found.outcome == "infrastructure"
    assert found.tail


def test_nothing_that_was_started_is_left(verifier, history, tmp_path: Path) -> None:
    command = f"(setsid sleep 60 & echo $! >{tmp_path}/pid); true"
    assert verifier(command).verify(tree_with(history, f="1\n")).green
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), signal.SIG_DFL)


# --- stopping


def test_a_stop_ends_what_runs_and_is_not_remembered(verifier, history) -> None:
    one, stop = verifier("test -e skip || sleep 300"), threading.Event()
    tree = tree_with(history, f="1\n")
    threading.Timer(0.4, stop.set).start()
    with patience():
        assert one.verify(tree, stop=stop).outcome == "cancelled"
    assert one.verify(tree, stop=stop).outcome == "cancelled"


def test_a_stop_ends_those_who_wait_for_a_slot_or_for_a_tree(verifier, history) -> None:
    one, stop = verifier("sleep 30"), threading.Event()
    tree, other = tree_with(history, f="1\n"), tree_with(history, f="2\n")
    results = in_threads([lambda tree=tree: one.verify(tree, stop=stop) for tree in (tree, tree, other)], stop)
    assert [found.outcome for found in results] == ["cancelled"] * 3


def in_threads(calls, stop: threading.Event | None = None) -> list[Verification]:
    results: list[Verification] = []
    threads = [threading.Thread(target=lambda call=call: results.append(call())) for call in calls]
    for thread in threads:
        thread.start()
    if stop:
        time.sleep(0.5)
        stop.set()
    for thread in threads:
        thread.join(20)
    return results


# --- several at once


def test_no_more_run_at_once_than_there_are_slots(verifier, history, notes) -> None:
    one = verifier("echo + >>$NOTES; sleep 0.5; echo - >>$NOTES", slots=2)
    trees = [tree_with(history, f=str(number)) for number in range(5)]
    results = in_threads([lambda tree=tree: one.verify(tree) for tree in trees])
    assert [found.outcome for found in results] == ["green"] * 5
    running = peak = 0
    for note in notes():
        running += 1 if note == "+" else -1
        peak = max(peak, running)
    assert peak == 2


def test_threads_that_ask_for_one_tree_share_one_run(verifier, history, notes) -> None:
    one, tree = verifier("echo run >>$NOTES; sleep 0.2", slots=3), tree_with(history, f="1\n")
    results = in_threads([lambda: one.verify(tree)] * 4)
    assert len(notes()) == 1
    assert sorted(found.remembered for found in results) == [False, True, True, True]


# --- set-up


def test_the_set_up_comes_first(verifier, history) -> None:
    one = verifier("grep made made", setup=("echo made >made",), setup_inputs=("f",))
    assert one.verify(tree_with(history, f="1\n")).green
    assert one.verify(tree_with(history, f="1\n", g="1\n")).green


def test_a_set_up_that_fails_once_is_forgiven_and_twice_is_red(verifier, history, notes) -> None:
    setup = ("echo run >>$NOTES; test $(wc -l <$NOTES) -ne 1",)
    assert verifier("true", setup=setup).verify(tree_with(history, f="1\n")).green
    found = verifier("true", setup=("echo 'no such package'; exit 1",)).verify(tree_with(history, f="2\n"))
    assert (found.outcome, found.command) == ("red", "setup: echo 'no such package'; exit 1")
    assert "no such package" in found.tail


def test_a_set_up_that_fails_is_done_once_more_in_a_fresh_checkout(verifier, history) -> None:
    one = verifier("grep 1 f && ! test -e made", setup=("test -e $NOTES || { touch made $NOTES; echo 2 >f; false; }",))
    assert one.verify(tree_with(history, f="1\n")).green


def test_a_set_up_that_is_known_to_fail_is_not_run(verifier, history, notes) -> None:
    base = verifier("true", setup=("echo run >>$NOTES",), make_ready=lambda trial: f"it fails on {trial.tree}\nin full")
    tree = tree_with(history, f="1\n")
    found = base.verify(tree)
    assert (found.outcome, found.tail) == ("red", f"it fails on {tree}")
    assert notes() == []


@pytest.mark.parametrize("command", ["false\ntrue", "cd missing\ntrue", "-x"])
def test_a_command_of_several_lines_is_red_at_the_first_that_fails(verifier, history, command) -> None:
    assert verifier(command).verify(tree_with(history, f="1\n")).outcome == "red"


def test_a_memory_that_cannot_be_written_changes_no_verdict(verifier, history, control) -> None:
    (control.directory / "verified").write_text("in the way")
    assert verifier("true").verify(tree_with(history, f="1\n")).outcome == "green"
