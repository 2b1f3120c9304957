"""Edge cases of merging as tables, each on real git and all the way: chain, landing, and what must be so afterwards."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.workspace.edge_bench import LINES, Bench, Case, Cases, not_there, play, unpack
from tests.workspace.histories import Side

README = {"README": "read me\n"}
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 1\n"
RENAMED: Side = {f"old/{n}": None for n in range(4)} | {f"new/{n}": LINES + str(n) for n in range(4)}
ODD_NAMES = (
    "x'y\"z",
    "$(id)",
    ";",
    "`id`",
    "a\u00a0b",
    "\N{SLIGHTLY SMILING FACE}",
    "n" * 200,
    "refs/heads/x",
    "@",
    "-x",
)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench.new(tmp_path)


# --- two branches that touch the same: base, A, B, and what comes of it

CLEAN: dict[str, tuple[Side, Side, Side, dict[str, str]]] = {
    "rename and edit": ({"f": LINES}, {"f": None, "g": LINES}, {"f": LINES + "x\n"}, {"g": LINES + "x\n"}),
    "both add the same": ({}, {"f": "x\n"}, {"f": "x\n"}, {"f": "x\n"}),
    "both make the same change": ({"f": "1\n"}, {"f": "2\n"}, {"f": "2\n"}, {"f": "2\n"}),
    "both delete": ({"f": "1\n"}, {"f": None}, {"f": None}, {}),
    "both rename alike": ({"f": LINES}, {"f": None, "g": LINES}, {"f": None, "g": LINES}, {"g": LINES}),
    "mode and edit": ({"f": LINES}, {"f": ("100755", LINES)}, {"f": LINES + "x\n"}, {"f": LINES + "x\n"}),
    "binary on one side": ({"f": b"\0\1"}, {"f": b"\0\2"}, {"g": "x\n"}, {"f": "\0\2", "g": "x\n"}),
    "link on one side": ({"f": ("120000", "a")}, {"f": ("120000", "b")}, {"g": "x\n"}, {"f": "b", "g": "x\n"}),
    "case only": (
        {"readme": LINES},
        {"readme": None, "Readme": LINES},
        {"readme": LINES + "x\n"},
        {"Readme": LINES + "x\n"},
    ),
    "names that differ in case": ({}, {"Foo": "1\n"}, {"foo": "2\n"}, {"Foo": "1\n", "foo": "2\n"}),
    "carriage returns elsewhere": (
        {"f": LINES, "g": "1\n"},
        {"f": LINES.replace("\n", "\r\n")},
        {"g": "2\r\n"},
        {"f": LINES.replace("\n", "\r\n"), "g": "2\r\n"},
    ),
    "union chosen by base": (
        {"log": "1\n", ".gitattributes": "log merge=union\n"},
        {"log": "1\na\n"},
        {"log": "1\nb\n"},
        {"log": "1\na\nb\n", ".gitattributes": "log merge=union\n"},
    ),
    "odd file names": (
        {"a b": "1\n", "x'y\"z": "1\n", "$(id);`": "1\n", "-x": "1\n", "tab\there": "1\n"},
        {"a b": "2\n", "$(id);`": "2\n", "-x": None},
        {"x'y\"z": "2\n", "tab\there": "2\n", "new\nline": "2\n"},
        {"a b": "2\n", "x'y\"z": "2\n", "$(id);`": "2\n", "tab\there": "2\n", "new\nline": "2\n"},
    ),
    "a file becomes a directory": (
        {"f": "1\n"},
        {"g": "1\n"},
        {"f": None, "f/x": "other\n"},
        {"f/x": "other\n", "g": "1\n"},
    ),
    "a branch's own nested repository files": (
        {},
        {"sub/HEAD": "ref: x\n"},
        {"g": "1\n"},
        {"sub/HEAD": "ref: x\n", "g": "1\n"},
    ),
}

CONFLICTS: dict[str, tuple[Side, Side, Side, dict[str, str]]] = {
    "same lines": ({"f": "1\n"}, {"f": "2\n"}, {"f": "3\n"}, {"f": "contents"}),
    "rename to two names": ({"f": LINES}, {"f": None, "ga": LINES}, {"f": None, "gb": LINES}, {"f": "rename/rename"}),
    "two renames to one name": (
        {"a": LINES, "b": LINES.upper()},
        {"a": None, "x": LINES},
        {"b": None, "x": LINES.upper()},
        {"x": "contents"},
    ),
    "rename and delete": ({"f": LINES}, {"f": None, "g": LINES}, {"f": None}, {"g": "rename/delete"}),
    "modify and delete": ({"f": LINES}, {"f": LINES + "x\n"}, {"f": None}, {"f": "modify/delete"}),
    "delete and modify": ({"f": LINES}, {"f": None}, {"f": LINES + "x\n"}, {"f": "modify/delete"}),
    "a new file in a renamed directory": (
        {f"old/{n}": LINES + str(n) for n in range(4)},
        RENAMED,
        {"old/added": "x\n"},
        {"new/added": "directory rename suggested"},
    ),
    "file against directory": ({"f": "1\n"}, {"f": "2\n"}, {"f": None, "f/x": "other\n"}, {"f": "file/directory"}),
    "file against directory, both new": ({}, {"f": "1\n"}, {"f/x": "other\n"}, {"f": "file/directory"}),
    "both add, other content": ({}, {"f": "x\n"}, {"f": "y\n"}, {"f": "contents"}),
    "both add, other mode": ({}, {"f": ("100755", "x\n")}, {"f": "x\n"}, {"f": "contents"}),
    "binary on both sides": ({"f": b"\0\1"}, {"f": b"\0\2"}, {"f": b"\0\3"}, {"f": "binary"}),
    "two links": ({"f": ("120000", "a")}, {"f": ("120000", "b")}, {"f": ("120000", "c")}, {"f": "contents"}),
    "file against link": ({"f": "1\n"}, {"f": "2\n"}, {"f": ("120000", "a")}, {"f": "distinct modes"}),
    "directory against link": (
        {"d/x": "1\n"},
        {"d/x": "2\n"},
        {"d/x": None, "d": ("120000", "/etc")},
        {"d/x": "modify/delete"},
    ),
    "carriage returns": ({"f": LINES}, {"f": LINES.replace("\n", "\r\n")}, {"f": LINES + "x\n"}, {"f": "contents"}),
    "carriage returns in spite of text=auto": (
        {"f": LINES, ".gitattributes": "* text=auto\n"},
        {"f": LINES.replace("\n", "\r\n")},
        {"f": LINES + "x\n"},
        {"f": "contents"},
    ),
    "union chosen by a branch": (
        {"log": "1\n"},
        {"log": "1\na\n"},
        {"log": "1\nb\n", ".gitattributes": "log merge=union\n"},
        {"log": "contents"},
    ),
    "pointers of large files": (
        {"f": POINTER.format("a" * 64), ".gitattributes": "f filter=lfs diff=lfs merge=lfs -text\n"},
        {"f": POINTER.format("b" * 64)},
        {"f": POINTER.format("c" * 64)},
        {"f": "binary"},
    ),
    "pointers without attributes": (
        {"f": POINTER.format("a" * 64)},
        {"f": POINTER.format("b" * 64)},
        {"f": POINTER.format("c" * 64)},
        {"f": "contents"},
    ),
    "newline in the name": ({"a\nb": "1\n"}, {"a\nb": "2\n"}, {"a\nb": "3\n"}, {"a\nb": "contents"}),
    "a name that is not unicode": (
        {"caf\udce9": "1\n"},
        {"caf\udce9": "2\n"},
        {"caf\udce9": "3\n"},
        {"caf\udce9": "contents"},
    ),
}


@pytest.mark.parametrize(("base", "ours", "theirs", "files"), CLEAN.values(), ids=CLEAN)
def test_two_branches_that_go_together_land(bench: Bench, base: Side, ours: Side, theirs: Side, files) -> None:
    start, tips = bench.sides(base, ours, theirs)
    play(bench, Case(start, tips, links=("A", "B"), files=README | files))


@pytest.mark.parametrize(("base", "ours", "theirs", "kinds"), CONFLICTS.values(), ids=CONFLICTS)
def test_of_two_branches_that_do_not_the_first_lands(bench: Bench, base: Side, ours: Side, theirs: Side, kinds) -> None:
    """And the other one is told with it as its partner: no tree of a conflict ever lands."""
    start, tips = bench.sides(base, ours, theirs)
    alone = bench.history.files(tips["A"])
    play(bench, Case(start, tips, links=("A",), conflicts={"B": "A"}, kinds=kinds, files=alone))


# --- everything else: a function builds the repository and says what must come of it

CASES = Cases()


@CASES.add
def no_branches(bench: Bench) -> Case:
    return Case(bench.base({"f": "1\n"}), {}, files=README | {"f": "1\n"})


@CASES.add
def one_branch(bench: Bench) -> Case:
    base = bench.base({"f": "1\n"})
    return Case(base, {"A": bench.history.commit({"f": "2\n"}, base)}, links=("A",), files=README | {"f": "2\n"})


@CASES.add
def an_empty_branch(bench: Bench) -> Case:
    """A commit that changes nothing becomes a link: landed means contained."""
    base = bench.base({"f": "1\n"})
    return Case(base, {"A": bench.history.commit({}, base), "B": base}, links=("A",), skipped=("B",))


@CASES.add
def already_landed(bench: Bench) -> Case:
    base = bench.base({"f": "1\n"})
    there = bench.tip(bench.history.commit({"a": "1\n"}, base))
    tips = {"A": there, "B": bench.history.commit({"b": "1\n"}, base)}
    return Case(base, tips, skipped=("A",), links=("B",), files=README | {"f": "1\n", "a": "1\n", "b": "1\n"})


@CASES.add
def everything_already_landed(bench: Bench) -> Case:
    base = bench.base({"f": "1\n"})
    there = bench.tip(bench.history.commit({"a": "1\n"}, base))
    return Case(base, {"A": there}, skipped=("A",), files=README | {"f": "1\n", "a": "1\n"})


@CASES.add
def two_common_ancestors(bench: Bench) -> Case:
    start = bench.base({"f": LINES, "g": LINES})
    one, two = bench.history.commit({"f": "1\n" + LINES}, start), bench.history.commit({"g": "2\n" + LINES}, start)
    bench.tip(bench.history.commit({"g": "2\n" + LINES, "h": "1\n"}, one, two))
    crossed = bench.history.commit({"f": "1\n" + LINES, "i": "1\n"}, two, one)
    files = README | {"f": "1\n" + LINES, "g": "2\n" + LINES, "h": "1\n", "i": "1\n"}
    return Case(start, {"A": crossed}, links=("A",), files=files)


@CASES.add
def a_directory_that_another_branch_renamed_half(bench: Bench) -> Case:
    """The conflict is with neither alone, and named with the one that completes it."""
    base = bench.base({"old/a": LINES, "old/b": LINES.upper()})
    tips = {
        "A": bench.history.commit({"old/a": None, "new/a": LINES}, base),
        "B": bench.history.commit({"old/b": None, "new/b": LINES.upper()}, base),
        "C": bench.history.commit({"old/c": "1\n"}, base),
    }
    return Case(base, tips, links=("A", "B"), conflicts={"C": "B"})


@CASES.add
def a_submodule_that_both_move(bench: Bench) -> Case:
    one, two, three = (bench.history.commit({"f": text}) for text in ("1", "2", "3"))
    sides = ({"sub": ("160000", commit)} for commit in (one, two, three))
    base, tips = bench.sides(*sides)
    return Case(base, tips, links=("A",), conflicts={"B": "A"}, kinds={"sub": "submodule not initialized"})


@CASES.add
def a_submodule_that_one_moves(bench: Bench) -> Case:
    one, two = (bench.history.commit({"f": text}) for text in ("1", "2"))
    base, tips = bench.sides({"sub": ("160000", one)}, {"sub": ("160000", two)}, {"f": "1\n"})
    return Case(base, tips, links=("A", "B"))


@CASES.add
def a_merge_driver_of_the_repository(bench: Bench) -> Case:
    """It would be a program: its file counts as text, whatever the repository, the checkout and its owner say."""
    canary = bench.folder / "canary"
    bench.git("config", "merge.mine.driver", f"touch {canary}")
    base, tips = bench.sides({"f": "1\n", ".gitattributes": "* merge=mine\n"}, {"f": "1\na\n"}, {"f": "1\nb\n"})
    (bench.clone / ".git" / "info" / "attributes").write_text("* merge=union\n")
    (bench.clone / ".gitattributes").write_text("* merge=union\n")  # not committed
    return Case(base, tips, links=("A",), conflicts={"B": "A"}, after=lambda: not_there(canary))


@CASES.add
def names_that_are_one_file_on_some_machines(bench: Bench) -> Case:
    base, tips = bench.sides({}, {"Foo": "1\n"}, {"foo": "2\n"})
    return Case(base, tips, links=("A",), conflicts={"B": "A"}, kinds={"foo": "case collision"}, fold_case=True)


@CASES.add
def branches_of_odd_names(bench: Bench) -> Case:
    base = bench.base({"f": "1\n"})
    tips = {name: bench.history.commit({f"f{place}": "1\n"}, base) for place, name in enumerate(ODD_NAMES)}
    refs = {name: f"refs/heads/{name}" for name in ODD_NAMES}
    for name, tip in tips.items():
        bench.control.target.set_ref(refs[name], tip, reason="test")
    return Case(base, tips, refs=refs, links=ODD_NAMES)


@CASES.add
def unrelated_histories(bench: Bench) -> Case:
    base = bench.base({"f": "1\n"})
    tips = {"A": bench.history.commit({"g": "1\n"}), "B": bench.history.commit({"h": "1\n"}, base)}
    return Case(base, tips, links=("B",), conflicts={"A": None})


# --- what is missing says nothing of any branch


@CASES.add
def a_commit_that_is_not_there(bench: Bench) -> Case:
    base = bench.base({"f": "1\n"})
    return Case(base, {"A": bench.history.commit({"a": "1\n"}, base), "B": "0" * 39 + "1"}, trouble=".")


@CASES.add
def a_tree_in_place_of_a_commit(bench: Bench) -> Case:
    base = bench.base({"f": "1\n"})
    return Case(base, {"A": bench.control.store.tree_of(bench.history.commit({"a": "1\n"}, base))}, trouble=".")


def lost(name: str) -> Callable[[Bench], Case]:
    def build(bench: Bench) -> Case:
        base, tips = bench.sides(
            {"f": LINES, "dir/g": LINES},
            {"f": LINES + "x\n", "dir/g": "x\n" + LINES},
            {"dir/g": LINES + "y\n", "f": "y\n" + LINES},
        )
        revision = name.replace("base", base).replace("A", tips["A"]).replace("B", tips["B"])
        oid = bench.git("rev-parse", revision).strip()
        unpack(bench.history.repository)
        (bench.control.objects / oid[:2] / oid[2:]).unlink()
        return Case(base, tips, trouble=".", damaged=True)

    return build


CASES |= {
    f"lost: {name}": lost(name)
    for name in ("B:f", "B:dir", "B^{tree}", "A:dir", "A^{tree}", "base:f", "base^{tree}", "B", "base")
}


@CASES.add
def a_repository_that_became_shallow(bench: Bench) -> Case:
    """Somebody cut the history off while plait ran: what is missing is told, and nothing is merged without it."""
    old = bench.base({"f": "1\n"})
    base = bench.base({"f": "2\n"})
    stale = bench.history.commit({"a": "1\n"}, old)
    oid = old
    unpack(bench.history.repository)
    (bench.control.objects / oid[:2] / oid[2:]).unlink()
    (bench.clone / ".git" / "shallow").write_text(f"{base}\n{stale}\n")
    return Case(base, {"A": stale}, trouble=".", damaged=True)


# --- what stands on what


@CASES.add
def what_needs_a_branch_left_out(bench: Bench) -> Case:
    base = bench.base({"f": "1\n"})
    tips = {
        name: bench.history.commit(files, base)
        for name, files in {"A": {"f": "2\n"}, "B": {"f": "3\n"}, "C": {"c": "1\n"}, "D": {"d": "1\n"}}.items()
    }
    return Case(
        base, tips, needs={"C": ("B",), "D": ("C",)}, links=("A",), conflicts={"B": "A"}, held={"C": "B", "D": "C"}
    )


@CASES.add
def a_stack_on_a_branch_left_out(bench: Bench) -> Case:
    """It mended what it stands on, and says nothing of needing it: its commits would bring B's along."""
    base = bench.base({"f": "1\n"})
    a, b = bench.history.commit({"f": "2\n"}, base), bench.history.commit({"f": "3\n"}, base)
    c = bench.history.commit({"f": "2\n", "c": "1\n"}, b)
    return Case(base, {"A": a, "B": b, "C": c}, links=("A",), conflicts={"B": "A"}, held={"C": "B"})


@CASES.add
def a_need_that_has_landed_or_is_unknown(bench: Bench) -> Case:
    base = bench.base({"f": "1\n"})
    tips = {"A": bench.history.commit({"a": "1\n"}, base)}
    return Case(base, tips, needs={"A": ("LANDED", "A")}, links=("A",))


@CASES.add
def a_stack_in_the_wrong_order(bench: Bench) -> Case:
    base = bench.base({"f": "1\n"})
    a = bench.history.commit({"a": "1\n"}, base)
    b = bench.history.commit({"b": "1\n"}, a)
    return Case(base, {"B": b, "A": a}, links=("B",), skipped=("A",))


@CASES.add
def two_of_one_commit(bench: Bench) -> Case:
    base = bench.base({"f": "1\n"})
    a = bench.history.commit({"a": "1\n"}, base)
    return Case(base, {"A": a, "B": a}, links=("A",), skipped=("B",))


@pytest.mark.parametrize("build", CASES.parameters())
def test_an_edge_case_of_merging_comes_out_as_it_must(bench: Bench, build: Callable[[Bench], Case]) -> None:
    play(bench, build(bench))
