"""What a reviewer's answer means: one JSON object of a fixed form, or no verdict at all."""

import json
import math
from collections.abc import Iterator
from typing import Any, Final

from plait.plans.tasks.reviews import LONGEST_FINDINGS, Verdict
from plait.plans.wording import one_line

MARK: Final = "review"
"""The key under which an answer that is printed has the word of this review: no diff can know it."""
MOST_FINDINGS = 50
_LONGEST_FINDING = 2_000
_CANDIDATES = 400
"""Braces at which a printed object may begin that are tried."""

VERDICT_SCHEMA: Final = json.dumps(
    {
        "type": "object",
        "properties": {
            "approve": {"type": "boolean", "description": "Whether the work may land as it is."},
            "score": {"type": "number", "minimum": 0, "maximum": 10, "description": "0: useless, 10: nothing to add."},
            "findings": {
                "type": "array",
                "description": "What is wrong, and has to be mended; of work that is approved what could be better.",
                "items": {
                    "type": "object",
                    "properties": {
                        "file": {"type": "string", "description": "Its path; empty: the whole work."},
                        "line": {"type": "integer", "description": "In the file as it is now; 0: the whole file."},
                        "text": {"type": "string"},
                    },
                    "required": ["file", "line", "text"],
                    "additionalProperties": False,
                },
            },
        },
        "required": ["approve", "score", "findings"],
        "additionalProperties": False,
    }
)
"""What programs with structured output are held to; every key is required, as some of them want it."""


class NoVerdictError(ValueError):
    """An answer that cannot be read as a verdict, with why in a sentence."""


def verdict_in(answer: str) -> Verdict:
    """The verdict that structured output is.

    Raises:
        NoVerdictError: it is none.
    """
    try:
        return _verdict_of(json.loads(answer))
    except (ValueError, RecursionError) as problem:
        if isinstance(problem, NoVerdictError):
            raise
        raise NoVerdictError("the reviewer's structured answer is no JSON") from None


def printed_verdict(text: str, mark: str) -> Verdict:
    """The verdict that a program has printed: the last JSON object in its output that has this review's word.

    Whatever else stands there counts for nothing: a program may print its prompt, with the work that it was to judge.

    Raises:
        NoVerdictError: there is none, or it is not of the form that was asked for.
    """
    # A program that tells of itself in lines of JSON has the object as a text in one of them.
    for spelling in (text, text.replace('\\"', '"').replace("\\n", "\n")):
        place = spelling.rfind(mark)
        while place >= 0:
            for printed in _objects_around(spelling, place):
                if printed.get(MARK) == mark:
                    return _verdict_of({key: value for key, value in printed.items() if key != MARK})
            place = spelling.rfind(mark, 0, place)
    raise NoVerdictError("the reviewer printed no verdict with the word of this review")


def _objects_around(text: str, place: int) -> Iterator[dict[str, Any]]:
    """The JSON objects that hold a place in a text, the narrowest first."""
    decoder, begin = json.JSONDecoder(), place
    for _ in range(_CANDIDATES):
        begin = text.rfind("{", 0, begin)
        if begin < 0:
            return
        try:
            printed, end = decoder.raw_decode(text, begin)
        except (ValueError, RecursionError):
            continue
        if end > place and isinstance(printed, dict):
            yield printed


def _verdict_of(answer: Any) -> Verdict:
    if not isinstance(answer, dict):
        raise NoVerdictError("the reviewer's answer is no object")
    unknown = sorted(str(key) for key in answer.keys() - {"approve", "score", "findings"})
    if unknown:
        raise NoVerdictError(f"the reviewer's answer has an unknown key {one_line(unknown[0], 50)!r}")
    approve, score, findings = answer.get("approve"), answer.get("score"), answer.get("findings", [])
    if not isinstance(approve, bool):
        raise NoVerdictError("the reviewer's `approve` is neither true nor false")
    if isinstance(score, bool) or not isinstance(score, int | float) or not math.isfinite(score):
        raise NoVerdictError("the reviewer's `score` is no number")
    if not 0 <= score <= 10:
        raise NoVerdictError("the reviewer's `score` is not between 0 and 10")
    if not isinstance(findings, list):
        raise NoVerdictError("the reviewer's `findings` are no list")
    lines = [line for line in map(_finding, findings[:MOST_FINDINGS]) if line]
    if not approve and not lines:
        raise NoVerdictError("the reviewer sends the work back, and does not say why")
    more = [f"- … and {len(findings) - MOST_FINDINGS} more"] if len(findings) > MOST_FINDINGS else []
    return Verdict(approve, round(float(score), 1), "\n".join([*lines, *more])[:LONGEST_FINDINGS])


def _finding(finding: Any) -> str:
    """A finding as one entry of a list, such as `- src/cart.py:12: prices have no currency`."""
    if isinstance(finding, str):
        return _entry("", finding)
    if not isinstance(finding, dict) or not isinstance(finding.get("text"), str):
        raise NoVerdictError("a finding of the reviewer has no text")
    file, line = finding.get("file"), finding.get("line")
    where = one_line(file, 200) if isinstance(file, str) else ""
    if where and isinstance(line, int) and not isinstance(line, bool) and line > 0:
        where += f":{line}"
    return _entry(f"{where}: " if where else "", finding["text"])


def _entry(where: str, text: str) -> str:
    words = one_line(text, _LONGEST_FINDING)
    return f"- {where}{words}" if words else ""
