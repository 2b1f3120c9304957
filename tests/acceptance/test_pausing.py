"""Pause and resume: what runs finishes, nothing new starts, everybody sees it, and a kill changes nothing of it."""

import json
import signal
from collections.abc import Mapping
from pathlib import Path
from uuid import UUID

import pytest
from prefect.states import Cancelling

from tests.acceptance.conftest import WritePlan
from tests.support.command import Running, plait
from tests.support.repositories import files_of, make_repository
from tests.support.servers import talking_to

pytestmark = pytest.mark.slow

# What is killed here has an embedded server: on a shared one it would leave its role slots leased for two minutes.


def plan_of(write_plan: WritePlan, work: Path) -> Path:
    """FIRST waits for a sign while SECOND needs it; a batch forms as soon as there is anything."""
    return write_plan(
        f"""
        feature: long
        goal: Take a while.
        tasks:
          - id: FIRST
            run: "touch {work}/begun; while [ ! -f {work}/go ]; do sleep 0.05; done; echo 1 > first.txt"
          - {{id: SECOND, run: "touch {work}/second; echo 2 > second.txt", needs: [FIRST]}}
        integration: {{ready: 1, verify: ["true"]}}
        """
    )


def state_of(task: str, repository: Path) -> str:
    tasks = plait("status", "long", "--json", cwd=repository).data["tasks"]
    return next(str(row["state"]) for row in tasks if row["id"] == task)


def test_a_paused_run_finishes_what_runs_and_starts_nothing_until_it_is_resumed(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str], tmp_path: Path
) -> None:
    running = Running("run", str(plan_of(write_plan, tmp_path)), cwd=repository, env=prefect_server)
    running.wait_until((tmp_path / "begun").exists)

    paused = plait("pause", "long", cwd=repository)
    running.wait_until(lambda: "paused by" in plait("status", cwd=repository).stdout)
    (tmp_path / "go").touch()
    running.wait_until(lambda: state_of("FIRST", repository) == "done")
    record = plait("status", "--json", cwd=repository).data
    again = plait("pause", "long", cwd=repository)
    idle = not (tmp_path / "second").exists()
    resumed = plait("resume", "long", cwd=repository)
    ended = running.end()

    assert paused.stdout == ("long is paused: what runs finishes, and nothing new starts until `plait resume long`\n")
    assert again.stdout.startswith("long was paused already")
    assert record["progress"]["paused_by"]
    assert idle
    assert [batch["state"] for batch in record["batches"]] == [], "no batch starts either"
    assert resumed.stdout == "long goes on\n"
    assert plait("resume", "long", cwd=repository).stdout == "long was not paused\n"
    assert ended.status == 0
    assert "paused by" in ended.stderr
    assert "goes on" in ended.stderr
    assert set(files_of(repository, "feature/long/integration")) >= {"first.txt", "second.txt"}


def test_a_paused_run_that_is_killed_stays_paused_when_it_is_run_again(
    repository: Path, write_plan: WritePlan, tmp_path: Path
) -> None:
    plan = plan_of(write_plan, tmp_path)
    first = Running("run", str(plan), cwd=repository)
    first.wait_until((tmp_path / "begun").exists)
    plait("pause", "long", cwd=repository)
    first.wait_until(lambda: "paused by" in plait("status", cwd=repository).stdout)
    first.signal(signal.SIGKILL)
    first.process.wait()
    (tmp_path / "begun").unlink()
    (tmp_path / "go").touch()

    second = Running("run", str(plan), "--json", cwd=repository)
    second.wait_until(lambda: "paused by" in plait("status", cwd=repository).stdout)
    idle = not (tmp_path / "begun").exists()
    plait("resume", "long", cwd=repository)
    ended = second.end()

    assert idle
    assert ended.status == 0, ended.stderr
    tries = {task["id"]: task["tries"] for task in ended.data["tasks"]}
    assert tries == {"FIRST": 2, "SECOND": 1}, "the try that was killed counts"


def test_a_paused_run_can_be_cancelled(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str], tmp_path: Path
) -> None:
    running = Running("run", str(plan_of(write_plan, tmp_path)), "--json", cwd=repository, env=prefect_server)
    running.wait_until((tmp_path / "begun").exists)
    plait("pause", cwd=repository)

    running.signal(signal.SIGINT)
    ended = running.end(seconds=30)

    assert ended.status == 130
    assert plait("resume", "long", cwd=repository).stdout == "long goes on when the plan is run again\n"


def test_a_run_of_a_terminal_that_is_cancelled_on_the_page_stops(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str], tmp_path: Path, hermetic: Path
) -> None:
    running = Running("run", str(plan_of(write_plan, tmp_path)), "--json", cwd=repository, env=prefect_server)
    running.wait_until((tmp_path / "begun").exists)
    (record,) = hermetic.glob("runs/long-*/run.json")
    flow_run = UUID(json.loads(record.read_text())["flow_run"])

    with talking_to(prefect_server) as client:
        client.set_flow_run_state(flow_run, Cancelling())
    ended = running.end(seconds=30)

    assert ended.status == 130, ended.stderr
    assert ended.data["tasks"][0]["state"] == "cancelled"


def test_what_a_killed_run_had_spent_is_told_and_counts_on(
    repository: Path, write_plan: WritePlan, tmp_path: Path
) -> None:
    plan = plan_of(write_plan, tmp_path)
    killed = Running("run", str(plan), cwd=repository)
    killed.wait_until((tmp_path / "begun").exists)
    killed.signal(signal.SIGKILL)
    killed.process.wait()

    status = plait("status", "long", "--json", cwd=repository).data
    words = plait("status", "long", cwd=repository).stdout
    batches = plait("batches", "--run", "long", cwd=repository)
    (tmp_path / "go").touch()
    again = plait("run", str(plan), "--json", cwd=repository).data

    (first, _second) = status["tasks"]
    assert (status["state"], first["state"], first["tries"]) == ("failed", "cancelled", 1)
    assert "it was killed; `plait run` goes on with it, and what was spent by then counts on" in words
    assert "it was killed" in batches.stderr
    assert again["tasks"][0]["tries"] == 2
    assert again["elapsed_seconds"] >= status["elapsed_seconds"]
    assert again["tasks"][0]["started_at"] >= again["started_at"]


def test_replay_prints_what_the_run_printed(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    text = "feature: x\ntasks: [{id: A, run: echo a > a.txt}, {id: B, run: 'false', needs: [A]}]\n"
    run = plait("run", str(write_plan(text)), "--json", cwd=repository, env=prefect_server)

    replay = plait("replay", "x", "--json", cwd=repository)

    assert run.status == 1
    assert (replay.status, replay.stdout) == (0, run.stdout)
    assert "x has landed in part: 1 of 2 tasks landed" in plait("replay", "x", cwd=repository).stdout


def test_a_journal_of_a_later_version_is_refused_with_a_hint(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str], hermetic: Path
) -> None:
    plait(
        "run",
        str(write_plan("feature: x\ntasks: [{id: A, run: echo a > a.txt}]\n")),
        cwd=repository,
        env=prefect_server,
    )
    (journal,) = hermetic.glob("runs/*/journal.jsonl")
    journal.write_text(journal.read_text().replace('{"journal":1,', '{"journal":99,', 1))

    refused = plait("replay", "x", cwd=repository)
    journal.unlink()
    absent = plait("replay", "x", cwd=repository)

    assert (refused.status, absent.status) == (2, 2)
    assert "the journal has version 99, and this plait knows 1 at most" in refused.stderr
    assert "hint:" in refused.stderr
    assert "has left no journal" in absent.stderr


@pytest.fixture
def two_shops(repository: Path, tmp_path: Path) -> tuple[Path, Path]:
    return repository, make_repository(tmp_path / "other")


def test_a_feature_is_paused_where_its_user_stands_and_the_paused_one_is_resumed(
    two_shops: tuple[Path, Path], write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    here, other = two_shops
    plan = write_plan("feature: same\ntasks: [{id: A, run: echo a > a.txt}]\n")
    for place in (here, other):
        plait("run", str(plan), cwd=place, env=prefect_server)
    plait(
        "run", str(write_plan("feature: newer\ntasks: [{id: A, run: echo a > b.txt}]\n")), cwd=here, env=prefect_server
    )

    paused = plait("pause", "same", cwd=here)
    elsewhere = plait("resume", "same", cwd=other)
    bare = plait("resume", cwd=here)
    outside = plait("pause", "same", cwd=here.parent)

    assert paused.stdout.startswith("same is paused: the next run of it starts nothing")
    assert elsewhere.stdout == "same was not paused\n", "that is the other one"
    assert bare.stdout == "same goes on when the plan is run again\n", "the paused one, not the newest"
    assert outside.stdout.startswith(f"same in {other} is paused"), "it says which"
    assert plait("pause", "", cwd=here).status == 2


def test_a_killed_run_is_replayed_as_killed_with_all_of_its_tries(
    repository: Path, write_plan: WritePlan, tmp_path: Path
) -> None:
    killed = Running("run", str(plan_of(write_plan, tmp_path)), cwd=repository)
    killed.wait_until((tmp_path / "begun").exists)
    killed.signal(signal.SIGKILL)
    killed.process.wait()

    replay = plait("replay", "long", "--json", cwd=repository).data
    status = plait("status", "long", "--json", cwd=repository).data

    assert replay["state"] == status["state"] == "failed"
    assert [task["tries"] for task in replay["tasks"]] == [task["tries"] for task in status["tasks"]] == [1, 0]
    assert "it was killed" in plait("replay", "long", cwd=repository).stdout
