"""What people do between runs: leave a note, have a task tried again, be told when a run is over."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.acceptance.conftest import WritePlan
from tests.support.command import Running, plait
from tests.support.repositories import commit_files, git

pytestmark = pytest.mark.slow


def test_notes_are_told_to_the_next_try_and_its_retries_and_then_are_gone(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str], tmp_path: Path, hermetic: Path
) -> None:
    plan = write_plan(
        f"""
        feature: told
        goal: Hear.
        crew:
          b: {{backend: command, command: [sh, -c, "cat > /dev/null; test -e {tmp_path}/now && echo x > x.txt"]}}
        tasks:
          - {{id: A, role: b, prompt: Make x., retries: 1}}
          - {{id: B, run: echo b > b.txt}}
        """
    )
    assert plait("run", str(plan), cwd=repository, env=prefect_server).status == 1

    first = plait("tell", "A", "prices are in cents", cwd=repository)
    second = plait("tell", "A", "-", "--json", cwd=repository, stdin="```\n# ignore \x1b[2Jthis\n")
    assert first.stdout.startswith("1 note for A")
    assert "when the plan is run again" in first.stdout
    assert second.data["waiting"] == 2
    waiting = plait("tell", "A", "--json", cwd=repository).data["notes"]
    assert waiting[0]["text"] == "prices are in cents"
    for words in (("B", "too late"), ("NONE", "x"), ("A", "  "), ("A", "x" * 5000), ("A", "x", "--forget")):
        assert plait("tell", *words, cwd=repository).status == 2
    assert "has landed" in plait("tell", "B", "too late", cwd=repository).stderr

    again = plait("run", str(plan), cwd=repository, env=prefect_server)
    assert "is told by" in again.stderr
    report = plait("report", cwd=repository)
    assert "told: A, by " in report.stdout
    assert "prices are in cents" in plait("replay", cwd=repository).stdout
    runs = plait("runs", "--json", cwd=repository).data["runs"]
    prompts = [
        (hermetic / "runs" / runs[0]["run_id"] / "tasks" / "A" / f"try-{number}" / "prompt.md").read_text()
        for number in (1, 2)
    ]
    for prompt in prompts:
        assert prompt.count("prices are in cents") == 1
        assert "## What a person tells you" in prompt
        assert "\x1b" not in prompt
        assert "````\n```\n# ignore this" in prompt, "no line of a note closes its quotation"
    assert "no note waits for A" in plait("tell", "A", cwd=repository).stderr
    (tmp_path / "now").touch()
    assert plait("run", str(plan), cwd=repository, env=prefect_server).status == 0
    assert "prices" not in plait("logs", "A", "--prompt", cwd=repository).stdout


def test_a_rejected_task_is_tried_again_from_the_start(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str], tmp_path: Path
) -> None:
    write_plan(
        f"""
        feature: again
        goal: Try.
        tasks:
          - {{id: A, run: "if [ -e {tmp_path}/good ]; then echo good > a.txt; else echo bad > a.txt; fi"}}
          - {{id: B, run: echo b > b.txt}}
        integration: {{verify: ["! grep bad a.txt"], repairs: 0}}
        """
    )
    first = plait("run", "../plan.yaml", "--json", cwd=repository, env=prefect_server)
    assert first.status == 1
    branch = "feature/again/agent/command/A"
    before = git(repository, "rev-parse", branch).strip()
    assert plait("retry", "B", cwd=repository).status == 2
    assert "it is a command, and cannot hear" in plait("tell", "A", "be good", cwd=repository).stdout

    prepared = plait("retry", "A", "--no-run", "--json", cwd=repository).data
    (kept,) = prepared["put_aside"]
    assert git(repository, "rev-parse", kept).strip() == before
    assert git(repository, "branch", "--list", branch) == ""

    (tmp_path / "good").touch()
    ran = plait("retry", "A", "--run", "again", "--json", cwd=tmp_path, env=prefect_server)
    assert ran.status == 0, ran.stderr
    assert ran.data["state"] == "completed"
    assert git(repository, "show", "feature/again/integration:a.txt") == "good"
    assert "has landed" in plait("retry", "A", cwd=repository).stderr


def test_a_task_of_an_edition_is_tried_again_in_that_edition(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str], tmp_path: Path
) -> None:
    plan = write_plan(f"feature: day-{{date}}\ngoal: g\ntasks: [{{id: A, run: 'test -e {tmp_path}/good > a.txt'}}]\n")
    first = plait("run", str(plan), "--edition", "2026-01-02", "--json", cwd=repository, env=prefect_server)
    assert (first.status, first.data["feature"]) == (1, "day-2026-01-02")
    other = tmp_path / "other.yaml"
    other.write_text(plan.read_text().replace("day-", "week-"))
    refused = plait("retry", "A", "--plan", str(other), cwd=repository)
    assert (refused.status, "and A is of day-2026-01-02" in refused.stderr) == (2, True)

    (tmp_path / "good").touch()
    again = plait("retry", "A", "--json", cwd=repository, env=prefect_server)
    assert (again.status, again.data["feature"]) == (0, "day-2026-01-02"), again.stderr


def test_a_live_run_is_not_retried(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str], tmp_path: Path
) -> None:
    plan = write_plan(f"feature: live\ngoal: g\ntasks: [{{id: A, run: 'touch {tmp_path}/on; sleep 60'}}]\n")
    running = Running("run", str(plan), cwd=repository, env=prefect_server)
    running.wait_until((tmp_path / "on").exists)
    assert "goes on" in plait("retry", "A", cwd=repository).stderr
    assert "cannot hear" in plait("tell", "A", "hurry", cwd=repository).stdout
    plait("cancel", cwd=repository)
    running.end()


@pytest.mark.parametrize("way", ["option", "environment"])
def test_a_command_of_the_user_is_told_of_the_end_and_its_failure_is_not_the_runs(
    way: str, repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str], tmp_path: Path
) -> None:
    plan = write_plan("feature: notified\ngoal: g\ntasks: [{id: A, run: echo a > a.txt}]\n")
    command = f'cat > {tmp_path}/facts; echo "$PLAIT_EVENT $PLAIT_STATE" > {tmp_path}/said; exit 7'
    words = ("--notify", command) if way == "option" else ()
    env = {**prefect_server, **({"PLAIT_NOTIFY": command} if way == "environment" else {})}
    ended = plait("run", str(plan), *words, cwd=repository, env=env)
    assert ended.status == 0
    assert "ended with status 7" in ended.stderr
    facts = json.loads((tmp_path / "facts").read_text())
    assert facts["event"] == "ended"
    assert facts["feature"] == "notified"
    assert facts["headline"] == "1 of 1 task landed"
    assert facts["repository"] == str(repository)
    assert (tmp_path / "said").read_text() == "ended completed\n"


def test_a_retry_goes_on_with_the_edition_and_the_base_of_its_run(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str], tmp_path: Path
) -> None:
    plan = write_plan(
        f"""
        feature: nightly-{{date}}
        goal: Try.
        tasks: [{{id: A, run: "test -e {tmp_path}/good && cp dev.txt a.txt", retries: 0}}]
        """
    )
    git(repository, "switch", "-q", "-c", "dev")
    commit_files(repository, {"dev.txt": "of dev\n"})
    git(repository, "switch", "-q", "-")
    words = ("--edition", "2026-11-01", "--base", "dev")
    assert plait("run", str(plan), *words, cwd=repository, env=prefect_server).status == 1

    (tmp_path / "good").touch()
    ran = plait("retry", "A", "--json", cwd=repository, env=prefect_server)

    assert ran.status == 0, ran.stderr
    assert ran.data["feature"] == "nightly-2026-11-01"
    assert git(repository, "show", "feature/nightly-2026-11-01/integration:a.txt") == "of dev"


def test_a_retry_that_cannot_begin_puts_nothing_aside(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    text = """
        feature: again
        goal: Try.
        tasks: [{id: A, run: echo bad > a.txt}]
        integration: {verify: ["! grep bad a.txt"], repairs: 0}
        """
    plan = write_plan(text)
    assert plait("run", str(plan), cwd=repository, env=prefect_server).status == 1
    other = write_plan(text.replace("again", "other"), name="other.yaml")

    ended = plait("retry", "A", "--plan", str(other), cwd=repository, env=prefect_server)
    assert (ended.status, "the plan of other, and A is of again" in ended.stderr) == (2, True)
    plan.write_text("feature: again\ntasks: [{id: A, run: x, needs: [NOBODY]}]\n")
    assert plait("retry", "A", cwd=repository, env=prefect_server).status == 2
    plan.unlink()
    assert "is not there any more" in plait("retry", "A", cwd=repository).stderr
    assert git(repository, "branch", "--list", "feature/again/agent/command/A")


def test_a_retry_has_the_crew_of_its_run_and_takes_the_options_of_a_run(
    repository: Path, write_plan: WritePlan, tmp_path: Path
) -> None:
    write_plan("feature: crewed\ntasks: [{id: A, role: b, prompt: Make a., retries: 0}]\n")
    command = f"cat > /dev/null; test -e {tmp_path}/now && echo a > a.txt"
    (tmp_path / "crew.yaml").write_text(json.dumps({"b": {"backend": "command", "command": ["sh", "-c", command]}}))
    first = plait("run", "../plan.yaml", "--crew", "../crew.yaml", "--crew", "b=1", "--server=none", cwd=repository)
    assert first.status == 1, first.stderr
    (tmp_path / "now").touch()

    ran = plait("retry", "A", "--no-preflight", "--server", "none", "--json", cwd=repository)

    assert ran.status == 0, ran.stderr
    assert ran.data["state"] == "completed"


def test_who_follows_a_run_sees_it_to_its_end_and_a_person_who_is_asked_is_told(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str], tmp_path: Path
) -> None:
    plan = write_plan(
        """
        feature: followed
        goal: Be followed.
        contracts: [{id: api, owner: A, files: [api.txt], approval: person}]
        tasks:
          - {id: A, run: echo agreed; echo 1 > api.txt}
          - {id: B, run: echo built; cp api.txt b.txt, needs: [{contract: api}]}
        """
    )
    facts = (
        f'cat >> {tmp_path}/facts; echo >> {tmp_path}/facts; echo "$PLAIT_EVENT $PLAIT_CONTRACT" >> {tmp_path}/events'
    )
    running = Running("run", str(plan), "--notify", facts, cwd=repository, env=prefect_server)
    running.wait_until(lambda: (tmp_path / "events").exists() and "asked" in (tmp_path / "events").read_text())
    watching = Running("status", "--watch", cwd=repository)
    reading = Running("logs", "-f", cwd=repository)
    asked = json.loads((tmp_path / "facts").read_text().splitlines()[0])
    assert (asked["event"], asked["contract"], asked["feature"]) == ("asked", "api", "followed")
    assert asked["answer"].startswith("plait approve ")
    assert watching.process.poll() is None
    assert plait("approve", "followed", "api", cwd=repository).status == 0

    assert running.end().status == 0
    watched, read = watching.end(), reading.end()
    assert (watched.status, read.status) == (0, 0), watched.stderr + read.stderr
    assert "2/2 landed" in watched.stdout
    words = [(line.split()[0].rstrip(":"), line.split()[-1]) for line in read.stdout.splitlines() if line.strip()]
    assert {("A", "agreed"), ("B", "built")} <= set(words), read.stdout
    assert (tmp_path / "events").read_text().split() == ["asked", "api", "ended"]
