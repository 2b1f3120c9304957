"""The scripted agent: every step as a real process does it, and none outside its checkout."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from plait.blocks.agents.scripted import PLAYER, ScriptedAgent
from plait.plans.errors import CallError, PlanError
from tests.support.agents import ENVIRONMENT, order_for


def _agent(steps: str, *, more: str = "") -> ScriptedAgent:
    return ScriptedAgent(text=f"default:\n  - steps: {steps}\n{more}")


def test_files_are_written_changed_and_deleted(tmp_path: Path) -> None:
    order = order_for(tmp_path)
    (order.directory / "old.txt").write_text("old\n")
    (order.directory / "torn.txt").write_text("<<<<<<<\n")
    steps = """
      - write: {path: src/deep/a.py, text: "a = 1\\n"}
      - append: {path: src/deep/a.py, text: "b = 2\\n"}
      - replace: {path: src/deep/a.py, old: "1", new: "3"}
      - resolve: {path: torn.txt, text: "whole\\n"}
      - delete: old.txt
      - write: {path: run.sh, text: "#!/bin/sh\\n"}
      - chmod: {path: run.sh, mode: 755}
      - symlink: {path: link, to: run.sh}
"""

    report = _agent(steps).work(order)

    assert report.problem is None
    assert (order.directory / "src/deep/a.py").read_text() == "a = 3\nb = 2\n"
    assert (order.directory / "torn.txt").read_text() == "whole\n"
    assert not (order.directory / "old.txt").exists()
    assert (order.directory / "run.sh").stat().st_mode & 0o777 == 0o755
    assert (order.directory / "link").readlink() == Path("run.sh")


@pytest.mark.parametrize(
    "step",
    [
        "write: {path: door/evil.txt, text: evil}",
        "append: {path: window, text: evil}",
        "replace: {path: window, old: safe, new: evil}",
        "resolve: {path: window, text: evil}",
        "delete: door/safe.txt",
        "chmod: {path: window, mode: 777}",
        "symlink: {path: door/evil.txt, to: x}",
    ],
)
def test_no_edit_follows_a_symbolic_link_out_of_the_checkout(tmp_path: Path, step: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "safe.txt").write_text("safe")
    before = (outside / "safe.txt").stat()
    order = order_for(tmp_path)
    (order.directory / "door").symlink_to(outside)
    (order.directory / "window").symlink_to(outside / "safe.txt")

    report = _agent(f"[{{{step}}}]").work(order)

    assert report.status == 2
    assert [path.name for path in outside.iterdir()] == ["safe.txt"]
    assert (outside / "safe.txt").read_text() == "safe"
    assert (outside / "safe.txt").stat().st_mode == before.st_mode


@pytest.mark.parametrize("path", ["../evil.txt", "/tmp/evil.txt", "a/../../evil.txt", "a//b", "./a", ".", ""])
def test_the_player_itself_refuses_paths_that_lead_away(tmp_path: Path, path: str) -> None:
    steps = tmp_path / "steps.json"
    steps.write_text(json.dumps({"say": [], "steps": [{"write": {"path": path, "text": "evil"}}]}))
    (tmp_path / "in").mkdir()

    played = subprocess.run(
        [sys.executable, "-I", "-S", str(PLAYER), str(steps)],
        cwd=tmp_path / "in",
        env=ENVIRONMENT,
        check=False,
        capture_output=True,
        text=True,
    )

    assert played.returncode == 2
    assert "is not a path below the checkout" in played.stdout
    assert sorted(each.name for each in tmp_path.iterdir()) == ["in", "steps.json"]


def test_a_replacement_that_does_not_fit_fails_the_try(tmp_path: Path) -> None:
    order = order_for(tmp_path)
    (order.directory / "a.txt").write_text("one one\n")

    report = _agent("[{replace: {path: a.txt, old: one, new: two}}]").work(order)

    assert report.problem == "the agent ended with exit status 2: step 1 (replace): 'one' is in a.txt 2 times, not once"


def test_what_a_program_ends_with_ends_the_try(tmp_path: Path) -> None:
    report = _agent('[{run: [python, -c, "raise SystemExit(4)"]}, {say: never}]').work(order_for(tmp_path))

    assert (report.status, report.summary) == (4, "python ended with 4")


def test_a_try_can_end_without_saying_that_it_is_done(tmp_path: Path) -> None:
    report = _agent("[]", more="    done: false\n").work(order_for(tmp_path))

    assert (report.cause, report.status, report.claims_done) == ("exited", 0, False)
    assert report.problem == "the agent ended without saying that it is done"


def test_a_false_done_is_for_the_harvest_to_find_out(tmp_path: Path) -> None:
    order = order_for(tmp_path)

    report = ScriptedAgent(text="default: [{say: [all tests pass]}]").work(order)

    assert (report.claims_done, report.summary, report.problem) == (True, "all tests pass", None)
    assert list(order.directory.iterdir()) == []


def test_each_try_and_each_repair_order_has_its_own_entry(tmp_path: Path) -> None:
    agent = ScriptedAgent(text="tasks: {A: [{say: [one]}, {say: [two]}, {repair: 1, say: [mended]}]}")

    said = [
        agent.work(order_for(tmp_path, task="A", attempt=attempt, repair=repair)).summary
        for attempt, repair in ((1, 0), (2, 0), (3, 0), (1, 1))
    ]

    assert said == ["one", "two", "two", "mended"]


def test_a_task_that_the_script_does_not_know_fails_with_a_near_match(tmp_path: Path) -> None:
    order = order_for(tmp_path, task="CRAT")

    report = ScriptedAgent(text="tasks: {CART: [{say: [one]}]}").work(order)

    assert report.cause == "not started"
    assert report.problem == "the script has nothing for CRAT, and no default (did you mean 'CART'?)"
    assert order.output.read_text() == report.problem + "\n"


def test_a_repair_order_that_the_script_does_not_know_fails(tmp_path: Path) -> None:
    report = ScriptedAgent(text="tasks: {A: [{say: [one]}]}").work(order_for(tmp_path, task="A", repair=2))

    assert report.problem == "the script says what A does, but not for repair order 2"


def test_a_script_is_a_path_or_a_text(tmp_path: Path) -> None:
    path = tmp_path / "script.yaml"
    path.write_text("default: [{say: [from a file]}]")

    assert ScriptedAgent(path=str(path)).work(order_for(tmp_path)).summary == "from a file"
    for wrong in ({}, {"path": str(path), "text": "default: []"}):
        with pytest.raises(ValidationError, match="either a path or a text"):
            ScriptedAgent(**wrong)


def test_a_script_with_mistakes_or_none_at_all_is_a_mistake_of_the_call(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("taks: {}")

    with pytest.raises(PlanError, match=r"bad.yaml:1:1: taks: unknown key"):
        ScriptedAgent(path=str(tmp_path / "bad.yaml")).script()
    with pytest.raises(CallError, match="cannot read the script"):
        ScriptedAgent(path=str(tmp_path / "none.yaml")).script()


def test_the_player_starts_without_site_packages_or_the_checkout_on_its_path(tmp_path: Path) -> None:
    order = order_for(tmp_path)
    (order.directory / "json.py").write_text("raise SystemExit('the checkout was imported')")

    assert _agent("[{say: fine}]").work(order).summary == "fine"
