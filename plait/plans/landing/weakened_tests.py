"""Tests that a change has deleted, skipped or weakened: told to whoever reads the outcome, never a refusal.

Models asked to make tests pass have deleted, skipped and emptied them (ImpossibleBench, arXiv 2510.20270). What is seen
here are lines and names, not meaning: a finding is a place to look at, and no finding proves nothing.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

LONGEST_FILE = 1_000_000
"""Characters of a file from which it is not looked at."""
_LONGEST_LINE = 500

_CODE = r"\.(?:py|[cm]?[jt]sx?|go|rs|java|kt|kts|scala|rb|php|cs|fs|c|cc|cpp|cxx|h|hpp|swift|exs?|sh|bats|lua|dart)"
_TEST_FILE = re.compile(
    rf"(?:^|/)(?:tests?|__tests__|specs?|testing|e2e)/(?:.*/)?[^/]+{_CODE}$"
    rf"|(?:^|/)test_[^/]*\.py$|(?:^|/)conftest\.py$|[_.](?:test|spec|tests){_CODE}$"
    r"|(?:Tests?|IT|Spec)\.(?:java|kt|kts|scala|php|cs|fs|swift)$"
)
_MAY_HOLD_TESTS = re.compile(r"\.rs$")
"""Source files that have their own tests in them."""
_HOLDS_TESTS = re.compile(r"^\s*#\[(?:\w+::)*test\b|^\s*#\[cfg\(test\)\]", re.MULTILINE)
_COLLECTED = re.compile(r"(?:^|/)(?:test[^/]*|[^/]*_tests?)\.py$")
"""Of the Python files those in which tests are looked for."""
_SECTION = re.compile(
    r"^\[(?:tool[.:](?:pytest|coverage|tox|nox)|pytest|tox|coverage)[^\]]*\].*?(?=^\[|\Z)", re.MULTILINE | re.DOTALL
)
_SCRIPT = re.compile(r'"(?:\w+:)?test(?::[\w:-]+)?"\s*:.*|"(?:jest|vitest|mocha|ava)"\s*:\s*[{\[].*')
_STEERING_PARTS = {"pyproject.toml": _SECTION, "setup.cfg": _SECTION, "package.json": _SCRIPT}
"""Files of which only a part says how tests are run."""
_STEERING = re.compile(
    r"(?:^|/)(?:conftest\.py|[Mm]akefile|GNUmakefile|pytest\.ini|\.?pytest\.toml|tox\.ini|noxfile\.py|\.coveragerc"
    r"|(?:jest|vitest|karma|playwright|cypress)\.(?:config|conf)\.[cm]?[jt]s|\.mocharc\.[a-z]+|phpunit\.xml(?:\.dist)?)$"
)
_SKIP = re.compile(
    r"\bmark\.(?:skip|skipif|xfail)\b|\b(?:pytest\.(?:skip|xfail)|importorskip)\(|\bsuppress\((?:AssertionError|Exception|BaseException)\b|@(?:unittest\.)?(?:skip|skipIf|skipUnless|expectedFailure)\b"
    r"|\bself\.skipTest\(|\bunittest\.SkipTest\b|\b__test__\s*=\s*False\b|\bcollect_ignore(?:_glob)?\b"
    r"|\bdef pytest_(?:collection_modifyitems|ignore_collect|runtest_\w+|pyfunc_call)\b"
    r"|\b(?:it|test|describe|context|suite)(?:\.(?:concurrent|sequential|parallel))?\.(?:skip|todo|fails|failing|only)\b|\b(?:xit|xtest|xdescribe|fit|fdescribe)\("
    r"|\bthis\.skip\(\)|@(?:Ignore|Disabled)\b|\b[tb]\.Skip(?:f|Now)?\(|#\[(?:ignore|should_panic|cfg_attr\(.{0,200}\bignore)\b|^//go:build\b|\[(?:Ignore|Skip)\b|\bSkip\s*=\s*\""
    r"|\bmarkTest(?:Skipped|Incomplete)\(|@tag\s+:skip|\bGTEST_SKIP\(|\bDISABLED_"
)
_CHECK = re.compile(
    r"^\s*assert\b|\bself\.assert\w+\(|\bpytest\.raises\(|\bexpect\(|\bassert\w*!?[.(]|\b(?:require|Assert|XCTAssert\w*)[.(]"
    r"|\b[tb]\.(?:Error|Errorf|Fatal|Fatalf|Fail|FailNow)\(|\.should\b|\b(?:ASSERT|EXPECT)_\w+\("
)
_EMPTY_CHECK = re.compile(
    r"^\s*assert\s+(?:True|1)\s*(?:,.*)?$|^\s*assert\b.*\bor\s+True\s*$|\bassertTrue\(\s*True\s*\)|\bexpect\(\s*(?:true|1)\s*\)"
    r"|\bassert!?\(\s*true\s*[,)]"
)
_TEST = re.compile(
    r"^\s*(?:async\s+)?def\s+(test\w*)\s*\(|^class\s+(Test\w*)\b|\b(?:it|test|specify)(?:\.\w+)*\(?\s*[\"'`](.{1,200}?)[\"'`]"
    r"|^func\s+((?:Test|Fuzz|Example)\w*)\s*\(|\bfunction\s+(test\w+)\s*\(|\bTEST(?:_F|_P)?\(([^)]{1,200})\)"
)
_MARKED = re.compile(r"^\s*(?:#\[(?:\w+::)*test\b|@(?:Test|ParameterizedTest|RepeatedTest)\b|\[(?:Fact|Theory|Test)\b)")
_NAMED = re.compile(r"\b(?:fn|fun|void|Task|function)\s+`?(\w+)|\b(\w+)\s*\([^)]{0,200}\)\s*(?:throws\b.*)?\{")


@dataclass(frozen=True, slots=True)
class Weakening:
    """A place at which tests ask for less than before."""

    path: str
    line: int | None
    """In the file as it is now, of what is gone as it was; nothing for a whole file."""
    what: str
    """Such as `a skip was added`."""


Change = tuple[str | None, str | None]
"""The text of a file before and after; nothing where there is no file, or none that can be read."""


def is_of_tests(path: str) -> bool:
    """Whether a file may hold tests or say how they are run, going by its name."""
    return _name(path) in _STEERING_PARTS or any(
        pattern.search(path) for pattern in (_TEST_FILE, _STEERING, _MAY_HOLD_TESTS)
    )


def weakened(changes: Mapping[str, Change]) -> tuple[Weakening, ...]:
    """What of the tests among these files asks for less than before; by path, then by line.

    A test that moved to another of the files is not gone. Example: `def test_b` was deleted from test_a.py, and one of
    three assertions of `test_a`: `test_b is gone` (its line), `1 assertion fewer` (the line of the first that went).
    """
    tests = {path: change for path, change in sorted(changes.items()) if _is_of_tests(path, change)}
    fresh = Counter[str]()
    for path, (before, after) in tests.items():
        if not path.endswith(".py") or _COLLECTED.search(path):
            fresh += _names(after) - _names(before)
    findings: list[Weakening] = []
    for path, (before, after) in tests.items():
        findings += sorted(_findings(path, before, after, fresh), key=lambda finding: finding.line or 0)
    return tuple(findings)


def _is_of_tests(path: str, change: Change) -> bool:
    if not is_of_tests(path) or any(text is not None and len(text) > LONGEST_FILE for text in change):
        return False
    is_by_name = not _MAY_HOLD_TESTS.search(path) or _TEST_FILE.search(path)
    return bool(is_by_name or _HOLDS_TESTS.search(change[0] or ""))


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _says_how_tests_run(path: str, text: str | None) -> list[str] | None:
    """What of a file does so; nothing of a file that does not."""
    part = _STEERING_PARTS.get(_name(path))
    if part is not None:
        return [match.strip() for match in part.findall(text or "")]
    return [text] if text is not None and _STEERING.search(path) else None


def _findings(path: str, before: str | None, after: str | None, moved: Counter[str]) -> Iterator[Weakening]:
    gone = _names(before) - _names(after)
    elsewhere = gone & moved
    moved -= elsewhere
    gone -= elsewhere
    steering = _says_how_tests_run(path, before)
    if steering and steering != _says_how_tests_run(path, after):
        what = "changed" if after is not None else "deleted"
        yield Weakening(path, None, f"says how tests are run, and was {what}")
    if _name(path) in _STEERING_PARTS:
        return
    if before is not None and after is None and _TEST_FILE.search(path):
        if gone or not elsewhere:
            yield Weakening(path, None, f"deleted, with {_count(gone.total(), 'test')}")
        return
    yield from (Weakening(path, _line_of(name, before), f"{name} is gone") for name in gone.elements())
    for line in _more(_lines_with(_SKIP, after), _lines_with(_SKIP, before)):
        yield Weakening(path, line, "a skip was added")
    checks, left = _checks(before), _checks(after)
    went = [line for line in _more(checks, left) if not gone or not _is_within(line, before, gone)]
    fewer = min(len(went), len(checks) - len(left))
    if fewer > 0 and not elsewhere:
        yield Weakening(path, went[0], f"{_count(fewer, 'assertion')} fewer")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _lines(text: str | None) -> list[str]:
    return [line[:_LONGEST_LINE] for line in (text or "").splitlines()]


Places = list[tuple[int, str]]
"""Numbers of lines from 1, and what stands there."""


def _lines_with(pattern: re.Pattern[str], text: str | None) -> Places:
    return [(number, line.strip()) for number, line in enumerate(_lines(text), start=1) if pattern.search(line)]


def _checks(text: str | None) -> Places:
    """The lines that check something: not those that hold whatever happens."""
    return [(number, line) for number, line in _lines_with(_CHECK, text) if not _EMPTY_CHECK.search(line)]


def _more(lines: Places, others: Places) -> list[int]:
    """The lines that the others do not have, or not as often."""
    known = Counter(line for _, line in others)
    more = []
    for number, line in lines:
        if known[line] > 0:
            known[line] -= 1
        else:
            more.append(number)
    return more


def _tests(text: str | None) -> Iterator[tuple[int, str]]:
    """Tests by name, each with its line."""
    marked = False
    for number, line in enumerate(_lines(text), start=1):
        match = _TEST.search(line) or (_NAMED.search(line) if marked else None)
        if match:
            yield number, next(name for name in match.groups() if name)
            marked = False
        else:
            marked = marked or bool(_MARKED.match(line))


def _names(text: str | None) -> Counter[str]:
    return Counter(name for _, name in _tests(text))


def _line_of(name: str, text: str | None) -> int | None:
    return next((number for number, other in _tests(text) if other == name), None)


def _is_within(line: int, text: str | None, names: Counter[str]) -> bool:
    """Whether a line belongs to one of these tests: none begins between its beginning and the line."""
    owner = None
    for number, name in _tests(text):
        if number > line:
            break
        owner = name
    return owner is not None and owner in names
