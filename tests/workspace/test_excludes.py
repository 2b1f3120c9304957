"""What the user's own git leaves out is left out of the harvest, and the agent's git is quiet about it."""

import os
from pathlib import Path

import pytest

from plait.workspace.checkouts import make_checkout
from plait.workspace.claims import Claims
from plait.workspace.control import open_control
from plait.workspace.excludes import excludes_of
from plait.workspace.harvest import Harvest, harvest
from tests.support.repositories import commit_files, git

DATE = "1700000000 +0000"


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home that is the user's."""
    home = tmp_path / "user"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    return home


def rules(repository: Path) -> list[str]:
    written = excludes_of(repository / ".git", repository / ".git").decode()
    return [line for line in written.splitlines()[6:] if not line.startswith("# ")]


def write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def test_the_file_is_found_where_git_looks_for_it(
    repository: Path, user: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repository / ".git/info/exclude").unlink()
    assert rules(repository) == []
    write(user / ".config/git/ignore", ".idea/\n")
    assert rules(repository) == [".idea/"]
    write(user / "elsewhere/git/ignore", ".aider*\n")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(user / "elsewhere"))
    assert rules(repository) == [".aider*"]
    write(user / "own ignore", "*.swp")
    git(repository, "config", "--global", "core.excludesFile", "~/own ignore")
    assert rules(repository) == ["*.swp"]
    git(repository, "config", "core.excludesFile", "")
    assert rules(repository) == []


def test_an_include_for_this_repository_counts(repository: Path, user: Path) -> None:
    (repository / ".git/info/exclude").unlink()
    write(user / "work.ignore", ".work/\n")
    write(user / "work", f"[core]\n\texcludesFile = {user}/work.ignore\n")
    write(user / ".gitconfig", f'[includeIf "gitdir:{repository}/"]\n\tpath = ~/work\n')
    assert rules(repository) == [".work/"]


@pytest.mark.parametrize("kind", ["pipe", "folder", "nobody's", "gone", "giant"])
def test_a_file_that_cannot_be_read_is_none(repository: Path, user: Path, kind: str) -> None:
    file = user / "ignore"
    match kind:
        case "pipe":
            os.mkfifo(file)
        case "folder":
            file.mkdir()
        case "nobody's":
            write(file, "x\n")
            file.chmod(0)
        case "giant":
            file.write_bytes(b"x\n" * 600_000)
    git(repository, "config", "--global", "core.excludesFile", str(file))
    (repository / ".git/info/exclude").unlink()
    assert rules(repository) in ([], ["x"] if os.getuid() == 0 and kind == "nobody's" else [])


def test_without_a_home_nothing_is_read(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOME")
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    git(repository, "config", "core.excludesFile", "~/ignore")
    (repository / ".git/info/exclude").write_text("notes\n")
    assert rules(repository) == ["notes"]


def reaped(repository: Path, place: Path, home: Path, claims: Claims) -> tuple[Harvest, str]:
    control = open_control(repository, home=home)
    checkout = make_checkout(control, place, control.base_commit(None)[1], branch="work")
    for path in (".claude/settings.local.json", ".aider.chat.history.md", "keep.swp", "config/local.env"):
        write(checkout.directory / path, "x\n")
    (checkout.directory / "app.py").write_text("changed\n")
    seen = git(checkout.directory, "status", "--porcelain")
    parents = (checkout.commit,)
    return harvest(control, checkout, message="m\n", parents=parents, date=DATE, author="a", claims=claims), seen


def test_what_it_names_is_left_out_and_the_agent_s_git_is_quiet(
    repository: Path, user: Path, hermetic: Path, tmp_path: Path
) -> None:
    """`.gitignore` of the project has the last word, as in git."""
    commit_files(repository, {".gitignore": "!keep.swp\n"})
    file = user / ".config/git/ignore"
    write(file, "**/.claude/settings.local.json\n.aider*\n*.swp\n*.env\n")
    done, seen = reaped(repository, tmp_path / "one", hermetic, Claims(("app.py", "keep.swp")))
    assert done.changed == ("app.py", "keep.swp")
    assert seen == "M app.py\n?? keep.swp" or seen == " M app.py\n?? keep.swp"
    assert done.swallowed == ()
    done, _ = reaped(repository, tmp_path / "two", hermetic, Claims(("app.py", "config/**"), ("keep.swp",)))
    assert [str(left) for left in done.swallowed] == [f"config/local.env ({file}, line 4: *.env)"]
