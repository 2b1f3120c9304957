"""Each checkout gets ports of its own, where nobody listens."""

import contextlib
import socket
from pathlib import Path

import pytest

from plait.plans.errors import EnvironmentProblem
from plait.workspace.ports import lease_ports


def test_leases_do_not_overlap_and_are_given_back(tmp_path: Path) -> None:
    with contextlib.ExitStack() as leases:
        taken: set[int] = set()
        for count in (10, 3, 25, 10):
            first = leases.enter_context(lease_ports(tmp_path, count))
            ports = set(range(first, first + count))
            assert not ports & taken
            assert min(ports) >= 20000
            taken |= ports
    with lease_ports(tmp_path) as again:
        assert again == min(taken)


@pytest.mark.parametrize("address", ["127.0.0.1", ""])
def test_a_range_where_somebody_listens_is_skipped(tmp_path: Path, address: str) -> None:
    with lease_ports(tmp_path) as first:
        pass
    with socket.socket() as listener:
        listener.bind((address, first + 3))
        listener.listen()
        with lease_ports(tmp_path) as other:
            assert other >= first + 10
    with lease_ports(tmp_path) as again:
        assert again == first


def test_more_than_there_are_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentProblem, match="20000 free ports"), lease_ports(tmp_path, 20_000):
        pass
