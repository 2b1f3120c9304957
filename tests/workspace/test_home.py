"""plait's state has one place, which is private, tried before use, and reached by plain names only."""

import os
import stat
from pathlib import Path

import pytest

from plait.plans.errors import CallError, EnvironmentProblem
from plait.workspace import home as homes
from plait.workspace.errors import DiskFull


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PLAIT_HOME", str(tmp_path / "new" / "home"))
    return homes.plait_home()


def test_the_home_is_made_for_its_owner_alone(home: Path, tmp_path: Path) -> None:
    assert home == tmp_path / "new" / "home"
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert [path.name for path in home.iterdir()] == ["version"], "the trial leaves nothing"
    assert homes.plait_home() == home


def test_without_a_name_it_is_where_the_system_keeps_state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("PLAIT_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    assert tmp_path in homes.plait_home().parents


def test_each_thing_has_its_place(home: Path) -> None:
    assert homes.run_directory(home, "2026-01-02.abc") == home / "runs" / "2026-01-02.abc"
    places = (homes.ports_directory, homes.server_directory)
    assert [place(home).name for place in places] == ["ports", "server"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in home.rglob("*") if path.is_dir()} == {0o700}
    assert homes.database_file(home) == home / "plait.db"


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", "/etc", "a\0", "a\n", "-x", ".hidden", "x" * 121, "é"])
def test_a_name_that_leads_elsewhere_is_refused(home: Path, name: str) -> None:
    with pytest.raises(CallError, match="plain name"):
        homes.run_directory(home, name)


def test_a_relative_home_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAIT_HOME", "state")
    with pytest.raises(CallError, match="absolute"):
        homes.plait_home()


def test_a_home_that_cannot_be_made_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PLAIT_HOME", str(tmp_path / "file" / "home"))
    with pytest.raises(EnvironmentProblem, match="File exists") as caught:
        homes.plait_home()
    assert "PLAIT_HOME" in str(caught.value.hint)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_home_that_cannot_be_written_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.chmod(0o500)
    monkeypatch.setenv("PLAIT_HOME", str(tmp_path))
    with pytest.raises(EnvironmentProblem, match="Permission denied"):
        homes.plait_home()


def test_space_is_asked_for_before_it_is_needed(tmp_path: Path) -> None:
    missing = tmp_path / "not" / "yet"
    homes.require_space(missing, 1)
    with pytest.raises(DiskFull, match="are needed") as caught:
        homes.require_space(missing, 1 << 60)
    assert caught.value.exit_code == 3


def test_a_home_of_a_user_that_there_is_not_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAIT_HOME", "~nobody-of-this-name/state")
    with pytest.raises(CallError, match="user that there is not"):
        homes.plait_home()


# --- its version


def test_a_home_has_a_version_from_its_first_use(home: Path) -> None:
    assert homes.version_of(home) == homes.VERSION


def test_a_home_of_before_there_were_versions_is_taken_as_it_is(home: Path) -> None:
    (home / "version").unlink()
    (home / "plait.db").write_text("as it was")
    assert homes.version_of(home) == 0
    assert homes.plait_home() == home
    assert homes.version_of(home) == homes.VERSION
    assert (home / "plait.db").read_text() == "as it was"


def test_a_home_of_a_newer_plait_is_refused_and_stays_as_it_is(home: Path) -> None:
    (home / "version").write_text(f"{homes.VERSION + 1}\n")
    with pytest.raises(EnvironmentProblem, match=f"is of version {homes.VERSION + 1}, and this plait") as caught:
        homes.plait_home()
    assert "use the plait that has written it" in str(caught.value.hint)
    assert homes.version_of(home) == homes.VERSION + 1


@pytest.mark.parametrize("content", [b"", b"one", b"-1", b"1.5", b"\xff", b"1" * 200, "\N{SUPERSCRIPT TWO}".encode()])
def test_a_version_that_is_none_is_refused(home: Path, content: bytes) -> None:
    (home / "version").write_bytes(content)
    with pytest.raises(EnvironmentProblem, match="cannot be read from"):
        homes.plait_home()
