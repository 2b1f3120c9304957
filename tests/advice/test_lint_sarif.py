"""SARIF as its schema has it and as GitHub's code scanning reads it: rules with help, regions with an end, hashes."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from plait.advice.lint.examples import EXAMPLES
from plait.advice.lint.findings import LintFindings
from plait.advice.lint.rules import BY_CODE, EVERY, MISTAKES, RULES
from plait.advice.lint.sarif import SourceFile, Sources, line_hashes, sarif
from plait.plans.errors import PlanError, Problem
from plait.plans.language.parsing import read_plan
from tests.advice.linted import OVERLAP, ignoring, linted, mistakes_in

SCHEMA = json.loads((Path(__file__).parents[1] / "data/sarif/sarif-2.1.0.json").read_text("utf-8"))
QUIET = ignoring("code: PLAN103, tasks: [A, B]") + OVERLAP

Json = dict[str, Any]


def valid(log: str) -> Json:
    """The one run of a log that is as the schema of the standard has it."""
    data = json.loads(log)
    Draft202012Validator(SCHEMA, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(data)
    (run,) = data["runs"]
    assert isinstance(run, dict)
    return run


def run_of(text: str, source: str = "plans/my plan.yaml", *, root: str = "/home/me/shop") -> Json:
    sources = Sources({source: SourceFile(source, f"feature: f\n{text}")}, root)
    return valid(sarif(linted(text), source=source, version="1.2.3", sources=sources))


def place_of(result: Json) -> Json:
    (location,) = result["locations"]
    place: Json = location["physicalLocation"]
    return place


@pytest.mark.parametrize("code", [rule.code for rule in RULES])
def test_a_log_of_any_finding_is_as_the_schema_has_it(code: str) -> None:
    (result,) = run_of(EXAMPLES[code].bad)["results"]
    assert (result["ruleId"], result["level"]) == (code, BY_CODE[code].severity)


@pytest.mark.parametrize("code", [rule.code for rule in MISTAKES])
def test_a_log_of_any_mistake_is_as_the_schema_has_it(code: str) -> None:
    results = valid(sarif(LintFindings(), mistakes_in(EXAMPLES[code].bad), source="p", version="1"))["results"]
    assert {(result["ruleId"], result["level"]) for result in results} == {(code, "error")}


def test_every_rule_has_what_code_scanning_shows_of_it() -> None:
    rules = run_of(OVERLAP)["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == [rule.code for rule in EVERY]
    for rule in rules:
        assert "helpUri" not in rule  # there is no page of ours to lead to
        assert 0 < len(rule["shortDescription"]["text"]) < 1024
        assert 0 < len(rule["fullDescription"]["text"]) < 1024
        for shown in EXAMPLES[rule["id"]]:
            assert shown in rule["help"]["markdown"]
            assert shown.splitlines()[0] in rule["help"]["text"]


def test_a_result_has_a_region_with_an_end_and_the_hash_of_its_line() -> None:
    run = run_of(OVERLAP)
    result = run["results"][0]
    assert place_of(result)["region"] == {"startLine": 4, "startColumn": 35, "endLine": 4, "endColumn": 43}
    assert result["partialFingerprints"] == {"primaryLocationLineHash": line_hashes(f"feature: f\n{OVERLAP}")[3]}
    assert run["columnKind"] == "unicodeCodePoints"
    assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]


@pytest.mark.parametrize(
    ("marked", "end"),
    [
        ("  - {id: §A, role: qa}", 11),
        ("  - §{id: A, role: qa}  ", 22),
        ("  title: §'it''s, so'  # said", 21),
        ('  owns: [§"a, b", c]', 16),
        ("  §prompt: Write it.", 9),
        ("  §ö: x", 4),
        ("x    §", 7),
    ],
)
def test_a_region_is_the_word_there_or_the_rest_of_the_line(marked: str, end: int) -> None:
    problem = Problem("is wrong", 1, marked.index("§") + 1)
    sources = Sources({"p": SourceFile("p", marked.replace("§", ""))})
    (result,) = valid(sarif(LintFindings(), [problem], source="p", version="1", sources=sources))["results"]
    assert place_of(result)["region"]["endColumn"] == end


def test_files_are_named_from_the_root_of_the_repository() -> None:
    run = run_of(OVERLAP)
    assert place_of(run["results"][0])["artifactLocation"] == {"uri": "plans/my%20plan.yaml", "uriBaseId": "%SRCROOT%"}
    assert run["originalUriBaseIds"] == {"%SRCROOT%": {"uri": "file:///home/me/shop/"}}
    assert run["automationDetails"] == {"id": "plait/plans/my%20plan.yaml/"}


def test_a_file_outside_of_any_repository_is_named_as_it_is() -> None:
    near = run_of(OVERLAP, "plan.yaml", root="")
    far = run_of(OVERLAP, "/tmp/a plan.yaml")
    assert place_of(near["results"][0])["artifactLocation"] == {"uri": "plan.yaml"}
    assert place_of(far["results"][0])["artifactLocation"] == {"uri": "file:///tmp/a%20plan.yaml"}
    assert "originalUriBaseIds" not in near


def test_what_is_silenced_is_suppressed_with_its_reason() -> None:
    assert [result["suppressions"] for result in run_of(QUIET)["results"]] == [
        [],
        [{"kind": "inSource", "justification": "it is meant"}],
    ]


def test_a_mistake_without_a_place_stands_in_the_first_line() -> None:
    with pytest.raises(PlanError) as error:
        read_plan("", source="p")
    (result,) = valid(sarif(LintFindings(), error.value.problems, source="p", version="1"))["results"]
    assert place_of(result)["region"] == {"startLine": 1, "startColumn": 1}
    assert (result["ruleId"], result["message"]["text"]) == ("PLAN001", "is empty.")


# Hashes.


def _by_definition(line_and_what_follows: str) -> str:
    """Of a line the next hundred characters without blanks, then nothing: a polynomial to the base 37."""
    units = [ord(sign) for sign in line_and_what_follows if sign not in " \t"] + [0xFFFF]
    value = 0
    for unit in (units + [0] * 100)[:100]:
        value = (value * 37 + unit) % 2**64
    return f"{value:x}"


def test_an_empty_file_has_the_hash_that_github_gives_it() -> None:
    assert line_hashes("") == ["c129715d7a2bc9a3:1"]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text("ab \t{:ö", max_size=30), max_size=8))
def test_a_hash_goes_by_the_line_and_what_follows_it(lines: list[str]) -> None:
    text = "\n".join(lines)
    hashes = [one.partition(":")[0] for one in line_hashes(text)]
    assert hashes == [_by_definition("\n".join(lines[at:])) for at in range(max(len(lines), 1))]
    assert line_hashes(text.replace("\n", "\r\n")) == line_hashes(text)


def test_lines_that_are_the_same_are_counted_and_lines_above_do_not_matter() -> None:
    line = "x" * 120
    assert [one.rpartition(":")[2] for one in line_hashes("\n".join([line] * 3))] == ["1", "2", "3"]
    assert line_hashes(f"above\n{line}")[1] == line_hashes(line)[0]
