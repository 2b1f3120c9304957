"""Which run a command is about: without a name one of this repository alone, with a name one from anywhere."""

import json
import os
from pathlib import Path

import pytest

from plait.flows.runs import run_meant
from plait.plans.errors import CallError
from plait.workspace.process import started_at
from tests.support.command import plait
from tests.support.outcomes import an_outcome
from tests.support.repositories import git, make_repository

COMMANDS = ("status", "report", "cancel", "pause", "resume", "replay", "gantt", "graph", "contracts", "batches")


def keep_run(home: Path, run_id: str, repository: Path, *, feature: str = "cart", alive: bool = False) -> None:
    """A run's folder, as one of that repository leaves it."""
    folder = home / "runs" / run_id
    folder.mkdir(parents=True)
    facts = {
        "run_id": run_id,
        "feature": feature,
        "repository": str(repository / ".git" if (repository / ".git").is_dir() else repository),
        "pid": os.getpid() if alive else 1,
        "started": started_at(os.getpid()) if alive else "never",
    }
    (folder / "run.json").write_text(json.dumps(facts))
    (folder / "outcome.json").write_text(an_outcome(run_id=run_id, feature=feature).model_dump_json())


@pytest.fixture
def other(tmp_path: Path, hermetic: Path) -> Path:
    """Another repository, with a live run."""
    place = make_repository(tmp_path / "other")
    keep_run(hermetic, "cart-other", place, alive=True)
    return place


@pytest.mark.parametrize("command", COMMANDS)
def test_from_outside_of_any_repository_a_command_without_a_name_touches_no_run(
    command: str, other: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    ended = plait(command, cwd=elsewhere)
    assert ended.status == 2
    assert ended.stdout == ""
    assert "no run of plait belongs to where you stand" in ended.stderr
    assert f"cart-other of {other} (running)" in ended.stderr
    assert "--repo" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_repository_without_a_run_does_not_stand_for_another_one(
    other: Path, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repository)
    with pytest.raises(CallError, match="belongs to where you stand"):
        run_meant(None)
    assert run_meant("cart").run_id == "cart-other"
    assert run_meant(None, repository=other).run_id == "cart-other"


def test_the_run_of_this_repository_goes_before_a_live_one_of_another(
    other: Path, repository: Path, hermetic: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_run(hermetic, "cart-here", repository)
    monkeypatch.chdir(repository)
    assert run_meant(None).run_id == "cart-here"
    assert run_meant("cart").run_id == "cart-here"
    assert run_meant("cart-other").run_id == "cart-other"
    with pytest.raises(CallError, match="no run"):
        run_meant("nothing")


def test_a_name_of_live_runs_in_several_repositories_is_asked_back(
    other: Path, repository: Path, hermetic: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_run(hermetic, "cart-here", repository)
    monkeypatch.chdir(tmp_path)
    assert run_meant("cart").run_id == "cart-other"  # the only one that lives
    keep_run(hermetic, "cart-there", repository, alive=True)
    with pytest.raises(CallError, match="in several repositories") as refused:
        run_meant("cart")
    assert "cart-other" in str(refused.value.hint)
    assert "cart-there" in str(refused.value.hint)
    assert run_meant("cart", repository=repository).run_id == "cart-there"


@pytest.mark.parametrize("way", ["folder", "worktree", "link", "bare"])
def test_every_way_into_a_repository_is_that_repository(
    way: str, other: Path, hermetic: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = make_repository(tmp_path / "shop")
    place = shop / "docs"
    if way == "worktree":
        git(shop, "worktree", "add", "-q", "--detach", str(place := tmp_path / "tree"))
    elif way == "link":
        (place := tmp_path / "link").symlink_to(shop)
    elif way == "bare":
        git(tmp_path, "clone", "-q", "--bare", str(shop), str(place := tmp_path / "shop.git"))
    keep_run(hermetic, "cart-shop", place if way == "bare" else shop)
    assert run_meant(None, repository=place).run_id == "cart-shop"
    monkeypatch.chdir(place)
    assert run_meant(None).run_id == "cart-shop"


def test_a_place_that_is_no_repository_is_refused(other: Path, tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(CallError, match="in no git repository"):
            run_meant(None, repository=place)


@pytest.mark.parametrize("name", ["cart", "cart-other", "ca"])
def test_where_a_repository_is_named_a_run_of_another_one_is_not_meant_by_its_name_either(
    name: str, other: Path, repository: Path, hermetic: Path
) -> None:
    with pytest.raises(CallError, match=f"has no run '{name}'") as refused:
        run_meant(name, repository=repository)
    assert refused.value.hint == "no run of plait belongs to it"

    keep_run(hermetic, "shop-here", repository, feature="shop")
    with pytest.raises(CallError, match=f"has no run '{name}'") as refused:
        run_meant(name, repository=repository)
    assert refused.value.hint == "its newest are shop-here"
    assert run_meant(name, repository=other).run_id == "cart-other"
