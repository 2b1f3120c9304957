"""What a branch changed itself is what its own commits did, whatever it contains of others."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plait.workspace.errors import GitFailed
from plait.workspace.merging import merge_start
from plait.workspace.own_changes import OwnWork, brings, own_changes, texts_of
from tests.workspace.histories import DATE, Content, History


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History.new(tmp_path / "store.git")


def paths(history: History, tip: str, *without: str, landed: tuple[str, ...]) -> set[str]:
    changes = own_changes(history.repository, {"T": OwnWork(tip, without)}, landed=landed)
    return {change.path for change in changes["T"]}


def test_both_sides_of_a_rename_and_odd_names_are_named(history: History) -> None:
    base = history.commit({"a": "x\n" * 50, "kept": "1"})
    tip = history.commit({"a": None, "b": "x\n" * 50, "odd\nname :1": "1", "sub": ("160000", base)}, base)
    assert paths(history, tip, landed=(base,)) == {"a", "b", "odd\nname :1", "sub"}


def test_what_others_did_below_it_is_not_its_change(history: History) -> None:
    base = history.commit({"f": "1\n"})
    need, other = history.commit({"need": "1"}, base), history.commit({"other": "1"}, base)
    start = merge_start(history.repository, base, (need, other), date=DATE)
    assert isinstance(start, str)
    tip = history.commit({"own": "1"}, history.commit({}, start))
    assert paths(history, tip, need, other, landed=(base,)) == {"own"}
    assert paths(history, tip, landed=(base,)) == {"own", "need", "other"}
    assert paths(history, tip, need, landed=(base, other)) == {"own"}


def test_of_a_merge_counts_what_git_would_not_have_made_of_it(history: History) -> None:
    base = history.commit({"f": "1\n", "g": "1\n"})
    rejected, landed = history.commit({"f": "2\n"}, base), history.commit({"f": "3\n", "theirs": "1"}, base)
    repair = history.commit({"f": "23\n", "theirs": "1", "slipped in": "1"}, rejected, landed)
    assert paths(history, repair, landed=(landed, base)) == {"f", "slipped in"}
    clean = history.commit({"h": "1", "f": "3\n", "theirs": "1"}, history.commit({"h": "1"}, base), landed)
    assert paths(history, clean, landed=(landed, base)) == {"h"}


def test_what_conflicted_in_a_merge_was_to_be_settled_by_somebody(history: History) -> None:
    base = history.commit({"f": "1\n"})
    ours, landed = history.commit({"g": "1"}, base), history.commit({"f": "3\n"}, base)
    need = history.commit({"f": "2\n"}, base)
    both = history.commit({"f": "2\n", "g": "1"}, ours, need)
    repair = history.commit({"f": "settled\n", "g": "1"}, both, landed)
    assert paths(history, repair, need, landed=(landed, base)) == {"g"}


def test_histories_without_a_common_ancestor_and_merges_of_three_are_read(history: History) -> None:
    base, stranger = history.commit({"f": "1"}), history.commit({"s": "1"})
    joined = history.commit({"s": "1", "new": "1"}, base, stranger)
    assert paths(history, joined, landed=(base,)) == {"s", "new"}
    one, two = history.commit({"1": "1"}, base), history.commit({"2": "1"}, base)
    octopus = history.commit({"1": "1", "2": "1", "evil": "1"}, base, one, two)
    assert paths(history, octopus, one, two, landed=(base,)) == {"evil"}


def test_what_was_changed_and_taken_back_brings_nothing(history: History) -> None:
    base = history.commit({"f": "1\n", "g": "1\n"})
    tip = history.commit({"f": "1\n"}, history.commit({"f": "2\n", "g": "2\n"}, base))
    onto = history.commit({"f": "3\n"}, base)
    assert paths(history, tip, landed=(base,)) == {"f", "g"}
    assert brings(history.repository, tip, ("f", "g"), onto=onto) == ("g",)
    squashed = history.commit({"g": "2\n"}, onto)
    assert brings(history.repository, tip, ("f", "g"), onto=squashed) == ()


def test_before_and_after_span_all_commits_of_a_branch(history: History) -> None:
    base = history.commit({"f": "1\n"})
    tip = history.commit({"f": "3\n", "new": "n"}, history.commit({"f": "2\n"}, base))
    found = {
        change.path: change for change in own_changes(history.repository, {"T": OwnWork(tip)}, landed=(base,))["T"]
    }
    texts = texts_of(
        history.repository, [blob for one in found.values() for blob in (one.before, one.after) if blob], largest=10
    )
    assert (texts[found["f"].before or ""], texts[found["f"].after or ""]) == ("1\n", "3\n")
    assert (found["new"].before, texts[found["new"].after or ""]) == (None, "n")
    assert texts_of(history.repository, ["1" * 40, base], largest=10) == {}


def test_what_a_person_put_above_what_plait_committed_is_told_apart(history: History) -> None:
    base = history.commit({"f": "1\n"})
    tree = history.repository.tree_of(history.commit({"agent": "1"}, base))
    rejected = history.repository.commit_tree(tree, (base,), "work", date=DATE)
    person = history.commit({"person": "1", "agent": "2"}, history.commit({"first": "1"}, rejected))
    taken = history.repository.commit_tree(history.repository.tree_of(person), (rejected, person), "taken", date=DATE)
    changes = own_changes(history.repository, {"T": OwnWork(taken), "F": OwnWork(person)}, landed=(base,))
    assert {change.path: change.by_person for change in changes["T"]} == {
        "agent": False,
        "first": True,
        "person": True,
    }
    foreign = own_changes(history.repository, {"F": OwnWork(history.commit({"x": "1"}, base))}, landed=(base,))
    assert [change.by_person for change in foreign["F"]] == [False]


def test_a_committer_may_have_no_address(history: History) -> None:
    base = history.commit({"f": "1\n"})
    content = history.repository.ask("cat-file", "commit", history.commit({"g": "1"}, base)).stdout
    nameless = content.replace(b"committer T <t@example.com>", b"committer T <>")
    tip = history.repository.ask("hash-object", "-t", "commit", "-w", "--stdin", stdin=nameless).text
    assert paths(history, tip, landed=(base,)) == {"g"}


def test_a_commit_that_is_missing_is_trouble(history: History) -> None:
    base = history.commit({"f": "1"})
    with pytest.raises(GitFailed):
        own_changes(history.repository, {"T": OwnWork("1" * 40)}, landed=(base,))


EDITS = st.dictionaries(st.sampled_from("abcd"), st.sampled_from(["1\n", "2\n", "", None]), max_size=3)


@settings(max_examples=25, deadline=None)
@given(edits=st.lists(EDITS, min_size=1, max_size=4))
def test_what_a_merge_would_bring_is_as_git_says(edits: list[dict[str, Content]]) -> None:
    with tempfile.TemporaryDirectory() as place:
        history = History.new(Path(place) / "store.git")
        base = history.commit({"a": "0\n", "b": "0\n"})
        tip, files = base, {"a": "0\n", "b": "0\n"}
        for edit in edits:
            files = {path: text for path, text in {**files, **edit}.items() if text is not None}
            tip = history.commit(edit, tip)
        own = paths(history, tip, landed=(base,))
        net = history.repository.ask("diff-tree", "-r", "-z", "--name-only", "--no-renames", base, tip).records
        assert set(net) <= own
        assert set(brings(history.repository, tip, sorted(own), onto=base)) == set(net)
