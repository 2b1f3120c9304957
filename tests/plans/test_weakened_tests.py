"""Tests that were deleted, skipped or weakened are seen, in the languages that agents write; ordinary work is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.plans.landing.weakened_tests import Change, Weakening, is_of_tests, weakened
from tests.support.patience import patience

PYTHON = """import pytest

def test_a():
    x = add(1, 2)
    assert x == 3
    assert x != 4

def test_b():
    assert add(0, 0) == 0
"""


def seen(before: str | None, after: str | None, path: str = "tests/test_sum.py") -> list[tuple[int | None, str]]:
    return [(finding.line, finding.what) for finding in weakened({path: (before, after)})]


def test_what_is_added_or_stays_is_no_finding() -> None:
    assert seen(None, PYTHON) == []
    assert seen(PYTHON, PYTHON) == []
    assert seen(PYTHON, PYTHON.replace("x = add", "y = add").replace("x ", "y ")) == []
    assert seen(PYTHON, PYTHON + "\ndef test_c():\n    assert add(5, 5) == 10\n") == []
    assert seen(PYTHON, PYTHON.replace("== 3", "== 3.0")) == []


def test_a_deleted_file_a_deleted_test_and_a_deleted_assertion_are_seen() -> None:
    assert seen(PYTHON, None) == [(None, "deleted, with 2 tests")]
    assert seen(PYTHON, PYTHON[: PYTHON.index("def test_b")]) == [(8, "test_b is gone")]
    assert seen(PYTHON, PYTHON.replace("    assert x != 4\n", "")) == [(6, "1 assertion fewer")]
    assert seen(PYTHON, PYTHON.replace("assert x", "# assert x")) == [(5, "2 assertions fewer")]


@pytest.mark.parametrize("empty", ["assert True", "assert x == 3 or True", "assert True, 'fine'"])
def test_an_assertion_that_always_holds_is_none(empty: str) -> None:
    assert seen(PYTHON, PYTHON.replace("assert x == 3", empty)) == [(5, "1 assertion fewer")]


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("tests/test_sum.py", "@pytest.mark.skip(reason='flaky')"),
        ("tests/test_sum.py", "    @pytest.mark.xfail"),
        ("tests/test_sum.py", "pytestmark = pytest.mark.skipif(True, reason='')"),
        ("tests/test_sum.py", "    pytest.skip('later')"),
        ("tests/test_sum.py", "@unittest.skip('x')"),
        ("conftest.py", "def pytest_collection_modifyitems(items):"),
        ("web/cart.test.ts", "it.skip('adds', () => {"),
        ("web/cart.spec.js", "xdescribe('cart', () => {"),
        ("web/cart.test.tsx", "  it.only('this one', () => {"),
        ("src/test/java/CartTest.java", "  @Ignore"),
        ("src/test/java/CartTest.java", '  @Disabled("later")'),
        ("cart_test.go", '\tt.Skip("later")'),
        ("tests/cart.rs", "#[ignore]"),
        ("CartTests.cs", '[Fact(Skip = "later")]'),
        ("tests/test_sum.py", "@mark.skip"),
        ("tests/test_sum.py", "pytest.importorskip('later')"),
        ("tests/test_sum.py", "    with suppress(AssertionError):"),
        ("web/cart.test.ts", "test.concurrent.skip('adds', () => {"),
        ("cart_test.go", "//go:build never"),
        ("tests/cart.rs", "#[should_panic]"),
        ("tests/cart.rs", "#[cfg_attr(all(), ignore)]"),
    ],
)
def test_a_skip_that_was_added_is_seen_with_its_line(path: str, line: str) -> None:
    assert [found for found in seen("one\n", f"one\n{line}\n", path) if found[0]] == [(2, "a skip was added")]
    assert seen(f"{line}\none\n", f"{line}\none\n", path) == []


@pytest.mark.parametrize(
    ("path", "before", "name"),
    [
        ("cart_test.go", "func TestAdd(t *testing.T) {\n}\n", "TestAdd"),
        ("web/cart.test.ts", "it('adds one', () => {});\n", "adds one"),
        ("tests/cart.rs", "#[test]\nfn adds() {\n}\n", "adds"),
        ("src/cart.rs", "#[cfg(test)]\nmod tests {\n    #[test]\n    fn adds() {\n    }\n}\n", "adds"),
        ("tests/test_sum.py", "class TestSum:\n    pass\n", "TestSum"),
        ("src/test/java/CartTest.java", "@Test\npublic void adds() {\n}\n", "adds"),
        ("spec/cart_spec.rb", "it 'adds one' do\nend\n", "adds one"),
    ],
)
def test_a_test_that_is_gone_is_seen_by_name(path: str, before: str, name: str) -> None:
    assert [what for _, what in seen(before, "\n", path)] == [f"{name} is gone"]


def test_what_moved_to_another_file_is_not_gone() -> None:
    moved: dict[str, Change] = {"tests/test_sum.py": (PYTHON, None), "tests/test_add.py": (None, PYTHON)}
    assert weakened(moved) == ()
    half = PYTHON[: PYTHON.index("def test_b")]
    moved = {"tests/test_sum.py": (PYTHON, half), "tests/test_b.py": (None, PYTHON[PYTHON.index("def test_b") :])}
    assert weakened(moved) == ()


def test_what_moved_to_where_no_test_is_looked_for_is_gone() -> None:
    moved: dict[str, Change] = {"tests/test_sum.py": (PYTHON, None), "tests/helper.py": (None, PYTHON)}
    assert weakened(moved) == (Weakening("tests/test_sum.py", None, "deleted, with 2 tests"),)


@pytest.mark.parametrize(
    ("path", "before", "harmless", "after"),
    [
        (
            "pyproject.toml",
            "[project]\nversion = '1'\n[tool.pytest.ini_options]\naddopts = '-q'\n[a]\n",
            "[project]\nversion = '2'\n[tool.pytest.ini_options]\naddopts = '-q'\n[b]\n",
            "[project]\nversion = '1'\n[tool.pytest.ini_options]\naddopts = '-k fast'\n[a]\n",
        ),
        ("a/setup.cfg", "[tool:pytest]\na=1\n", "[x]\n[tool:pytest]\na=1\n", "[x]\n"),
        (
            "package.json",
            '{\n  "test": "jest",\n  "jest": "^29"\n}\n',
            '{\n  "test": "jest",\n  "jest": "^30"\n}\n',
            '{\n  "test": "true",\n  "jest": "^29"\n}\n',
        ),
    ],
)
def test_of_a_file_for_many_things_only_what_says_how_tests_are_run_is_told(path, before, harmless, after) -> None:
    assert seen(None, before, path) == seen(before, harmless, path) == []
    assert seen(before, after, path) == [(None, "says how tests are run, and was changed")]


def test_what_steers_the_tests_is_told_when_it_changes_and_not_when_it_is_new() -> None:
    assert weakened({"Makefile": ("a", "b"), "sub/pytest.ini": ("a", None), "jest.config.ts": (None, "x")}) == (
        Weakening("Makefile", None, "says how tests are run, and was changed"),
        Weakening("sub/pytest.ini", None, "says how tests are run, and was deleted"),
    )


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("src/cart.py", False),
        ("src/contest.py", False),
        ("src/latest/x.md", False),
        ("docs/test.md", False),
        ("tests/data/x.json", False),
        ("tests/helpers.py", True),
        ("pkg/x_test.go", True),
        ("a.spec.tsx", True),
        ("src/FooTest.kt", True),
        ("src/Fastest.py", False),
    ],
)
def test_a_name_tells_what_is_of_tests(path: str, *, expected: bool) -> None:
    assert is_of_tests(path) is expected


def test_code_that_is_no_test_is_not_looked_at() -> None:
    assert weakened({"src/cart.py": ("assert x\n", ""), "README.md": ("def test_x():", None)}) == ()


@given(st.text(max_size=300), st.text(max_size=300))
def test_no_text_brings_it_down(before: str, after: str) -> None:
    for path in ("test_x.py", "x.test.ts", "x_test.go", "CartTest.java", "tests/x.rs"):
        weakened({path: (before, after)})
        assert seen(before, before, path) == []


@pytest.mark.parametrize("line", ["(" * 100_000, "test('" * 20_000, "a(" * 50_000, " " * 100_000, "@Test\n" * 20_000])
def test_a_hostile_file_costs_little(line: str) -> None:
    with patience(60):  # minutes, if it went back and forth
        weakened(dict.fromkeys(("test_x.py", "x.test.ts", "CartTest.java"), (line, "")))
