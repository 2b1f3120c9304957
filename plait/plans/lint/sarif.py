"""Findings and mistakes as SARIF 2.1.0, which code scanning pages and editors read (OASIS, March 2020)."""

import json
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from plait.plans.errors import Problem
from plait.plans.lint.engine import Finding, Findings
from plait.plans.lint.page import section
from plait.plans.lint.registry import BY_CODE, EVERY
from plait.plans.lint.rule import Rule

HOME = "https://pypi.org/project/prefect-plait/"
_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_TURN = {rule.code: turn for turn, rule in enumerate(EVERY)}

Json = dict[str, Any]


def sarif(findings: Findings, problems: Iterable[Problem] = (), *, source: str, version: str) -> str:
    """One run as a SARIF log; what the plan silences is in it as suppressed, with its reason.

    Args:
        problems: The mistakes of a plan that could not be read.
        source: The plan's file as it was named, for what does not name one itself.
        version: Of plait.
    """
    results = [_mistake(problem, source) for problem in problems]
    results += [_result(finding, source) for finding in (*findings.shown, *findings.silenced)]
    driver = {
        "name": "plait",
        "version": version,
        "informationUri": HOME,
        "rules": [_rule(rule) for rule in EVERY],
    }
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=1)


def _rule(rule: Rule) -> Json:
    return {
        "id": rule.code,
        "name": "".join(word.capitalize() for word in rule.name.split("-")),
        "shortDescription": {"text": rule.says},
        "fullDescription": {"text": f"{rule.says} {rule.reason}"},
        "help": {"text": f"{rule.reason} To mend it: {rule.fix}.", "markdown": section(rule)},
        "helpUri": f"{HOME}#{rule.code.lower()}",
        "defaultConfiguration": {"level": rule.severity},
    }


def _mistake(problem: Problem, source: str) -> Json:
    hint = f" ({problem.hint})" if problem.hint else ""
    key = f"{problem.path}: " if problem.path else ""
    place = _place(problem.file or source, problem.line, problem.column)
    return _entry(BY_CODE[problem.code], f"{key}{problem.message}{hint}", place, reason=None)


def _result(finding: Finding, source: str) -> Json:
    place = _place(finding.file or source, finding.line, finding.column)
    return _entry(finding.rule, f"{finding.message}. To mend it: {finding.hint}.", place, reason=finding.reason)


def _entry(rule: Rule, text: str, place: Json, *, reason: str | None) -> Json:
    return {
        "ruleId": rule.code,
        "ruleIndex": _TURN[rule.code],
        "level": rule.severity,
        "message": {"text": text},
        "locations": [{"physicalLocation": place}],
        # Empty says that it is not suppressed; without the key nobody would know.
        "suppressions": [] if reason is None else [{"kind": "inSource", "justification": reason}],
    }


def _place(file: str, line: int, column: int) -> Json:
    uri = quote(file) if not file.startswith("/") else f"file://{quote(file)}"
    place: Json = {"artifactLocation": {"uri": uri}}
    if line:
        place["region"] = {"startLine": line, "startColumn": max(column, 1)}
    return place
