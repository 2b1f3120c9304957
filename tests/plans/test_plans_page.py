"""The page on writing a plan keeps its word: each of its examples passes `plait check`, and each template is on it."""

import re
from pathlib import Path

import pytest
import yaml

from plait.flows.commands.new import Slice, Workflow
from plait.plans.language.json_schema import plan_schema
from plait.plans.language.merge_rules import PRESETS
from plait.plans.language.parsing import parse_crew, plan_of, read_plan
from tests.advice.linted import lint_of
from tests.plans.test_json_schema import fits

PAGE = (Path(__file__).parents[2] / "docs" / "plans.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


def test_the_page_has_examples() -> None:
    assert len(EXAMPLES) == PAGE.count("```") // 2 > 4


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.splitlines()[0])
def test_an_example_is_a_whole_plan_in_which_nothing_is_found(example: str) -> None:
    document = read_plan(example, source="docs/plans.md")
    plan = plan_of(document, source="docs/plans.md")

    assert [finding.message for finding in lint_of(plan, places=document.places).shown] == []
    assert fits(yaml.safe_load(example), plan_schema())


@pytest.mark.parametrize("option", [*(f"--slice {one}" for one in Slice), *(f"--workflow {one}" for one in Workflow)])
def test_every_template_has_its_line(option: str) -> None:
    assert f"\n| `{option}` | " in PAGE


CONFLICTS = (Path(__file__).parents[2] / "docs" / "conflicts.md").read_text(encoding="utf-8")


def test_the_page_on_conflicts_has_a_plan_that_is_one_and_every_preset_with_its_command() -> None:
    (example,) = re.findall(r"^```yaml\n(.*?)^```$", CONFLICTS, re.DOTALL | re.MULTILINE)
    assert plan_of(read_plan(example, source="docs/conflicts.md"), source="docs/conflicts.md").integration.merge
    assert fits(yaml.safe_load(example), plan_schema())
    for name, preset in PRESETS.items():
        (line,) = re.findall(rf"^\| `{name}` \| .*$", CONFLICTS, re.MULTILINE)
        assert (preset.command or "union").replace("|", "\\|") in line


ENVIRONMENTS = (Path(__file__).parents[2] / "docs" / "environments.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"^```yaml\n(.*?)^```$", ENVIRONMENTS, re.DOTALL | re.MULTILINE)
CREW_FILES = [example for example in SNIPPETS if example.startswith("environment:")]
CREWS = [example for example in SNIPPETS if example not in CREW_FILES]


@pytest.mark.parametrize("example", CREW_FILES, ids=range(len(CREW_FILES)))
def test_a_crew_file_on_the_page_of_environments_is_one(example: str) -> None:
    assert parse_crew(example).environment


@pytest.mark.parametrize("example", CREWS, ids=range(len(CREWS)))
def test_a_crew_on_the_page_of_environments_is_part_of_a_plan(example: str) -> None:
    tasks = "" if "\ntasks:" in example else "tasks: [{id: A, run: echo a > a.txt}]\n"
    text = f"feature: shown\n{example}{tasks}"
    plan_of(read_plan(text, source="docs/environments.md"), source="docs/environments.md")
    assert fits(yaml.safe_load(text), plan_schema())


def test_the_example_of_the_page_on_landing_is_a_plan_that_lands_and_pushes() -> None:
    page = (Path(__file__).parents[2] / "docs" / "landing.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"^```yaml\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    document = read_plan(example, source="docs/landing.md")
    plan = plan_of(document, source="docs/landing.md")

    assert (plan.integration.land, plan.integration.land_by, plan.integration.push) == ("auto", "squash", "integration")
    assert [finding.message for finding in lint_of(plan, places=document.places).shown] == []
