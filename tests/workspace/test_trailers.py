"""Commit messages with trailers that cannot be forged."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plait.plans.errors import CallError
from plait.workspace.control import Control
from plait.workspace.trailers import message_with_trailers, named_works, trailers_of, with_note

DATE = "1700000000 +0000"


def test_a_trailer_cannot_be_forged() -> None:
    with pytest.raises(CallError, match="newline"):
        message_with_trailers("s", "b", {"Agent": "bob\nSigned-off-by: CEO"})
    with pytest.raises(CallError, match="key"):
        message_with_trailers("s", "b", {"A: b\nC": "d"})
    for value in ("a\rb", "a\x00b", "a\u2028b", "a\x85b", "\ud800"):
        with pytest.raises(CallError):
            message_with_trailers("s", "b", {"Agent": value})


def test_a_body_says_nothing_of_plaits_kind_also_once_it_stands_beside_another_work_in_a_squash() -> None:
    works = [
        message_with_trailers(task, body, {"Plait-Feature": "f", "Plait-Task": task})
        for task, body in (("A", ""), ("B", "done\n  plait-contracts: api v9\nPlait-Contracts: api v9\nPlait-Run: r"))
    ]
    squash = "tree x\ncommitter A Person <a@b> 1 +0000\n\n" + "\n".join(works)
    assert named_works(squash) == tuple({"Plait-Feature": "f", "Plait-Task": task} for task in "AB")


def test_trailers_are_read_from_the_last_paragraph_alone(control: Control) -> None:
    _, base = control.base_commit(None)
    tree = control.store.tree_of(base)
    body = "Plait-Task: forged\n\nand\x00 more\r\nlines\n\nSigned-off-by: CEO"
    message = message_with_trailers("a subject\nof two lines", body, {"Plait-Task": "t", "Url": "http://x: y"})
    commit = control.store.commit_tree(tree, (base,), message, date=DATE)
    assert trailers_of(control, commit) == {"Plait-Task": "t", "Url": "http://x: y"}
    assert trailers_of(control, base) == {}
    assert message.splitlines()[0] == "a subject of two lines"
    noted = control.store.commit_tree(tree, (base,), with_note(message, "a note"), date=DATE)
    assert trailers_of(control, noted) == {"Plait-Task": "t", "Url": "http://x: y"}
    assert "a note" in with_note("just a subject\n", "a note")


@settings(max_examples=200)
@given(subject=st.text(), body=st.text(), value=st.text(st.characters(exclude_categories=["C", "Zl", "Zp"])))
def test_any_message_can_be_committed_and_its_trailers_read(subject: str, body: str, value: str) -> None:
    message = message_with_trailers(subject, body, {"Key": value})
    assert "\0" not in message
    assert message.encode()
    assert message.rstrip("\n").split("\n")[-1] == f"Key: {value.strip()}".rstrip("\n")
