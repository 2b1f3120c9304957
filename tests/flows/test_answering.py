"""Answers from the Prefect page: what is wrong with one is a readable reason, and the run says how it ended."""

from pathlib import Path

import pytest
from prefect.client.schemas.objects import StateType

from plait.flows.answering import answer_contract
from plait.plans.tasks.planned_contracts import Record
from plait.workspace.contract_refs import read_records, write_record
from plait.workspace.control import Control

WHEN = "1700000000 +0000"


@pytest.fixture
def draft(control: Control) -> Record:
    """A contract that waits for a person."""
    commit = control.target.resolve("refs/heads/main")
    assert commit is not None
    made = Record("api", 1, "draft", commit, "hash", owner="WRITE")
    return write_record(control, "shop", made, run="a-run", date=WHEN)


def test_an_approval_is_kept_with_the_name_of_who_gave_it(repository: Path, control: Control, draft: Record) -> None:
    state = answer_contract.fn(str(repository), "shop", "api", name="Grace <grace@example.com>")

    (kept,) = read_records(control, "shop")["api"]
    assert (state.type, kept.status, kept.by) == (StateType.COMPLETED, "approved", "Grace grace@example.com")
    assert kept.commit == draft.commit


def test_a_rejection_keeps_its_reason(repository: Path, control: Control, draft: Record) -> None:
    answer_contract.fn(str(repository), "shop", "api", answer="reject", reason="prices have no currency")

    (kept,) = read_records(control, "shop")["api"]
    assert (kept.status, kept.reason) == ("rejected", "prices have no currency")


@pytest.mark.parametrize(
    ("place", "contract", "answer", "said"),
    [
        ("", "api", "approve", "no repository was named"),
        ("/nowhere/at/all", "api", "approve", "/nowhere/at/all"),
        ("repository", "ipa", "approve", "no contract ipa of shop has been written yet\nHint: these wait: api"),
        ("repository", "api", "reject", "a rejection needs a reason"),
    ],
)
def test_what_is_wrong_with_an_answer_is_a_readable_reason(
    repository: Path, draft: Record, place: str, contract: str, answer: str, said: str
) -> None:
    where = str(repository) if place == "repository" else place

    state = answer_contract.fn(where, "shop", contract, answer=answer)

    assert state.type is StateType.FAILED
    assert said in str(state.message)
    assert "Traceback" not in str(state.message)
