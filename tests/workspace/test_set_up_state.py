"""What set-up commands leave in a checkout is not the agent's work, until the agent changes it again."""

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plait.workspace.checkouts import Checkout, make_checkout
from plait.workspace.claims import ANYTHING, Claims
from plait.workspace.control import Control, open_control
from plait.workspace.harvest import Harvest, harvest, note_set_up, salvage
from plait.workspace.scanning import LIMITS
from plait.workspace.set_up_state import read_set_up_state
from tests.support.repositories import commit_files, files_of, git, make_repository
from tests.workspace.histories import History

DATE = "1700000000 +0000"


@pytest.fixture
def checkout(control: Control, tmp_path: Path) -> Checkout:
    return make_checkout(control, tmp_path / "place", control.base_commit("main")[1], branch="work")


def reap(control: Control, checkout: Checkout, claims: Claims = ANYTHING) -> Harvest:
    parents = (checkout.commit,)
    return harvest(control, checkout, message="work\n", parents=parents, date=DATE, author="a", claims=claims)


def all_of_it(work: Path) -> None:
    """All that a set-up can do to a checkout."""
    (work / "pkg.egg-info").mkdir()
    (work / "pkg.egg-info/PKG-INFO").write_text("Name: pkg\n")
    (work / "app.py").write_text("regenerated\n")
    (work / "docs/guide.md").unlink()
    (work / "README.md").chmod(0o755)
    (work / "current").symlink_to("/usr/lib/somewhere")
    (work / "deps").mkdir()
    os.mkfifo(work / "deps/pipe")
    make_repository(work / "deps/cloned", {"library.c": "int x;\n"})
    shutil.copytree(work / "tests", work / "copied", symlinks=True)


def test_what_the_set_up_did_is_no_work(control: Control, checkout: Checkout) -> None:
    all_of_it(checkout.directory)
    assert note_set_up(control, checkout) == ()
    assert reap(control, checkout) == Harvest(None, checkout.tree, ())
    assert salvage(control, checkout, branch="kept", message="kept\n", date=DATE) is None


def test_only_what_the_agent_did_after_the_set_up_is_committed(control: Control, checkout: Checkout) -> None:
    all_of_it(checkout.directory)
    note_set_up(control, checkout)
    (checkout.directory / "new.py").write_text("new\n")
    done = reap(control, checkout)
    assert (done.changed, done.problems, done.notes) == (("new.py",), (), ())
    before = files_of(control.store.git_dir, checkout.commit)
    assert files_of(control.store.git_dir, str(done.commit)) == before | {"new.py": "new"}
    control.store.ask("rev-list", "--objects", str(done.commit))
    assert control.store.ask("fsck", "--strict", "--no-dangling", str(done.commit)).status == 0


def test_a_file_that_the_agent_changed_after_the_set_up_is_taken_whole_with_a_word(
    control: Control, checkout: Checkout
) -> None:
    all_of_it(checkout.directory)
    note_set_up(control, checkout)
    with (checkout.directory / "app.py").open("a") as file:
        file.write("and by hand\n")
    done = reap(control, checkout)
    assert done.changed == ("app.py",)
    assert files_of(control.store.git_dir, str(done.commit))["app.py"] == "regenerated\nand by hand"
    assert done.notes == ("the set-up had changed app.py before the agent did: what is there now is taken whole",)


@pytest.mark.parametrize(
    ("undo", "changed"),
    [
        (lambda work: (work / "pkg.egg-info/PKG-INFO").unlink(), ()),
        (lambda work: shutil.rmtree(work / "deps"), ()),
        (lambda work: (work / "current").unlink(), ()),
        (lambda work: git(work, "checkout", "-q", "."), ()),
        (lambda work: git(work, "clean", "-qffdx"), ()),
        (lambda work: (work / "pkg.egg-info/PKG-INFO").write_text("Name: pkg\n"), ()),
        (lambda work: (work / "app.py").unlink(), ("app.py",)),
        (lambda work: (work / "docs/guide.md").write_text("written anew\n"), ("docs/guide.md",)),
        (lambda work: (work / "pkg.egg-info/PKG-INFO").write_text("changed\n"), ("pkg.egg-info/PKG-INFO",)),
    ],
    ids=["made file", "folder", "link", "checkout", "clean", "same again", "tracked file", "deleted", "other again"],
)
def test_what_is_taken_back_of_the_set_up_is_no_change(
    control: Control, checkout: Checkout, undo: Callable[[Path], object], changed: tuple[str, ...]
) -> None:
    (checkout.directory / "docs").mkdir(exist_ok=True)
    all_of_it(checkout.directory)
    note_set_up(control, checkout)
    undo(checkout.directory)
    assert reap(control, checkout).changed == changed


def test_a_file_may_be_in_the_place_of_what_the_set_up_replaced(control: Control, checkout: Checkout) -> None:
    (checkout.directory / "app.py").unlink()
    (checkout.directory / "app.py").mkdir()
    (checkout.directory / "app.py/made").write_text("by the set-up\n")
    note_set_up(control, checkout)
    assert reap(control, checkout).changed == ()
    (checkout.directory / "app.py/own").write_text("by the agent\n")
    done = reap(control, checkout)
    assert done.changed == ("app.py", "app.py/own")
    assert "app.py/made" not in files_of(control.store.git_dir, str(done.commit))


def test_a_rule_that_the_agent_drops_makes_no_work_of_ignored_files(control: Control, tmp_path: Path) -> None:
    _, base = control.base_commit("main")
    start = History(control.store).commit({".gitignore": "dist/\nnotes\n"}, base)
    checkout = make_checkout(control, tmp_path / "place", start, branch="work")
    (checkout.directory / "dist").mkdir()
    (checkout.directory / "dist/bundle.js").write_text("made\n")
    (checkout.directory / "dist/other.js").write_text("made\n")
    note_set_up(control, checkout)
    (checkout.directory / ".gitignore").write_text("notes\n")
    (checkout.directory / "dist/own.js").write_text("by the agent\n")
    (checkout.directory / "dist/other.js").write_text("changed by the agent\n")
    assert reap(control, checkout).changed == (".gitignore", "dist/other.js", "dist/own.js")


def test_what_git_cannot_read_beside_is_the_fault_of_the_set_up(control: Control, checkout: Checkout) -> None:
    os.mkfifo(checkout.directory / "docs/.gitignore")
    (problem,) = note_set_up(control, checkout)
    assert problem.startswith("docs/.gitignore: not a regular file")
    assert read_set_up_state(checkout) is None


def test_what_the_agent_makes_of_something_odd_is_its_work(control: Control, checkout: Checkout) -> None:
    all_of_it(checkout.directory)
    (checkout.directory / "odd.txt").write_bytes(b"x")
    note_set_up(control, checkout)
    (checkout.directory / "deps/pipe").unlink()
    (checkout.directory / "deps/pipe").write_text("a file now\n")
    (checkout.directory / "current").unlink()
    (checkout.directory / "current").symlink_to("app.py")
    assert reap(control, checkout).changed == ("current", "deps/pipe")


def test_what_git_refuses_of_the_set_up_is_left_out_until_the_agent_changes_it(
    control: Control, tmp_path: Path
) -> None:
    _, base = control.base_commit("main")
    start = History(control.store).commit({".gitattributes": "*.txt working-tree-encoding=UTF-16\n"}, base)
    checkout = make_checkout(control, tmp_path / "place", start, branch="work")
    (checkout.directory / "odd.txt").write_bytes(b"x")
    note_set_up(control, checkout)
    assert reap(control, checkout).problems == ()
    (checkout.directory / "odd.txt").write_bytes(b"xyz")
    assert any("odd.txt" in problem for problem in reap(control, checkout).problems)


def test_a_salvage_keeps_only_what_the_agent_left(control: Control, checkout: Checkout, repository: Path) -> None:
    all_of_it(checkout.directory)
    note_set_up(control, checkout)
    (checkout.directory / "draft.md").write_text("half\n")
    assert salvage(control, checkout, branch="kept", message="kept\n", date=DATE) == "kept"
    assert git(repository, "diff", "--name-only", "main", "kept") == "draft.md"


# Repositories inside a checkout.


def clone(place: Path) -> None:
    make_repository(place, {"library.py": "x = 1\n"})
    git(place, "remote", "add", "origin", "https://example.com/library")


def test_a_clone_that_holds_nothing_owned_is_left_out_and_told(control: Control, checkout: Checkout) -> None:
    clone(checkout.directory / "reference")
    (checkout.directory / "app.py").write_text("changed\n")
    for claims in (Claims(("app.py",)), Claims(("app.py", "src/**")), ANYTHING):
        done = reap(control, checkout, claims)
        assert done.changed == ("app.py",)
        assert done.notes == ("reference is a repository of its own, and left out with its 1 file",)


def test_a_pattern_for_other_files_does_not_take_in_a_clone(control: Control, checkout: Checkout) -> None:
    clone(checkout.directory / "reference")
    commit_files(checkout.directory / "reference", {"Makefile": "all:\n"})
    (checkout.directory / "app.py").write_text("changed\n")
    assert reap(control, checkout, Claims(("**/*.py",))).changed == ("app.py",)


def test_a_clone_into_a_place_that_is_owned_is_work(control: Control, checkout: Checkout) -> None:
    clone(checkout.directory / "vendor/library")
    done = reap(control, checkout, Claims(("vendor/**",)))
    assert done.changed == ("vendor/library/library.py",)
    assert done.notes == ("vendor/library is a repository of its own: its files count, its .git and history do not",)


@pytest.mark.parametrize("claims", [Claims(("web/**",)), Claims(("web/src/**",)), ANYTHING])
def test_files_beside_a_repository_that_was_begun_there_are_work(
    control: Control, checkout: Checkout, claims: Claims
) -> None:
    make_repository(checkout.directory / "web", {"src/page.ts": "page\n"})
    assert reap(control, checkout, claims).changed == ("web/src/page.ts",)


def test_a_repository_begun_among_tracked_files_hides_nothing(control: Control, checkout: Checkout) -> None:
    git(checkout.directory / "docs", "init", "-q")
    (checkout.directory / "docs/guide.md").write_text("changed\n")
    assert reap(control, checkout, Claims(("docs/**",))).changed == ("docs/guide.md",)


def test_a_worktree_of_its_own_and_a_bare_repository_are_left_out(control: Control, checkout: Checkout) -> None:
    git(checkout.directory, "worktree", "add", "-q", "beside", "HEAD")
    git(checkout.directory, "init", "-q", "--bare", "remote.git")
    (checkout.directory / "app.py").write_text("changed\n")
    done = reap(control, checkout, Claims(("app.py",)))
    assert (done.changed, done.problems) == (("app.py",), ())
    assert any(note.startswith("beside is a repository of its own, and left out") for note in done.notes)
    assert any(note.startswith("remote.git is a repository of its own, and left out") for note in done.notes)


def test_a_repository_that_only_looks_like_one_is_not_run(control: Control, checkout: Checkout) -> None:
    """Its configuration is read as text, and a pipe in its place is not waited for."""
    (checkout.directory / "web/.git").mkdir(parents=True)
    os.mkfifo(checkout.directory / "web/.git/config")
    (checkout.directory / "web/page.ts").write_text("page\n")
    assert reap(control, checkout, Claims(("web/**",))).changed == ("web/page.ts",)


# Submodules.


@pytest.fixture
def with_module(control: Control, tmp_path: Path) -> Checkout:
    """A checkout with a submodule that a set-up has filled."""
    modules = '[submodule "library"]\n\tpath = lib\n\turl = ../library\n'
    _, base = control.base_commit("main")
    start = History(control.store).commit({".gitmodules": modules, "lib": ("160000", "1" * 40)}, base)
    checkout = make_checkout(control, tmp_path / "place", start, branch="work")
    (checkout.directory / "lib/.git").write_text("gitdir: ../.git/modules/library\n")
    (checkout.directory / "lib/library.c").write_text("int x;\n")
    (checkout.directory / "lib/src").mkdir()
    (checkout.directory / "lib/src/more.c").write_text("int y;\n")
    note_set_up(control, checkout)
    return checkout


def test_a_submodule_that_was_filled_stays_as_it_was_handed_out(control: Control, with_module: Checkout) -> None:
    assert reap(control, with_module) == Harvest(None, with_module.tree, ())
    (with_module.directory / "lib/built.o").write_bytes(b"\0")
    (with_module.directory / "app.py").write_text("changed\n")
    done = reap(control, with_module, Claims(("app.py",)))
    assert (done.changed, done.notes) == (("app.py",), ())


def test_a_submodule_that_is_deleted_or_replaced_stays_while_it_is_named(
    control: Control, with_module: Checkout
) -> None:
    shutil.rmtree(with_module.directory / "lib")
    assert reap(control, with_module).changed == ()
    (with_module.directory / "lib").write_text("a file\n")
    assert reap(control, with_module).changed == ()


def test_a_change_inside_of_a_submodule_is_told(control: Control, with_module: Checkout) -> None:
    (with_module.directory / "lib/library.c").write_text("int z;\n")
    (with_module.directory / "app.py").write_text("changed\n")
    done = reap(control, with_module, Claims(("app.py",)))
    assert done.changed == ("app.py",)
    assert done.notes == ("lib/library.c was changed in a submodule, which stays as it was",)


def test_a_change_inside_of_a_submodule_that_was_asked_for_is_refused(control: Control, with_module: Checkout) -> None:
    (with_module.directory / "lib/library.c").write_text("int z;\n")
    done = reap(control, with_module, Claims(("lib/**",)))
    assert done.commit is None
    assert done.problems == (
        "lib/library.c: is in a submodule: it belongs to another repository, and plait lands no change of one",
    )


def test_files_that_were_put_into_an_empty_submodule_are_named(control: Control, with_module: Checkout) -> None:
    (with_module.directory / "lib/own.c").write_text("int own;\n")
    done = reap(control, with_module, Claims(("lib/**",)))
    assert done.changed == ()
    assert [str(left) for left in done.swallowed] == ["lib/own.c (it is in a submodule, which stays as it was)"]


def test_work_in_a_submodule_is_kept_beside_a_try_that_fails(
    control: Control, with_module: Checkout, tmp_path: Path
) -> None:
    lib = with_module.directory / "lib"
    (lib / "library.c").write_text("int z;\n")
    (lib / "own.c").write_text("int own;\n")
    (lib / "src/more.c").unlink()
    (lib / "tools/__pycache__").mkdir(parents=True)
    (lib / "tools/__pycache__/x.cpython-311.pyc").write_bytes(b"\0")
    aside = tmp_path / "left/files"

    assert salvage(control, with_module, branch="kept", message="kept\n", date=DATE, aside=aside) is None

    kept = {str(file.relative_to(aside)): file.read_text() for file in aside.rglob("*") if file.is_file()}
    assert kept == {"lib/library.c": "int z;\n", "lib/own.c": "int own;\n"}


def test_of_a_submodule_that_holds_too_much_only_what_was_changed_is_kept(
    control: Control, with_module: Checkout, tmp_path: Path
) -> None:
    lib = with_module.directory / "lib"
    (lib / "library.c").write_text("int z;\n")
    for number in range(3):
        (lib / f"{number}.o").write_text("made\n")
    aside, few = tmp_path / "left/files", replace(LIMITS, new_files=2)

    salvage(control, with_module, branch="kept", message="kept\n", date=DATE, aside=aside, limits=few)

    assert [file.name for file in aside.rglob("*") if file.is_file()] == ["library.c"]


def test_who_takes_a_submodule_out_of_gitmodules_may_put_files_in_its_place(
    control: Control, with_module: Checkout
) -> None:
    shutil.rmtree(with_module.directory / "lib")
    (with_module.directory / ".gitmodules").unlink()
    owner = Claims((".gitmodules", "lib/**", "lib"))
    assert reap(control, with_module, owner).changed == (".gitmodules", "lib")
    (with_module.directory / "lib").mkdir()
    (with_module.directory / "lib/vendored.c").write_text("int x;\n")
    assert reap(control, with_module, owner).changed == (".gitmodules", "lib", "lib/vendored.c")


def test_so_it_may_beside_another_submodule_that_stays(control: Control, tmp_path: Path) -> None:
    names = [f'[submodule "{name}"]\n\tpath = {name}\n\turl = ../{name}\n' for name in ("lib", "other")]
    links = dict.fromkeys(("lib", "other"), ("160000", "1" * 40))
    _, base = control.base_commit("main")
    start = History(control.store).commit({".gitmodules": "".join(names), **links}, base)
    checkout = make_checkout(control, tmp_path / "place", start, branch="work")
    for name in ("lib", "other"):
        (checkout.directory / name / ".git").mkdir(parents=True)
        (checkout.directory / name / "library.c").write_text("int x;\n")
    note_set_up(control, checkout)
    shutil.rmtree(checkout.directory / "lib")
    (checkout.directory / "lib").mkdir()
    (checkout.directory / "lib/vendored.c").write_text("int x;\n")
    (checkout.directory / ".gitmodules").write_text(names[1])

    done = reap(control, checkout, Claims((".gitmodules", "lib/**", "lib")))

    assert (done.changed, done.problems, done.notes) == ((".gitmodules", "lib", "lib/vendored.c"), (), ())


@pytest.mark.parametrize("owns", [("third", ".gitmodules"), ("third/**", ".gitmodules"), None])
def test_a_submodule_that_an_agent_adds_is_refused(
    control: Control, with_module: Checkout, owns: tuple[str, ...] | None
) -> None:
    (with_module.directory / "third/.git").mkdir(parents=True)
    (with_module.directory / "third/new.c").write_text("int x;\n")
    with (with_module.directory / ".gitmodules").open("a") as modules:
        modules.write('[submodule "third"]\n\tpath = third\n\turl = ../third\n')
    reason = "is a new submodule, and plait adds none: take it out of .gitmodules, or add it on base yourself"
    assert f"third: {reason}" in reap(control, with_module, Claims(owns)).problems


LEAVINGS = {
    "a file of the set-up's, written anew": "pkg.egg-info/SOURCES.txt",
    "one beside it": "pkg.egg-info/top_level.txt",
    "one below": "pkg.egg-info/a/b",
}


@pytest.mark.parametrize("path", LEAVINGS.values(), ids=LEAVINGS.keys())
def test_what_programs_write_among_the_files_of_a_set_up_is_not_the_work_of_a_task_that_owns_others(
    control: Control, tmp_path: Path, path: str
) -> None:
    checkout = make_checkout(control, tmp_path / "place", control.base_commit("main")[1], branch="work")
    (checkout.directory / "pkg.egg-info").mkdir()
    (checkout.directory / "pkg.egg-info/SOURCES.txt").write_text("app.py\n")
    note_set_up(control, checkout)
    (checkout.directory / "app.py").write_text("changed\n")
    (checkout.directory / path).parent.mkdir(exist_ok=True)
    (checkout.directory / path).write_text("app.py\nnew.py\n")

    done = reap(control, checkout, Claims(("app.py",)))
    assert done.changed == ("app.py",)
    assert done.notes == (f"left out, as the set-up made it and the task does not own it: {path}",)
    for claims in (Claims(("app.py", "*.egg-info/**")), Claims()):
        assert reap(control, checkout, claims).changed == ("app.py", path)


# Any set-up, then any agent.

PATHS = ["a", "b", "b/c", "e", "f", "f/g", "h.o", "x", "x/y", "é/z"]
EDITS = st.lists(
    st.tuples(st.sampled_from(PATHS), st.sampled_from(["delete", "one", "two", "link", "directory", "mode"])),
    max_size=8,
)


def edit(path: Path, how: str) -> None:
    if not path.parent.is_dir() or path.parent.is_symlink():
        return
    if how == "mode" and path.is_file():
        path.chmod(0o755)
        return
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    if how in ("one", "two"):
        path.write_text(how)
    elif how == "link":
        path.symlink_to("e")
    elif how == "directory":
        path.mkdir()
        (path / "in").write_text("in")


def as_git_adds_it(work: Path) -> dict[str, str]:
    git(work, "add", "--all")
    listed = git(work, "ls-files", "--stage", "-z").split("\0")
    return {path: facts for facts, _, path in (line.partition("\t") for line in listed if line)}


def meet(path: str, other: str) -> bool:
    """Whether one needs a folder where the other is a file."""
    return path.startswith(f"{other}/") or other.startswith(f"{path}/")


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(set_up=EDITS, agent=EDITS)
def test_what_differs_from_the_state_after_the_set_up_is_put_on_what_was_handed_out(
    tmp_path_factory: pytest.TempPathFactory, set_up: list[tuple[str, str]], agent: list[tuple[str, str]]
) -> None:
    place = tmp_path_factory.mktemp("edits")
    repository = make_repository(
        place / "shop", {"a": "1", "b/c": "2", "b/d": "3", "e": "4", ".gitignore": "*.o\n/x/\n"}
    )
    control = open_control(repository, home=place / "home")
    checkout = make_checkout(control, place / "out", control.base_commit(None)[1], branch="work")
    work = checkout.directory
    before = as_git_adds_it(work)
    for path, how in set_up:
        edit(work / path, how)
    then = as_git_adds_it(work)
    assert note_set_up(control, checkout) == ()
    for path, how in agent:
        edit(work / path, how)
    done, after = reap(control, checkout), as_git_adds_it(work)
    written = {path: facts for path, facts in after.items() if then.get(path) != facts}
    gone = then.keys() - after.keys()
    kept = {
        path: facts
        for path, facts in before.items()
        if path not in gone and not any(meet(path, other) for other in written)
    }
    assert done.problems == ()
    in_tree = control.store.ask("ls-tree", "-r", "-z", done.tree).records
    entries = {path: facts.split(" ") for facts, _, path in (line.partition("\t") for line in in_tree)}
    assert {path: f"{mode} {oid} 0" for path, (mode, _, oid) in entries.items()} == kept | written
