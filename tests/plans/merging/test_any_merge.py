"""Drawn files and drawn changes: nothing is lost, nothing comes back, and who is who does not matter."""

import ast
import json
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from plait.plans.merging.structural import settle_structurally
from plait.plans.merging.three_way import Effort, GivesUp, merge_lines
from tests.support.effort import effort

Entries = dict[str, Any]


@dataclass(frozen=True)
class Change:
    """What one side did: names that it took away, gave another value, and added behind another name."""

    removed: frozenset[str]
    changed: frozenset[str]
    added: tuple[tuple[str, str | None], ...]
    seed: str = field(compare=False)

    def of(self, base: Entries) -> Entries:
        """The entries after it."""
        entries = [
            (name, f"{self.seed} {value}" if name in self.changed else value)
            for name, value in base.items()
            if name not in self.removed
        ]
        for name, anchor in self.added:
            places = [place for place, (other, _) in enumerate(entries) if other == anchor]
            entries.insert(places[0] + 1 if places else 0, (name, f"{self.seed} new"))
        return dict(entries)


NAMES = tuple(f"n{number}" for number in range(8))


@st.composite
def changes(draw: st.DrawFn, base: tuple[str, ...], seed: str) -> Change:
    own = draw(st.lists(st.integers(0, 5), unique=True, max_size=4))
    anchors = st.sampled_from((*base, None)) if base else st.none()
    added = tuple((f"{seed}{number}", draw(anchors)) for number in own)
    some = st.frozensets(st.sampled_from(base)) if base else st.just(frozenset[str]())
    removed = draw(some)
    return Change(removed, draw(some) - removed, added, seed)


@st.composite
def triples(draw: st.DrawFn) -> tuple[Entries, Change, Change]:
    names = draw(st.lists(st.sampled_from(NAMES), unique=True, min_size=1))
    base = {name: f"of {name}" for name in names}
    return base, draw(changes(tuple(names), "a")), draw(changes(tuple(names), "b"))


def python(entries: Entries) -> bytes:
    """Each name as something else, comments and all."""
    shapes = (
        "# On {0}.\n@decorate\ndef {0}():\n    '''Says it.'''\n    return '{1}'\n",
        "class {0}:\n    '''{1}'''\n\n    def say(self):\n        return '{0}'  # so\n",
        "{0} = '{1}'  # why\n",
        "{0}: dict[str, str] = {{\n    'a': '{1}',\n}}\n",
    )
    parts = [shapes[ord(name[-1]) % len(shapes)].format(name, value) for name, value in entries.items()]
    return ("'''Drawn.'''\n\n\n" + "\n\n".join(parts)).encode()


def read_python(content: bytes) -> Entries:
    """Back from it."""
    values: Entries = {}
    for node in ast.parse(content).body[1:]:
        name = getattr(node, "name", "") or ast.unparse(getattr(node, "target", None) or node.targets[0])
        texts = [part.value for part in ast.walk(node) if isinstance(part, ast.Constant) and part.value != "Says it."]
        values[name] = next(text for text in texts if text not in ("a", name))
    return values


def toml(entries: Entries) -> bytes:
    return (
        "# Drawn.\n\n[table]\n" + "".join(f'{name} = "{value}"  # why\n' for name, value in entries.items())
    ).encode()


def yaml_text(entries: Entries) -> bytes:
    lines = [f"  # On {name}.\n  {name}:\n    value: {value}\n" for name, value in entries.items()]
    return ("# Drawn.\ntable:\n" + "".join(lines) + "  last: 1\n").encode()


def read_yaml(content: bytes) -> Entries:
    table = yaml.safe_load(content)["table"]
    return {name: entry["value"] for name, entry in table.items() if name != "last"}


LANGUAGES: dict[str, tuple[Callable[[Entries], bytes], Callable[[bytes], Entries]]] = {
    "a.json": (
        lambda entries: json.dumps({"table": {**entries, "last": "1"}}, indent=2).encode(),
        lambda content: {key: value for key, value in json.loads(content)["table"].items() if key != "last"},
    ),
    "a.py": (python, read_python),
    "a.toml": (toml, lambda content: tomllib.loads(content.decode())["table"]),
    "a.yaml": (yaml_text, read_yaml),
}


def both(base: Entries, ours: Change, theirs: Change) -> Entries:
    """What has to come of two changes that touch no entry both."""
    result = {name: f"{change.seed} new" for change in (ours, theirs) for name, _ in change.added}
    for name, value in base.items():
        seeds = [change.seed for change in (ours, theirs) if name in change.changed]
        if name not in ours.removed | theirs.removed:
            result[name] = f"{seeds[0]} {value}" if seeds else value
    return result


@pytest.mark.parametrize("path", LANGUAGES)
@settings(max_examples=80, deadline=None)
@given(drawn=triples())
def test_nothing_of_either_side_is_lost_and_nothing_comes_back(
    path: str, drawn: tuple[Entries, Change, Change]
) -> None:
    base, ours, theirs = drawn
    write, read = LANGUAGES[path]
    versions = [write(entries) for entries in (base, ours.of(base), theirs.of(base))]
    settled = settle_structurally(path, *versions)
    assert settle_structurally(path, versions[0], versions[2], versions[1]) == settled
    touched = [change.removed | change.changed for change in (ours, theirs)]
    if settled is not None:
        assert read(settled.content) == both(base, ours, theirs)
        of_ours, of_theirs = ours.of(base), theirs.of(base)
        for side in (of_ours, of_theirs):
            # What both left where it was stays in order, and so does each side's own.
            kept = [name for name in read(settled.content) if name in side]
            assert kept == [name for name in side if name in kept]
    elif path != "a.py" or not (ours.removed and theirs.removed):
        # In Python what both took away and what one added may look like one thing renamed.
        clash = (ours.changed & touched[1]) | (theirs.changed & touched[0])
        assert clash or versions[0] == versions[1] or not read(versions[1]) or not read(versions[2]) or path == "a.py"


@pytest.mark.parametrize("path", LANGUAGES)
@settings(max_examples=30, deadline=None)
@given(drawn=triples())
def test_a_side_that_changed_nothing_leaves_the_other_as_it_is(
    path: str, drawn: tuple[Entries, Change, Change]
) -> None:
    base, change, _ = drawn
    write, _ = LANGUAGES[path]
    old, new = write(base), write(change.of(base))
    for versions in ((old, old, new), (old, new, old), (old, new, new), (None, new, new)):
        settled = settle_structurally(path, *versions)
        assert settled is not None
        assert settled.content == new


LINES = st.lists(st.sampled_from(["a", "b", "c", ""]), max_size=12)


@settings(max_examples=300)
@given(base=LINES, ours=LINES, theirs=LINES)
def test_lines_merge_the_same_with_the_sides_changed_over(base: list[str], ours: list[str], theirs: list[str]) -> None:
    results = []
    for sides in ((ours, theirs), (theirs, ours)):
        try:
            results.append(merge_lines(base, *sides, what="it", effort=Effort()))
        except GivesUp:
            results.append(())
    assert results[0] == results[1]
    assert merge_lines(base, base, theirs, what="it", effort=Effort()) == tuple(theirs)
    assert merge_lines(base, ours, ours, what="it", effort=Effort()) == tuple(ours)


SCRAPS = (
    *("x = 1", "def f():", "  pass", "@d", "class C:", "'''", '"""', "\\"),
    *("{", "}", '"a": 1', ",", "]", "[a]", "[[a]]", "x = [", '  "e",'),
    *("- a", "- b: 1", "  c: 2", "k:", "k: |", "&a *a", "---"),
    *("# c", "", "  ", "\t", "\ufeff", "\x85", "\u2028", "\x0c", "é"),
)
VERSION = st.lists(st.sampled_from(SCRAPS), max_size=8)
READERS: dict[str, Callable[[bytes], object]] = {
    "python": ast.parse,
    "json": json.loads,
    "toml": lambda content: tomllib.loads(content.decode("utf-8-sig")),
    "yaml": yaml.safe_load,
}


@settings(max_examples=150, deadline=None)
@given(
    path=st.sampled_from(["a.py", "a.json", "a.toml", "a.yaml"]),
    texts=st.tuples(VERSION, VERSION, VERSION),
    line_end=st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_scraps_never_raise_and_what_is_settled_parses(path: str, texts: tuple[list[str], ...], line_end: str) -> None:
    base, ours, theirs = (line_end.join(lines).encode() for lines in texts)
    settled = settle_structurally(path, base, ours, theirs)
    assert settle_structurally(path, base, theirs, ours) == settled
    if settled is not None:
        READERS[settled.way](settled.content)


def big(side: str) -> dict[str, bytes]:
    """Files near the limit of size in which everything differs, and as alike as possible."""
    return {
        "functions.py": b"".join(f"def f{n}():\n    return {side!r}\n\n\n".encode() for n in range(4_500)),
        "renamed.py": b"".join(f"def {side}{n}():\n    return 1\n\n\n".encode() for n in range(4_500)),
        "long.py": b"def f():\n" + b"".join(f"    x{n % 7} = {side!r}\n".encode() for n in range(10_000)),
        "equal.py": b"def f():\n" + b"    x = 1\n" * (10_000 + ord(side)) + f"    {side}\n".encode(),
        "calls.py": b"".join(f"f({side}, {n})\n".encode() for n in range(10_000)),
        "keys.json": b"{\n" + b",\n".join(f'"{side}{n}": 1'.encode() for n in range(10_000)) + b"\n}\n",
        "list.json": b"[\n" + b",\n".join(f'"{side}{n}"'.encode() for n in range(10_000)) + b"\n]\n",
        "flat.json": b"[" * 14_500,
        "keys.toml": b"".join(f"{side}{n} = 1\n".encode() for n in range(10_000)),
        "spaces.toml": b'"a" ' + b" " * 14_500 + f'= "{side}"\n'.encode(),
        "list.toml": b"x = [\n" + b"".join(f'  "{side}{n}",\n'.encode() for n in range(10_000)) + b"]\n",
        "keys.yaml": b"".join(f"{side}{n}: 1\n".encode() for n in range(4_500)),
        "flow.yaml": b"a: " + b"[" * 15_000,
    }


@pytest.mark.slow
@pytest.mark.parametrize("path", big("o"))
def test_large_and_hostile_files_take_bounded_effort(path: str) -> None:
    base, ours, theirs = (big(side)[path] for side in "oab")
    with effort(most=6_000_000):
        settle_structurally(path, base, ours, theirs)
