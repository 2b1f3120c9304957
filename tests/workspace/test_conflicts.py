"""A conflict as the one who mends it sees it."""

from pathlib import Path

import pytest

from plait.workspace.conflicts import conflict_checkout, describe, left_over_markers
from plait.workspace.merging import Conflict, merge
from tests.workspace.histories import History, Side

LINES = "".join(f"line {number}\n" for number in range(20))
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:{:064d}\nsize 1\n"
OURS, THEIRS = "feature/shop/integration", "cart (agent backend-1)"


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History.new(tmp_path / "repository.git")


def conflict_of(history: History, base: Side, ours: Side, theirs: Side) -> Conflict:
    start = history.commit({"README": "read me\n", **base})
    conflict = merge(history.repository, history.commit(ours, start), history.commit(theirs, start))
    assert isinstance(conflict, Conflict)
    return conflict


def test_markers_carry_readable_names(history) -> None:
    conflict = conflict_of(history, {"f": "a\nb\nc\n"}, {"f": "a\nours\nc\n"}, {"f": "a\ntheirs\nc\n", "g": "1\n"})
    checkout = conflict_checkout(history.repository, conflict, OURS, THEIRS)
    files = history.files(checkout.tree)
    assert files["f"] == (
        f"a\n<<<<<<< {OURS}\nours\n||||||| common ancestor\nb\n=======\ntheirs\n>>>>>>> {THEIRS}\nc\n"
    )
    assert files.keys() == {"README", "f", "g"}
    assert (checkout.marked, checkout.kept_ours) == (("f",), ())


def test_a_label_stays_within_its_line_and_is_taken_literally(history) -> None:
    conflict = conflict_of(history, {"f": "1\n"}, {"f": "2\n"}, {"f": "3\n"})
    checkout = conflict_checkout(history.repository, conflict, "a\nb\\g<0>\x1b[31m", "")
    lines = history.files(checkout.tree)["f"].splitlines()
    assert lines[0] == "<<<<<<< a b\\g<0> [31m"
    assert lines[-1] == ">>>>>>> other"


@pytest.mark.parametrize(
    ("base", "ours", "theirs"),
    [
        pytest.param(b"\0base", b"\0ours", b"\0theirs", id="binary"),
        pytest.param(POINTER.format(1), POINTER.format(2), POINTER.format(3), id="LFS pointer"),
        pytest.param(None, POINTER.format(2), POINTER.format(3), id="added LFS pointers"),
    ],
)
def test_what_markers_would_ruin_keeps_our_version_and_is_named(history, base, ours, theirs) -> None:
    conflict = conflict_of(history, {"f": base} if base else {}, {"f": ours}, {"f": theirs})
    checkout = conflict_checkout(history.repository, conflict, OURS, THEIRS)
    assert (checkout.marked, checkout.kept_ours) == ((), ("f",))
    assert history.files(checkout.tree)["f"] == (ours if isinstance(ours, str) else ours.decode())
    assert f"f cannot hold markers and has the version of {OURS}" in describe(
        history.repository, conflict, OURS, THEIRS
    )


def test_a_file_moved_out_of_a_directorys_way_gets_a_readable_name(history) -> None:
    conflict = conflict_of(history, {"f": "1\n"}, {"f": "2\n"}, {"f": None, "f/x": "quite another thing\n"})
    checkout = conflict_checkout(history.repository, conflict, OURS, THEIRS)
    assert history.files(checkout.tree).keys() == {"README", "f/x", "f~feature_shop_integration"}
    assert conflict.ours not in describe(history.repository, conflict, OURS, THEIRS)


def test_links_are_not_followed(history) -> None:
    link = ("120000", "/etc/passwd")
    conflict = conflict_of(history, {"f": "1\n"}, {"f": link}, {"f": ("120000", "/etc/shadow")})
    checkout = conflict_checkout(history.repository, conflict, OURS, THEIRS)
    assert checkout.marked == ()
    assert "root:" not in describe(history.repository, conflict, OURS, THEIRS)


# --- is it mended?

MARKED = "a\n<<<<<<< ours\n1\n||||||| base\n0\n=======\n2\n>>>>>>> theirs\nb\n"


@pytest.mark.parametrize(
    "text",
    [
        MARKED,
        MARKED.replace("\n", "\r\n"),
        "<<<<<<< ours\n1\n",
        "1\n||||||| 1234567\n2\n",
        "1\n=======\n2\n>>>>>>> theirs\n",
    ],
)
def test_a_marker_left_over_is_found(history, text) -> None:
    commit = history.commit({"f": text, "g": "mended\n", "h": MARKED})
    assert left_over_markers(history.repository, commit, ("f", "g", "gone")) == ("f",)


@pytest.mark.parametrize(
    "text",
    [
        "Heading\n=======\n\ntext\n",
        "Heading\n<<<<<<<\n",
        "> > a\n>>>>>>> seven times quoted\n",
        "a <<<<<<< b\n",
        "<<<<<<<< eight\n",
        " <<<<<<< indented\n",
        "x = a << b\n",
        b"\0" + b"1\n",
        ("120000", "<<<<<<< ours"),
    ],
)
def test_what_only_looks_like_a_marker_is_none(history, text) -> None:
    assert left_over_markers(history.repository, history.commit({"f": text}), ("f",)) == ()


def test_a_text_about_markers_may_keep_those_it_had(history) -> None:
    before = history.commit({"docs.md": MARKED})
    after = history.commit({"docs.md": "more\n" + MARKED}, before)
    worse = history.commit({"docs.md": "<<<<<<< feature\n" + MARKED}, before)
    assert left_over_markers(history.repository, after, ("docs.md",), parents=(before,)) == ()
    assert left_over_markers(history.repository, before, ("docs.md",), parents=(before,)) == ()
    assert left_over_markers(history.repository, worse, ("docs.md",), parents=(before,)) == ("docs.md",)


def test_the_markers_of_a_checkout_are_found_until_they_are_gone(history) -> None:
    conflict = conflict_of(history, {"f": "1\n"}, {"f": "2\n"}, {"f": "3\n"})
    checkout = conflict_checkout(history.repository, conflict, OURS, THEIRS)
    assert left_over_markers(history.repository, checkout.tree, checkout.marked) == ("f",)
    mended = history.commit({"f": "2 and 3\n"}, conflict.ours)
    assert left_over_markers(history.repository, mended, checkout.marked) == ()


# --- the description


def test_a_description_shows_each_hunk_with_its_place(history) -> None:
    def text(word: str) -> str:
        lines = LINES.splitlines()
        return "\n".join([*lines[:5], word, *lines[6:15], word, *lines[16:]]) + "\n"

    conflict = conflict_of(history, {"f": LINES}, {"f": text("ours")}, {"f": text("theirs")})
    told = describe(history.repository, conflict, OURS, THEIRS)
    assert "CONFLICT (content): Merge conflict in f" in told
    assert told.count("--- f\n@@ line ") == 2
    assert "@@ line 6\nline 2\nline 3\nline 4\n<<<<<<< " in told
    assert "line 0" not in told


def test_a_description_is_bounded_and_says_what_is_missing(history) -> None:
    sides = [{f"f{n}": f"{word} {n}\n" * 50 for n in range(20)} for word in ("base", "ours", "theirs")]
    told = describe(history.repository, conflict_of(history, *sides), OURS, THEIRS, limit=3000)
    assert len(told) < 3100
    assert told.endswith("more not shown)")


def test_text_of_another_encoding_can_be_described(history) -> None:
    conflict = conflict_of(history, {"f": "1\n"}, {"f": b"caf\xe9\n"}, {"f": "3\n"})
    assert "caf\ufffd" in describe(history.repository, conflict, OURS, THEIRS)
