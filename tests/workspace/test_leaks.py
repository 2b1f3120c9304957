"""Files that hold a secret which was not there before are found, and others are left alone."""

from base64 import b64encode
from collections.abc import Mapping

import pytest

from plait.workspace.control import Control
from plait.workspace.leaks import leaking_files
from tests.conftest import BranchWith

SECRET = "hunter22222-hunter"


@pytest.mark.parametrize(
    ("before", "after", "leaking"),
    [
        ({}, {"a.py": f"KEY = '{SECRET}'\n"}, ["a.py"]),
        ({}, {"a.py": "key = environ['KEY']\n"}, []),
        ({}, {"deep/ä.txt": b"\0" + b64encode(b"x" + SECRET.encode())}, ["deep/ä.txt"]),
        ({"a.py": f"KEY = '{SECRET}'\n"}, {"a.py": f"# as before\nKEY = '{SECRET}'\n"}, []),
        ({"a.py": f"KEY = '{SECRET}'\n"}, {"a.py": f"KEY = '{SECRET}' or '{SECRET}'\n"}, ["a.py"]),
    ],
)
def test_a_secret_that_is_new_in_a_file_is_found(
    control: Control,
    branch_with: BranchWith,
    before: Mapping[str, str | bytes],
    after: Mapping[str, str | bytes],
    leaking: list[str],
) -> None:
    old = branch_with("feature/old", {"other.txt": SECRET[:7], **before})
    new = branch_with("feature/new", after, start="feature/old")
    store = control.store

    assert leaking_files(store, store.tree_of(old), store.tree_of(new), [SECRET]) == leaking
    assert leaking_files(store, store.tree_of(old), store.tree_of(new), ["1234567"]) == ()


def test_where_nothing_changed_nothing_is_asked(control: Control) -> None:
    assert leaking_files(control.store, "no tree", "no tree", [SECRET]) == ()
