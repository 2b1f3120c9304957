"""Findings as lines and as SARIF, the codes of mistakes, and the page of rules."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from plait.plans.errors import PlanError
from plait.plans.language.parsing import plan_of, read_plan
from plait.plans.lint.engine import Findings
from plait.plans.lint.lines import finding_lines, tally
from plait.plans.lint.page import explanation, rules_page
from plait.plans.lint.registry import BY_CODE, EVERY, rule_named
from plait.plans.lint.sarif import sarif
from tests.plans.linted import OVERLAP, ignoring, linted

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


def test_the_tally_counts_errors_warnings_and_what_is_silenced() -> None:
    assert tally(Findings()) == "no findings"
    assert tally(linted(ignoring("code: PLAN103, tasks: [A, B]") + OVERLAP)) == "1 warning, 1 silenced"


def sarif_of(text: str, source: str = "plans/my plan.yaml") -> dict[str, Any]:
    log = json.loads(sarif(linted(text), source=source, version="1.2.3"))
    assert isinstance(log, dict)
    return log


def test_sarif_has_all_that_its_schema_requires() -> None:
    log = sarif_of(ignoring("code: PLAN103, tasks: [A, B]") + OVERLAP)
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    assert driver["name"] == "plait"
    for rule in driver["rules"]:
        assert rule["id"] in BY_CODE
        assert rule["helpUri"].startswith("https://")
        assert rule["fullDescription"]["text"]
        assert rule["help"]["markdown"]
        assert rule["defaultConfiguration"]["level"] in ("error", "warning")
    assert run["results"]
    for result in run["results"]:
        assert result["message"]["text"]
        assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        (location,) = result["locations"]
        assert location["physicalLocation"]["artifactLocation"]["uri"] == "plans/my%20plan.yaml"
        assert location["physicalLocation"]["region"]["startLine"] >= 1
        assert location["physicalLocation"]["region"]["startColumn"] >= 1


def test_sarif_shows_what_is_silenced_as_suppressed_with_its_reason() -> None:
    results = sarif_of(ignoring("code: PLAN103, tasks: [A, B]") + OVERLAP)["runs"][0]["results"]
    assert [result["suppressions"] for result in results] == [
        [],
        [{"kind": "inSource", "justification": "it is meant"}],
    ]


def test_sarif_names_an_absolute_file_by_its_address() -> None:
    (result, *_) = sarif_of(OVERLAP, source="/tmp/x/plan.yaml")["runs"][0]["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "file:///tmp/x/plan.yaml"


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
    log = json.loads(sarif(Findings(), error.value.problems, source="p", version="1"))
    assert log["runs"][0]["results"][0]["level"] == "error"


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
