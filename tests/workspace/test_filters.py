"""Files under git's filters: Git LFS is served, what another program would have to do is refused and told."""

import hashlib
import os
import shutil
import stat
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from plait.workspace.checkouts import Checkout, make_checkout
from plait.workspace.control import Control, open_control
from plait.workspace.errors import GitFailed
from plait.workspace.filters import told_of_filters
from plait.workspace.harvest import Harvest, harvest, salvage
from plait.workspace.scanning import LIMITS
from plait.workspace.verification_slots import Slot
from tests.flows.opened import opened
from tests.support.repositories import Content, commit_files, files_of, git

DATE = "1700000000 +0000"
LFS = "*.bin filter=lfs diff=lfs merge=lfs -text\n"
BIG = b"\0" + bytes(range(256)) * 200
needs_git_lfs = pytest.mark.skipif(shutil.which("git-lfs") is None, reason="git-lfs is not installed")


def pointer(content: bytes) -> str:
    return (
        f"version https://git-lfs.github.com/spec/v1\noid sha256:{hashlib.sha256(content).hexdigest()}\n"
        f"size {len(content)}\n"
    )


def in_store(repository: Path, content: bytes) -> Path:
    oid = hashlib.sha256(content).hexdigest()
    return repository / ".git" / "lfs" / "objects" / oid[:2] / oid[2:4] / oid


def with_lfs(repository: Path, *, stored: bool = True, attributes: str = LFS) -> None:
    """A repository with `a.bin` in LFS, made without git-lfs."""
    commit_files(repository, {".gitattributes": attributes, "a.bin": pointer(BIG)})
    if stored:
        place = in_store(repository, BIG)
        place.parent.mkdir(parents=True)
        place.write_bytes(BIG)


def commit_attributes(repository: Path, rules: str) -> None:
    """Commit them, and no file that is stored otherwise by them."""
    blob = git(repository, "hash-object", "-w", "--stdin", stdin=rules.encode())
    git(repository, "update-index", "--add", "--cacheinfo", f"100644,{blob},.gitattributes")
    git(repository, "commit", "-qm", "attributes")


def handed_out(repository: Path, home: Path, place: Path) -> tuple[Control, Checkout]:
    control = open_control(repository, home=home)
    return control, make_checkout(control, place, control.base_commit("main")[1], branch="work")


def reap(control: Control, checkout: Checkout) -> Harvest:
    return harvest(control, checkout, message="m\n", parents=(checkout.commit,), date=DATE, author="a")


def test_files_in_lfs_are_handed_out_whole_and_come_back_as_pointers(
    repository: Path, hermetic: Path, tmp_path: Path
) -> None:
    with_lfs(repository)
    control, checkout = handed_out(repository, hermetic, tmp_path / "place")
    assert (checkout.directory / "a.bin").read_bytes() == BIG
    assert reap(control, checkout) == Harvest(None, checkout.tree, ())

    (checkout.directory / "a.bin").write_bytes(BIG + b"more")
    (checkout.directory / "deep").mkdir()
    (checkout.directory / "deep/new.bin").write_bytes(b"new")
    (checkout.directory / "empty.bin").write_bytes(b"")
    done = reap(control, checkout)

    assert done.changed == ("a.bin", "deep/new.bin", "empty.bin")
    made = files_of(control.store.git_dir, done.commit or "")
    assert made["a.bin"] + "\n" == pointer(BIG + b"more")
    assert made["deep/new.bin"] + "\n" == pointer(b"new")
    assert made["empty.bin"] == ""
    assert in_store(repository, BIG + b"more").read_bytes() == BIG + b"more"
    slot = Slot(control, tmp_path / "slot")
    assert (slot.restore(done.tree) / "a.bin").read_bytes() == BIG + b"more"
    assert (slot.restore(checkout.tree) / "a.bin").read_bytes() == BIG


@needs_git_lfs
def test_what_git_lfs_stored_is_read_and_what_plait_stored_git_lfs_reads(
    repository: Path, hermetic: Path, tmp_path: Path
) -> None:
    git(repository, "lfs", "install", "--local")
    git(repository, "config", "lfs.storage", "elsewhere")
    git(repository, "lfs", "track", "*.bin")
    commit_files(repository, {"a.bin": BIG})
    control, checkout = handed_out(repository, hermetic, tmp_path / "place")
    assert (checkout.directory / "a.bin").read_bytes() == BIG
    (checkout.directory / "b.bin").write_bytes(BIG * 2)

    done = reap(control, checkout)

    control.move_ref("refs/heads/done", done.commit or "", "0" * 40, reason="test")
    git(repository, "checkout", "-q", "done")
    assert (repository / "b.bin").read_bytes() == BIG * 2
    assert git(repository, "status", "--porcelain") == ""
    assert "OK" in git(repository, "lfs", "fsck")
    assert git(repository, "lfs", "ls-files", "--name-only").split("\n") == ["a.bin", "b.bin"]


def test_an_agent_may_put_files_into_lfs_and_take_them_out(repository: Path, hermetic: Path, tmp_path: Path) -> None:
    with_lfs(repository)
    control, checkout = handed_out(repository, hermetic, tmp_path / "place")
    (checkout.directory / ".gitattributes").write_text("*.dat filter=lfs -text\n")
    (checkout.directory / "new.dat").write_bytes(b"data")
    (checkout.directory / "a.bin").write_bytes(b"no longer")

    done = reap(control, checkout)

    made = files_of(control.store.git_dir, done.commit or "")
    assert made["new.dat"] + "\n" == pointer(b"data")
    assert made["a.bin"] == "no longer"


def test_a_pointer_to_nothing_stays_what_it_was_and_cannot_be_made_up(
    repository: Path, hermetic: Path, tmp_path: Path
) -> None:
    with_lfs(repository, stored=False)
    control, checkout = handed_out(repository, hermetic, tmp_path / "place")
    assert (checkout.directory / "a.bin").read_text() == pointer(BIG)
    (checkout.directory / "a.bin").rename(checkout.directory / "moved.bin")
    assert reap(control, checkout).changed == ("a.bin", "moved.bin")

    (checkout.directory / "b.bin").write_text(pointer(b"nowhere"))

    assert reap(control, checkout).problems == ("b.bin: a pointer to an object that the LFS store does not have",)


def test_a_store_that_cannot_be_written_is_no_fault_of_the_work(
    repository: Path, hermetic: Path, tmp_path: Path
) -> None:
    with_lfs(repository)
    control, checkout = handed_out(repository, hermetic, tmp_path / "place")
    (checkout.directory / "b.bin").write_bytes(b"new")
    blocked = in_store(repository, b"new").parent
    blocked.parent.mkdir(parents=True)
    blocked.write_text("no directory")

    with pytest.raises(GitFailed, match="the LFS store"):
        reap(control, checkout)


ENCRYPTED: dict[str, Content] = {
    ".gitattributes": "secret/** filter=crypt\nsecret/open/* -filter\nsecret/README !filter\n",
    "secret/k": "ENC:old\n",
    "secret/other": "ENC:other\n",
    "secret/open/x": "open\n",
    "secret/README": "readable\n",
}
REASON = "the filter crypt is for it, which plait does not run: it would be committed unfiltered"


@pytest.fixture
def encrypted(repository: Path, hermetic: Path, tmp_path: Path) -> tuple[Control, Checkout]:
    commit_files(repository, ENCRYPTED)
    return handed_out(repository, hermetic, tmp_path / "place")


def test_what_another_filter_would_have_to_store_is_refused_and_kept_out_of_git(
    encrypted: tuple[Control, Checkout], tmp_path: Path
) -> None:
    control, checkout = encrypted
    for path in ("secret/k", "secret/new", "secret/open/x", "secret/README", "app.py"):
        (checkout.directory / path).write_text("changed\n")

    assert reap(control, checkout).problems == (f"secret/k: {REASON}", f"secret/new: {REASON}")

    aside = tmp_path / "aside"
    kept = salvage(control, checkout, branch="kept", message="kept\n", date=DATE, aside=aside)
    files = files_of(control.target.git_dir, kept or "")
    assert (files["secret/k"], files["secret/open/x"], files["app.py"]) == ("ENC:old", "changed", "changed")
    assert "secret/new" not in files
    assert (aside / "secret/new").read_text() == "changed\n"
    assert REASON in git(control.target.git_dir, "log", "-1", "--format=%B", kept or "")


def test_what_is_stored_already_may_be_moved_copied_and_deleted(encrypted: tuple[Control, Checkout]) -> None:
    control, checkout = encrypted
    secret = checkout.directory / "secret"
    (secret / "k").rename(secret / "moved")
    (secret / "copy").write_text("ENC:old\n")
    (secret / "other").unlink()
    (secret / "moved").chmod(0o755)

    assert reap(control, checkout).changed == ("secret/copy", "secret/k", "secret/moved", "secret/other")


@pytest.mark.parametrize("attributes", ["", "secret/** -filter\n", "secret/** filter=lfs\n", None])
def test_nobody_takes_a_filter_off_by_changing_the_attributes(
    encrypted: tuple[Control, Checkout], attributes: str | None
) -> None:
    control, checkout = encrypted
    file = checkout.directory / ".gitattributes"
    file.unlink()
    if attributes is not None:
        file.write_text(attributes)
    (checkout.directory / "secret/new").write_text("password\n")

    assert reap(control, checkout).problems == (f"secret/new: {REASON}",)


@pytest.mark.parametrize(
    ("files", "path"),
    [
        ({".gitattributes": "[attr]hidden filter=crypt -diff\n*.key hidden\n"}, "a.key"),
        ({"deep/.gitattributes": "k filter=crypt\n"}, "deep/k"),
        ({".gitattributes": "*.key filter=lfs\n*.key filter=crypt\n"}, "a.key"),
        ({".gitattributes": '"a b.key" filter=crypt\n'}, "a b.key"),
        ({}, "notebook.ipynb"),
        ({}, "global.key"),
    ],
)
def test_attributes_are_read_wherever_git_reads_them(
    repository: Path, hermetic: Path, tmp_path: Path, files: dict[str, Content], path: str
) -> None:
    commit_files(repository, files)
    (repository / ".git/info").mkdir(exist_ok=True)
    (repository / ".git/info/attributes").write_text("*.ipynb filter=crypt merge=ours diff=ipynb\n")
    (tmp_path / "attributes").write_text("global.* filter=crypt\n")
    git(repository, "config", "core.attributesFile", str(tmp_path / "attributes"))
    control, checkout = handed_out(repository, hermetic, tmp_path / "place")
    (checkout.directory / path).parent.mkdir(exist_ok=True)
    (checkout.directory / path).write_text("plain\n")

    assert reap(control, checkout).problems == (f"{path}: {REASON}",)


def test_a_filter_without_a_name_is_none(repository: Path, hermetic: Path, tmp_path: Path) -> None:
    commit_files(repository, {".gitattributes": "* filter\n"})
    control, checkout = handed_out(repository, hermetic, tmp_path / "place")
    (checkout.directory / "new").write_text("x\n")

    assert reap(control, checkout).changed == ("new",)


def told(control: Control, repository: Path) -> list[str]:
    return list(told_of_filters(control.store, control.common_dir, git(repository, "rev-parse", "main")))


def test_what_lfs_keeps_is_for_all_who_share_the_repository_whatever_the_umask(
    repository: Path, hermetic: Path, tmp_path: Path
) -> None:
    commit_files(repository, {".gitattributes": LFS})
    (repository / ".git").chmod(0o2770)
    control, checkout = handed_out(repository, hermetic, tmp_path / "place")
    (checkout.directory / "a.bin").write_bytes(BIG)
    before = os.umask(0o077)
    try:
        assert reap(control, checkout).changed == ("a.bin",)
    finally:
        os.umask(before)

    store = [repository / ".git/lfs", *(repository / ".git/lfs").rglob("*")]
    modes = {(path.is_dir(), stat.S_IMODE(path.stat().st_mode)) for path in store}
    assert modes == {(True, 0o2770), (False, 0o660)}


@pytest.mark.parametrize(("push", "is_told"), [("none", False), ("integration", True), ("all", True)])
def test_who_pushes_pointers_is_told_that_their_contents_stay_unless_git_lfs_or_its_hook_takes_them(
    repository: Path, hermetic: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, push: str, is_told: bool
) -> None:
    commit_files(repository, {".gitattributes": LFS})
    programs = tmp_path / "programs"
    programs.mkdir()
    for program in ("git", "sh", "env", "true"):  # and no git-lfs
        (programs / program).symlink_to(shutil.which(program) or "")
    monkeypatch.setenv("PATH", str(programs))
    plan = f"feature: f\ntasks:\n  - {{id: A, run: 'true'}}\nintegration: {{push: {push}}}\n"

    def tells() -> bool:
        with opened(plan, repository) as session:
            return any("`git lfs push --all REMOTE`" in notice for notice in session.notices)

    assert tells() is is_told
    hook = repository / ".git/hooks/pre-push"
    hook.write_text('#!/bin/sh\ngit lfs pre-push "$@"\n')
    assert tells() is is_told, "git does not run it"
    hook.chmod(0o755)
    assert not tells()
    hook.unlink()
    (programs / "git-lfs").write_text("#!/bin/sh\n")
    (programs / "git-lfs").chmod(0o755)
    assert not tells()


def test_what_agents_will_see_is_told_once_for_each_filter(
    encrypted: tuple[Control, Checkout], repository: Path
) -> None:
    control, _ = encrypted
    assert told(control, repository) == [
        "the filter crypt is not run by plait: agents will see 2 files as stored, unfiltered (secret/k and "
        "secret/other), and a try that adds or changes a file under it is refused"
    ]

    commit_files(repository, {".gitattributes": f"# *.x filter=none\n*.y filter=future\n{LFS}", "a.bin": pointer(BIG)})
    future, missing = told(control, repository)
    assert future.startswith("the filter future is not run by plait: no file is under it yet, and a try that adds")
    assert missing.startswith("of 1 file kept by Git LFS agents will see the pointer, as the content is not in the LFS")
    assert missing.endswith(": a.bin")
    assert not any("git lfs push" in sentence for sentence in (future, missing))

    commit_files(repository, {".gitattributes": "*.txt text\n"})
    assert told(control, repository) == []


@pytest.mark.parametrize("where", [".gitattributes", "beside", "of the user"])
def test_what_git_converts_itself_is_converted_both_ways(
    repository: Path, hermetic: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    rules = "*.bat text eol=crlf\n*.u16 text working-tree-encoding=UTF-16LE eol=lf\n*.id ident\n"
    files: dict[str, Content] = {"a.bat": "one\ntwo\n", "a.u16": "häh\n", "a.id": "$Id$\n"}
    if where == ".gitattributes":
        files[".gitattributes"] = rules
    commit = commit_files(
        repository, {**files, "a.u16": "häh\n".encode("utf-16-le")} if where == ".gitattributes" else files
    )
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    if where != ".gitattributes":
        place = repository / ".git/info" if where == "beside" else tmp_path / "config/git"
        place.mkdir(parents=True, exist_ok=True)
        (place / "attributes").write_text(rules)
    assert files_of(repository, commit)["a.u16"] == "häh"
    control, checkout = handed_out(repository, hermetic, tmp_path / "place")
    seen = {name: (checkout.directory / name).read_bytes() for name in ("a.bat", "a.u16", "a.id")}
    assert seen["a.bat"] == b"one\r\ntwo\r\n"
    assert seen["a.u16"] == "häh\n".encode("utf-16-le")
    assert seen["a.id"].startswith(b"$Id: ")
    assert reap(control, checkout) == Harvest(None, checkout.tree, ())

    (checkout.directory / "a.bat").write_bytes(b"one\r\ntwo\r\nthree\r\n")
    (checkout.directory / "a.u16").write_bytes("hüh\n".encode("utf-16-le"))
    (checkout.directory / "a.id").write_bytes(seen["a.id"] + b"more\n")
    made = files_of(control.store.git_dir, reap(control, checkout).commit or "")
    assert (made["a.bat"], made["a.u16"], made["a.id"]) == ("one\ntwo\nthree", "hüh", "$Id$\nmore")

    (checkout.directory / "a.u16").write_bytes(b"\xd8")
    assert "a.u16: git refuses it" in reap(control, checkout).problems[0]


def test_an_encoding_that_nobody_knows_leaves_the_file_as_stored(
    repository: Path, hermetic: Path, tmp_path: Path
) -> None:
    commit_files(repository, {"a.txt": "text\n"})
    commit_attributes(repository, "a.txt text working-tree-encoding=KLINGON\n")
    control, checkout = handed_out(repository, hermetic, tmp_path / "place")

    assert (checkout.directory / "a.txt").read_text() == "text\n"
    (checkout.directory / "app.py").write_text("changed\n")
    assert reap(control, checkout).problems == ()
    assert reap(control, checkout).changed == ("app.py",)


def test_a_file_that_git_would_store_otherwise_is_no_change_of_the_agent(
    repository: Path, hermetic: Path, tmp_path: Path
) -> None:
    commit_files(repository, {"a.txt": "one\r\n", "a.id": "$Id: of old $\n", "b.bin": b"never a pointer"})
    commit_attributes(repository, f"*.txt text\n*.id ident\n{LFS}")
    control, checkout = handed_out(repository, hermetic, tmp_path / "place")
    (checkout.directory / "app.py").write_text("changed\n")

    assert reap(control, checkout).changed == ("app.py",)
    for name in ("a.txt", "a.id", "b.bin"):
        (checkout.directory / name).touch()
    assert reap(control, checkout).changed == ("app.py",)


def test_a_slot_writes_files_anew_where_attributes_differ(control: Control, repository: Path, tmp_path: Path) -> None:
    first = commit_files(repository, {"a.bat": "one\n"})
    second = commit_files(repository, {".gitattributes": "*.bat text eol=crlf\n"})
    slot = Slot(control, tmp_path / "slot")

    assert (slot.restore(first) / "a.bat").read_bytes() == b"one\n"
    assert (slot.restore(second) / "a.bat").read_bytes() == b"one\r\n"
    assert (slot.restore(first) / "a.bat").read_bytes() == b"one\n"


def test_what_git_refuses_or_is_too_large_for_a_commit_is_kept_out_of_git_and_not_lost(
    repository: Path, hermetic: Path, tmp_path: Path
) -> None:
    commit_files(repository, {".gitattributes": "*.utf text working-tree-encoding=UTF-16LE\n"})
    control, checkout = handed_out(repository, hermetic, tmp_path / "place")
    contents = {"odd.utf": b"odd", "large": b"x" * 600, "larger": b"x" * 601, "largest": b"x" * 2000, "app.py": b"1\n"}
    for path, content in contents.items():
        (checkout.directory / path).write_bytes(content)
    limits = replace(LIMITS, file_bytes=500, total_bytes=1300)

    aside = tmp_path / "aside"
    kept = salvage(control, checkout, branch="kept", message="kept\n", date=DATE, aside=aside, limits=limits)

    assert files_of(control.target.git_dir, kept or "")["app.py"] == "1"
    assert {file.name: file.read_bytes() for file in aside.iterdir()} == {
        name: contents[name] for name in ("odd.utf", "large", "larger")
    }
    assert "largest" in git(control.target.git_dir, "log", "-1", "--format=%B", kept or "")


@needs_git_lfs
def test_git_lfs_finds_in_a_checkout_what_the_user_has(repository: Path, hermetic: Path, tmp_path: Path) -> None:
    """It reads objects itself, and of the places that a repository borrows them from not those which these borrow."""
    commit_files(repository, {".gitattributes": LFS, "a.bin": pointer(BIG)})
    _, checkout = handed_out(repository, hermetic, tmp_path / "place")
    command = ["git", "lfs", "ls-files", "--name-only"]
    done = subprocess.run(command, cwd=checkout.directory, capture_output=True, check=False)
    assert (done.stdout, done.stderr, done.returncode) == (b"a.bin\n", b"", 0)
