"""What checkouts do not have is said once, and nothing is said where nothing lacks."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from plait.workspace.checkouts import missing_in_checkouts
from plait.workspace.control import Control
from tests.support.repositories import Content, commit_files, git


def said(control: Control, repository: Path, files: Mapping[str, Content]) -> list[str]:
    return list(missing_in_checkouts(control.store, commit_files(repository, files)))


def test_submodules_are_one_sentence(control: Control, repository: Path) -> None:
    git(repository, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(repository), "lib/shop")
    notices = said(control, repository, {})
    assert notices == [
        "submodules are empty in the checkouts that agents work in (`submodules: true` in the crew fills them): "
        "lib/shop"
    ]


@pytest.mark.parametrize("files", [{}, {".gitmodules": ""}, {".gitmodules/a": "path = x"}])
def test_nothing_lacks(control: Control, repository: Path, files: dict[str, Content]) -> None:
    assert said(control, repository, files) == []


def test_many_paths_are_counted_and_hostile_ones_cleaned(control: Control, repository: Path) -> None:
    text = "".join(f'[submodule "{number}"]\n\tpath = \x1b[2Jlib/{number}\xff\n' for number in range(9))
    (notice,) = said(control, repository, {".gitmodules": text.encode("latin-1")})
    assert notice.endswith(": lib/0\ufffd, lib/1\ufffd, lib/2\ufffd, lib/3\ufffd, lib/4\ufffd and 4 more")
