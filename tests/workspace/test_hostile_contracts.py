"""Refs that only look like records of contracts: what they say stands in commands to copy and on pages."""

from pathlib import Path

import pytest

from plait.workspace.contract_refs import read_records
from plait.workspace.control import Control
from plait.workspace.trailers import message_with_trailers
from tests.conftest import DATE
from tests.support.repositories import git

RECORD = {
    "Plait-Contract": "api",
    "Plait-Version": "1",
    "Plait-Status": "draft",
    "Plait-Content": "c" * 64,
    "Plait-Owner": "A",
}


def planted(control: Control, repository: Path, name: str, **changes: str) -> None:
    """A ref as plait writes them, with something else in it."""
    commit = control.base_commit("main")[1]
    said = RECORD | {"Plait-Commit": commit} | {f"Plait-{key.capitalize()}": value for key, value in changes.items()}
    message = message_with_trailers("The contract", "", said)
    oid = control.store.commit_tree(control.store.tree_of(commit), (commit,), message, date=DATE)
    control.set_ref(f"refs/plait/contracts/cart/{name}/v1", oid, reason="a test")
    assert git(repository, "rev-parse", f"refs/plait/contracts/cart/{name}/v1").strip() == oid


def test_a_record_as_plait_writes_it_is_read(control: Control, repository: Path) -> None:
    planted(control, repository, "api")
    assert set(read_records(control, "cart")) == {"api"}


@pytest.mark.parametrize("commit", ["--output=x", "main", "$(touch x)", "c" * 39, "refs/heads/main", "-"])
def test_a_record_of_no_commit_is_none(control: Control, repository: Path, commit: str) -> None:
    planted(control, repository, "api", commit=commit)
    assert read_records(control, "cart") == {}


@pytest.mark.parametrize("name", ["x;curl${IFS}evil", "$(id)", "`id`", "a|b", "\u202eapi"])
def test_a_record_with_a_name_that_no_contract_has_is_none(control: Control, repository: Path, name: str) -> None:
    planted(control, repository, name, contract=name)
    assert read_records(control, "cart") == {}


def test_a_record_by_somebody_who_cannot_be_shown_is_none(control: Control, repository: Path) -> None:
    planted(control, repository, "api", by="ann\u202e")
    assert read_records(control, "cart") == {}
