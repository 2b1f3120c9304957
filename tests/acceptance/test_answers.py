"""What people say of contracts at odd moments: two answers at once, too late, to whoever is not there."""

import signal
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.acceptance.conftest import WritePlan
from tests.acceptance.test_contracts import states, tries
from tests.support.command import Running, plait
from tests.support.repositories import commit_files, files_of, git

pytestmark = pytest.mark.slow

PLAN = """
    feature: cart
    goal: Fill a cart.
    contracts: [{id: api, owner: A, files: [api.txt], approval: person}]
    tasks:
      - {id: A, run: "OWNER"}
      - {id: B, run: cp api.txt b.txt, needs: [{contract: api}]}
      - {id: Z, run: "OTHER"}
"""


def asked(repository: Path, contract: str = "api") -> bool:
    shown = plait("contracts", "cart", "--json", cwd=repository)
    rows = shown.data["contracts"] if shown.status == 0 else []
    return any(row["id"] == contract and row["status"] == "waiting" for row in rows)


def test_an_owner_of_two_contracts_gets_one_back_while_the_other_is_approved(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    plan = write_plan(
        """
        feature: cart
        goal: Fill a cart.
        contracts:
          - {id: one, owner: A, files: [one.txt], approval: person}
          - {id: two, owner: A, files: [two.txt], approval: person}
        tasks:
          - {id: A, run: "echo 1 > one.txt; echo 2 > two.txt"}
          - {id: B, run: cat one.txt two.txt > b.txt, needs: [{contract: one}, {contract: two}]}
        """
    )
    running = Running("run", str(plan), "--json", cwd=repository, env=prefect_server)
    running.wait_until(lambda: asked(repository, "two"))
    running.signal(signal.SIGSTOP)  # it hears of both at once
    answers = [plait("approve", "cart", "one", "--reject", "no", cwd=repository).status]
    answers.append(plait("approve", "cart", "two", cwd=repository).status)
    running.signal(signal.SIGCONT)
    running.wait_until(lambda: asked(repository, "one"))
    answers.append(plait("approve", "cart", "one", cwd=repository).status)
    ended = running.end()

    assert answers == [0, 0, 0]
    assert ended.status == 0, ended.stdout + ended.stderr
    assert tries(ended) == {"A": 2, "B": 1}


def test_a_contract_is_rejected_whose_owner_is_not_there_and_the_rest_goes_on(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str], tmp_path: Path
) -> None:
    plan = PLAN.replace("OWNER", "echo 1 > api.txt").replace("OTHER", f"touch {tmp_path}/z; sleep 3; echo z > z.txt")
    written = str(write_plan(plan))
    first = Running("run", written, "--only", "A", "--json", cwd=repository, env=prefect_server)
    first.wait_until(lambda: asked(repository))
    first.signal(signal.SIGINT)
    first.end()
    second = Running("run", written, "--only", "B", "--only", "Z", "--json", cwd=repository, env=prefect_server)
    second.wait_until((tmp_path / "z").exists)

    plait("approve", "cart", "api", "--reject", "no", cwd=repository)
    ended = second.end()

    assert ended.status == 1, ended.stdout + ended.stderr
    assert states(ended) == {"B": "blocked", "Z": "landed"}
    assert "was rejected, and A, which writes it, is not part of this run" in ended.data["tasks"][0]["reason"]


def test_who_has_another_alternative_than_a_draft_does_not_wait_for_a_person(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    plan = PLAN.replace("OWNER", "echo 1 > api.txt").replace("OTHER", "sleep 1; echo z > z.txt")
    plan += "      - {id: EITHER, run: ls > either.txt, needs: [{any: [A, Z]}]}\n"
    running = Running("run", str(write_plan(plan)), "--json", cwd=repository, env=prefect_server)
    tip = "refs/heads/feature/cart/integration"
    running.wait_until(lambda: bool(git(repository, "for-each-ref", tip)) and "either.txt" in files_of(repository, tip))

    waits = asked(repository)
    plait("approve", "cart", "api", cwd=repository)
    ended = running.end()

    assert waits
    assert ended.status == 0, ended.stdout + ended.stderr
    assert "z.txt" in files_of(repository, tip)["either.txt"]


@pytest.mark.parametrize("first_try", ["nothing", "something"])
def test_a_rejected_command_may_change_something_then_or_nothing(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str], tmp_path: Path, first_try: str
) -> None:
    """The contract is on base already; the command changes it in one of its two tries, and what was made is kept."""
    commit_files(repository, {"api.txt": "old\n"})
    wanted = "1" if first_try == "something" else "2"
    owner = f"echo >> {tmp_path}/n; test $(wc -l < {tmp_path}/n) != {wanted} || echo new > api.txt"
    plan = write_plan(PLAN.replace("OWNER", owner).replace("OTHER", "echo z > z.txt"))
    running = Running("run", str(plan), "--json", cwd=repository, env=prefect_server)
    running.wait_until(lambda: asked(repository))
    plait("approve", "cart", "api", "--reject", "no", cwd=repository)
    running.wait_until(lambda: (tmp_path / "n").read_text() == "\n\n")
    running.wait_until(lambda: asked(repository))
    plait("approve", "cart", "api", cwd=repository)
    ended = running.end()

    assert ended.status == 0, ended.stdout + ended.stderr
    assert set(states(ended).values()) == {"landed"}
    expected, kept = ("old", True) if first_try == "something" else ("new", False)
    assert files_of(repository, "feature/cart/integration")["b.txt"] == expected
    assert bool(git(repository, "for-each-ref", "refs/plait/old")) is kept


def test_a_run_neither_waits_for_an_answer_nor_is_refused_for_one_that_nothing_of_it_rests_on(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    written = str(write_plan(PLAN.replace("OWNER", "echo 1 > api.txt").replace("OTHER", "echo z > z.txt")))
    first = Running("run", written, "--only", "A", "--json", cwd=repository, env=prefect_server)
    first.wait_until(lambda: asked(repository))
    first.signal(signal.SIGINT)
    first.end()

    undecided = plait("run", written, "--only", "Z", "--json", cwd=repository, env=prefect_server)
    plait("approve", "cart", "api", "--reject", "no", cwd=repository)
    rejected = plait("run", written, "--only", "Z", "--json", cwd=repository, env=prefect_server)
    consumer = plait("run", written, "--only", "B", "--json", cwd=repository, env=prefect_server)

    assert undecided.status == 0, undecided.stderr
    assert states(undecided) == {"Z": "landed"}
    assert rejected.status == 0, rejected.stderr
    assert consumer.status == 2
    assert "B needs A, whose contract was rejected" in consumer.stderr


def test_a_command_that_had_nothing_to_change_goes_again_when_it_was_rejected_after_its_run(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str], tmp_path: Path
) -> None:
    """It has no branch that the rejection could be about: the contract was on base already."""
    commit_files(repository, {"api.txt": "old\n"})
    owner = f"echo x >> {tmp_path}/n; test $(wc -l < {tmp_path}/n) = 1 || echo new > api.txt"
    written = str(write_plan(PLAN.replace("OWNER", owner).replace("OTHER", "echo z > z.txt")))
    first = Running("run", written, "--json", cwd=repository, env=prefect_server)
    first.wait_until(lambda: asked(repository))
    first.signal(signal.SIGINT)
    first.end()
    plait("approve", "cart", "api", "--reject", "no", cwd=repository)
    second = Running("run", written, "--json", cwd=repository, env=prefect_server)
    second.wait_until(lambda: asked(repository))
    plait("approve", "cart", "api", cwd=repository)
    ended = second.end()

    assert ended.status == 0, ended.stdout + ended.stderr
    assert files_of(repository, "feature/cart/integration")["b.txt"] == "new"


def test_what_rests_on_a_rejected_command_without_naming_the_contract_is_done_again_too(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str], tmp_path: Path
) -> None:
    """A is approved, and handed back by a batch; its repair is rejected, so that it starts anew, and not from that."""
    owner = f"echo >> {tmp_path}/n; N=$(wc -l < {tmp_path}/n); echo $N > api.txt; test $N != 1 || echo bad >> api.txt"
    plan = write_plan(
        f"""
        feature: cart
        goal: Fill a cart.
        crew: {{all: {{slots: 4}}}}
        contracts: [{{id: api, owner: A, files: [api.txt], approval: person}}]
        integration: {{ready: 0.1, verify: ["! grep -q bad api.txt"]}}
        tasks:
          - {{id: A, role: all, run: "{owner}"}}
          - {{id: B, role: all, run: cp api.txt b.txt, needs: [{{contract: api}}]}}
          - {{id: T, role: all, run: cp api.txt t.txt, needs: [A]}}
        """
    )
    running = Running("run", str(plan), "--json", cwd=repository, env=prefect_server)
    for rejection in ((), ("--reject", "no"), ()):
        running.wait_until(lambda: asked(repository))
        plait("approve", "cart", "api", *rejection, cwd=repository)
    ended = running.end()

    assert ended.status == 0, ended.stdout + ended.stderr
    assert tries(ended) == {"A": 3, "B": 2, "T": 2}
    assert [one["rejected"] for one in ended.data["batches"][1:]] == [[]] * len(ended.data["batches"][1:])
    assert files_of(repository, "feature/cart/integration")["t.txt"] == "3"
