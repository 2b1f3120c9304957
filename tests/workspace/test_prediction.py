"""Which pairs of branches are told to clash before a batch, and that nothing of the asking stays."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plait.workspace.chains import Branch, ChainBuilder
from plait.workspace.errors import GitFailed
from plait.workspace.prediction import predicted_conflicts
from tests.workspace.histories import DATE, History

LINES = "".join(f"line {number}\n" for number in range(20))


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History.new(tmp_path / "repository.git")


def changed(line: int, to: str) -> str:
    return LINES.replace(f"line {line}\n", f"{to}\n")


def test_pairs_that_change_the_same_lines_are_named_with_their_paths(history) -> None:
    base = history.commit({"f": LINES, "g": LINES})
    tips = {
        "A": history.commit({"f": changed(3, "a"), "g": changed(3, "a")}, base),
        "B": history.commit({"f": changed(3, "b"), "g": changed(3, "b")}, base),
        "C": history.commit({"f": changed(15, "c")}, base),
    }
    assert predicted_conflicts(history.repository, base, tips) == {frozenset("AB"): ("f", "g")}


@pytest.mark.parametrize("at_once", [1, 2, 3])
def test_many_pairs_are_asked_about_in_turns(history, monkeypatch, at_once: int) -> None:
    monkeypatch.setattr("plait.workspace.prediction._AT_ONCE", at_once)
    base = history.commit({"f": LINES, "stale": "s\n"}, old := history.commit({"f": LINES}))
    tips = {name: history.commit({"f": changed(3, name)}, base) for name in "AB"}
    tips |= {"C": history.commit({"f": changed(15, "c")}, old), "D": history.commit({"f": changed(15, "d")}, old)}
    assert predicted_conflicts(history.repository, base, tips) == {
        frozenset("AB"): ("f",),
        frozenset("CD"): ("f",),
    }


def test_what_clashes_with_base_alone_is_in_no_pair(history) -> None:
    old = history.commit({"f": LINES, "g": "g\n"})
    base = history.commit({"f": changed(3, "base")}, old)
    tips = {
        "stale": history.commit({"f": changed(3, "stale")}, old),
        "same": history.commit({"f": changed(3, "same")}, base),
        "other": history.commit({"g": "other\n"}, old),
    }
    found = predicted_conflicts(history.repository, base, tips)
    assert found == {frozenset({"stale"}): ("f",)}


def test_two_stale_branches_are_asked_about_through_base(history) -> None:
    old = history.commit({"f": LINES})
    first = history.commit({"f": changed(3, "first")}, old)
    base = history.commit({"f": changed(3, "first"), "x": "x\n"}, old)  # base took the first one's change by itself
    tips = {"first": first, "second": history.commit({"f": changed(3, "first"), "y": "y\n"}, old)}
    assert predicted_conflicts(history.repository, base, tips) == {}


def test_what_base_contains_and_what_contains_another_clashes_with_nothing(history) -> None:
    root = history.commit({"f": LINES})
    base = history.commit({"f": changed(3, "base")}, root)
    lower = history.commit({"f": changed(3, "lower")}, base)
    upper = history.commit({"f": changed(3, "upper")}, lower)
    tips = {"root": root, "base": base, "lower": lower, "upper": upper, "twin": upper}
    assert predicted_conflicts(history.repository, base, tips) == {}


def test_names_of_paths_may_be_anything_and_attributes_are_those_of_base(history) -> None:
    odd = 'a\n"\udcff\t b'
    base = history.commit({odd: LINES, "log": "start\n", ".gitattributes": "log merge=union\n"})
    tips = {name: history.commit({odd: changed(3, name), "log": f"start\n{name}\n"}, base) for name in "AB"}
    assert predicted_conflicts(history.repository, base, tips) == {frozenset("AB"): (odd,)}


def test_submodules_and_directories_that_moved_are_told_like_any_other(history) -> None:
    commits = ["1" * 40, "2" * 40, "3" * 40]
    base = history.commit({"sub": ("160000", commits[0]), **{f"d/{n}": f"{n}\n" * 9 for n in range(4)}})
    moved = {f"e/{n}": f"{n}\n" * 9 for n in range(4)} | {f"d/{n}": None for n in range(4)}
    tips = {
        "A": history.commit({"sub": ("160000", commits[1])}, base),
        "B": history.commit({"sub": ("160000", commits[2])}, base),
        "C": history.commit(moved, base),
        "D": history.commit({"d/new": "new\n"}, base),
    }
    found = predicted_conflicts(history.repository, base, tips)
    assert found == {frozenset("AB"): ("sub",), frozenset("CD"): ("e/new",)}


@pytest.mark.parametrize("trouble", ["missing", "unrelated"])
def test_what_git_cannot_tell_is_no_verdict(history, trouble) -> None:
    base = history.commit({"f": LINES})
    bad = "1" * 40 if trouble == "missing" else history.commit({"z": "z\n"})
    with pytest.raises(GitFailed):
        predicted_conflicts(history.repository, base, {"A": history.commit({"a": "a\n"}, base), "B": bad})


def test_nothing_stays_in_the_repository(history) -> None:
    old = history.commit({"f": LINES})
    base = history.commit({"f": changed(3, "base")}, old)
    tips = {name: history.commit({name: name, "f": changed(15, name)}, old) for name in "ABC"}
    before = sorted(history.repository.git_dir.rglob("*"))
    assert len(predicted_conflicts(history.repository, base, tips)) == 3
    assert sorted(history.repository.git_dir.rglob("*")) == before


@given(st.lists(st.tuples(st.sampled_from("fgh"), st.integers(0, 5), st.sampled_from("ab"), st.booleans()), max_size=5))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_pair_clashes_just_when_a_chain_of_the_two_does(tmp_path_factory, edits) -> None:
    history = History.new(tmp_path_factory.mktemp("h") / "repository.git")
    old = history.commit(dict.fromkeys("fgh", LINES))
    base = history.commit({"f": changed(0, "base")}, old)
    tips = {
        f"T{place}": history.commit({path: changed(3 * line, word)}, old if stale else base)
        for place, (path, line, word, stale) in enumerate(edits)
    }
    found = predicted_conflicts(history.repository, base, tips)
    for task, tip in tips.items():
        for other, its in tips.items():
            if task < other:
                chain = ChainBuilder(history.repository, base, batch="b", date=DATE).build(
                    [Branch(task, tip), Branch(other, its)]
                )
                wanted = {
                    frozenset({conflict.task, conflict.partner} - {None}): conflict.paths
                    for conflict in chain.conflicts
                }
                asked = {key: paths for key, paths in found.items() if key <= {task, other}}
                # What clashes with base may still fit after one that changed base in the same way.
                assert asked == wanted or any(len(key) == 1 for key in asked)
                assert wanted.items() <= asked.items()
