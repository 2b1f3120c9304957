"""The HOME of an agent program: what an earlier try left in it leads nobody out of it."""

import json
from pathlib import Path

import pytest

from plait.workspace.agent_home import borrowed_login, make_home, put_private_file

LOGIN = ".claude/.credentials.json"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    make_home(tmp_path / "home")
    return tmp_path / "home"


@pytest.fixture
def owner(tmp_path: Path) -> Path:
    """A user's own HOME, with a login."""
    place = tmp_path / "owner" / LOGIN
    place.parent.mkdir(parents=True)
    place.write_text('{"token": "old"}')
    return tmp_path / "owner"


def test_a_file_is_for_this_user_alone(home: Path) -> None:
    place = put_private_file(home, ".codex/config.toml", "x")

    assert place.read_text() == "x"
    assert (place.stat().st_mode & 0o777, place.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert home.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("link", [".codex", ".codex/config.toml"])
def test_a_link_in_the_way_is_removed_and_not_followed(home: Path, tmp_path: Path, link: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "config.toml").write_text("precious")
    (home / link).parent.mkdir(exist_ok=True)
    (home / link).symlink_to(outside if link == ".codex" else outside / "config.toml")

    put_private_file(home, ".codex/config.toml", "ours")

    assert (outside / "config.toml").read_text() == "precious"
    assert (home / ".codex/config.toml").read_text() == "ours"


def test_a_folder_and_a_file_in_the_way_are_replaced(home: Path) -> None:
    (home / ".codex/config.toml/deep").mkdir(parents=True)
    (home / ".gemini").write_text("a file")

    assert put_private_file(home, ".codex/config.toml", "ours").read_text() == "ours"
    assert put_private_file(home, ".gemini/settings.json", "ours").read_text() == "ours"


def test_a_home_that_is_a_link_becomes_a_folder(tmp_path: Path) -> None:
    (tmp_path / "home").symlink_to(tmp_path)

    make_home(tmp_path / "home")

    assert not (tmp_path / "home").is_symlink()


def test_a_login_is_there_as_long_as_the_agent_works(home: Path, owner: Path) -> None:
    with borrowed_login(home, (LOGIN, ".none/auth.json"), owner=owner, gives_back=True) as lent:
        assert lent == (LOGIN,)
        assert (home / LOGIN).read_text() == '{"token": "old"}'

    assert not (home / LOGIN).exists()
    assert (owner / LOGIN).read_text() == '{"token": "old"}'


@pytest.mark.parametrize(
    ("left", "gives_back", "kept"),
    [
        ('{"token": "new"}', True, "new"),
        ('{"token": "new"}', False, "old"),
        ("half of a fi", True, "old"),
        ('{"command": "rm"}', True, "old"),
    ],
)
def test_a_renewed_login_goes_back_where_it_is_one(
    home: Path, owner: Path, left: str, gives_back: bool, kept: str
) -> None:
    with borrowed_login(home, (LOGIN,), owner=owner, gives_back=gives_back):
        (home / LOGIN).write_text(left)

    assert json.loads((owner / LOGIN).read_text()) == {"token": kept}


def test_a_login_that_was_renewed_by_its_owner_meanwhile_stays(home: Path, owner: Path) -> None:
    with borrowed_login(home, (LOGIN,), owner=owner, gives_back=True):
        (home / LOGIN).write_text('{"token": "of the agent"}')
        (owner / LOGIN).write_text('{"token": "of the owner"}')

    assert json.loads((owner / LOGIN).read_text()) == {"token": "of the owner"}


def test_a_link_in_place_of_the_copy_gives_nothing_back(home: Path, owner: Path, tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text('{"token": "of somebody"}')
    with borrowed_login(home, (LOGIN,), owner=owner, gives_back=True):
        (home / LOGIN).unlink()
        (home / LOGIN).symlink_to(tmp_path / "other.json")

    assert json.loads((owner / LOGIN).read_text()) == {"token": "old"}
    assert (tmp_path / "other.json").read_text() == '{"token": "of somebody"}'
