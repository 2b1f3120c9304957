"""Records of contracts in git: what was agreed outlives runs, and nobody answers for something else."""

from dataclasses import replace
from pathlib import Path

import pytest

from plait.plans.errors import CallError
from plait.plans.tasks.planned_contracts import PlannedContract, Record
from plait.workspace.contract_refs import (
    answer,
    contract_content,
    forget_records,
    missing_of,
    read_records,
    require_on_base,
    write_record,
)
from plait.workspace.control import Control
from plait.workspace.errors import RefMoved
from tests.conftest import DATE
from tests.support.repositories import commit_files, git

CONTRACT = PlannedContract("api", 1, "A", ("B",), (), ("docs/*.md",), ("app.py",), (), by_person=True)


def main(control: Control) -> str:
    return control.base_commit("main")[1]


def draft(control: Control, **keys: str) -> Record:
    commit = main(control)
    made = Record("api", 1, "draft", commit, contract_content(control, commit, CONTRACT), owner="A")
    return write_record(control, "cart", replace(made, **keys), run="run-1", date=DATE)


def test_what_is_written_is_read_again_whatever_a_reason_says(control: Control) -> None:
    first = draft(control)
    reason = "no\n\nPlait-Status: approved\nPlait-Version: 7\n\nnever"
    given = answer(control, "cart", "api", by="ann", rejected=reason, date=DATE)

    assert read_records(control, "cart") == {"api": (given,)}
    assert (given.status, given.by, given.reason, given.owner) == ("rejected", "ann", reason, "A")
    assert first.oid != given.oid
    assert read_records(control, "car") == {}


def test_nobody_approves_twice_or_what_is_not_there(control: Control) -> None:
    with pytest.raises(CallError, match="has been written yet"):
        answer(control, "cart", "api", by="ann", rejected=None, date=DATE)
    draft(control)
    answer(control, "cart", "api", by="ann", rejected=None, date=DATE)
    with pytest.raises(CallError, match="already approved by ann"):
        answer(control, "cart", "api", by="bob", rejected="late", date=DATE)


def test_a_record_takes_the_place_of_the_one_it_knew_and_of_no_other(control: Control) -> None:
    known = draft(control)
    answer(control, "cart", "api", by="ann", rejected=None, date=DATE)
    with pytest.raises(RefMoved):
        write_record(control, "cart", replace(known, by="tests", status="approved"), run="run-1", date=DATE)
    with pytest.raises(RefMoved):
        draft(control)


def test_a_ref_that_somebody_else_put_there_is_no_record(control: Control, repository: Path) -> None:
    draft(control)
    git(repository, "update-ref", "refs/plait/contracts/cart/api/v2", "main")
    git(repository, "update-ref", "refs/plait/contracts/cart/other/v1", "refs/plait/contracts/cart/api/v1")
    assert list(read_records(control, "cart")) == ["api"]


def test_starting_over_keeps_what_was_agreed_where_it_does_not_count(control: Control, repository: Path) -> None:
    draft(control)
    forget_records(control, "cart", run="run-2")
    assert read_records(control, "cart") == {}
    assert git(repository, "for-each-ref", "--format=%(refname)", "refs/plait/old") == (
        "refs/plait/old/run-2/contracts/api/v1"
    )


def test_the_content_is_that_of_files_and_mock_and_of_nothing_else(control: Control, repository: Path) -> None:
    before = contract_content(control, main(control), CONTRACT)
    commit_files(repository, {"README.md": "other\n"})
    assert contract_content(control, main(control), CONTRACT) == before
    commit_files(repository, {"app.py": "other\n"})
    assert contract_content(control, main(control), CONTRACT) != before


def test_what_is_missing_is_named_and_on_base_it_is_refused(control: Control) -> None:
    lacking = replace(CONTRACT, owner=None, files=("docs/*.md", "docs/*.yaml"), mock=("mocks/**",))
    assert missing_of(control, main(control), lacking) == ("docs/*.yaml", "mocks/**")
    with pytest.raises(CallError, match=r"the base has no file docs/\*\.yaml"):
        require_on_base(control, main(control), [CONTRACT, lacking])
