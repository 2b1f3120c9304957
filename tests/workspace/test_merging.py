"""Merging in the object database: every trap of git 2.39's merge-tree."""

from pathlib import Path

import pytest

from plait.workspace import merging as module
from plait.workspace.errors import GitFailed
from plait.workspace.git import GitRepository
from plait.workspace.merging import Conflict, Merged, StartConflict, merge, merge_start
from tests.workspace.histories import DATE, History, Side

LINES = "".join(f"line {number}\n" for number in range(20))
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 1\n"


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History.new(tmp_path / "repository.git")


def three_sides(history: History, base: Side, ours: Side, theirs: Side) -> Merged | Conflict:
    start = history.commit({"README": "read me\n", **base})
    return merge(history.repository, history.commit(ours, start), history.commit(theirs, start))


CLEAN = {
    "rename and edit": ({"f": LINES}, {"f": None, "g": LINES}, {"f": LINES + "more\n"}, {"g": LINES + "more\n"}),
    "equal additions": ({}, {"f": "x\n"}, {"f": "x\n"}, {"f": "x\n"}),
    "mode on one side, text on the other": (
        {"f": LINES},
        {"f": ("100755", LINES)},
        {"f": LINES + "more\n"},
        {"f": LINES + "more\n"},
    ),
    "far apart in one file": (
        {"f": LINES},
        {"f": "first\n" + LINES},
        {"f": LINES + "last\n"},
        {"f": "first\n" + LINES + "last\n"},
    ),
    "odd names": (
        {"a b": "1\n", "x'y\"z": "1\n", "$(id);`": "1\n", "ü 🙂": "1\n", "tab\there": "1\n"},
        {"a b": "2\n", "$(id);`": "2\n"},
        {"x'y\"z": "2\n", "ü 🙂": "2\n", "tab\there": "2\n"},
        {"a b": "2\n", "x'y\"z": "2\n", "$(id);`": "2\n", "ü 🙂": "2\n", "tab\there": "2\n"},
    ),
}


@pytest.mark.parametrize(("base", "ours", "theirs", "expected"), CLEAN.values(), ids=CLEAN.keys())
def test_what_goes_together_is_merged(history, base, ours, theirs, expected) -> None:
    merged = three_sides(history, base, ours, theirs)
    assert isinstance(merged, Merged)
    assert history.files(merged.tree) == {"README": "read me\n", **expected}


CONFLICTS = {
    "same lines": ({"f": "1\n"}, {"f": "2\n"}, {"f": "3\n"}, {"f": {"contents"}}),
    "rename to two names": (
        {"f": LINES},
        {"f": None, "ga": LINES},
        {"f": None, "gb": LINES},
        {"f": {"rename/rename"}, "ga": {"rename/rename"}, "gb": {"rename/rename"}},
    ),
    "two renames to one name": (
        {"a": LINES, "b": LINES.upper()},
        {"a": None, "x": LINES},
        {"b": None, "x": LINES.upper()},
        {"x": {"contents"}},
    ),
    "rename and delete": ({"f": LINES}, {"f": None, "g": LINES}, {"f": None}, {"g": {"rename/delete"}}),
    "modify and delete": ({"f": LINES}, {"f": LINES + "x\n"}, {"f": None}, {"f": {"modify/delete"}}),
    "a file in a renamed directory": (
        {f"old/{n}": LINES + str(n) for n in range(4)},
        {**{f"old/{n}": None for n in range(4)}, **{f"new/{n}": LINES + str(n) for n in range(4)}},
        {"old/added": "x\n"},
        {"new/added": {"directory rename suggested"}},
    ),
    "both added, with other modes": ({}, {"f": ("100755", "x\n")}, {"f": "x\n"}, {"f": {"contents"}}),
    "binary on both sides": ({"f": b"\0\1"}, {"f": b"\0\2"}, {"f": b"\0\3"}, {"f": {"binary", "contents"}}),
    "two links": (
        {"f": ("120000", "a")},
        {"f": ("120000", "b")},
        {"f": ("120000", "c")},
        {"f": {"contents"}},
    ),
    "carriage returns": ({"f": LINES}, {"f": LINES.replace("\n", "\r\n")}, {"f": LINES + "x\n"}, {"f": {"contents"}}),
    "newline in the name": ({"a\nb": "1\n"}, {"a\nb": "2\n"}, {"a\nb": "3\n"}, {"a\nb": {"contents"}}),
}


@pytest.mark.parametrize(("base", "ours", "theirs", "expected"), CONFLICTS.values(), ids=CONFLICTS.keys())
def test_what_does_not_go_together_is_told_by_path_and_kind(history, base, ours, theirs, expected) -> None:
    conflict = three_sides(history, base, ours, theirs)
    assert isinstance(conflict, Conflict)
    found = {path.path: set(path.kinds) for path in conflict.paths if path.stages}
    assert expected.keys() <= found.keys()
    assert all(kinds & found[path] for path, kinds in expected.items())
    assert conflict.messages


def test_a_file_against_a_directory_is_a_conflict(history) -> None:
    conflict = three_sides(history, {"f": "1\n"}, {"f": "2\n"}, {"f": None, "f/x": "quite another thing\n"})
    assert isinstance(conflict, Conflict)
    assert any("file/directory" in path.kinds for path in conflict.paths)
    assert not [name for name in conflict.names if "~" in name], "nobody knows the names that git makes up"
    assert all(map(conflict.concerns, conflict.names))
    assert any(path.path.startswith("f~") for path in conflict.paths)


def test_a_file_against_a_link_keeps_both_modes(history) -> None:
    conflict = three_sides(history, {"f": "1\n"}, {"f": "2\n"}, {"f": ("120000", "elsewhere")})
    assert isinstance(conflict, Conflict)
    assert {stage.mode for path in conflict.paths for stage in path.stages} == {"100644", "120000"}


def test_two_moved_submodules_are_a_conflict_in_spite_of_the_free_text_after_the_records(history) -> None:
    one, two, three = (history.commit({"f": text}) for text in ("1", "2", "3"))
    conflict = three_sides(history, {"sub": ("160000", one)}, {"sub": ("160000", two)}, {"sub": ("160000", three)})
    assert isinstance(conflict, Conflict)
    assert conflict.files == ("sub",)
    assert any("submodule" in kind for kind in conflict.paths[0].kinds)


def test_a_name_that_is_not_unicode_survives(history) -> None:
    name = b"caf\xe9".decode("utf-8", "surrogateescape")
    conflict = three_sides(history, {name: "1\n"}, {name: "2\n"}, {name: "3\n"})
    assert isinstance(conflict, Conflict)
    assert conflict.files == (name,)


def test_two_common_ancestors_are_merged_first(history) -> None:
    start = history.commit({"f": LINES, "g": LINES})
    one = history.commit({"f": "1\n" + LINES}, start)
    two = history.commit({"g": "2\n" + LINES}, start)
    ours = history.commit({"g": "2\n" + LINES, "h": "ours\n"}, one, two)
    theirs = history.commit({"f": "1\n" + LINES, "i": "theirs\n"}, two, one)
    merged = merge(history.repository, ours, theirs)
    assert isinstance(merged, Merged)
    assert history.files(merged.tree).keys() == {"f", "g", "h", "i"}


def test_nothing_new_gives_our_own_tree(history) -> None:
    old = history.commit({"f": "1\n"})
    new = history.commit({"f": "2\n"}, old)
    assert merge(history.repository, new, old) == Merged(history.repository.tree_of(new))


@pytest.mark.parametrize("odd", ["0" * 39 + "1", "refs/heads/nowhere"])
def test_a_missing_commit_is_trouble_and_no_conflict(history, odd) -> None:
    commit = history.commit({"f": "1\n"})
    with pytest.raises(GitFailed):
        merge(history.repository, commit, odd)
    with pytest.raises(GitFailed):
        merge(history.repository, odd, commit)
    with pytest.raises(GitFailed):  # by way of merge-tree itself: status 1 and nothing on standard output
        merge(history.repository, odd, commit, attributes=b"")


def test_a_tree_in_place_of_a_commit_is_trouble_and_no_conflict(history) -> None:
    commit = history.commit({"f": "1\n"})
    with pytest.raises(GitFailed):
        merge(history.repository, commit, history.repository.tree_of(commit), attributes=b"")


@pytest.mark.parametrize("lost", ["ours^{tree}", "theirs^{tree}", "theirs:dir", "theirs:dir/g", "base^{tree}"])
def test_a_missing_object_is_trouble_and_drops_no_file(history, lost) -> None:
    base = history.branch("base", history.commit({"f": LINES, "dir/g": LINES}))
    ours = history.branch("ours", history.commit({"f": LINES + "ours\n"}, base))
    theirs = history.branch(
        "theirs", history.commit({"dir/g": LINES + "theirs\n", "dir/h": "new\n", "f": "x\n" + LINES}, base)
    )
    oid = history.repository.ask("rev-parse", f"refs/heads/{lost}").text
    unpack(history)
    (history.repository.git_dir / "objects" / oid[:2] / oid[2:]).unlink()
    try:
        merged = merge(history.repository, ours, theirs, attributes=b"")
    except GitFailed:
        return
    listed = [history.repository.run("ls-tree", f"{merged.tree}{place}").text for place in ("", ":dir")]
    assert oid in "".join(listed)  # taken over without being read
    assert "\tf" in listed[0]


def unpack(history: History) -> None:
    """Turn fast-import's packs into loose objects, so that one can be lost."""
    for pack in sorted((history.repository.git_dir / "objects" / "pack").glob("*.pack")):
        content = pack.read_bytes()
        for part in pack.parent.glob(f"{pack.stem}.*"):
            part.unlink()
        history.repository.ask("unpack-objects", "-q", stdin=content)


def test_unrelated_histories_are_refused_in_plain_words(history) -> None:
    with pytest.raises(GitFailed, match="no history in common"):
        merge(history.repository, history.commit({"f": "1\n"}), history.commit({"g": "1\n"}))


def test_a_shallow_clone_is_trouble_and_no_conflict(history, tmp_path: Path) -> None:
    base = history.commit({"f": LINES})
    ours = history.branch("ours", history.commit({"f": LINES + "ours\n"}, base))
    theirs = history.branch("theirs", history.commit({"f": "theirs\n" + LINES}, base))
    shallow = GitRepository(tmp_path / "shallow.git")
    shallow.ask("init", "--quiet", "--bare", str(shallow.git_dir))
    url = f"file://{history.repository.git_dir}"
    shallow.ask("fetch", "--quiet", "--depth=1", url, "refs/heads/ours", "refs/heads/theirs")
    with pytest.raises(GitFailed):
        merge(shallow, ours, theirs)


# --- attributes


def both_append(history: History, attributes: str | None, name: str = "notes.md") -> Merged | Conflict:
    base: Side = {name: "1\n"} | ({".gitattributes": attributes} if attributes else {})
    return three_sides(history, base, {name: "1\nours\n"}, {name: "1\ntheirs\n"})


@pytest.mark.parametrize(
    "attributes",
    [
        "*.md merge=union\n",
        "# a comment\n*.md text merge=union eol=lf\n",
        '"notes.md" merge=union\n',
        "notes.m[d] merge=union",
    ],
)
def test_the_base_may_choose_union(history, attributes) -> None:
    merged = both_append(history, attributes)
    assert isinstance(merged, Merged)
    assert history.files(merged.tree)["notes.md"] == "1\nours\ntheirs\n"


@pytest.mark.parametrize("attributes", ["*.md binary\n", "*.md -merge\n", "*.md filter=lfs diff=lfs merge=lfs -text\n"])
def test_the_base_may_choose_binary(history, attributes) -> None:
    conflict = both_append(history, attributes)
    assert isinstance(conflict, Conflict)
    assert history.files(conflict.tree)["notes.md"] == "1\nours\n"


@pytest.mark.parametrize(
    "attributes",
    [None, "*.md merge=mine\n", "[attr]mine merge=union\n*.md mine\n", "*.md merge=union\n*.md merge=mine"],
)
def test_a_driver_of_its_own_counts_as_text(history, attributes, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    history.repository.ask("config", "merge.mine.driver", f"touch {canary}")
    conflict = both_append(history, attributes)
    assert isinstance(conflict, Conflict)
    assert "<<<<<<<" in history.files(conflict.tree)["notes.md"]
    assert not canary.exists()


def test_a_branch_cannot_choose_how_it_is_merged(history) -> None:
    base = history.commit({"notes.md": "1\n"})
    ours = history.commit({"notes.md": "1\nours\n"}, base)
    theirs = history.commit({"notes.md": "1\ntheirs\n", ".gitattributes": "*.md merge=union\n"}, base)
    assert isinstance(merge(history.repository, ours, theirs), Conflict)


def test_the_callers_directory_does_not_matter(history, tmp_path: Path, monkeypatch) -> None:
    (tmp_path / ".gitattributes").write_text("* merge=union\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_DIR", str(tmp_path))
    assert isinstance(both_append(history, None), Conflict)


@pytest.mark.parametrize("name", ["big.txt", "dir/a b*[c]?", 'qu"o\\te', "ü\tx"])
def test_a_giant_is_not_merged_by_lines(history, name, monkeypatch) -> None:
    monkeypatch.setattr(module, "LARGE_FILE", 1000)
    big = "line\n" * 300
    conflict = three_sides(
        history, {name: big, "f": LINES}, {name: "ours\n" + big}, {name: big + "theirs\n", "f": LINES + "x\n"}
    )
    assert isinstance(conflict, Conflict)
    assert conflict.files == (name,)
    assert "binary" in conflict.paths[0].kinds


def test_a_giant_that_one_side_changed_is_taken_over(history, monkeypatch) -> None:
    monkeypatch.setattr(module, "LARGE_FILE", 1000)
    merged = three_sides(history, {"big": "1\n"}, {"f": "1\n"}, {"big": "line\n" * 300})
    assert isinstance(merged, Merged)


# --- names that some machines cannot tell apart


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ({"Foo": "1\n"}, {"foo": "2\n"}),
        ({"dir/x": "1\n"}, {"Dir/y": "2\n"}),
        ({"caf\u00e9": "1\n"}, {"cafe\u0301": "2\n"}),
        ({"Maße": "1\n"}, {"MASSE": "2\n"}),
    ],
)
def test_names_that_differ_in_case_or_form_only_are_a_conflict_if_asked(history, ours, theirs) -> None:
    base = history.commit({"README": "1\n"})
    sides = history.commit(ours, base), history.commit(theirs, base)
    assert isinstance(merge(history.repository, *sides), Merged)
    conflict = merge(history.repository, *sides, fold_case=True)
    assert isinstance(conflict, Conflict)
    assert {kind for path in conflict.paths for kind in path.kinds} == {"case collision"}


def test_a_rename_of_case_is_no_collision(history) -> None:
    base = history.commit({"readme": "1\n", "f": "1\n"})
    sides = history.commit({"f": "2\n"}, base), history.commit({"readme": None, "README": "1\n"}, base)
    assert isinstance(merge(history.repository, *sides, fold_case=True), Merged)


# --- where a task starts


def test_a_task_without_needs_starts_at_base(history) -> None:
    base = history.commit({"f": "1\n"})
    assert merge_start(history.repository, base, (), date=DATE) == base
    assert merge_start(history.repository, base, (base,), date=DATE) == base


def test_a_task_starts_at_the_one_commit_that_contains_the_others(history) -> None:
    base = history.commit({"f": "1\n"})
    first = history.commit({"g": "1\n"}, base)
    second = history.commit({"h": "1\n"}, first)
    assert merge_start(history.repository, base, (first, second, first), date=DATE) == second


def test_a_task_starts_from_the_merge_of_its_needs_and_equal_needs_give_the_equal_commit(history) -> None:
    old = history.commit({"f": "1\n"})
    base = history.commit({"f": "2\n"}, old)
    needs = history.commit({"g": "1\n"}, old), history.commit({"h": "1\n"}, base)
    start = merge_start(history.repository, base, needs, date=DATE)
    assert isinstance(start, str)
    assert history.files(start) == {"f": "2\n", "g": "1\n", "h": "1\n"}
    assert all(history.repository.is_ancestor(commit, start) for commit in (base, *needs))
    assert merge_start(history.repository, base, needs, date=DATE) == start


def test_needs_that_conflict_are_told(history) -> None:
    base = history.commit({"f": "1\n"})
    one, two = history.commit({"f": "2\n"}, base), history.commit({"f": "3\n"}, base)
    start = merge_start(history.repository, base, (one, two), date=DATE)
    assert isinstance(start, StartConflict)
    assert (start.commit, start.paths) == (two, ("f",))


def test_a_missing_need_is_trouble(history) -> None:
    base = history.commit({"f": "1\n"})
    with pytest.raises(GitFailed):
        merge_start(history.repository, base, ("0" * 39 + "1",), date=DATE)
