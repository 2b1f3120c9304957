"""Findings as lines for people, in the manner of other linters: place, code, sentence; below it what to do."""

from collections import Counter
from collections.abc import Iterator

from plait.advice.lint.engine import Finding, Findings
from plait.plans.phrasing import count

_COLOURS = {"error": "\x1b[1;31m", "warning": "\x1b[1;33m"}
_DIM, _BOLD, _PLAIN = "\x1b[2m", "\x1b[1m", "\x1b[0m"


def finding_lines(findings: Findings, *, source: str, colour: bool) -> Iterator[str]:
    """`plan.yaml:12:5: PLAN103 A and B may both change src/events.py`, and below it the hint."""
    told = set[tuple[str, str]]()
    for finding in findings.shown:
        where = _where(finding, source)
        code = finding.rule.code
        if colour:
            where, code = f"{_BOLD}{where}{_PLAIN}", f"{_COLOURS[finding.rule.severity]}{code}{_PLAIN}"
        yield f"{where} {code} {finding.message}"
        if (finding.rule.code, finding.hint) not in told:  # the same sixty times would hide what is found
            told.add((finding.rule.code, finding.hint))
            yield f"{_DIM}  hint: {finding.hint}{_PLAIN}" if colour else f"  hint: {finding.hint}"


def _where(finding: Finding, source: str) -> str:
    file = finding.file or source
    return f"{file}:{finding.line}:{finding.column}:" if finding.line else f"{file}:"


def tally(findings: Findings) -> str:
    """`1 error, 2 warnings, 1 silenced`, or `no findings`."""
    by_severity = Counter(finding.rule.severity for finding in findings.shown)
    parts = [count(by_severity[kind], kind) for kind in ("error", "warning") if by_severity[kind]]
    parts = parts or ["no findings"]
    if findings.silenced:
        parts.append(f"{len(findings.silenced)} silenced")
    return ", ".join(parts)
