"""One Prefect server for the acceptance tests that do not care whose it is, and plans as files."""

import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

import pytest

from plait.flows.servers.client import EMBEDDED
from plait.flows.servers.embedded import embedded_server, server_environment


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
