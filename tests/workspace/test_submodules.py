"""Submodules in checkouts: filled from the user's clone, or fetched as the user's own git would."""

import shutil
from pathlib import Path

import pytest

from plait.plans.errors import EnvironmentProblem
from plait.workspace.checkouts import Checkout, make_checkout
from plait.workspace.claims import Claims
from plait.workspace.control import Control, open_control
from plait.workspace.harvest import harvest, note_set_up
from plait.workspace.submodules import _resolved, fetch_submodules, fill_submodules
from plait.workspace.verification import Verifier
from tests.support.repositories import commit_files, git, make_repository

DATE = "1700000000 +0000"
FILE = ("-c", "protocol.file.allow=always")


class Site:
    """A clone whose submodule has a submodule."""

    def __init__(self, place: Path) -> None:
        self.place = place
        make_repository(place / "inner", {"inner.txt": "inner\n"})
        make_repository(place / "library", {"library.txt": "one\n"})
        git(place / "library", *FILE, "submodule", "--quiet", "add", "../inner", "deep/inner")
        commit_files(place / "library", {})
        origin = make_repository(place / "origin", {"app.py": "app\n"})
        git(origin, *FILE, "submodule", "--quiet", "add", "--name", "team/library", "../library", "lib")
        commit_files(origin, {})
        self.clone = place / "clone"
        git(place, *FILE, "clone", "--quiet", str(origin), str(self.clone))

    def control(self) -> Control:
        return open_control(self.clone, home=self.place / "home")

    def checkout(self, control: Control) -> Checkout:
        return make_checkout(control, self.place / "out", control.base_commit(None)[1], branch="work")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    (tmp_path / "user").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    return Site(tmp_path)


def check_filled(checkout: Checkout) -> None:
    lib = checkout.directory / "lib"
    assert (lib / "library.txt").read_text() == "one\n"
    assert (lib / "deep/inner/inner.txt").read_text() == "inner\n"
    assert git(checkout.directory, "status", "--porcelain", "--ignored") == ""
    assert git(lib, "status", "--porcelain") == ""
    assert git(lib, "log", "-1", "--format=%H") == git(checkout.directory, "rev-parse", "HEAD:lib")
    known = git(checkout.directory, "submodule", "status", "--recursive").splitlines()
    assert [line.split()[1] for line in known] == ["lib", "lib/deep/inner"]
    assert not [line for line in known if line.startswith(("-", "+"))], "git takes them for filled"


def test_a_checkout_is_filled_from_what_the_clone_has(site: Site) -> None:
    git(site.clone, *FILE, "submodule", "--quiet", "update", "--init", "--recursive")
    for elsewhere in ("library", "inner", "origin"):
        shutil.move(site.place / elsewhere, site.place / f"{elsewhere}-gone")
    control = site.control()
    checkout = site.checkout(control)
    fetch_submodules(control, checkout.commit)
    assert fill_submodules(control, checkout.directory, checkout.tree) == ("lib", "lib/deep/inner")
    check_filled(checkout)


def test_what_the_clone_does_not_have_is_fetched_as_its_user_would(site: Site) -> None:
    git(site.clone, "config", "--global", "protocol.file.allow", "always")
    control = site.control()
    checkout = site.checkout(control)
    fetch_submodules(control, checkout.commit)
    shutil.move(site.place / "library", site.place / "library-gone")
    fetch_submodules(control, checkout.commit)
    fill_submodules(control, checkout.directory, checkout.tree)
    check_filled(checkout)


def test_the_address_in_the_user_s_configuration_comes_first(site: Site) -> None:
    git(site.clone, "config", "--global", "protocol.file.allow", "always")
    shutil.move(site.place / "library", site.place / "moved")
    git(site.clone, "config", "submodule.team/library.url", str(site.place / "moved"))
    control = site.control()
    fetch_submodules(control, control.base_commit(None)[1])


def test_a_protocol_that_the_user_s_git_does_not_allow_is_not_used(site: Site) -> None:
    control = site.control()
    commit = control.base_commit(None)[1]
    with pytest.raises(EnvironmentProblem) as refused:
        fetch_submodules(control, commit)
    assert "the submodule lib cannot be filled" in str(refused.value)
    assert "transport 'file' not allowed" in str(refused.value)
    assert "git submodule update --init --recursive" in (refused.value.hint or "")
    checkout = site.checkout(control)
    with pytest.raises(EnvironmentProblem, match=r"is not in the clone$"):
        fill_submodules(control, checkout.directory, checkout.tree)


@pytest.mark.parametrize("name", ["../../elsewhere", "a//b", ".", "x/../y"])
def test_a_name_that_leads_elsewhere_is_refused(site: Site, name: str) -> None:
    modules = f'[submodule "{name}"]\n\tpath = lib\n\turl = ../library\n'
    commit_files(site.clone, {".gitmodules": modules})
    control = site.control()
    with pytest.raises(EnvironmentProblem, match="a name that git does not take"):
        fetch_submodules(control, control.base_commit(None)[1])


def test_an_address_that_would_be_an_option_or_a_command_is_none(site: Site) -> None:
    for url in ("--upload-pack=touch broken", f"ext::touch {site.place}/broken"):
        commit_files(site.clone, {".gitmodules": f'[submodule "x"]\n\tpath = lib\n\turl = {url}\n'})
        control = site.control()
        with pytest.raises(EnvironmentProblem, match="cannot be filled"):
            fetch_submodules(control, control.base_commit(None)[1])
    assert not list(site.place.glob("**/broken"))


def test_what_is_filled_is_not_the_agent_s_work_and_what_it_changes_there_is_told(site: Site) -> None:
    git(site.clone, *FILE, "submodule", "--quiet", "update", "--init", "--recursive")
    control = site.control()
    checkout = site.checkout(control)
    fill_submodules(control, checkout.directory, checkout.tree)
    note_set_up(control, checkout)
    commit_files(checkout.directory / "lib", {"library.txt": "two\n"})
    (checkout.directory / "app.py").write_text("changed\n")
    parents, claims = (checkout.commit,), Claims(("app.py",))
    done = harvest(control, checkout, message="m\n", parents=parents, date=DATE, author="a", claims=claims)
    assert done.changed == ("app.py",)
    assert done.notes == ("lib/library.txt was changed in a submodule, which stays as it was",)


def test_a_tree_is_verified_with_its_submodules_again_and_again(site: Site, tmp_path: Path) -> None:
    git(site.clone, *FILE, "submodule", "--quiet", "update", "--init", "--recursive")
    control = site.control()
    base = control.base_commit(None)[1]
    other = control.store.tree_of(commit_files(site.clone, {"other.py": "other\n"}))
    verifier = Verifier(
        control,
        place=tmp_path / "slots",
        commands=["grep one lib/library.txt && grep inner lib/deep/inner/inner.txt && echo two > lib/library.txt"],
        submodules=True,
        cache=tmp_path / "cache",
        environment={"PATH": "/usr/bin:/bin"},
        logs=tmp_path / "logs",
    )
    for tree in (control.store.tree_of(base), other):
        assert verifier.verify(tree).green


@pytest.mark.parametrize("name", ["renamed", "../elsewhere"])
def test_a_branch_that_names_a_submodule_which_nobody_has_is_red_and_ends_no_run(
    site: Site, tmp_path: Path, name: str
) -> None:
    git(site.clone, *FILE, "submodule", "--quiet", "update", "--init", "--recursive")
    control = site.control()
    modules = f'[submodule "{name}"]\n\tpath = lib\n\turl = ../library\n'
    tree = control.store.tree_of(commit_files(site.clone, {".gitmodules": modules}))
    verifier = Verifier(
        control,
        place=tmp_path / "slots",
        commands=["true"],
        submodules=True,
        cache=tmp_path / "cache",
        environment={"PATH": "/usr/bin:/bin"},
        logs=tmp_path / "logs",
    )

    seen = verifier.verify(tree)

    assert (seen.outcome, seen.command) == ("red", "filling submodules")
    assert seen.tail.startswith("the submodule lib ")


@pytest.mark.parametrize(
    ("url", "above", "address"),
    [
        ("../library", "https://host/team/shop.git", "https://host/team/library"),
        ("./library", "https://host/team/shop/", "https://host/team/shop/library"),
        ("../../other/library.git", "git@host:team/shop.git", "git@host:other/library.git"),
        ("../library", "git@host:team/shop.git", "git@host:team/library"),
        ("../library", "/srv/git/shop.git", "/srv/git/library"),
        ("ssh://host/library", "/srv/git/shop.git", "ssh://host/library"),
    ],
)
def test_relative_addresses_start_from_the_repository_that_names_them(url: str, above: str, address: str) -> None:
    assert _resolved(url, above) == address
