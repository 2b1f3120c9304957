"""Merge programs of the machine. Neither mergiraf nor weave can be installed here: small programs stand in for them,
which are called as their documentation says, and do what a test wants of them."""

import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.workspace import merge_programs
from plait.workspace.merge_programs import MergePrograms, can_be_taken, found_programs
from plait.workspace.merging import Conflict, Merged, merge
from plait.workspace.process import Limits
from plait.workspace.settling import Settler
from tests.workspace.histories import History

STAND_IN = """#!{python}
import argparse, os, pathlib, sys, time
call = argparse.ArgumentParser()
if pathlib.Path(sys.argv[0]).name == "mergiraf":
    call = call.add_subparsers(required=True).add_parser("merge")
    parse = lambda: call.parse_args(sys.argv[2:])
else:
    parse = call.parse_args
for version in ("base", "left", "right"):
    call.add_argument(version, type=pathlib.Path)
call.add_argument("-o", "--output", type=pathlib.Path)
call.add_argument("-p", "--path-name", "--path")
asked = parse()
base, left, right = (file.read_text() for file in (asked.base, asked.left, asked.right))
both = left + "".join(line for line in right.splitlines(True) if line not in base)
write = asked.output.write_text
with open({notes!r}, "a") as notes:
    print(asked.path_name, *sorted(os.listdir()), file=notes)
{does}
"""

BASE, LEFT, RIGHT = "fn a() {}\n", "fn a() {}\nfn left() {}\n", "fn a() {}\nfn right() {}\n"
BOTH = "fn a() {}\nfn left() {}\nfn right() {}\n"

Install = Callable[..., Path]


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    return tmp_path / "notes"


@pytest.fixture
def install(tmp_path: Path, notes: Path) -> Install:
    """Put a stand-in into a folder, and give the folder."""

    def make(does: str = "write(both)", *, program: str = "mergiraf", folder: str = "bin") -> Path:
        file = tmp_path / folder / program
        file.parent.mkdir(exist_ok=True)
        file.write_text(STAND_IN.format(python=sys.executable, notes=str(notes), does=does))
        file.chmod(file.stat().st_mode | stat.S_IXUSR)
        return file.parent

    return make


def programs_in(*folders: Path) -> MergePrograms:
    return MergePrograms(found_programs(search_path=os.pathsep.join(map(str, folders))))


def merged_by(programs: MergePrograms, path: str = "src/lib.rs") -> tuple[bytes, str] | None:
    return programs.merge(path, BASE.encode(), LEFT.encode(), RIGHT.encode())


@pytest.mark.parametrize(("program", "way"), [("mergiraf", "mergiraf"), ("weave-driver", "weave")])
def test_a_program_is_given_three_files_and_a_name_in_an_empty_folder_once(
    install: Install, notes: Path, program: str, way: str
) -> None:
    programs = programs_in(install(program=program))
    assert merged_by(programs) == (BOTH.encode(), way)
    assert merged_by(programs) == (BOTH.encode(), way)
    assert notes.read_text() == "lib.rs base left right\n"


REFUSED = {
    "it ends with another status": "write(both); sys.exit(1)",
    "it says nothing": "pass",
    "markers are left": "write('<<<<<<< left\\n' + both)",
    "one side is lost": "write(left)",
    "the other side is lost": "write(right)",
    "both are lost": "write(base)",
    "a part of one side is lost": "write(both.replace('right', 'wrong'))",
    "a link": "os.symlink('left', asked.output)",
    "a pipe": "os.mkfifo(asked.output)",
    "no text": "asked.output.write_bytes(both.encode() + b'\\xff')",
    "more than anybody wrote": "write(both * 200_000)",
    "it hangs": "time.sleep(60)",
    "it crashes": "os.abort()",
}


@pytest.mark.parametrize("does", REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_taken_is_left_in_conflict(install: Install, monkeypatch: pytest.MonkeyPatch, does: str) -> None:
    monkeypatch.setattr(merge_programs, "_LIMITS", Limits(timeout=2.0, grace=0.2))
    assert merged_by(programs_in(install(does))) is None


def test_what_the_first_cannot_do_the_second_is_asked(install: Install) -> None:
    install("sys.exit(1)")
    assert merged_by(programs_in(install(program="weave-driver"))) == (BOTH.encode(), "weave")


def test_what_does_not_parse_any_more_is_not_taken(install: Install) -> None:
    programs = programs_in(install("write(both + '}')"))
    assert programs.merge("a.json", b"{}", b'{"a": 1}', b'{"b": 1}') is None


@pytest.mark.parametrize("name", ["-o", "--help", "a b.rs", "a\nb.rs", "ü.rs", "x" * 200])
def test_a_name_that_could_be_anything_else_is_not_told(install: Install, notes: Path, name: str) -> None:
    assert merged_by(programs_in(install()), f"src/{name}") is None
    assert not notes.exists()


def test_no_program_is_taken_from_where_somebody_stands_or_from_the_repository(
    install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(folder="shop")
    monkeypatch.chdir(tmp_path / "shop")
    monkeypatch.setenv("PATH", os.pathsep.join([".", "", str(tmp_path / "shop")]))
    assert found_programs(outside=tmp_path / "shop") == ()
    assert [program.path for program in found_programs()] == [str(tmp_path / "shop" / "mergiraf")]


def test_it_sees_nothing_of_our_environment(install: Install, notes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAIT_TEST_SECRET", "x")
    monkeypatch.setenv("GIT_DIR", "/somewhere")
    merged_by(programs_in(install(f"open({str(notes)!r}, 'w').write(' '.join(sorted(os.environ)))")))
    seen = set(notes.read_text().split())
    assert not seen & {"PLAIT_TEST_SECRET", "GIT_DIR", "USER"}


def test_a_conflict_in_a_language_that_plait_does_not_know_is_settled_by_the_program_and_says_so(
    install: Install, tmp_path: Path
) -> None:
    history, settler = History.new(tmp_path / "repository.git"), Settler(programs=programs_in(install()))
    start = history.commit({"lib.rs": BASE, "app.py": "x = 1\n"})
    ours = history.commit({"lib.rs": LEFT, "app.py": "x = 1\n\n\ndef a():\n    pass\n"}, start)
    theirs = history.commit({"lib.rs": RIGHT, "app.py": "x = 1\n\n\ndef b():\n    pass\n"}, start)

    merged = merge(history.repository, ours, theirs, settle=settler.settle)

    assert isinstance(merged, Merged)
    assert {done.path: done.by for done in merged.settled} == {
        "app.py": "structure: python",
        "lib.rs": "structure: mergiraf",
    }
    assert history.files(merged.tree)["lib.rs"] == BOTH
    assert isinstance(merge(history.repository, ours, theirs, settle=Settler().settle), Conflict)


LINES = st.lists(st.sampled_from(["a", "b", "c d", "e(f)", ""]), max_size=6).map("\n".join).map(str.encode)


@given(base=LINES, ours=LINES, theirs=LINES, merged=LINES)
def test_what_is_taken_holds_every_word_that_a_side_brought_in(
    base: bytes, ours: bytes, theirs: bytes, merged: bytes
) -> None:
    if can_be_taken("x.rs", merged, base, ours, theirs):
        assert (set(ours.split()) | set(theirs.split())) - set(base.split()) - {b"c", b"d"} <= set(merged.split())
