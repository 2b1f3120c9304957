"""Findings and mistakes as SARIF 2.1.0, which code scanning pages and editors read (OASIS, March 2020).

With all that GitHub's code scanning asks for: a help text for each rule, regions with an end, and the hash of the line,
by which it knows an alert again when the plan changes elsewhere.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any
from urllib.parse import quote

from plait.advice.lint.findings import LintFinding, LintFindings
from plait.advice.lint.page import explanation, rule_kind, section
from plait.advice.lint.rule import Rule
from plait.advice.lint.rules import BY_CODE, EVERY
from plait.plans.errors import Problem

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_ROOT = "%SRCROOT%"
_TURN = {rule.code: turn for turn, rule in enumerate(EVERY)}
_WORD = re.compile(r""""(?:\\.|[^"\\])*"|'(?:''|[^'])*'|[^\s,:{}\[\]]+""")

Json = dict[str, Any]

_WINDOW = 100
_BASE = 37
_MODULUS = 2**64
_END = 0xFFFF
"""What stands behind the last character."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file that findings stand in."""

    address: str
    """From the root of its repository, or absolute where it is in none, or outside."""
    text: str = ""
    """What is in it, if that could be read."""


@dataclass(frozen=True)
class Sources:
    """Where the files are that findings name."""

    files: Mapping[str, SourceFile] = field(default_factory=dict)
    """By the name that findings have for them."""
    root: str = ""
    """The absolute path of the repository; empty when there is none."""

    def file(self, name: str) -> SourceFile:
        return self.files.get(name, SourceFile(name))


def sarif(
    findings: LintFindings,
    problems: Iterable[Problem] = (),
    *,
    source: str,
    version: str,
    sources: Sources | None = None,
) -> str:
    """One run as a SARIF log; what the plan silences is in it as suppressed, with its reason.

    Args:
        problems: The mistakes of a plan that could not be read.
        source: The plan's file as it was named, for what does not name one itself.
        version: Of plait.
        sources: Where the files are; without them, as they were named.
    """
    sources = sources or Sources()
    places = _Places(sources)
    results = [_mistake(problem, source, places) for problem in problems]
    results += [_result(finding, source, places) for finding in (*findings.shown, *findings.silenced)]
    run: Json = {
        "tool": {"driver": {"name": "plait", "version": version, "rules": [_rule(rule) for rule in EVERY]}},
        # Of two plans, each keeps its alerts: those of one category take the place of the ones before.
        "automationDetails": {"id": f"plait/{_address(sources.file(source).address)}/"},
        "columnKind": "unicodeCodePoints",
        "results": results,
    }
    if sources.root:
        run["originalUriBaseIds"] = {_ROOT: {"uri": _address(sources.root.rstrip("/") + "/")}}
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


def _rule(rule: Rule) -> Json:
    return {
        "id": rule.code,
        "name": "".join(word.capitalize() for word in rule.name.split("-")),
        "shortDescription": {"text": rule.says},
        "fullDescription": {"text": f"{rule.says} {rule.reason}"},
        "help": {"text": explanation(rule), "markdown": section(rule)},
        "defaultConfiguration": {"level": rule.severity},
        "properties": {"tags": [rule_kind(rule)], "problem.severity": rule.severity},
    }


def _mistake(problem: Problem, source: str, places: "_Places") -> Json:
    hint = f" ({problem.hint})" if problem.hint else ""
    key = f"{problem.path}: " if problem.path else ""
    spot = places.spot(problem.file or source, problem.line, problem.column)
    return _entry(BY_CODE[problem.code], f"{key}{problem.message}{hint}.", spot, reason=None)


def _result(finding: LintFinding, source: str, places: "_Places") -> Json:
    spot = places.spot(finding.file or source, finding.line, finding.column)
    return _entry(finding.rule, f"{finding.message}. To mend it: {finding.hint}.", spot, reason=finding.reason)


@dataclass(frozen=True, slots=True)
class _Spot:
    """Where a finding stands, and the hash of that line."""

    place: Json
    line_hash: str | None


def _entry(rule: Rule, text: str, spot: _Spot, *, reason: str | None) -> Json:
    entry: Json = {
        "ruleId": rule.code,
        "ruleIndex": _TURN[rule.code],
        "level": rule.severity,
        "message": {"text": text},
        "locations": [{"physicalLocation": spot.place}],
        # Empty says that it is not suppressed; without the key nobody would know.
        "suppressions": [] if reason is None else [{"kind": "inSource", "justification": reason}],
    }
    if spot.line_hash:
        entry["partialFingerprints"] = {"primaryLocationLineHash": spot.line_hash}
    return entry


@dataclass(frozen=True)
class _Places:
    """Spots in files, each of which is looked at once."""

    sources: Sources
    seen: dict[str, tuple[list[str], list[str]]] = field(default_factory=dict)
    """The lines of a file, and their hashes."""

    def spot(self, name: str, line: int, column: int) -> _Spot:
        file = self.sources.file(name)
        address: Json = {"uri": _address(file.address)}
        if self.sources.root and not file.address.startswith("/"):
            address["uriBaseId"] = _ROOT
        if name not in self.seen:
            self.seen[name] = file.text.splitlines(), line_hashes(file.text) if file.text else []
        lines, hashes = self.seen[name]
        # Code scanning shows nothing without a line: what is about the whole file stands in its first one.
        line, column = max(line, 1), max(column, 1)
        region: Json = {"startLine": line, "startColumn": column}
        if line <= len(lines):
            region |= {"endLine": line, "endColumn": _end(lines[line - 1], column)}
        line_hash = next(iter(hashes[line - 1 : line]), None)
        return _Spot({"artifactLocation": address, "region": region}, line_hash)


def _end(line: str, column: int) -> int:
    """The column behind the word that begins there; where a list or mapping begins, behind the line."""
    if word := _WORD.match(line, column - 1):
        return word.end() + 1
    return max(len(line.rstrip()), column) + 1


def _address(path: str) -> str:
    address = quote(path, errors="surrogateescape")
    return f"file://{address}" if path.startswith("/") else address


def line_hashes(text: str) -> list[str]:
    """One for each line of the text, such as `39fa2ee980eb94b0:1`."""
    units, starts = _units(text)
    sums = [0]
    for unit in (*units, *[0] * _WINDOW):
        sums.append((sums[-1] * _BASE + unit) % _MODULUS)
    first = pow(_BASE, _WINDOW, _MODULUS)
    seen, hashes = Counter[int](), list[str]()
    for start in starts:
        value = (sums[start + _WINDOW] - sums[start] * first) % _MODULUS
        seen[value] += 1
        hashes.append(f"{value:x}:{seen[value]}")
    return hashes


def _units(text: str) -> tuple[list[int], list[int]]:
    """The text in units of UTF-16 without spaces and tabs, and where in it each line begins."""
    plain = text.replace("\r\n", "\n").replace("\r", "\n").replace(" ", "").replace("\t", "")
    raw = plain.encode("utf-16-le", "surrogatepass")
    units = [low | high << 8 for low, high in zip(islice(raw, 0, None, 2), islice(raw, 1, None, 2), strict=True)]
    units.append(_END)
    starts = [0, *(at + 1 for at, unit in enumerate(units) if unit == ord("\n"))]
    return units, starts
