"""Names of failed tests are read from what runners print and report, whoever wrote that; and those run alone."""

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.plans.quality.failing_tests import LONGEST, MOST, failing_tests
from plait.plans.quality.learned_limits import SHORTEST, learned_limit
from plait.plans.quality.tests_alone import alone

PYTEST = """
tests/test_cart.py F.F                                          [100%]
FAILED tests/test_cart.py::test_total - assert 3 == 4
FAILED tests/test_cart.py::Cart::test_tax[a b-1] - ValueError: x - y
ERROR tests/test_db.py::test_rows
2 failed, 1 passed in 0.02s
"""
GO = "=== RUN   TestTotal\n--- FAIL: TestTotal (0.00s)\n    --- FAIL: TestTotal/empty (0.00s)\nFAIL\n"
CARGO = "test cart::tests::total ... FAILED\ntest cart::tests::tax ... ok\n"
JEST = "FAIL src/cart.test.js\n  ● Cart › adds up (12 ms)\n\n    expect(received)\n"
VITEST = " FAIL  src/cart.test.ts > Cart > adds up\n × src/tax.test.ts > rounds 3ms\n"
UNITTEST = "FAIL: test_total (tests.test_cart.CartTest)\n"
JUNIT = """<?xml version="1.0" encoding="utf-8"?>
<testsuites><testsuite name="pytest" failures="1">
<testcase classname="tests.test_cart.Cart" name="test_total" time="0.001"><failure message="no">x</failure></testcase>
<testcase classname="tests.test_cart" name="test_fine" time="0.001"/>
<testcase classname="tests.test_tax" name="test_rate" file="tests/test_tax.py"><error/></testcase>
<testcase classname="tests.test_tax" name="test_skipped"><skipped/></testcase>
</testsuite></testsuites>"""


@pytest.mark.parametrize(
    ("output", "names"),
    [
        (
            PYTEST,
            (
                "tests/test_cart.py::test_total",
                "tests/test_cart.py::Cart::test_tax[a b-1]",
                "tests/test_db.py::test_rows",
            ),
        ),
        (GO, ("TestTotal", "TestTotal/empty")),
        (CARGO, ("cart::tests::total",)),
        (JEST, ("Cart › adds up (12 ms)",)),
        (VITEST, ("src/cart.test.ts > Cart > adds up", "src/tax.test.ts > rounds")),
        (UNITTEST, ("test_total (tests.test_cart.CartTest)",)),
        ("make: *** [test] Error 1\n", ()),
    ],
)
def test_the_output_of_a_runner_names_what_failed(output: str, names: tuple[str, ...]) -> None:
    assert failing_tests(output) == names


def test_a_report_names_what_failed_and_nothing_else() -> None:
    assert failing_tests("", JUNIT) == ("tests.test_cart.Cart::test_total", "tests/test_tax.py::test_rate")


def test_a_report_of_many_tests_names_each_that_failed() -> None:
    cases = (f'<testcase classname="a" name="t{number}"><error/></testcase>' for number in range(MOST))
    report = f"<testsuites><testsuite>{''.join(cases)}</testsuite></testsuites>"
    assert failing_tests("", report) == tuple(f"a::t{number}" for number in range(MOST))


def test_what_failed_outside_of_any_test_is_not_laid_to_the_test_before_it() -> None:
    assert failing_tests("", '<testsuite><testcase classname="a" name="fine"/><error/></testsuite>') == ()


def test_a_group_that_is_no_part_of_the_file_is_kept_as_it_is_told() -> None:
    case = '<testcase classname="carts.Group" name="total" file="src/cart.test.js"><failure/></testcase>'
    assert failing_tests("", f"<testsuite>{case}</testsuite>") == ("carts.Group::total",)


def test_a_test_of_both_is_called_as_its_runner_can_run_it() -> None:
    printed = "FAILED tests/test_cart.py::Cart::test_total - assert\nFAILED not/in/the_report.py::test_x\n"
    assert failing_tests(printed, JUNIT) == ("tests/test_cart.py::Cart::test_total", "tests/test_tax.py::test_rate")


LAUGHS = '<!DOCTYPE a [<!ENTITY b "ha"><!ENTITY c "&b;&b;&b;">]>'


@pytest.mark.parametrize(
    "report",
    [
        "",
        "no xml",
        JUNIT[:-20],
        LAUGHS + '<testsuite><testcase name="&c;"><failure/></testcase></testsuite>',
        JUNIT.replace("<testsuites>", '<!DOCTYPE x SYSTEM "file:///etc/passwd"><testsuites>', 1),
        "<a>" * 100 + "</a>" * 100,
        JUNIT.replace("test_total", "&undeclared;"),
        "\ud800" + JUNIT,
        JUNIT + " " * 10_000_000,
    ],
)
def test_what_is_no_honest_report_names_nothing(report: str) -> None:
    assert failing_tests("", report) == ()
    assert failing_tests(CARGO, report) == ("cart::tests::total",)


def test_names_are_bounded_in_number_and_length_and_have_nothing_unseen() -> None:
    names = [*(f"test_{number}" for number in range(MOST + 50)), "x" * (LONGEST + 1), "a\u202eb", "c\x1b[31m"]
    output = "\n".join(f"FAILED {name}" for name in reversed(names))
    assert len(failing_tests(output)) == MOST
    assert failing_tests(output)[0] == f"test_{MOST + 49}"


@given(st.text(), st.text())
def test_any_output_and_any_report_give_names_that_can_be_shown(output: str, report: str) -> None:
    for name in failing_tests(f"FAILED {output}\n{output}", f"<a><testcase name='{report}'><error/></testcase></a>"):
        assert name == name.strip()
        assert len(name.splitlines()) == 1
        assert 0 < len(name) <= LONGEST


@pytest.mark.parametrize(
    ("command", "failing", "alone_command"),
    [
        ("pytest", "tests/a.py::test_b", "pytest tests/a.py::test_b"),
        ("pytest -q -n 2 tests", "tests/a.py::test_b", "pytest -q -n 2 tests/a.py::test_b"),
        ("A='1 2' uv run pytest -q", "a.py::t[x y]", "A='1 2' uv run pytest -q 'a.py::t[x y]'"),
        (".venv/bin/python -m pytest --tb=short a.py", "a.py::t", ".venv/bin/python -m pytest --tb=short a.py::t"),
        ("python3.12 -m pytest", "a.py::t", "python3.12 -m pytest a.py::t"),
        ("go test ./...", "TestTotal/empty", "go test ./... -count=1 -run '^(TestTotal)$'"),
        ("cargo test --workspace", "cart::tests::total", "cargo test --workspace -- --exact cart::tests::total"),
        ("npx jest --ci", "Cart › adds (up)", "npx jest --ci -t '^(Cart\\ adds\\ \\(up\\))$'"),
        ("npx vitest run", "a.test.ts > Cart > adds", "npx vitest run -t '^(Cart\\ adds)$'"),
    ],
)
def test_known_runners_run_alone(command: str, failing: str, alone_command: str) -> None:
    assert alone(command, [failing]) == alone_command


@pytest.mark.parametrize(
    ("command", "failing"),
    [
        ("make test", "a.py::t"),
        ("cd web && pytest", "a.py::t"),
        ("pytest; true", "a.py::t"),
        ("pytest $ARGS", "a.py::t"),
        ("pytest 'a", "a.py::t"),
        ("pytest --unknown tests", "a.py::t"),
        ("pytest", "tests.a::t"),
        ("pytest", "--co.py::t"),
        ("go test -run X ./...", "TestA"),
        ("go test ./...", "pkg::TestA"),
        ("cargo test -- --nocapture", "a::b"),
        ("cargo test", "src/lib.rs - foo (line 3)"),
        ("npx jest -t Cart", "Cart › a"),
        ("npx jest", "Cart::a"),
        ("", "a.py::t"),
        ("A=1", "a.py::t"),
    ],
)
def test_where_it_is_not_known_how_there_is_no_such_command(command: str, failing: str) -> None:
    assert alone(command, [failing]) is None


def test_none_and_too_many_tests_are_no_command() -> None:
    assert alone("pytest", []) is None
    assert alone("pytest", [f"a.py::t{number}" for number in range(51)]) is None


@given(st.lists(st.text(min_size=1, max_size=30), min_size=1, max_size=3))
def test_a_name_stays_one_word_of_the_command_whatever_is_in_it(names: list[str]) -> None:
    failing = [f"a.py::{name.replace(chr(0), '')}" for name in names]
    command = alone("pytest -q", failing)
    assert command is None or shlex.split(command) == ["pytest", "-q", *failing]


def test_a_limit_is_learned_from_three_green_runs_and_is_five_times_the_slowest() -> None:
    assert learned_limit([]) is None
    assert learned_limit([30.0, 30.0]) is None
    assert learned_limit([20.0, 22.0, 30.0]) == 150.0
    assert learned_limit([1.0, 1.0, 1.0]) == SHORTEST


@given(st.lists(st.floats(0, 1e5), min_size=3, max_size=60))
def test_no_check_that_takes_as_long_as_it_has_taken_is_ended(seconds: list[float]) -> None:
    limit = learned_limit(seconds)
    assert limit is not None
    assert limit >= SHORTEST
    assert all(limit >= min(5 * each, limit) and each <= limit for each in seconds[-30:])
