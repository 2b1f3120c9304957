"""What every test runs in: a home of its own, a git without anybody's configuration, no Prefect settings."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

import pytest
from hypothesis import settings

from plait.workspace.control import Control, open_control
from tests.support.command import end_what_still_runs
from tests.support.repositories import Content, commit_on_branch, make_repository

DATE = "1700000000 +0000"

_HERMETIC = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_AUTHOR_NAME": "A Tester",
    "GIT_AUTHOR_EMAIL": "tester@example.com",
    "GIT_COMMITTER_NAME": "A Tester",
    "GIT_COMMITTER_EMAIL": "tester@example.com",
    "GIT_AUTHOR_DATE": DATE,
    "GIT_COMMITTER_DATE": DATE,
    "LC_ALL": "C.UTF-8",
    # Loud when forgotten: a flow that no test gave a server must fail at once, not start one for ten seconds.
    "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false",
    # Likewise: a test that forgets to name its state directory must not write into a person's.
    "PLAIT_HOME": "/nonexistent/plait-home-of-a-test-that-forgot-it",
}
_HOME = pytest.StashKey[Path]()

# Hypothesis without a deadline: 200 ms say more about what else runs than about the code. Draws are new each time, and
# what fails is kept in .hypothesis and tried again; with CI set they are always the same, so that a commit is red
# for what it changed and no other.
settings.register_profile("new draws", deadline=None, print_blob=True)
settings.register_profile("same draws", deadline=None, print_blob=True, derandomize=True, database=None)
settings.load_profile("same draws" if os.environ.get("CI") else "new draws")


def pytest_configure(config: pytest.Config) -> None:
    """Before any test module is imported: Prefect reads its settings when it is."""
    home = Path(tempfile.mkdtemp(prefix="plait-tests-home-"))
    config.stash[_HOME] = home
    for name in list(os.environ):
        if name.startswith(("PREFECT_", "PLAIT_", "GIT_", "XDG_")):
            del os.environ[name]
    os.environ.update(_HERMETIC, HOME=str(home))


def pytest_unconfigure(config: pytest.Config) -> None:
    """The home goes when the tests are over."""
    shutil.rmtree(config.stash[_HOME], ignore_errors=True)


@pytest.fixture(autouse=True)
def hermetic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A state directory for this test alone; whatever a test does to the environment is undone after it."""
    home = tmp_path / "plait-home"
    before = dict(os.environ)
    monkeypatch.setenv("PLAIT_HOME", str(home))
    yield home
    end_what_still_runs()
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A small real repository on `main`: app.py, tests/test_app.py, README.md, docs/guide.md."""
    return make_repository(tmp_path / "shop")


@pytest.fixture
def control(repository: Path, hermetic: Path) -> Control:
    """plait's view of `repository`."""
    return open_control(repository, home=hermetic)


class BranchWith(Protocol):
    """Makes a branch with one commit."""

    def __call__(self, name: str, files: Mapping[str, Content], start: str = "main") -> str:
        """Give the commit."""


@pytest.fixture
def branch_with(repository: Path) -> BranchWith:
    """`branch_with("feature/x", {"app.py": "..."})`: a branch of `repository` with one commit; gives the commit."""

    def make(name: str, files: Mapping[str, Content], start: str = "main") -> str:
        return commit_on_branch(repository, name, files, start=start)

    return make
