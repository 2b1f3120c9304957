"""One Prefect server for the acceptance tests that do not care whose it is, and plans as files."""

import json
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

import pytest

from plait.flows.journal_file import kept_journal
from plait.flows.servers.client import EMBEDDED
from plait.flows.servers.embedded import embedded_server, server_environment
from plait.show.outcome_json import outcome_json
from plait.show.run_outcome import outcome_of, replayed


@pytest.fixture(autouse=True)
def _journals_come_to_the_same(hermetic: Path) -> Iterator[None]:
    """The journal of every run of every acceptance test, played through the machine again, gives what the run gave."""
    yield
    for result in sorted(hermetic.glob("runs/*/result.json")):
        journal = kept_journal(result.parent)
        if journal is None or not journal.is_closed:
            continue
        replayed_outcome = json.loads(outcome_json(outcome_of(replayed(journal).standings)))
        assert replayed_outcome == json.loads(result.read_text(encoding="utf-8")), result.parent.name


@pytest.fixture(scope="session")
def prefect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """A real Prefect server for the session: what a command needs in its environment to use it."""
    with embedded_server(tmp_path_factory.mktemp("server-home")) as address:
        yield {name: value for name, value in server_environment(address).items() if name != EMBEDDED}


class WritePlan(Protocol):
    """Writes a plan beside the repository and gives its path."""

    def __call__(self, text: str, name: str = "plan.yaml") -> Path: ...


@pytest.fixture
def write_plan(tmp_path: Path) -> WritePlan:
    """`write_plan("feature: x ...")`."""

    def write(text: str, name: str = "plan.yaml") -> Path:
        path = tmp_path / name
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return path

    return write
