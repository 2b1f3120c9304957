"""The tests that failed, by name, as runners print them and as reports in JUnit's XML have them.

Whoever wrote the code wrote the output: names are bounded, cleaned, and nothing but names.
"""

import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from xml.parsers import expat

MOST = 200
"""Names that are kept of one verification."""
LONGEST = 400
"""Characters of a name; a longer one is none."""
LONGEST_REPORT = 10_000_000
"""Characters of a report; a longer one is not read."""

_DEEPEST = 64
_LINE = 2_000
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")

_RUNNERS = (
    re.compile(r"(?:FAILED|ERROR) (\S[^\n]*?)(?: - .*)?$"),  # pytest's short summary
    re.compile(r"\s*--- FAIL: (\S+) \("),  # go test
    re.compile(r"test (\S.*?) \.\.\. FAILED$"),  # cargo test
    re.compile(r"(?:FAIL|ERROR): (\w+ \([\w.]+\))$"),  # unittest
    re.compile(r"\s*● (\S.* › .*\S)$"),  # jest
    re.compile(r"\s*(?:FAIL|×|✗) +(\S+\.\w+ > \S.*)$"),  # vitest
)
_TIME = re.compile(r"\s+\d+\s?ms$")


def failing_tests(output: str, report: str = "") -> tuple[str, ...]:
    """The names of failed tests, each once: those of the report where it has any, else those of the output.

    A test that both have is called as the output calls it: by that name its runner can run it alone.

    Args:
        output: The end of what the command printed, without escape sequences.
        report: The text of its report in JUnit's XML; what is none is no report.
    """
    reported, printed = _kept(_in_report(report)), _kept(_in_output(output))
    return _as_printed(reported, printed) if reported else printed


def _as_printed(reported: tuple[str, ...], printed: tuple[str, ...]) -> tuple[str, ...]:
    counts = Counter(map(_test_of, reported)), Counter(map(_test_of, printed))
    names = {_test_of(name): name for name in printed if all(count[_test_of(name)] == 1 for count in counts)}
    return tuple(names.get(_test_of(name), name) for name in reported)


def _test_of(name: str) -> str:
    return name.rpartition("::")[2]


def _kept(names: Iterator[str]) -> tuple[str, ...]:
    legible = (name for name in map(str.strip, names) if name and len(name) <= LONGEST and not _UNSEEN.search(name))
    return tuple(islice(dict.fromkeys(islice(legible, 50 * MOST)), MOST))


def _in_output(output: str) -> Iterator[str]:
    for line in output.splitlines():
        for runner in _RUNNERS if len(line) <= _LINE else ():
            if match := runner.match(line):
                yield _TIME.sub("", match[1]).strip()
                break


class _Refused(Exception):
    """A document with what no test runner writes."""


def _in_report(report: str) -> Iterator[str]:
    if not report or len(report) > LONGEST_REPORT:
        return
    reader = _Reader()
    try:
        reader.read(report)
    except (expat.ExpatError, _Refused, UnicodeError):
        return  # cut off, forged, or something else: half a list of names would be taken for all of them
    yield from reader.failed


class _Reader:
    """Hears a document element by element: nothing is built, no entity is expanded, no other file is read."""

    def __init__(self) -> None:
        self.failed: list[str] = []
        self._case: str | None = None
        self._depth = 0

    def read(self, report: str) -> None:
        parser = expat.ParserCreate(encoding="utf-8")  # whatever its first line says: it has been decoded
        parser.StartDoctypeDeclHandler = self._refuse
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.Parse(report.encode("utf-8"), True)

    def _refuse(self, *_declared: object) -> None:
        raise _Refused

    def _start(self, element: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise _Refused
        if element == "testcase":
            self._case = _name_of(attributes)
        elif element in ("failure", "error") and self._case is not None:
            if len(self.failed) < 50 * MOST:
                self.failed.append(self._case)
            self._case = None

    def _end(self, element: str) -> None:
        self._depth -= 1
        if element == "testcase":
            self._case = None


def _name_of(attributes: dict[str, str]) -> str:
    """`tests/test_cart.py::Cart::test_total` where the report has the file, else `tests.test_cart.Cart::test_total`."""
    name, group, file = (attributes.get(key, "") for key in ("name", "classname", "file"))
    module = file.removesuffix(".py").replace("/", ".")
    if file and (group == module or group.startswith(f"{module}.")):
        inside = group[len(module) :].strip(".").replace(".", "::")
        return "::".join(part for part in (file, inside, name) if part)
    return "::".join(part for part in (group, name) if part)
