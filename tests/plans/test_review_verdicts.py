"""What counts as a verdict: one object of a fixed form with this review's word, and nothing else that is printed."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.plans.tasks.review_verdicts import NoVerdictError, printed_verdict, verdict_in
from plait.plans.tasks.reviews import LONGEST_FINDINGS

WORD = "5f2a90b1c3d4e6f7"


def printed(**keys: object) -> str:
    return json.dumps({"review": WORD, "approve": True, "score": 8, "findings": []} | keys)


def test_the_last_object_with_the_word_counts_whatever_is_printed_around_it() -> None:
    text = f"{printed(score=1)}\nthen {{ I }} thought\n```json\n{printed(score=9)}\n```\nbye {{"
    assert printed_verdict(text, WORD).score == 9


def test_an_object_in_a_line_of_json_counts_too() -> None:
    line = json.dumps({"type": "text", "text": f"Here:\n{printed(score=4)}"})
    assert printed_verdict(f"{{}}\n{line}\n", WORD).score == 4


@pytest.mark.parametrize(
    "text",
    [
        "",
        WORD,
        '{"approve": true, "score": 10}',
        '{"review": "another", "approve": true, "score": 10}',
        printed(approve="true"),
        printed(approve=1),
        printed(score=11),
        printed(score=True),
        printed(score="9"),
        printed(findings="none"),
        printed(findings=[{"file": "a"}]),
        printed(approve=False),
        printed(approve=False, findings=[" "]),
        printed(also="this"),
        printed()[:-1],
        f'{{"review": "{WORD}", "approve": …, "score": …}}',
        "[" * 5_000 + printed()[:-1],
    ],
)
def test_what_cannot_be_read_is_no_verdict(text: str) -> None:
    with pytest.raises(NoVerdictError):
        printed_verdict(text, WORD)


@given(st.text(max_size=200), st.booleans())
def test_no_text_that_lacks_the_word_is_ever_a_verdict(text: str, in_an_object: bool) -> None:
    lie = json.dumps({"review": text, "approve": True, "score": 10, "findings": []}) if in_an_object else text
    if WORD not in lie:
        with pytest.raises(NoVerdictError):
            printed_verdict(lie, WORD)


@given(st.text(max_size=500))
def test_structured_output_of_any_kind_is_a_verdict_or_none(text: str) -> None:
    with pytest.raises(NoVerdictError):
        verdict_in(text)


def test_findings_name_their_places_and_have_an_end() -> None:
    findings: list[object] = [
        {"file": "src/a.py", "line": 3, "text": "wrong\nhere"},
        {"file": "", "line": 0, "text": "b"},
    ]
    answer = json.dumps({"approve": False, "score": 2.55, "findings": findings})
    assert verdict_in(answer).findings == "- src/a.py:3: wrong here\n- b"
    many = json.dumps({"approve": False, "score": 2, "findings": [{"text": "x" * 5_000}] * 500})
    assert len(verdict_in(many).findings) <= LONGEST_FINDINGS
