"""Findings as lines, the codes of mistakes, and the page of rules."""

import re
from pathlib import Path

import pytest

from plait.advice.lint.findings import LintFindings, finding_lines, tally
from plait.advice.lint.page import explanation, rules_page
from plait.advice.lint.rules import BY_CODE, EVERY, rule_named
from plait.plans.errors import PlanError
from plait.plans.language.parsing import plan_of, read_plan
from tests.advice.linted import OVERLAP, ignoring, linted

ROOT = Path(__file__).parents[2]

# Formats.


def test_a_line_is_place_code_sentence_and_below_it_the_hint() -> None:
    found = linted(OVERLAP)
    lines = list(finding_lines(found, source="plan.yaml", colour=False))
    assert lines[0] == "plan.yaml:4:35: PLAN103 A and B may both change src/x.py"
    assert lines[1].startswith("  hint: let B need A")
    assert tally(found) == "2 warnings"
    coloured = "".join(finding_lines(found, source="plan.yaml", colour=True))
    assert "\x1b[1;33mPLAN103\x1b[0m" in coloured


def test_a_hint_that_says_the_same_again_is_told_once() -> None:
    found = linted(
        "tasks:\n  - {id: A, role: qa, prompt: Look at all of it.}\n  - {id: B, role: qa, prompt: Look at it all.}\n"
        "integration: {verify: [make]}\n"
    )
    lines = list(finding_lines(found, source="plan.yaml", colour=False))
    assert [line.split()[1] for line in lines] == ["PLAN101", found.shown[0].hint.split()[0], "PLAN101"]


def test_the_tally_counts_errors_warnings_and_what_is_silenced() -> None:
    assert tally(LintFindings()) == "no findings"
    assert tally(linted(ignoring("code: PLAN103, tasks: [A, B]") + OVERLAP)) == "1 warning, 1 silenced"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("feature: [", "PLAN001"),
        ("feature: f\n", "PLAN001"),
        ("feature: f\ntsks: []\ntasks: [{id: A, run: x}]\n", "PLAN002"),
        ("feature: f\ntasks: [{id: A, run: x}, {id: a, run: x}]\n", "PLAN003"),
        ("feature: f\ntasks: [{id: A, run: x, needs: [B]}]\n", "PLAN004"),
        ("feature: f\ntasks: [{id: A, run: x, uses: {db: 1}}]\n", "PLAN004"),
        ("feature: f\ntasks: [{id: A, run: x, needs: [A]}]\n", "PLAN005"),
        ("feature: f\nresources: {db: 1}\ntasks: [{id: A, run: x, uses: {db: 2}}]\n", "PLAN007"),
    ],
)
def test_mistakes_have_codes(text: str, code: str) -> None:
    with pytest.raises(PlanError) as error:
        plan_of(read_plan(text, source="p"), source="p")
    assert {problem.code for problem in error.value.problems} == {code}


# The page.


def test_the_page_of_rules_is_up_to_date() -> None:
    """`plait check --rules > docs/lint.md` makes it again."""
    assert (ROOT / "docs" / "lint.md").read_text("utf-8") == rules_page()


def test_codes_and_names_are_unique_and_every_rule_is_told_in_full() -> None:
    assert len(BY_CODE) == len(EVERY) == len({rule.name for rule in EVERY})
    for rule in EVERY:
        assert re.fullmatch("PLAN[0-9]{3}", rule.code)
        assert re.fullmatch("[a-z]+(-[a-z]+)*", rule.name)
        assert rule.says.endswith(".")
        assert rule.reason.endswith(".")
        assert not rule.fix.endswith(".")
        assert rule_named(rule.name) is rule_named(rule.code.lower()) is rule
        assert rule.reason in explanation(rule)
