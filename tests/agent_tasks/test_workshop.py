"""Where the work of a run is done: found by its id, or opened from its facts alone, by whoever takes an order."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from plait.agent_tasks.base_check import verify_base
from plait.agent_tasks.errors import SetUpFailed, TaskStopped
from plait.agent_tasks.implement import implement
from plait.agent_tasks.integrate import integrate
from plait.agent_tasks.workshop import opened_workshop, workshop_of
from plait.plans.agents.activity import Activity
from plait.plans.errors import EnvironmentProblem
from plait.plans.tasks.outcomes import BatchState
from plait.plans.tasks.work import (
    BaseOrder,
    BatchOrder,
    BatchReport,
    Candidate,
    RunFacts,
    WorkReport,
    from_json,
    to_json,
)
from plait.workspace.redacting import kept_secret
from tests.conftest import DATE
from tests.flows.opened import opened, order_of
from tests.support.repositories import files_of

PLAN = """
    feature: far
    goal: Work elsewhere.
    crew: {{backend: {{backend: scripted, script: {script}}}}}
    tasks:
      - {{id: A, role: backend, prompt: Do it., owns: [a.txt], verify: [test -f a.txt]}}
    integration: {{verify: [test -f a.txt]}}
"""
ELSEWHERE = """
import sys
from plait.agent_tasks.implement import implement
from plait.agent_tasks.integrate import integrate
from plait.plans.tasks.work import BaseOrder, BatchOrder, RunFacts, WorkOrder, from_json, to_json
facts = from_json(RunFacts, sys.stdin.readline())
print(to_json(implement.fn(from_json(WorkOrder, sys.stdin.readline()), facts)), flush=True)
print(to_json(integrate.fn(from_json(BatchOrder, sys.stdin.readline()), facts)), flush=True)
"""


@contextmanager
def elsewhere(facts: RunFacts) -> Iterator[Callable[[object], str]]:
    """Another process, which has the facts and nothing else: given an order, it says what it reports."""
    argv = [sys.executable, "-c", ELSEWHERE]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        given, reports = process.stdin, process.stdout
        given.write(f"{to_json(facts)}\n")

        def ask(order: object) -> str:
            given.write(f"{to_json(order)}\n")
            return reports.readline()

        yield ask


@pytest.fixture
def plan(tmp_path: Path) -> str:
    script = tmp_path / "far.script.yaml"
    script.write_text("default: [{steps: [{usage: {turns: 2}}, {write: {path: a.txt, text: done}}]}]")
    return PLAN.format(script=script)


def test_another_process_carries_out_an_order_and_a_batch_from_their_data_alone(repository: Path, plan: str) -> None:
    with opened(plan, repository) as session:
        facts = session.shop.facts
        with elsewhere(facts) as ask:
            work = from_json(WorkReport, ask(order_of(session, "A")))
            batch = BatchOrder("batch-1", facts.run, (Candidate("A", work.commit or "", ()),), DATE)
            landed = from_json(BatchReport, ask(batch))

    assert (work.changed, work.usage and work.usage.turns) == (("a.txt",), 2)
    assert (landed.outcome.state, landed.outcome.landed) == (BatchState.LANDED, ("A",))
    assert files_of(repository, "feature/far/integration")["a.txt"] == "done"


def test_orders_of_a_run_find_the_workshop_that_is_open_in_their_process(repository: Path, plan: str) -> None:
    with opened(plan, repository) as session:
        facts = from_json(RunFacts, to_json(session.shop.facts))

        assert workshop_of(facts) is session.shop


def test_what_comes_late_does_not_open_a_run_again(repository: Path, plan: str) -> None:
    with opened(plan, repository) as session:
        order, facts = order_of(session, "A"), session.shop.facts

    with pytest.raises(TaskStopped):
        implement.fn(order, facts)
    with pytest.raises(TaskStopped):
        integrate.fn(BatchOrder("batch-1", facts.run, (), DATE), facts)


def test_a_run_that_is_opened_twice_is_open_until_the_last_of_both_is_closed(repository: Path, plan: str) -> None:
    with opened(plan, repository) as session:
        facts = session.shop.facts
        with opened_workshop(facts) as inner:
            assert workshop_of(facts) is inner
        assert workshop_of(facts) is session.shop


def test_a_workshop_that_nobody_opened_is_opened_once_from_its_facts(repository: Path, plan: str) -> None:
    with opened(plan, repository) as session:
        facts = replace(session.shop.facts, run="elsewhere-1")

        assert workshop_of(facts) is workshop_of(facts)
        assert workshop_of(facts).control.common_dir == session.shop.control.common_dir


def test_a_program_that_is_not_on_this_machine_is_said_by_who_needs_it(repository: Path, plan: str) -> None:
    with opened(plan, repository) as session:
        shop = session.shop

        assert shop.agent_of("backend") is shop.agent_of("backend")
        with pytest.raises(EnvironmentProblem):
            shop.agent_of("writer")


def test_merge_programs_of_this_machine_are_asked_unless_structure_is_off_and_never_the_repositorys(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = "{feature: far, goal: Merge., tasks: [{id: A, run: 'true'}], integration: {structure: STRUCTURE}}"
    for folder in (tmp_path / "tools", repository / "bin"):
        folder.mkdir()
        (folder / "mergiraf").write_text("#!/bin/sh\n")
        (folder / "mergiraf").chmod(0o755)
    ours = f"{repository / 'bin'}:{tmp_path / 'tools'}:{os.environ['PATH']}"
    for structure, found in (("true", [str(tmp_path / "tools" / "mergiraf")]), ("false", [])):
        with opened(plan.replace("STRUCTURE", structure), repository) as session:
            monkeypatch.setenv("PATH", ours)
            settler = session.shop.settler
            assert [program.path for program in settler.programs.programs if program.kind == "mergiraf"] == found


@pytest.mark.parametrize("first", ["the agent", "the verification of base"])
def test_a_set_up_of_the_crew_that_fails_is_found_out_once_by_agents_and_the_verification_of_base(
    repository: Path, tmp_path: Path, first: str
) -> None:
    plan = f"""
        feature: shop
        goal: Sell.
        crew: {{setup: ["echo run >> {tmp_path}/runs; false"]}}
        tasks: [{{id: A, run: "echo more > a.txt", owns: [a.txt]}}]
        integration: {{verify: ["true"]}}
    """
    with opened(plan, repository) as session:

        def work() -> None:
            with pytest.raises(SetUpFailed, match="ended with exit status 1, also the second time"):
                implement.fn(order_of(session, "A"), session.shop.facts)

        def verify() -> None:
            report = verify_base.fn(BaseOrder(session.shop.base, ()), session.shop.facts)
            assert report.state == "red"
            assert "setup" in report.reason

        for step in (work, verify) if first == "the agent" else (verify, work):
            step()
    assert (tmp_path / "runs").read_text() == "run\n" * 2


def test_what_agents_print_and_do_is_told_without_secrets(repository: Path) -> None:
    told: list[object] = []

    def hear(*words: object) -> None:
        told.append(words)

    with (
        opened("feature: f\ngoal: G.\ntasks: [{id: A, run: echo}]", repository) as session,
        kept_secret(["hunter22222"]),
        opened_workshop(
            session.shop.facts, control=session.shop.control, hear=hear, tell=told.append, act=hear
        ) as shop,
    ):
        shop.hear("A", "it says hunter22222")
        shop.tell("A: hunter22222")
        shop.act("A", Activity(words="aHVudGVyMjIyMjI=", tool="Bash: echo hunter22222", model="m"))
    assert told == [("A", "it says ***"), "A: ***", ("A", Activity(words="***I=", tool="Bash: echo ***", model="m"))]
