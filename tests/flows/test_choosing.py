"""Which Prefect server a run uses: what was asked for, the user's own, that of `plait up`, or one of its own."""

import os
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import version
from pathlib import Path
from threading import Thread

import pytest

from plait.flows.servers.choosing import active_profile, choose_server, settings_for
from plait.flows.servers.local_server import Process, ServerRecord, password, read_server_record, write_server_record
from plait.plans.errors import CallError
from plait.workspace.process import started_at

PROFILES = """
active = "work"
[profiles.work]
PREFECT_API_URL = "https://prefect.example/api"
PREFECT_API_AUTH_STRING = "me:secret"
[profiles.ephemeral]
PREFECT_SERVER_ALLOW_EPHEMERAL_MODE = "true"
"""


class Answering(BaseHTTPRequestHandler):
    """A version for whoever has a password."""

    def do_GET(self) -> None:
        self.send_response(200 if "Authorization" in self.headers else 401)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def up(hermetic: Path) -> Iterator[Path]:
    """What `plait up` leaves of a server that lives and answers."""
    server = HTTPServer(("127.0.0.1", 0), Answering)
    Thread(target=server.serve_forever, daemon=True).start()
    directory = hermetic / "server"
    directory.mkdir(parents=True)
    password(directory)
    alive = Process(os.getpid(), started_at(os.getpid()) or "")
    write_server_record(directory, ServerRecord("127.0.0.1", server.server_port, version("prefect"), alive, alive))
    yield directory
    server.shutdown()
    server.server_close()


@pytest.fixture
def profiles(tmp_path: Path) -> dict[str, str]:
    """The environment of a user with a Prefect profile."""
    (tmp_path / "prefect").mkdir()
    (tmp_path / "prefect" / "profiles.toml").write_text(PROFILES)
    return {"PREFECT_HOME": str(tmp_path / "prefect")}


def record_of(directory: Path) -> ServerRecord:
    record = read_server_record(directory)
    assert record
    return record


def test_the_server_of_plait_up_is_found_with_its_password(up: Path) -> None:
    choice = choose_server(None, {})
    assert choice.url == record_of(up).url
    assert choice.settings["PREFECT_API_AUTH_STRING"] == password(up)
    assert "plait up" in choice.why
    assert choice.notices == ()


def test_what_the_user_says_goes_before_what_was_found(up: Path, profiles: dict[str, str]) -> None:
    environment = profiles | {"PREFECT_API_URL": "http://127.0.0.1:9/api"}
    assert choose_server("https://one.example/api", environment).url == "https://one.example/api"
    assert choose_server("none", environment).url is None
    assert choose_server(None, environment).url == "http://127.0.0.1:9/api"
    by_profile = choose_server(None, profiles)
    assert by_profile.url == "https://prefect.example/api"
    assert by_profile.settings["PREFECT_API_AUTH_STRING"] == "me:secret"
    assert "profile work" in by_profile.why
    assert choose_server(None, profiles | {"PREFECT_PROFILE": "ephemeral"}).url == record_of(up).url


def test_without_any_server_a_run_has_one_of_its_own(hermetic: Path) -> None:
    choice = choose_server(None, {})
    assert (choice.url, choice.notices) == (None, ())


@pytest.mark.parametrize(
    ("trouble", "told"),
    [("dead", "ended without"), ("version", "runs Prefect 1.0"), ("deaf", "does not answer"), ("password", "password")],
)
def test_a_server_of_plait_up_that_cannot_be_used_is_told_and_gone_without(up: Path, trouble: str, told: str) -> None:
    record = record_of(up)
    changed = {
        "dead": replace(record, server=Process(1, "never")),
        "version": replace(record, prefect="1.0"),
        "deaf": replace(record, port=9),
        "password": record,
    }[trouble]
    write_server_record(up, changed)
    if trouble == "password":
        (up / "password").unlink()
    choice = choose_server(None, {})
    assert choice.url is None
    assert told in " ".join(choice.notices)
    assert not (trouble == "password" and (up / "password").exists())


def test_the_address_of_plait_ups_server_brings_its_password_unless_another_is_set(up: Path) -> None:
    address = record_of(up).url
    for choice in (choose_server(address, {}), choose_server(None, {"PREFECT_API_URL": f"{address}/"})):
        assert choice.settings["PREFECT_API_AUTH_STRING"] == password(up)
    own = choose_server(None, {"PREFECT_API_URL": address, "PREFECT_API_AUTH_STRING": "mine"})
    assert "PREFECT_API_AUTH_STRING" not in own.settings


@pytest.mark.parametrize("wanted", ["", "up", "ftp://x/api", "http://[/api", "127.0.0.1:4200"])
def test_what_is_no_address_is_refused(wanted: str) -> None:
    with pytest.raises(CallError, match="--server"):
        choose_server(wanted, {})


@pytest.mark.parametrize(
    "text", ["", "active =", 'active = "x"', "active = 3\nprofiles = 7", 'active = "a"\n[profiles]\na = 3']
)
def test_profiles_that_say_nothing_are_passed_over(tmp_path: Path, text: str) -> None:
    (tmp_path / "profiles.toml").write_text(text)
    assert active_profile({"PREFECT_HOME": str(tmp_path)})[1] == {}
    assert active_profile({"PREFECT_PROFILES_PATH": str(tmp_path)})[1] == {}


def test_keys_of_the_profile_go_to_the_server_of_the_profile_alone(
    profiles: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    address = "https://prefect.example/api"
    for choice in (choose_server(None, profiles | {"PREFECT_API_URL": address}), choose_server(None, profiles)):
        assert choice.settings == {"PREFECT_API_URL": address, "PREFECT_API_AUTH_STRING": "me:secret"}
    assert choose_server(None, profiles | {"PREFECT_API_URL": "https://other.example/api"}).settings == {
        "PREFECT_API_URL": "https://other.example/api",
        "PREFECT_API_AUTH_STRING": "",  # Prefect would send the profile's
    }
    monkeypatch.setenv("PREFECT_HOME", profiles["PREFECT_HOME"])
    monkeypatch.setenv("PREFECT_API_URL", "https://other.example/api")
    monkeypatch.setenv("PREFECT_API_KEY", "for the other")
    assert settings_for(address)["PREFECT_API_AUTH_STRING"] == "me:secret"


def test_to_look_for_a_server_makes_no_folder(hermetic: Path) -> None:
    assert choose_server(None, {}).url is None
    assert not hermetic.exists()
