"""What a run begins with when a person rejected a contract before it, and what of it waits for whom."""

from dataclasses import replace
from pathlib import Path

import pytest

from plait.agent_tasks.implement import implement
from plait.flows.running.beginning import manifest_of
from plait.flows.running.session import Session
from plait.flows.servers.client import EMBEDDED
from plait.plans.errors import CallError
from plait.plans.journal.effects import WriteRecord
from plait.plans.run.statuses import Failed
from plait.plans.tasks.planned_contracts import Agreement, Record
from plait.workspace.contract_refs import contract_content, write_record
from tests.flows.opened import opened, order_of
from tests.plans.run.played import Played
from tests.support.repositories import git

PLAN = """
    feature: cart
    goal: Fill a cart.
    crew: {designer: {backend: command, command: [sh, -c, "echo 1 > api.txt"]}}
    contracts: [{id: api, owner: A, files: [api.txt], approval: person}]
    tasks:
      - {id: A, OWNER}
      - {id: T, run: cp api.txt t.txt, needs: [A]}
      - {id: X, run: cp t.txt x.txt, needs: [T]}
      - {id: Z, run: echo z > z.txt}
"""
COMMAND, AGENT = 'run: "echo 1 > api.txt"', "role: designer, prompt: Say what it costs."


@pytest.fixture(autouse=True)
def embedded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Role slots are files: these tests have no server."""
    monkeypatch.setenv(EMBEDDED, "1")


def begun(session: Session) -> Played:
    """The run of a session: what git knows is real, what its agents do is not."""
    return Played(manifest_of(session, urgency=None, paused_by=None))


def reject(session: Session, commit: str) -> None:
    """A person's answer to what A made."""
    control, contract = session.shop.control, session.shop.contract("api")
    content = contract_content(control, commit, contract)
    record = Record("api", 1, "rejected", commit, content, by="me", owner="A", reason="no")
    write_record(control, "cart", record, run="by hand", date="1700000000 +0000")


def made_and_rejected(plan: str, repository: Path) -> str:
    """A's commit, which T rests on, and which was then rejected."""
    with opened(plan, repository, run_id="run-1") as session:
        made = implement.fn(order_of(session, "A"), session.shop.facts).commit
        assert made is not None
        implement.fn(order_of(session, "T", start=made), session.shop.facts)
        reject(session, made)
    return made


def branches(repository: Path) -> set[str]:
    listed = git(repository, "for-each-ref", "--format=%(refname:lstrip=-1)", "refs/heads/feature").split()
    return set(listed)


def test_a_command_starts_anew_and_so_does_what_was_built_on_what_it_made(repository: Path) -> None:
    plan = PLAN.replace("OWNER", COMMAND)
    made_and_rejected(plan, repository)

    with opened(plan, repository, run_id="run-2") as session:
        run = begun(session)

    assert session.reuse.finished == {}
    assert run.standing("A").commit is None
    assert "A" in run.starts()
    assert run.work("A").start == session.shop.base
    assert run.work("A").rejections == ("me rejected the contract api v1: no",)
    assert branches(repository) == set()


def test_an_agent_goes_on_from_what_it_made_and_what_was_built_on_that_is_kept(repository: Path) -> None:
    plan = PLAN.replace("OWNER", AGENT)
    made = made_and_rejected(plan, repository)

    with opened(plan, repository, run_id="run-2") as session:
        reuse, run = session.reuse, begun(session)

    assert {task: work.commit for task, work in reuse.sent_back.items()} == {"A": made}
    assert list(reuse.finished) == ["T"]
    assert "A" in run.starts()
    assert (run.work("A").start, run.work("A").expected) == (made, made)
    assert branches(repository) == {"A", "T"}


@pytest.mark.parametrize("owner", [COMMAND, AGENT])
def test_a_run_without_its_author_is_refused_only_for_what_needs_it(repository: Path, owner: str) -> None:
    plan = PLAN.replace("OWNER", owner)
    made_and_rejected(plan, repository)

    with (
        pytest.raises(CallError, match="T needs A, whose contract was rejected"),
        opened(plan, repository, run_id="run-2", only=("T", "Z")),
    ):
        pass
    with opened(plan, repository, run_id="run-3", only=("Z",)) as session:
        run = begun(session)

    assert not run.standings.is_waiting_for_person()
    assert branches(repository) == {"A", "T"}


def test_what_would_bring_a_rejected_contract_along_does_not_land(repository: Path) -> None:
    """X rests on T, which is not part of the run and has the rejected contract in it."""
    plan = PLAN.replace("OWNER", AGENT)
    made_and_rejected(plan, repository)

    with opened(plan, repository, run_id="run-2", only=("X",)) as session:
        run = begun(session)
    assert run.starts() == ("X",)
    run.ends("X")
    run.starts()

    assert run.standing("X").rests_on == ("T",)
    assert run.standings.rules.held == {"X": "T"}
    assert run.in_batch == ()


def test_a_person_is_waited_for_as_long_as_there_is_something_to_approve(repository: Path) -> None:
    with opened(PLAN.replace("OWNER", COMMAND), repository) as session:
        run = begun(session)
    run.starts()
    run.ends("A")
    assert run.standings.is_waiting_for_person()

    run.standings.put("A", status=Failed("no"))  # it had to go again for a contract that it rests on itself
    assert not run.standings.is_waiting_for_person()


def test_an_answer_that_came_while_the_run_was_opened_is_not_written_over(repository: Path) -> None:
    plan = PLAN.replace("OWNER", COMMAND)
    with opened(plan, repository, run_id="run-1") as session:
        made = implement.fn(order_of(session, "A"), session.shop.facts).commit
        assert made is not None
    with opened(plan, repository, run_id="run-2", only=("T",)) as session:
        reject(session, made)
        run = begun(session)

    assert run.orders(WriteRecord) == []
    assert run.standings.contracts["api"].records[-1].status == "rejected"
    assert run.state("T") == "blocked"


def test_what_was_built_on_an_old_version_does_not_land_with_others_when_it_is_not_part_of_the_run(
    repository: Path,
) -> None:
    """T rests on version 1, and was to go again when the run was killed that made version 2; X rests on T."""
    plan = PLAN.replace("OWNER", COMMAND).replace("needs: [A]", "needs: [{contract: api}]")
    with opened(plan, repository, run_id="run-1") as session:
        made = implement.fn(order_of(session, "A"), session.shop.facts).commit
        assert made is not None
        order = replace(order_of(session, "T", start=made), agreements=(Agreement("api", 1),))
        implement.fn(order, session.shop.facts)
        content = contract_content(session.shop.control, made, session.shop.contract("api"))
        for version in (1, 2):
            record = Record("api", version, "approved", made, content, by="me", owner="A")
            write_record(session.shop.control, "cart", record, run="run-1", date="1700000000 +0000")

    with opened(plan, repository, run_id="run-2", only=("X",)) as session:
        run = begun(session)
    assert run.starts() == ("X",)
    run.ends("X")
    run.starts()

    assert run.standing("X").rests_on == ("T",)
    assert run.standings.rules.held == {"X": "T"}
    assert run.in_batch == ()
