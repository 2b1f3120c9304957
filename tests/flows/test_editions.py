"""Which edition a run is, and what it landed beside the one before; the days of schedules; names of flow runs."""

import json
import os
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from coolname import generate_slug
from prefect.client.schemas.objects import FlowRun

from plait.flows.cleaning import find_leftovers
from plait.flows.inputs.editions import killed_edition, named_edition
from plait.flows.inputs.requests import read_brief
from plait.flows.inputs.run_names import is_generated
from plait.flows.retrying import Retrying
from plait.flows.runs import KnownRun
from plait.flows.servers.schedules import wanted_day
from plait.plans.errors import CallError
from plait.plans.tasks.base_outcome import BaseOutcome
from plait.plans.tasks.base_standing import BaseStanding
from plait.show.base_lines import next_at_base
from plait.show.next_steps import next_commands
from tests.support.outcomes import an_outcome
from tests.support.repositories import git

PLAN = "feature: nightly-{date}\ntasks: [{id: A, run: 'true'}]\n"
GONE = KnownRun(
    directory=Path("/nowhere"),
    run_id="nightly-1",
    feature="nightly-2026-11-29",
    repository="/r/.git",
    pid=0,
    started="",
    flow_run=None,
    deployed=False,
    api_url=None,
    template="nightly-{date}",
)
"""A run whose process is gone, and that left no result: it was killed."""


def test_a_plan_for_editions_is_read_as_the_one_of_today_and_can_be_another() -> None:
    brief = read_brief(PLAN, source="plan.yaml", crew=None, folder=Path())
    assert brief.template == "nightly-{date}"
    assert brief.plan.feature == f"nightly-{datetime.now().astimezone().date()}"
    assert brief.as_edition(named_edition(brief.template, "2026-01-02")).plan.feature == "nightly-2026-01-02"


def test_a_task_is_tried_again_in_the_edition_that_it_failed_in_and_by_no_other_plan() -> None:
    def feature_of(text: str, feature: str) -> str:
        brief = read_brief(text, source="plan.yaml", crew=None, folder=Path())
        return Retrying(replace(GONE, feature=feature), "A", None, None).of_its_feature(brief).plan.feature

    assert feature_of(PLAN, "nightly-2026-01-02") == "nightly-2026-01-02"
    assert feature_of(PLAN.replace("date", "run"), "nightly-0badcafe") == "nightly-0badcafe"
    assert feature_of(PLAN.replace("{date}", "x"), "nightly-x") == "nightly-x"
    for text, feature in ((PLAN, "weekly-2026-01-02"), (PLAN.replace("{date}", "x"), "nightly-y")):
        with pytest.raises(CallError, match="is the plan of nightly-"):
            feature_of(text, feature)


@pytest.mark.parametrize(
    ("template", "feature", "option"),
    [
        ("nightly-{date}", "nightly-2026-01-02", "2026-01-02"),
        ("nightly-{run}", "nightly-0badcafe", "nightly-0badcafe"),
        ("{date}-{run}", "2026-01-02-0badcafe", "2026-01-02-0badcafe"),
    ],
)
def test_what_helps_after_an_edition_names_it_and_names_it_so_that_it_is_run_again(
    template: str, feature: str, option: str
) -> None:
    text = PLAN.replace("nightly-{date}", f"'{template}'")
    brief = read_brief(text, source="plan.yaml", crew=None, folder=Path())
    again = brief.as_edition(named_edition(template, option))
    assert (again.plan.feature, again.edition) == (feature, option)
    assert brief.as_edition(named_edition(template, feature)).plan.feature == feature
    run = replace(GONE, template=template, feature=feature)
    assert run.run_again == f"when the plan is run again with --edition {option}"
    outcome = an_outcome(feature=feature, own_edition=option, base=BaseStanding(name="main", behind=2, edition=option))
    told = [command for command in next_commands(outcome) if command.startswith("plait run")]
    assert [command.partition(" #")[0] for command in told] == [
        f"plait run PLAN --refresh --edition {option}",
        f"plait run PLAN --edition {option}",
    ]
    undone = BaseOutcome(feature=feature, edition=option, state="undone", base="main", way="undo")
    assert list(next_at_base(undone)) == [f"plait run PLAN --edition {option} # does the feature anew"]


def test_what_helps_after_a_feature_that_is_no_edition_names_none() -> None:
    assert replace(GONE, template="", feature="cart").run_again == "when the plan is run again"
    assert not [command for command in next_commands(an_outcome()) if "--edition" in command]


@pytest.mark.parametrize(
    ("template", "day", "told"),
    [
        ("nightly-{date}", "tomorrow", "is not a day"),
        ("nightly", "2026-01-02", "no edition"),
        ("n-{run}", "x", "no edition"),
    ],
)
def test_an_edition_that_there_cannot_be_is_refused(template: str, day: str, told: str) -> None:
    with pytest.raises(CallError, match=told):
        named_edition(template, day)


def test_whoever_runs_a_plan_again_goes_on_with_the_edition_that_was_killed(tmp_path: Path) -> None:
    killed = killed_edition("nightly-{date}", [replace(GONE, template="other-{date}"), GONE])
    assert killed is not None
    assert killed.day == date(2026, 11, 29)

    ended = replace(GONE, directory=tmp_path)
    (tmp_path / "result.json").write_text("{}")
    assert killed_edition("nightly-{date}", [ended, GONE]) is None
    assert killed_edition("nightly-{date}", []) is None


def test_the_run_of_an_edition_that_was_killed_is_in_its_name_again() -> None:
    gone = replace(GONE, template="n-{run}", feature="n-0badcafe")
    killed = killed_edition("n-{run}", [gone])
    assert killed is not None
    assert killed.run == "0badcafe"


def flow_run(**facts: object) -> FlowRun:
    return FlowRun(id=uuid4(), flow_id=uuid4(), name="x", **facts)  # type: ignore[arg-type]


def test_a_run_that_nobody_scheduled_is_for_the_day_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    late = datetime(2026, 11, 30, 23, 30, tzinfo=UTC)
    assert wanted_day(flow_run(expected_start_time=late)) == late.astimezone().date()


@pytest.mark.parametrize(
    "name",
    [
        "nightly-review",
        "friday-release",
        "my own name",
        "alpha-release",
        "beta2-release",
        "alpha-",
        "Small-Fix",
        "Small-",
        "x",
        "witty",
    ],
)
def test_a_name_that_a_person_typed_is_told_from_a_drawn_one(name: str) -> None:
    assert not is_generated(name)


def test_every_name_that_prefect_draws_is_known_as_such() -> None:
    assert all(is_generated(generate_slug(2)) for _ in range(500))
    assert is_generated("gamma3-orionis")
    assert is_generated("omicron-tauri-nebula")
    assert is_generated("beta812-canis-majoris-x")
    assert is_generated("nu-khitomer")
    assert is_generated("Ergonomic-Toucan")
    assert is_generated("Handmade-Ox")


def test_of_editions_without_branches_only_the_newest_run_folder_is_kept(repository: Path, hermetic: Path) -> None:
    for number, name in enumerate(("nightly-1", "nightly-2", "nightly-3", "plain", "nightly-4")):
        folder = hermetic / "runs" / name
        folder.mkdir(parents=True)
        template = "" if name == "plain" else "nightly-{run}"
        facts = {"run_id": name, "feature": name, "repository": str(repository / ".git"), "template": template}
        (folder / "run.json").write_text(json.dumps(facts | {"pid": 0, "started": ""}))
        for file in ("outcome.json", "result.json"):
            (folder / file).write_text(an_outcome(run_id=name, feature=name).model_dump_json())
        for place in (folder / "run.json", folder):
            os.utime(place, (1000 + number,) * 2)
    git(repository, "branch", "feature/nightly-4/integration")

    leftovers = find_leftovers(repository, older=0)

    assert [thing.name for thing in leftovers.found if thing.kind == "run"] == ["nightly-2", "nightly-1"]
