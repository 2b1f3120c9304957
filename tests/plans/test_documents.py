"""YAML is read as text with places, within bounds, and everything that could surprise is refused."""

import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from plait.plans.errors import PlanError, Problem
from plait.plans.language.documents import LOADER, MAX_NODES, read
from tests.support.effort import effort

BOTH_PARSERS = pytest.mark.parametrize("loader", [LOADER, yaml.SafeLoader], ids=["libyaml", "python"])


def problems_of(text: str | bytes, loader: Any = LOADER) -> tuple[Problem, ...]:
    try:
        return read(text, source="p.yaml", loader=loader).problems
    except PlanError as error:
        return error.problems


@BOTH_PARSERS
def test_plain_values_stay_text(loader: Any) -> None:
    text = "a: no\nb: 1e400\nc: 2020-01-01\nd: 1:30:00\ne: .nan\nf: 0x1F\ng: 'null'\nh: null\ni: ~\nj:\nk: true"
    data = read(text, source="p", loader=loader).data
    assert data == {
        **{"a": "no", "b": "1e400", "c": "2020-01-01", "d": "1:30:00", "e": ".nan", "f": "0x1F"},
        **{"g": "null", "h": None, "i": None, "j": "", "k": "true"},
    }


@BOTH_PARSERS
def test_every_value_and_key_has_its_place(loader: Any) -> None:
    places = read("tasks:\n  - id: a\n    needs: [b, {task: c}]\n", source="p", loader=loader).places
    assert places.values[("tasks", 0, "id")] == (2, 9)
    assert places.values[("tasks", 0, "needs", 0)] == (3, 13)
    assert places.keys[("tasks", 0, "needs", 1, "task")] == (3, 17)
    assert places.values[("tasks", 0, "needs", 1, "task")] == (3, 23)
    assert places.values[()] == (1, 1)


@BOTH_PARSERS
@pytest.mark.parametrize(
    ("text", "line", "column", "path", "words"),
    [
        ("a: &x 1", 1, 4, "a", "anchor '&x' is refused"),
        ("a: 1\nb: *x", 2, 4, "b", "alias '*x' is refused"),
        ("a:\n  <<: {b: 1}", 2, 3, "a", "merge keys are refused"),
        ("a: !!python/object/apply:os.system [id]", 1, 4, "a", "tag 'tag:yaml.org,2002:python/object"),
        ("a: !!int 3", 1, 4, "a", "is refused"),
        ("- !x y", 1, 3, "[0]", "tag '!x' is refused"),
        ("a: 1\nb: 2\na: 3", 3, 1, "a", "given twice"),
        ("a: 1\n---\nb: 2", 2, 1, "", "second document"),
        ("a: 1\n'': 2", 2, 1, "", "key is missing"),
        ("? [a]\n: b", 1, 3, "", "key must be text"),
        ("{{ x }}: 1", 1, 2, "", "key must be text"),
        ("a: b: c", 1, 5, "", "not valid YAML"),
        ("a: 'b", 1, 6, "", "not valid YAML"),
        ("a:\n\t- b", 2, 1, "", "not valid YAML"),
        ("a: \0", 1, 4, "", "'\\x00' may not be"),
        ('a: "\\x07"', 1, 4, "a", "'\\x07' may not be"),
        ('ab: "\\0"', 1, 5, "ab", "'\\x00' may not be"),
        ("\ufeffa: 1", 1, 1, "", "byte order mark"),
        ("%TAG ! tag:x,2000:\n---\na: 1", 1, 1, "", "declare tags"),
        ("[" * 21 + "]" * 21, 1, 21, "", "deeper than 20"),
    ],
)
def test_surprises_are_refused_with_their_place(
    text: str, line: int, column: int, path: str, words: str, loader: Any
) -> None:
    found = problems_of(text, loader)
    assert any(words in problem.message for problem in found), found
    problem = next(problem for problem in found if words in problem.message)
    assert problem.path == path
    assert problem.line == line
    assert abs(problem.column - column) <= 1, "the two parsers count an unfinished token differently by one"


@pytest.mark.parametrize(
    "tag", ["python/name:os.system", "python/module:os", "binary", "set", "timestamp", "null", "str"]
)
def test_no_tag_is_accepted(tag: str) -> None:
    assert "is refused" in problems_of(f"a: !!{tag} x")[0].message


@pytest.mark.parametrize(
    ("text", "words", "line"),
    [
        ("", "is empty", 0),
        (" \n\n", "is empty", 0),
        (b"a: \xff", "not UTF-8", 1),
        ("a: 1\nb: \ud800", "'\\ud800' may not be", 2),
        ("a: b\n\n c: \x1b[31m", "'\\x1b' may not be", 3),
        ("a: 1".encode("utf-16"), "not UTF-8", 1),
        ("#" * 300_000, "larger than 256 KiB", 0),
        ("é" * 140_000, "larger than 256 KiB", 0),
    ],
)
def test_texts_that_are_no_plan_at_all_are_refused(text: str | bytes, words: str, line: int) -> None:
    (problem,) = problems_of(text)
    assert words in problem.message
    assert problem.line == line


def test_all_that_is_refused_is_said_at_once() -> None:
    found = problems_of("a: &x 1\nb: *x\nc: !!int 3\na: 4\n")
    assert [problem.line for problem in found] == [1, 2, 3, 4]


ALIAS_BOMB = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9))
HOSTILE = {
    "alias bomb": ALIAS_BOMB,
    "brackets": "[" * 250_000,
    "braces": "{a: " * 60_000,
    "dashes": "- " * 100_000,
    "many values": "- \n" * 60_000,
    "one key, often": "a:\n" * 60_000,
    "anchors": "- &a x\n" * 30_000,
    "question marks": "? " * 100_000,
    "quotes": "a: '" + "''" * 100_000,
    "digits": "a: " + "9" * 200_000,
    "directives": "%YAML 1.1\n" * 20_000,
}


@BOTH_PARSERS
@pytest.mark.parametrize("name", [*HOSTILE])
def test_hostile_texts_are_refused_with_little_effort(name: str, loader: Any) -> None:
    with effort(most=10 * 250_000):  # a few calls a character
        found = problems_of(HOSTILE[name], loader)
    assert bool(found) is (name != "digits")
    assert len(found) <= 101


def test_as_many_values_as_are_allowed_are_read() -> None:
    assert len(read("- x\n" * (MAX_NODES - 1), source="p").data) == MAX_NODES - 1


_JSON = st.recursive(
    st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF, exclude_characters="\x7f", exclude_categories=["Cc"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc", min_size=1), inner, max_size=4),
    max_leaves=20,
)


@given(_JSON)
def test_json_is_read_as_it_is(value: Any) -> None:
    document = read(json.dumps(value), source="p")
    assert document.data == value
    assert document.problems == ()
