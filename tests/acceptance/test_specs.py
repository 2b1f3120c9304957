"""A folder of Markdown specs as a plan, by the command as a process: run, written back, and nothing to do again."""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.command import plait
from tests.support.repositories import commit_files, files_of, git

pytestmark = pytest.mark.slow

PLAN = """\
feature: greeting
goal: Say hello.
integration:
  verify: ["test -f hello.txt && grep -q HELLO specs/1-hello.md"]
"""
HELLO = """\
---
id: HELLO    # others need it
run: echo hello > hello.txt
changes: required
---
# Say hello

## Problem statement
Nobody says hello.

## Success criteria
- [ ] hello is said
"""
LOUD = "---\nneeds: [HELLO]\nrun: tr a-z A-Z < hello.txt > loud.txt\nchanges: required\n---\n# Say it aloud"
BAD = "---\nrun: echo 'no | way' >&2; exit 3\nretries: 0\n---\n"
TIP = "feature/greeting/integration"


@pytest.fixture
def specs(repository: Path) -> Path:
    """`specs/` of the repository, committed on `main`."""
    files = {"specs/plan.yaml": PLAN, "specs/1-hello.md": HELLO, "specs/2-loud.md": LOUD.replace("\n", "\r\n")}
    commit_files(repository, files)
    return repository / "specs"


def spec_on(repository: Path, revision: str, name: str) -> bytes:
    """A spec's very bytes."""
    (oid,) = re.findall(r"blob ([0-9a-f]+)", git(repository, "ls-tree", revision, f"specs/{name}"))
    return git(repository, "cat-file", "blob", oid).encode() + (b"" if name == "2-loud.md" else b"\n")


def test_a_folder_runs_and_its_specs_say_on_the_feature_branch_what_came_of_them(
    repository: Path, specs: Path, prefect_server: Mapping[str, str]
) -> None:
    ended = plait("run", "specs/", "--json", cwd=repository, env=prefect_server)

    assert ended.status == 0, ended.stderr
    assert ended.data["state"] == "completed"
    hello, loud = ended.data["tasks"]
    assert [hello["id"], loud["id"]] == ["HELLO", "2-loud"]
    tip = git(repository, "rev-parse", TIP)
    assert ended.data["commit"] == tip
    assert git(repository, "rev-parse", f"{tip}^") == ended.data["batches"][-1]["commit"]
    assert git(repository, "log", "-1", "--format=%an %cn %s", tip) == (
        "plait plait Write status and history into 2 specs"
    )
    trailers = git(repository, "log", "-1", "--format=%(trailers)", tip).splitlines()
    assert trailers[:3] == [f"Plait-Run: {ended.data['run_id']}", "Plait-Feature: greeting", "Verified: yes"]
    assert set(git(repository, "diff", "--name-only", f"{tip}^", tip).splitlines()) == {
        "specs/1-hello.md",
        "specs/2-loud.md",
    }
    text = files_of(repository, tip)["specs/1-hello.md"]
    front, body = HELLO.removesuffix("\n").split("---\n# Say")
    branch, commit = "feature/greeting/agent/command/HELLO", hello["commit"]
    assert text.startswith(f"{front}status: landed\nbranch: {branch}\ncommit: {commit}\n---\n# Say{body}\n")
    assert re.search(
        r"\n\n## History\n\n"
        r"\| run \| when \| state \| tries \| commit \| note \|\n\|( --- \|){6}\n"
        rf"\| {ended.data['run_id']} \| \d{{4}}-\d\d-\d\d \d\d:\d\d UTC \| landed \| 1 \| {commit[:12]} \|  \|\Z",
        text,
    )
    assert spec_on(repository, tip, "2-loud.md").endswith(b" |  |"), "it had no final newline before"
    assert b"\n" not in spec_on(repository, tip, "2-loud.md").replace(b"\r\n", b"")
    assert git(repository, "status", "--porcelain") == ""
    assert (specs / "1-hello.md").read_text() == HELLO


def test_the_second_run_has_nothing_to_do_also_with_the_specs_that_were_written(
    repository: Path, specs: Path, prefect_server: Mapping[str, str]
) -> None:
    plait("run", "specs", "--json", cwd=repository, env=prefect_server)
    tip = git(repository, "rev-parse", TIP)

    again = plait("run", "specs", "--json", cwd=repository, env=prefect_server)
    git(repository, "merge", "--quiet", TIP)
    merged = plait("run", "specs", "--json", cwd=repository, env=prefect_server)

    for ended in (again, merged):
        assert ended.status == 0, ended.stderr
        assert [task["state"] for task in ended.data["tasks"]] == ["landed", "landed"]
        assert [task["tries"] for task in ended.data["tasks"]] == [0, 0]
    assert git(repository, "rev-parse", TIP) == tip
    assert "## History" in (specs / "1-hello.md").read_text()


def test_what_a_killed_run_had_no_time_to_write_is_written_by_the_next_one_that_finds_nothing_to_do(
    repository: Path, specs: Path, prefect_server: Mapping[str, str]
) -> None:
    plait("run", "specs", "--json", cwd=repository, env=prefect_server)
    git(repository, "update-ref", f"refs/heads/{TIP}", f"{TIP}^")  # as it was between landing and writing

    again = plait("run", "specs", "--json", cwd=repository, env=prefect_server)
    tip = git(repository, "rev-parse", TIP)
    third = plait("run", "specs", "--json", cwd=repository, env=prefect_server)

    assert (again.status, third.status) == (0, 0), again.stderr
    assert "status and history are written into 2 specs" in again.stderr
    assert "status: landed\nbranch: " in files_of(repository, TIP)["specs/1-hello.md"]
    assert git(repository, "rev-parse", TIP) == tip == again.data["commit"]
    assert "are written into" not in third.stderr


def test_what_failed_is_written_too_and_a_later_run_adds_its_row(
    repository: Path, specs: Path, prefect_server: Mapping[str, str]
) -> None:
    commit_files(repository, {"specs/3-bad.md": BAD})
    first = plait("run", "specs", "--json", cwd=repository, env=prefect_server)
    bad = files_of(repository, TIP)["specs/3-bad.md"]
    (specs / "3-bad.md").write_text(BAD.replace("exit 3", "echo ok > bad.txt"))
    (specs / "4-new.md").write_text("---\nrun: echo new > new.txt\n---\n")

    second = plait("run", "specs", "--json", cwd=repository, env=prefect_server)

    assert first.status == 1
    assert "status: failed\n---" in bad
    assert re.search(r"\| failed \| 1 \|  \| .*no \\\| way.* \|\Z", bad), bad
    assert second.status == 0, second.stderr
    assert "4-new.md" in second.stderr, "it is not on the feature branch"
    files = files_of(repository, TIP)
    rows = [line.split(" | ")[2] for line in files["specs/3-bad.md"].splitlines() if line.startswith("| greeting-")]
    assert rows == ["failed", "landed"]
    assert "status: landed\nbranch: " in files["specs/3-bad.md"]
    assert files["specs/1-hello.md"].count("| greeting-") == 1, "the second run had no work with it"
    assert {"bad.txt", "new.txt", "loud.txt"} <= files.keys()


def test_mistakes_of_two_files_are_shown_at_once_with_their_places(repository: Path, specs: Path) -> None:
    (specs / "1-hello.md").write_text(HELLO.replace("changes", "chnges"))
    (specs / "2-loud.md").write_text(LOUD.replace("HELLO", "NOBODY"))

    ended = plait("check", "specs", cwd=repository)
    data = plait("check", "specs", "--json", cwd=repository)
    run = plait("run", "specs", cwd=repository)

    assert (ended.status, data.status, run.status) == (2, 2, 2)
    assert "specs/1-hello.md:4:1: PLAN002 chnges: unknown key 'chnges' (did you mean 'changes'?)" in ended.stderr
    assert "specs/2-loud.md:2:9: PLAN004 needs[0]: unknown task 'NOBODY'" in ended.stderr
    assert [row["file"] for row in data.data["problems"]] == ["specs/1-hello.md", "specs/2-loud.md"]
    assert "Traceback" not in ended.stderr


def test_a_checked_out_feature_branch_gets_no_history_and_that_is_said(
    repository: Path, specs: Path, prefect_server: Mapping[str, str]
) -> None:
    git(repository, "checkout", "--quiet", "-b", TIP)
    tip = git(repository, "rev-parse", "HEAD")

    ended = plait("run", "specs", "--base", "main", "--json", cwd=repository, env=prefect_server)

    assert ended.status == 1
    assert ended.data["batches"][-1]["state"] == "ready-to-land"
    assert "nothing is written into its specs" in ended.stderr
    assert git(repository, "rev-parse", TIP) == tip


def test_specs_that_the_tests_refuse_stay_as_they_were(
    repository: Path, specs: Path, prefect_server: Mapping[str, str]
) -> None:
    commit_files(repository, {"specs/plan.yaml": PLAN.replace("grep -q HELLO", "! grep -q History")})

    ended = plait("run", "specs", "--json", cwd=repository, env=prefect_server)

    assert ended.status == 0, ended.stderr
    assert "the specs are as they were" in ended.stderr
    assert "History" not in files_of(repository, TIP)["specs/1-hello.md"]
    assert ended.data["commit"] == ended.data["batches"][-1]["commit"] == git(repository, "rev-parse", TIP)


def test_specs_outside_the_repository_run_and_are_not_written(
    repository: Path, tmp_path: Path, prefect_server: Mapping[str, str]
) -> None:
    outside = tmp_path / "plans" / "greeting" / "specs"
    outside.mkdir(parents=True)
    (outside / "HELLO.md").write_text(HELLO)

    ended = plait("run", str(outside), "--json", cwd=repository, env=prefect_server)

    assert ended.status == 0, ended.stderr
    assert ended.data["feature"] == "greeting"
    assert "not in the repository" in ended.stderr
    assert "hello.txt" in files_of(repository, TIP)
    assert (outside / "HELLO.md").read_text() == HELLO


@pytest.mark.parametrize("command", [["check"], ["run", "--dry-run"], ["forecast"]])
def test_whatever_takes_a_plan_takes_a_folder(repository: Path, specs: Path, command: list[str]) -> None:
    ended = plait(*command, "specs/", "--json", cwd=repository)

    assert ended.status == 0, ended.stderr
    assert {"HELLO", "2-loud"} <= {task["id"] for task in ended.data["tasks"]}
