"""The user's `git gc --prune=now`, at any moment: it never fails, and takes nothing that is needed or named."""

import fcntl
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from plait.workspace.chains import Branch, ChainBuilder, wrap
from plait.workspace.checkouts import make_checkout
from plait.workspace.control import Control, open_control
from plait.workspace.errors import ObjectsGone, RefMoved
from plait.workspace.git import ZERO
from plait.workspace.harvest import Harvest, harvest, salvage
from plait.workspace.kept_packs import take_left_packs
from plait.workspace.merging import merge_start
from plait.workspace.ref_landing import RefLanded, land, reconcile
from plait.workspace.store_upkeep import LATE, SOON, delete_unneeded, store_in_use
from plait.workspace.verification_slots import Slot
from tests.conftest import DATE, BranchWith
from tests.support.repositories import files_of, git, make_repository

TIP = "feature/cart/integration"


def collect(control: Control) -> None:
    """As the user would, and then all refs of both repositories have to be whole."""
    repository = control.common_dir
    git(repository, "-c", "gc.reflogExpire=now", "-c", "gc.reflogExpireUnreachable=now", "gc", "-q", "--prune=now")
    require_whole(control)


def require_whole(control: Control) -> None:
    """No ref of the target or of the control repository names what is missing."""
    git(control.common_dir, "fsck", "--connectivity-only", "--no-dangling")
    git(control.store.git_dir, "fsck", "--connectivity-only", "--no-dangling")


def worked(control: Control, place: Path, start: str, files: dict[str, str], *, collects: bool = True) -> Harvest:
    """What an agent made in a checkout of its own; a collection after each step."""
    checkout = make_checkout(control, place, start, branch="work")
    if collects:
        collect(control)
    for name, content in files.items():
        (checkout.directory / name).write_text(content)
    if collects:
        assert git(checkout.directory, "log", "-1", "--format=%H") == start
    done = harvest(control, checkout, message="work\n", parents=(start,), date=DATE, author="agent-1")
    if collects:
        collect(control)
    return done


def test_a_collection_after_each_step_takes_nothing_although_all_branches_are_deleted(
    control: Control, repository: Path, tmp_path: Path
) -> None:
    git(repository, "switch", "-q", "--orphan", "elsewhere")
    git(repository, "commit", "-q", "--allow-empty", "-m", "another history")
    base = control.base_commit("main")[1]
    with control.holding("cart", {base}):
        git(repository, "branch", "-D", "main")
        collect(control)
        commits = []
        for task in ("A", "B"):
            done = worked(control, tmp_path / task, base, {f"{task}.txt": f"{task}\n"})
            assert done.commit is not None
            control.hold("cart", done.commit)
            control.move_ref(f"refs/heads/{task}", done.commit, ZERO, reason="publish")
            collect(control)
            git(repository, "branch", "-D", task)
            commits.append(done.commit)
            collect(control)
        start = merge_start(control.store, base, tuple(commits), date=DATE)
        collect(control)
        assert isinstance(start, str)
        third = worked(control, tmp_path / "C", start, {"C.txt": "C\n"})
        assert third.commit is not None
        branches = [Branch(name, commit) for name, commit in zip("ABC", (*commits, third.commit), strict=True)]
        chain = ChainBuilder(control.store, base, batch="b1", date=DATE).build(branches)
        collect(control)
        assert (Slot(control, tmp_path / "slot").restore(chain.tree) / "C.txt").read_text() == "C\n"
        new = wrap(control.store, chain, branches, batch="b1", date=DATE)
        collect(control)
        landed = land(control, feature="cart", batch="b1", branch=TIP, old=None, new=new, base=base)
        assert landed == RefLanded(new)
        collect(control)
    assert {"A.txt", "B.txt", "C.txt", "app.py"} <= set(files_of(repository, TIP))
    collect(control)
    assert git(repository, "for-each-ref", "refs/plait/pin") == ""
    assert not [*(repository / ".git/objects/pack").glob("*.keep")]


def test_a_feature_branch_that_was_moved_and_rewound_is_still_there_for_the_run(
    control: Control, repository: Path, branch_with: BranchWith
) -> None:
    base = control.base_commit("main")[1]
    with control.holding("cart", {base}):
        theirs = branch_with(TIP, {"theirs.txt": "theirs\n"})
        control.hold("cart", theirs)
        git(repository, "branch", "-f", TIP, base)
        collect(control)
        assert control.target.resolve(theirs) == theirs
    collect(control)
    assert control.target.resolve(theirs) is None


def test_pins_of_a_killed_run_go_when_the_next_begins(control: Control, branch_with: BranchWith) -> None:
    base, other = control.base_commit("main")[1], branch_with("x", {"x": "x"})
    control.hold("cart", base, other)
    control.hold("carts", other)
    with control.holding("cart", {base}):
        assert set(control.target.refs("refs/plait/pin/run/cart/").values()) == {base}
    assert set(control.target.refs("refs/plait/pin/").values()) == {other}


BRING = """
import os, sys, pathlib
from plait.workspace import kept_packs
from plait.workspace.control import open_control
control = open_control(pathlib.Path(sys.argv[1]), home=pathlib.Path(sys.argv[2]))
if sys.argv[4] == "half":
    kept_packs._sync = lambda folder: None
    kept_packs.Path.rename = lambda *_: os._exit(9)
with control.bringing(sys.argv[3]):
    if sys.argv[4] == "moved":
        control.target.set_ref("refs/heads/brought", sys.argv[3], reason="test")
    os._exit(9)
"""


@pytest.mark.parametrize("moment", ["half", "whole", "moved"])
def test_what_a_kill_leaves_of_a_transfer_is_let_go_by_the_next_run_which_still_has_the_work(
    control: Control, repository: Path, hermetic: Path, tmp_path: Path, moment: str
) -> None:
    done = worked(control, tmp_path / "a", control.base_commit("main")[1], {"a.txt": "a\n"}, collects=False)
    assert done.commit is not None
    arguments = (str(repository), str(hermetic), done.commit, moment)
    ended = subprocess.run([sys.executable, "-c", BRING, *arguments], check=False)
    assert ended.returncode == 9
    packs = repository / ".git/objects/pack"
    assert len([*packs.glob("*.keep")]) == 1
    collect(control)
    (packs / f"pack-{'1' * 40}.keep").write_text("the user's own\n")
    delete_unneeded(control, age=-60)  # as if all of it had long been there

    assert take_left_packs(control.store, control.objects) == 1

    assert [keep.name for keep in packs.glob("*.keep")] == [f"pack-{'1' * 40}.keep"]
    assert not [*packs.glob("*.plait")]
    collect(control)
    assert (control.store.resolve(done.commit) == done.commit) is (moment != "half")
    assert (control.branch("brought") == done.commit) is (moment == "moved")
    assert take_left_packs(control.store, control.objects) == 0


def test_a_transfer_that_goes_on_is_nobody_s_leftover(control: Control, tmp_path: Path) -> None:
    done = worked(control, tmp_path / "a", control.base_commit("main")[1], {"a.txt": "a\n"}, collects=False)
    assert done.commit is not None
    with control.bringing(done.commit):
        assert take_left_packs(control.store, control.objects) == 0
        collect(control)
        control.target.set_ref("refs/heads/brought", done.commit, reason="test")
    collect(control)


def test_a_transfer_that_another_run_looks_at_as_it_begins_is_nobody_s_leftover(
    control: Control, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = worked(control, tmp_path / "a", control.base_commit("main")[1], {"a.txt": "a\n"}, collects=False)
    assert done.commit is not None
    opening, looking = Path.open, list[threading.Timer]()

    def looked_at(path: Path, mode: str = "r", *more: object, **named: object) -> object:
        file = opening(path, mode, *more, **named)  # type: ignore[call-overload]
        if path.suffix == ".keep" and mode == "xb":
            other = opening(path)
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
            looking.append(threading.Timer(0.3, other.close))
            looking[-1].start()
        return file

    monkeypatch.setattr(Path, "open", looked_at)
    with control.bringing(done.commit):
        looking[0].join()
        assert take_left_packs(control.store, control.objects) == 0
        assert [*(control.objects / "pack").glob("*.keep")]


def test_a_ref_that_somebody_moved_leaves_garbage_and_no_keep(
    control: Control, repository: Path, tmp_path: Path, branch_with: BranchWith
) -> None:
    done = worked(control, tmp_path / "a", control.base_commit("main")[1], {"a.txt": "a\n"}, collects=False)
    assert done.commit is not None
    branch_with("taken", {"x": "x"})
    with pytest.raises(RefMoved):
        control.move_ref("refs/heads/taken", done.commit, ZERO, reason="test")
    assert not [*(repository / ".git/objects/pack").glob("*.keep")]
    collect(control)
    assert control.target.resolve(done.commit) is None


def test_work_that_rested_on_garbage_of_the_target_is_whole_when_it_is_made_again(
    control: Control, repository: Path, tmp_path: Path
) -> None:
    start = control.base_commit("main")[1]
    git(repository, "hash-object", "-w", "--stdin", stdin=b"made before\n")
    checkout = make_checkout(control, tmp_path / "a", start, branch="work")
    (checkout.directory / "a.txt").write_text("made before\n")

    def reap() -> str:
        done = harvest(control, checkout, message="work\n", parents=(start,), date=DATE, author="agent-1")
        assert done.commit is not None
        return done.commit

    commit = reap()
    git(repository, "gc", "-q", "--prune=now")
    with pytest.raises(ObjectsGone):
        control.move_ref("refs/heads/a", commit, ZERO, reason="test")
    assert reap() == commit
    control.move_ref("refs/heads/a", commit, ZERO, reason="test")
    collect(control)


def test_what_is_old_goes_when_no_run_is_alive_and_nothing_of_the_target_with_it(
    control: Control, repository: Path, tmp_path: Path
) -> None:
    base = control.base_commit("main")[1]
    made = [
        worked(control, tmp_path / name, base, {f"{name}.txt": name}, collects=False).commit for name in ("a", "b", "c")
    ]
    assert all(made)
    control.move_ref("refs/heads/a", str(made[0]), ZERO, reason="test")
    control.store.set_refs({"refs/plait/landed/cart/1": made[0], "refs/plait/landed/cart/2": made[1]}, reason="test")
    objects = control.store.git_dir / "objects"

    def age(seconds: float) -> None:
        for path in objects.rglob("*"):
            os.utime(path, (time.time() - seconds,) * 2)

    age(SOON - 100)
    with store_in_use(control, unsalvaged=False):
        assert control.store.resolve(str(made[2])) == made[2]
        age(SOON + 100)
        with store_in_use(control, unsalvaged=False):  # another run is alive
            assert control.store.resolve(str(made[2])) == made[2]
    with store_in_use(control, unsalvaged=True):
        assert control.store.resolve(str(made[2])) == made[2]
    with store_in_use(control, unsalvaged=False):
        assert [control.store.resolve(str(commit)) for commit in made] == [made[0], None, None]
        assert set(control.store.refs("refs/plait/")) == {"refs/plait/landed/cart/1"}
        assert not [*objects.glob("??/*")]
    collect(control)
    assert LATE > SOON


def test_an_intent_that_was_deleted_with_what_is_old_is_an_intent_no_more(control: Control, tmp_path: Path) -> None:
    tag = control.store.ask(
        "mktag",
        stdin=f"object {control.base_commit('main')[1]}\ntype commit\ntag t\ntagger p <p@p> 0 +0000\n\n{{}}\n".encode(),
    ).text
    control.store.set_ref("refs/plait/intent/cart", tag, reason="test")
    delete_unneeded(control, age=-60)
    assert control.store.refs("refs/plait/intent/") == {}
    assert reconcile(control, "cart") == ()


def test_a_long_object_format_and_a_folder_that_others_may_not_read_are_respected(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "long", object_format="sha256")
    control = open_control(repository, home=tmp_path / "home")
    packs = repository / ".git/objects/pack"
    packs.chmod(0o750)
    done = worked(control, tmp_path / "a", control.base_commit("main")[1], {"a.txt": "a\n"}, collects=False)
    control.move_ref("refs/heads/a", str(done.commit), ZERO, reason="test")
    made = sorted(packs.glob("pack-*"))
    assert [path.suffix for path in made] == [".idx", ".pack"]
    assert {path.stat().st_mode & 0o777 for path in made} == {0o440}
    assert {len(path.stem) for path in made} == {len("pack-") + 64}
    collect(control)


@contextmanager
def collecting(repository: Path, *, before: Callable[[], None] = lambda: None) -> Iterator[list[str]]:
    """Collect garbage in a loop, each time after `before`; gives for each time what git complained of."""
    over, went = threading.Event(), list[str]()

    def loop() -> None:
        while not over.is_set():
            before()
            command = ["git", "-c", "gc.reflogExpire=now", "gc", "-q", "--prune=now"]
            done = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=False)
            went.append(done.stderr if done.returncode else "")

    thread = threading.Thread(target=loop)
    thread.start()
    try:
        yield went
    finally:
        over.set()
        thread.join()


@pytest.mark.slow
def test_collections_in_a_loop_while_branches_are_made_and_deleted(
    control: Control, repository: Path, tmp_path: Path
) -> None:
    base = control.base_commit("main")[1]
    with collecting(repository) as went, control.holding("cart", {base}):
        for number in range(25):
            done = worked(control, tmp_path / "a", base, {f"{number}.txt": f"{number}\n"}, collects=False)
            assert done.commit is not None
            control.hold("cart", done.commit)
            control.move_ref(f"refs/heads/made/{number}", done.commit, ZERO, reason="publish")
            assert salvage_of(control, tmp_path / "b", base, number) == f"kept/{number}"
            if number % 3 == 0:
                git(repository, "update-ref", "-d", f"refs/heads/made/{number}")
            old = control.branch(TIP)
            branch = Branch("T", done.commit)
            chain = ChainBuilder(control.store, old or base, batch=f"b{number}", date=DATE).build([branch])
            new = wrap(control.store, chain, [branch], batch=f"b{number}", date=DATE)
            land(control, feature="cart", batch=f"b{number}", branch=TIP, old=old, new=new, base=base)
    assert set(went) == {""}
    require_whole(control)
    assert {f"{number}.txt" for number in range(25)} <= set(files_of(repository, TIP))


def salvage_of(control: Control, place: Path, start: str, number: int) -> str | None:
    checkout = make_checkout(control, place, start, branch="work")
    (checkout.directory / "left.txt").write_text(f"left {number}\n")
    return salvage(control, checkout, branch=f"kept/{number}", message="kept\n", date=DATE)
