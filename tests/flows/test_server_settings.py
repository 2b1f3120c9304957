"""Whose server this process talks to, and by which way."""

import os

import pytest

from plait.flows.servers.settings import is_loopback, talk_to

PROXY = "http://proxy.example:3128"


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it was, afterwards."""
    monkeypatch.setattr(os, "environ", os.environ.copy())
    os.environ["HTTPS_PROXY"] = PROXY


@pytest.mark.parametrize("url", ["http://127.0.0.1:4200/api", "http://localhost/api", "http://[::1]:4200/api"])
def test_a_server_on_this_machine_is_asked_without_a_proxy(url: str) -> None:
    talk_to({"PREFECT_API_URL": url})
    assert os.environ["PREFECT_API_URL"] == url
    assert "HTTPS_PROXY" not in os.environ


@pytest.mark.parametrize("url", ["https://api.prefect.cloud/api", "http://10.0.0.7:4200/api", "http://[", ""])
def test_another_one_is_asked_as_the_shell_says(url: str) -> None:
    talk_to({"PREFECT_API_URL": url})
    assert os.environ["HTTPS_PROXY"] == PROXY


def test_addresses_of_this_machine_are_known() -> None:
    assert [is_loopback(host) for host in ("127.0.0.1", "::1", "localhost", "10.0.0.7", "a.example")] == [
        *(True, True, True),
        *(False, False),
    ]
