"""Conflicts that rules settle, each kind on real git; what no rule settles stays in conflict as it was."""

from pathlib import Path

import pytest

from plait.plans.language.merge_rules import PathRule
from plait.plans.merging.path_rules import file_rules
from plait.workspace.chains import Branch, ChainBuilder, wrap
from plait.workspace.conflicts import conflict_checkout, describe
from plait.workspace.git import GitRepository
from plait.workspace.merging import Conflict, Merged, StartConflict, merge, merge_start
from plait.workspace.settling import Settler
from tests.workspace.histories import DATE, History, Side

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 1\n"


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History.new(tmp_path / "repository.git")


def settler(*rules: object, structure: bool = False) -> Settler:
    return Settler(file_rules(PathRule.model_validate(rule) for rule in rules), structure)


def rule(path: str, way: str, **more: str) -> dict[str, object]:
    return {"paths": [path], **({"regenerate": "make"} if way == "regenerate" else {"way": way}), **more}


def three_sides(history: History, base: Side, ours: Side, theirs: Side, settles: Settler) -> Merged | Conflict:
    start = history.commit({"README": "read me\n", **base})
    return merge(history.repository, history.commit(ours, start), history.commit(theirs, start), settle=settles.settle)


def mode_of(repository: GitRepository, tree: str, path: str) -> str:
    return repository.ask("ls-tree", tree, path).text.split(" ")[0]


SETTLED = {
    "a union": ({"f": "1\n"}, {"f": "1\na\n"}, {"f": "1\nb\n"}, "union", {"f": "1\na\nb\n"}),
    "a union of what both made": (
        {},
        {"f": "# Log\n- a\n"},
        {"f": "# Log\n- b\n"},
        "union",
        {"f": "# Log\n- a\n- b\n"},
    ),
    "ours": ({"f": "1\n"}, {"f": "a\n"}, {"f": "b\n"}, "ours", {"f": "a\n"}),
    "theirs": ({"f": "1\n"}, {"f": "a\n"}, {"f": "b\n"}, "theirs", {"f": "b\n"}),
    "ours, which is gone": ({"f": "1\n"}, {"f": None}, {"f": "b\n"}, "ours", {}),
    "theirs, where ours is gone": ({"f": "1\n"}, {"f": None}, {"f": "b\n"}, "theirs", {"f": "b\n"}),
    "theirs, which is gone": ({"f": "1\n"}, {"f": "a\n"}, {"f": None}, "theirs", {}),
    "ours of two binary files": ({"f": b"\0\1"}, {"f": b"\0\2"}, {"f": b"\0\3"}, "ours", {"f": "\0\2"}),
    "theirs of two links": (
        {"f": ("120000", "a")},
        {"f": ("120000", "b")},
        {"f": ("120000", "c")},
        "theirs",
        {"f": "c"},
    ),
    "ours of two pointers": (
        {"f": POINTER.format(1)},
        {"f": POINTER.format(2)},
        {"f": POINTER.format(3)},
        "ours",
        {"f": POINTER.format(2)},
    ),
    "ours until it is made anew": ({"f": "1\n"}, {"f": "a\n"}, {"f": "b\n"}, "regenerate", {"f": "a\n"}),
    "an odd name": (
        {"ä\tb\n'": "1\n"},
        {"ä\tb\n'": "1\na\n"},
        {"ä\tb\n'": "1\nb\n"},
        "union",
        {"ä\tb\n'": "1\na\nb\n"},
    ),
}


@pytest.mark.parametrize(("base", "ours", "theirs", "way", "expected"), SETTLED.values(), ids=SETTLED.keys())
def test_a_rule_settles_a_conflict(history, base, ours, theirs, way, expected) -> None:
    merged = three_sides(history, base, ours, theirs, settler(rule("**", way)))
    assert isinstance(merged, Merged)
    assert history.files(merged.tree) == {"README": "read me\n", **expected}
    assert [(done.by, done.remake is not None) for done in merged.settled] == [(way, way == "regenerate")]


LINES = "".join(f"line {number}\n" for number in range(20))
LEFT = {
    "a union of a file that is not only added to": ({"f": "1\n"}, {"f": "2\n"}, {"f": "3\n"}, "union"),
    "a union of binary files": ({"f": b"\0\1"}, {"f": b"\0\2"}, {"f": b"\0\3"}, "union"),
    "a union of pointers": ({"f": "1\n"}, {"f": "1\n2\n"}, {"f": POINTER.format(3)}, "union"),
    "a union of links": ({"f": ("120000", "a")}, {"f": ("120000", "b")}, {"f": ("120000", "c")}, "union"),
    "a union where one side took it out": ({"f": "1\n"}, {"f": None}, {"f": "1\n2\n"}, "union"),
    "a command where one side took it out": ({"f": "1\n"}, {"f": None}, {"f": "1\n2\n"}, "regenerate"),
    "a union that does not parse": (
        {"a.json": "{\n}\n"},
        {"a.json": '{\n"a": 1\n}\n'},
        {"a.json": '{\n"b": 1\n}\n'},
        "union",
    ),
    "ours, which does not parse": ({"a.json": "{}"}, {"a.json": "{"}, {"a.json": "[]"}, "ours"),
    "ours with a marker": ({"f": "1\n"}, {"f": "<<<<<<< a\n2\n"}, {"f": "3\n"}, "ours"),
    "a file against a link": ({"f": "1\n"}, {"f": "2\n"}, {"f": ("120000", "elsewhere")}, "ours"),
    "a file against a directory": ({"f": "1\n"}, {"f": "2\n"}, {"f": None, "f/x": "other\n"}, "ours"),
    "a rename to two names": ({"f": LINES}, {"f": None, "ga": LINES}, {"f": None, "gb": LINES}, "ours"),
    "a rename and a deletion": ({"f": LINES}, {"f": None, "g": LINES}, {"f": None}, "theirs"),
}


@pytest.mark.parametrize(("base", "ours", "theirs", "way"), LEFT.values(), ids=LEFT.keys())
def test_what_is_not_certain_stays_in_conflict(history, base, ours, theirs, way) -> None:
    start = history.commit({"README": "read me\n", **base})
    sides = history.commit(ours, start), history.commit(theirs, start)
    assert merge(history.repository, *sides, settle=settler(rule("**", way)).settle) == merge(
        history.repository, *sides
    )


def test_two_moved_submodules_stay_in_conflict(history) -> None:
    one, two, three = (history.commit({"f": text}) for text in ("1", "2", "3"))
    sides = ({"s": ("160000", one)}, {"s": ("160000", two)}, {"s": ("160000", three)})
    assert isinstance(three_sides(history, *sides, settler(rule("**", "ours"))), Conflict)


@pytest.mark.parametrize("way", ["union", "ours", "theirs", "regenerate"])
@pytest.mark.parametrize("changes", ["ours", "theirs"])
def test_the_mode_that_a_side_changed_stays(history, way, changes) -> None:
    modes = {side: "100755" if side == changes else "100644" for side in ("ours", "theirs")}
    sides = ({"f": (modes[side], f"1\n{side}\n")} for side in ("ours", "theirs"))
    merged = three_sides(history, {"f": "1\n"}, *sides, settler(rule("f", way)))
    assert isinstance(merged, Merged)
    assert mode_of(history.repository, merged.tree, "f") == "100755"


def test_what_is_left_is_a_conflict_in_which_the_rest_is_settled(history) -> None:
    start = history.commit({"log": "1\n", "app.py": "1\n", "lock": "1\n"})
    ours = history.commit({"log": "1\na\n", "app.py": "a\n", "lock": "a\n"}, start)
    theirs = history.commit({"log": "1\nb\n", "app.py": "b\n", "lock": "b\n"}, start)
    settles = settler(rule("log", "union"), rule("lock", "regenerate"))
    conflict = merge(history.repository, ours, theirs, settle=settles.settle)
    assert isinstance(conflict, Conflict)
    assert conflict.files == ("app.py", "lock"), "a command would meet markers, so its file stays in conflict"
    assert {len(path.stages) for path in conflict.paths} == {3}
    assert not any("log" in message for message in conflict.messages)
    checkout = conflict_checkout(history.repository, conflict, "A", "B")
    assert history.files(checkout.tree)["log"] == "1\na\nb\n"
    assert checkout.marked == ("app.py", "lock")
    assert "<<<<<<< A" in describe(history.repository, conflict, "A", "B")


def test_the_unions_of_the_base_are_named_and_come_after_the_rules_of_the_plan(history) -> None:
    attributes = "*.md merge=union\n*.txt merge=union\n"
    start = history.commit({"a.md": "1\n", "b.txt": "1\n", ".gitattributes": attributes})
    ours = history.commit({"a.md": "a\n", "b.txt": "a\n"}, start)
    theirs = history.commit({"a.md": "b\n", "b.txt": "b\n"}, start)
    merged = merge(history.repository, ours, theirs, settle=settler(rule("*.txt", "theirs")).settle)
    assert isinstance(merged, Merged)
    files = history.files(merged.tree)
    assert (files["a.md"], files["b.txt"]) == ("a\nb\n", "b\n")
    assert {done.path: done.by for done in merged.settled} == {"a.md": ".gitattributes: union", "b.txt": "theirs"}


def test_two_names_that_are_one_file_elsewhere_are_a_conflict_after_settling_too(history) -> None:
    start = history.commit({"log": "1\n"})
    ours, theirs = (
        history.commit({"log": "1\na\n", "x": "1\n"}, start),
        history.commit({"log": "1\nb\n", "X": "2\n"}, start),
    )
    settles = settler(rule("log", "union")).settle
    assert isinstance(merge(history.repository, ours, theirs, settle=settles), Merged)
    assert isinstance(merge(history.repository, ours, theirs, settle=settles, fold_case=True), Conflict)


def test_a_start_from_several_needs_is_settled_and_says_so(history) -> None:
    base = history.commit({"log": "1\n", "lock": "1\n", ".gitattributes": ""})
    first = history.commit({"log": "1\na\n", "lock": "a\n"}, base)
    second = history.commit({"log": "1\nb\n", "lock": "b\n"}, base)
    settles = settler(rule("log", "union"), rule("lock", "regenerate")).settle
    assert isinstance(merge_start(history.repository, base, (first, second), date=DATE), StartConflict)
    start = merge_start(history.repository, base, (first, second), date=DATE, settle=settles)
    assert start == merge_start(history.repository, base, (first, second), date=DATE, settle=settles)
    assert isinstance(start, str)
    assert history.files(start) == {".gitattributes": "", "log": "1\na\nb\n", "lock": "a\n"}
    message = history.repository.ask("cat-file", "commit", start).text
    assert "Plait-Settled: log (union)" in message
    assert "Plait-Settled: lock (regenerate, put off until a batch: as the earlier need has it)" in message


@pytest.mark.parametrize("order", [("A", "B", "C"), ("B", "A", "C")])
def test_what_a_start_has_settled_fits_what_a_batch_settles(history, order) -> None:
    """C starts from A and B; the common ancestors of the chain's tip and C are both, and conflict."""
    base = history.commit({"log": "1\n", "x.jsonl": '{"id": 1}\n'})
    tips = {
        name: history.commit({"log": f"1\n{name}\n", "x.jsonl": f'{{"id": 1}}\n{{"id": "{name}"}}\n'}, base)
        for name in "AB"
    }
    settles = settler(rule("log", "union"), rule("x.jsonl", "union", key="id"))
    start = merge_start(history.repository, base, (tips["A"], tips["B"]), date=DATE, settle=settles.settle)
    assert isinstance(start, str)
    there = history.files(start)
    added: Side = {"log": there["log"] + "C\n", "x.jsonl": there["x.jsonl"] + '{"id": "C"}\n'}
    tips["C"] = history.commit(added, start)
    builder = ChainBuilder(history.repository, base, batch="b1", date=DATE, settler=settles)
    chain = builder.build([Branch(name, tips[name]) for name in order])
    assert chain.conflicts == ()
    files = history.files(chain.tree)
    assert sorted(files["log"].split()) == ["1", "A", "B", "C"]
    assert sorted(files["x.jsonl"].split("\n")) == sorted(["", '{"id": 1}', *(f'{{"id": "{name}"}}' for name in "ABC")])


def test_a_chain_says_in_its_commits_what_settled_which_file(history) -> None:
    base = history.commit({"log": "1\n"})
    branches = [Branch(name, history.commit({"log": f"1\n{name}\n"}, base), title=name) for name in "ABC"]
    builder = ChainBuilder(history.repository, base, batch="b1", date=DATE, settler=settler(rule("log", "union")))
    chain = builder.build(branches)
    assert history.files(chain.tree) == {"log": "1\nA\nB\nC\n"}
    assert [[done.by for done in link.settled] for link in chain.links] == [[], ["union"], ["union"]]
    messages = [history.repository.ask("cat-file", "commit", link.commit).text for link in chain.links]
    assert ["Plait-Settled: log (union)" in message for message in messages] == [False, True, True]
    landed = wrap(history.repository, chain, branches, batch="b1", date=DATE)
    assert history.repository.ask("cat-file", "commit", landed).text.count("Plait-Settled: log (union)") == 2
    again = ChainBuilder(history.repository, base, batch="b1", date=DATE, settler=settler(rule("log", "union")))
    assert again.build(branches) == chain


APP = "import os\n\n\ndef main():\n    return os.name\n"


def adding(name: str) -> str:
    return f"{APP}\n\ndef {name}():\n    return 1\n"


def test_two_functions_in_one_place_are_settled_by_structure_unless_the_plan_says_no(history) -> None:
    start = history.commit({"app.py": APP, "package.json": '{\n  "a": 1\n}\n'})
    ours = history.commit({"app.py": adding("one"), "package.json": '{\n  "a": 1,\n  "b": 2\n}\n'}, start)
    theirs = history.commit({"app.py": adding("two"), "package.json": '{\n  "a": 1,\n  "c": 3\n}\n'}, start)
    merged = merge(history.repository, ours, theirs, settle=Settler().settle)
    assert isinstance(merged, Merged)
    assert {done.path: done.by for done in merged.settled} == {
        "app.py": "structure: python",
        "package.json": "structure: json",
    }
    files = history.files(merged.tree)
    assert "def one()" in files["app.py"]
    assert "def two()" in files["app.py"]
    assert isinstance(merge(history.repository, ours, theirs, settle=Settler(structure=False).settle), Conflict)


def test_where_a_rule_is_for_a_file_structure_is_not_asked(history) -> None:
    start = history.commit({"app.py": APP})
    ours, theirs = (history.commit({"app.py": adding(name)}, start) for name in ("one", "two"))
    merged = merge(history.repository, ours, theirs, settle=settler(rule("*.py", "theirs"), structure=True).settle)
    assert isinstance(merged, Merged)
    assert history.files(merged.tree) == {"app.py": adding("two")}


@pytest.mark.parametrize("order", [("A", "B", "C"), ("B", "A", "C")])
def test_a_task_that_starts_from_what_structure_settled_fits_the_batch(history, order) -> None:
    base = history.commit({"app.py": APP})
    tips = {name: history.commit({"app.py": adding(name.lower())}, base) for name in "AB"}
    start = merge_start(history.repository, base, (tips["A"], tips["B"]), date=DATE, settle=Settler().settle)
    assert isinstance(start, str)
    content = history.files(start)["app.py"]
    tips["C"] = history.commit({"app.py": content + "\n\ndef c():\n    return 1\n"}, start)
    builder = ChainBuilder(history.repository, base, batch="b1", date=DATE, settler=Settler())
    chain = builder.build([Branch(name, tips[name]) for name in order])
    assert chain.conflicts == ()
    assert all(f"def {name}()" in history.files(chain.tree)["app.py"] for name in "abc")


def test_where_common_ancestors_cannot_be_settled_nothing_is_guessed(history) -> None:
    """What either side took away could not be told from what the other added."""
    base = history.commit({"log": "1\n"})
    one, two = (history.commit({"log": f"{name}\n"}, base) for name in ("A", "B"))
    ours = history.commit({"log": "A\nB\nours\n"}, one, two)
    theirs = history.commit({"log": "A\nB\ntheirs\n"}, one, two)
    assert isinstance(merge(history.repository, ours, theirs, settle=settler(rule("log", "union")).settle), Conflict)
