"""What has to be readable for programs to start, and that the rest of a HOME is not."""

import sys
from pathlib import Path

import pytest

from plait.workspace.installations import installations


@pytest.fixture
def home(tmp_path: Path) -> Path:
    place = tmp_path / "home"
    for secret in (".ssh/id", ".cargo/credentials.toml", ".local/share/keyrings/login", "project/.env"):
        (place / secret).parent.mkdir(parents=True, exist_ok=True)
        (place / secret).write_text("secret")
    return place


def program(path: Path, text: str = "#!/bin/sh\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def found(argv: list[str], home: Path, *path: Path, checkout: Path | None = None, **variables: str) -> set[str]:
    """What is found, from HOME on."""
    environment = {"HOME": str(home), "PATH": ":".join([*map(str, path), "/usr/bin", "/bin"]), **variables}
    places = installations(argv, environment, checkout=checkout or home / "none", hidden=[home.parent / "plait-home"])
    shown = {str(place.relative_to(home)) if place.is_relative_to(home) else str(place) for place in places}
    assert not any((home / secret).is_relative_to(place) for place in places for secret in (".ssh", "project/.env"))
    return shown


def test_of_the_system_nothing_is_named(home: Path) -> None:
    assert found(["/usr/bin/git"], home) == set()


def test_a_version_of_a_manager_is_found_whole(home: Path) -> None:
    node = program(home / ".nvm/versions/node/v20/bin/node")
    (home / ".nvm/versions/node/v20/lib").mkdir()
    assert found(["/bin/sh"], home, node.parent) == {".nvm/versions/node/v20"}


def test_shims_bring_the_manager_that_they_ask(home: Path) -> None:
    shims = program(home / ".pyenv/shims/python3").parent
    assert found(["/bin/sh"], home, shims, home / ".pyenv/bin") == {".pyenv"}


def test_cargo_brings_its_toolchains_and_no_credentials(home: Path) -> None:
    cargo = program(home / ".cargo/bin/cargo")
    (home / ".rustup").mkdir()
    assert found(["/bin/sh"], home, cargo.parent) == {".cargo/bin", ".rustup"}


def test_links_in_local_bin_are_followed_to_their_installations(home: Path) -> None:
    tool = program(home / ".local/share/uv/tools/ruff/bin/ruff")
    (home / ".local/share/uv/tools/ruff/pyvenv.cfg").write_text("")
    links = home / ".local/bin"
    links.mkdir(parents=True)
    (links / "ruff").symlink_to(tool)
    assert found(["/bin/sh"], home, links) == {".local/bin", ".local/share/uv/tools/ruff"}


def test_a_package_of_npm_brings_all_that_it_needs(home: Path) -> None:
    modules = home / "tools/node_modules"
    tool = program(modules / "@vendor/tool/cli.js", "#!/usr/bin/env node\n")
    (modules / ".bin").mkdir()
    (modules / ".bin/tool").symlink_to("../@vendor/tool/cli.js")
    node = program(home / "n/bin/node")
    (home / "n/lib").mkdir()
    assert found([str(modules / ".bin/tool")], home, node.parent) == {"tools/node_modules", "n"}
    assert tool.exists()


def test_a_first_line_is_followed_to_its_interpreter(home: Path) -> None:
    python = program(home / "py/bin/python3")
    (home / "py/lib").mkdir()
    script = program(home / "agents/mine.py", f"#!{python} -u\n")
    assert found([str(script)], home) == {"agents/mine.py", "py"}


def test_a_virtual_environment_of_the_users_project_is_found_and_the_project_is_not(home: Path) -> None:
    python = program(home / "py/bin/python3.11")
    (home / "py/lib").mkdir()
    bin_folder = home / "project/.venv/bin"
    bin_folder.mkdir(parents=True)
    (home / "project/.venv/pyvenv.cfg").write_text("")
    (bin_folder / "python").symlink_to(python)
    (home / "project/lib").mkdir()
    assert found(["/bin/sh"], home, bin_folder) == {"project/.venv", "py"}


def test_the_python_of_a_set_up_is_found(home: Path) -> None:
    python = program(home / ".local/share/uv/python/cpython/bin/python3.12")
    (home / ".local/share/uv/python/cpython/lib").mkdir()
    checkout = home / "checkout"
    (checkout / ".venv/bin").mkdir(parents=True)
    (checkout / ".venv/bin/python").symlink_to(python)
    assert found(["/bin/sh"], home, checkout=checkout) == {".local/share/uv/python/cpython"}


@pytest.mark.parametrize("target", [".ssh/id", ".ssh", ".", "project/.env"])
def test_a_link_that_base_has_in_place_of_a_python_shows_nothing(target: str, home: Path) -> None:
    checkout = home / "checkout"
    (checkout / ".venv/bin").mkdir(parents=True)
    (checkout / ".venv/bin/python").symlink_to(home / target)
    assert found(["/bin/sh"], home, checkout=checkout) == set()


def test_a_home_that_is_itself_on_the_path_is_not_shown(home: Path) -> None:
    program(home / "tool")
    assert found([str(home / "tool")], home, home, home.parent, Path("/")) == {"tool"}


def test_a_bin_folder_of_a_project_shows_that_folder_alone(home: Path) -> None:
    program(home / "project/bin/tool")
    (home / "project/lib").mkdir()
    (home / "project/.git").mkdir()
    assert found(["/bin/sh"], home, home / "project/bin") == {"project/bin"}


def test_bin_below_home_shows_that_folder_alone(home: Path) -> None:
    program(home / "bin/tool")
    (home / "lib").mkdir()
    assert found(["/bin/sh"], home, home / "bin") == {"bin"}


def test_files_that_the_command_names_are_readable(home: Path) -> None:
    (home / "agents").mkdir()
    (home / "agents/rules.md").write_text("")
    assert found(["/bin/cat", str(home / "agents/rules.md"), str(home / "agents")], home) == {"agents/rules.md"}


def test_nothing_of_plaits_state_is_shown_whatever_names_it(home: Path) -> None:
    tool = program(home.parent / "plait-home/cache/bin/tool")
    (home.parent / "plait-home/cache/lib").mkdir()
    assert found([str(tool)], home, tool.parent) == set()


def test_places_that_variables_name_are_shown(home: Path) -> None:
    (home / "jdk").mkdir()
    assert found(["/bin/sh"], home, JAVA_HOME=str(home / "jdk"), GOROOT=str(home)) == {"jdk"}


def test_the_python_that_runs_this_is_found_with_its_base() -> None:
    places = installations([sys.executable], {"PATH": ""}, checkout=Path("/nonexistent"))
    for part in (sys.prefix, sys.base_prefix):
        assert Path(part).is_relative_to("/usr") or any(Path(part).is_relative_to(place) for place in places)
