"""`plait runs`, and the report of the last run that did something."""

import json
import os
from pathlib import Path

from plait.plans.tasks.states import TaskState
from plait.plans.usage import Usage
from tests.flows.test_runs_meant import keep_run
from tests.support.command import plait
from tests.support.outcomes import a_task, an_outcome
from tests.support.repositories import make_repository


def keep_outcome(home: Path, run_id: str, **fields: object) -> None:
    outcome = an_outcome(run_id=run_id, **fields)
    (home / "runs" / run_id / "outcome.json").write_text(outcome.model_dump_json())
    (home / "runs" / run_id / "result.json").write_text("{}")


def made_at(home: Path, run_id: str, seconds: float) -> None:
    os.utime(home / "runs" / run_id / "run.json", (seconds, seconds))


def test_runs_are_listed_newest_first_of_this_repository_or_of_all(
    repository: Path, hermetic: Path, tmp_path: Path
) -> None:
    other = make_repository(tmp_path / "other")
    used = a_task("A").model_copy(update={"usage": Usage(usd=1.25)})
    for number, (run_id, place) in enumerate((("cart-1", repository), ("cart-2", repository), ("tax-1", other))):
        keep_run(hermetic, run_id, place, feature=run_id[:-2])
        made_at(hermetic, run_id, 1000.0 + number)
    keep_outcome(hermetic, "cart-1", tasks=(used,))

    here = plait("runs", "--json", cwd=repository).data
    assert [row["run_id"] for row in here["runs"]] == ["cart-2", "cart-1"]
    assert here["runs"][1]["usage"]["usd"] == 1.25
    assert [row["run_id"] for row in plait("runs", "--all", "--json", cwd=tmp_path).data["runs"]] == [
        "tax-1",
        "cart-2",
        "cart-1",
    ]
    text = plait("runs", cwd=repository).stdout
    assert "$1.25" in text
    assert "tax-1" not in text
    assert str(other) in plait("runs", "--all", cwd=repository, env={"COLUMNS": "300"}).stdout
    newest = plait("runs", "--last", "1", cwd=repository)
    assert "cart-1" not in newest.stdout
    assert "1 older" in newest.stderr
    assert plait("runs", cwd=tmp_path).stdout == ""
    assert plait("runs", "tax", "--json", cwd=repository).data["runs"] == []
    assert plait("runs", "--all", "--repo", "x", cwd=repository).status == 2


def test_a_damaged_run_hides_no_other(repository: Path, hermetic: Path) -> None:
    keep_run(hermetic, "cart-1", repository)
    keep_run(hermetic, "cart-2", repository)
    (hermetic / "runs" / "cart-2" / "journal.jsonl").write_text("{}\n{")
    (hermetic / "runs" / "cart-2" / "outcome.json").write_text("[")
    rows = {row["run_id"]: row["state"] for row in plait("runs", "--json", cwd=repository).data["runs"]}
    assert rows == {"cart-1": "partial", "cart-2": None}


def test_a_run_with_nothing_to_do_does_not_hide_the_last_report(repository: Path, hermetic: Path) -> None:
    for number, run_id in enumerate(("cart-1", "cart-2")):
        keep_run(hermetic, run_id, repository)
        made_at(hermetic, run_id, 1000.0 + number)
    keep_outcome(hermetic, "cart-1")
    landed = a_task("OLD", start=None, state=TaskState.LANDED)
    keep_outcome(hermetic, "cart-2", tasks=(landed,), batches=(), elapsed_seconds=0.1)

    for words in ((), ("cart",)):
        shown = plait("report", "--json", *words, cwd=repository)
        assert shown.data["run_id"] == "cart-1"
        assert "run cart-2 found nothing to do" in shown.stderr
    assert json.loads(plait("report", "cart-2", "--json", cwd=repository).stdout)["run_id"] == "cart-2"
    assert "nothing to do" in plait("runs", cwd=repository).stdout


def test_watching_a_run_that_is_over_shows_it_once(repository: Path, hermetic: Path) -> None:
    keep_run(hermetic, "cart-1", repository)
    watched = plait("status", "--watch", cwd=repository)
    assert watched.status == 0
    assert watched.stdout.count("batch-1") == plait("status", cwd=repository).stdout.count("batch-1")
    assert plait("status", "--watch", "--json", cwd=repository).status == 2


def test_a_feature_without_a_run_is_not_told_as_a_repository_without_one(repository: Path) -> None:
    ended = plait("runs", "nosuch", cwd=repository)
    assert (ended.status, ended.stdout) == (0, "")
    assert "there is no run of plait that is called nosuch where you stand" in ended.stderr
