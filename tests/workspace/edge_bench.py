"""The bench of the edge cases: a person's clone, what is merged in it, and what must be so whatever the case was."""

import os
import shlex
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from plait.workspace.chains import Branch, Chain, ChainBuilder, wrap
from plait.workspace.control import Control, open_control
from plait.workspace.errors import GitFailed, RefMoved
from plait.workspace.git import GitRepository
from plait.workspace.ref_landing import BranchLander, ReadyToLand, RefLanded, landed_batches, reconcile
from tests.workspace.histories import DATE, History, Side

FEATURE, TIP = "shop", "feature/shop/integration"
LINES = "".join(f"line {number}\n" for number in range(20))
OF_A_HOOK = ("GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE", "GIT_OBJECT_DIRECTORY", "GIT_NAMESPACE", "GIT_CONFIG_COUNT")
"""Variables that a git which started us might have left in our environment."""


def _nothing() -> None:
    """What mostly happens between the chain and its landing."""


@dataclass(frozen=True, slots=True)
class Case:
    """Branches that want to land, and what has to come of them."""

    base: str
    tips: Mapping[str, str]
    needs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    refs: Mapping[str, str] = field(default_factory=dict)
    """By task, where its branch has another name than the task."""
    meanwhile: Callable[[], object] = _nothing
    """What somebody does between the chain and its landing, the first time."""
    links: tuple[str, ...] = ()
    conflicts: Mapping[str, str | None] = field(default_factory=dict)
    """Task to partner."""
    kinds: Mapping[str, str] = field(default_factory=dict)
    """Path to one of git's words for its conflict."""
    held: Mapping[str, str] = field(default_factory=dict)
    skipped: tuple[str, ...] = ()
    files: Mapping[str, str] | None = None
    """What the feature branch holds in the end, README and base's other files included."""
    trouble: str = ""
    """What git could not do; then nothing is said of any branch, and nothing moves."""
    by_hand: bool = False
    """Whether the person lands it, with the command that they are given."""
    rounds: int = 1
    """How often the chain is built until it lands."""
    fold_case: bool = False
    damaged: bool = False
    """Whether the repository itself is at fault, so that git's own check fails."""
    after: Callable[[], object] = _nothing
    """Looks at what this case alone is about."""


class Cases(dict[str, Callable[["Bench"], "Case"]]):
    """By name, what builds a repository and says what must come of it."""

    def add(self, build: Callable[["Bench"], Case]) -> Callable[["Bench"], Case]:
        """Take a function under its name, as a decorator."""
        self[build.__name__.replace("_", " ")] = build
        return build

    def parameters(self) -> list[Any]:
        """For `parametrize`."""
        return [pytest.param(build, id=name) for name, build in self.items()]


@dataclass(frozen=True, slots=True)
class Bench:
    """A person's clone with plait's view of it."""

    folder: Path
    history: History
    control: Control

    @classmethod
    def new(cls, folder: Path) -> "Bench":
        history = History.with_checkout(folder / "shop")
        return cls(folder, history, open_control(folder / "shop", home=folder / "home"))

    @property
    def clone(self) -> Path:
        return self.folder / "shop"

    @property
    def main(self) -> str:
        return self.control.base_commit("main")[1]

    def base(self, files: Side) -> str:
        """A commit of these files on `main`, and the person's checkout with it."""
        commit = self.history.branch("main", self.history.commit(files, self.main))
        self.git("reset", "--quiet", "--hard")
        return commit

    def tip(self, commit: str) -> str:
        """Put the feature branch somewhere, as a person does."""
        return self.history.branch(TIP, commit)

    def sides(self, base: Side, ours: Side, theirs: Side) -> tuple[str, dict[str, str]]:
        """A base, and the tips of A and B."""
        start = self.base(base)
        sides = {"A": ours, "B": theirs}
        return start, {name: self.history.commit(files, start, message=name) for name, files in sides.items()}

    def git(self, *arguments: str, check: bool = True, cwd: Path | None = None) -> str:
        """git as the person types it; what a case puts into our environment is ours and not theirs."""
        mine = {name: value for name, value in os.environ.items() if name not in OF_A_HOOK}
        done = subprocess.run(
            ["git", *arguments], cwd=cwd or self.clone, env=mine, capture_output=True, text=True, check=False
        )
        assert not check or done.returncode == 0, done.stderr
        return done.stdout

    def seen_by_the_person(self) -> tuple[str, ...]:
        """Where they stand, what they staged, what is changed, what else lies there."""
        asked = ("status --porcelain --untracked-files=all", "ls-files --stage", "rev-parse HEAD", "stash list")
        return (
            *(self.git(*arguments.split()) for arguments in asked),
            self.git("symbolic-ref", "--quiet", "HEAD", check=False),
            self.git("config", "--list", "--local"),
        )

    def holds(self, commit: str, tip: str) -> bool:
        return self.control.store.is_ancestor(commit, tip)


def play(bench: Bench, case: Case) -> None:
    """Build, land, and hold what must be so: for this case, and for every one."""
    lander = BranchLander(bench.control, FEATURE, TIP, case.base)
    branches = [
        Branch(task, tip, case.needs.get(task, ()), title=f"Do {task}", ref=case.refs.get(task, f"refs/heads/{task}"))
        for task, tip in case.tips.items()
    ]
    first = lander.tip()
    if case.trouble:
        with pytest.raises(GitFailed, match=case.trouble):
            _land_once(bench, lander, branches, case)
        assert lander.tip() == first
        return
    with _left_as_it_was(bench):
        chain, landed, rounds = _land(bench, lander, branches, case)
        assert rounds == case.rounds
        _hold_verdict(chain, case)
        if case.by_hand:
            assert isinstance(landed, ReadyToLand)
            assert lander.tip() == first
        else:
            assert isinstance(landed, RefLanded)
            assert bench.control.store.tree_of(landed.commit) == chain.tree
            assert lander.tip() == landed.commit
            assert landed.commit in landed_batches(bench.control, FEATURE).values()
    if isinstance(landed, ReadyToLand):
        subprocess.run(shlex.split(landed.command), check=True, capture_output=True)
        assert any("by its user" in sentence for sentence in reconcile(bench.control, FEATURE))
    _hold_repository(bench, lander, branches, case)
    case.after()


def _land_once(
    bench: Bench, lander: BranchLander, branches: list[Branch], case: Case
) -> tuple[Chain, RefLanded | ReadyToLand]:
    old = lander.tip()
    builder = ChainBuilder(bench.control.store, old or case.base, batch="b1", date=DATE, fold_case=case.fold_case)
    chain = builder.build(branches)
    again = ChainBuilder(bench.control.store, old or case.base, batch="b1", date=DATE, fold_case=case.fold_case)
    assert again.build(branches) == chain, "equal batches give equal commits"
    new = wrap(bench.control.store, chain, branches, batch="b1", date=DATE)
    case.meanwhile()
    return chain, lander.land(batch="b1", old=old, new=new)


def _land(
    bench: Bench, lander: BranchLander, branches: list[Branch], case: Case
) -> tuple[Chain, RefLanded | ReadyToLand, int]:
    """As a batch does: built again where somebody else was faster."""
    calm = Case(case.base, case.tips, fold_case=case.fold_case)
    for rounds in range(1, 6):
        try:
            return *_land_once(bench, lander, branches, case if rounds == 1 else calm), rounds
        except RefMoved:
            continue
    raise AssertionError("it never landed")


def _hold_verdict(chain: Chain, case: Case) -> None:
    """Each branch stands in exactly one place, and it is the right one."""
    assert tuple(link.task for link in chain.links) == case.links
    assert {clash.task: clash.partner for clash in chain.conflicts} == case.conflicts
    assert {held.task: held.by for held in chain.held} == case.held
    assert chain.skipped == case.skipped
    # Of `f~<commit>`, what git calls a file that a directory or a link is in the way of, the first part is enough.
    told = {path.path.partition("~")[0]: path.kinds for clash in chain.conflicts for path in clash.conflict.paths}
    assert {path: kind for path, kind in case.kinds.items() if kind not in told.get(path, ())} == {}, told


def _hold_repository(bench: Bench, lander: BranchLander, branches: list[Branch], case: Case) -> None:
    tip = lander.tip()
    assert tip is not None
    for branch in branches:
        assert bench.holds(branch.tip, tip) == (branch.task in (*case.links, *case.skipped)), branch.task
    if case.files is not None:
        assert bench.history.files(tip) == case.files
    assert bench.control.store.refs("refs/plait/intent/") == {}
    again = ChainBuilder(bench.control.store, tip, batch="b2", date=DATE, fold_case=case.fold_case)
    assert again.build(branches).links == (), "what has landed would land again"
    if not case.damaged:
        bench.git("fsck", "--no-dangling", "--no-progress")


@contextmanager
def _left_as_it_was(bench: Bench) -> Iterator[None]:
    """Whatever is merged and landed, the person's checkout, index, stash and settings are as they were."""
    before = bench.seen_by_the_person()
    yield
    assert bench.seen_by_the_person() == before


def unpack(repository: GitRepository) -> None:
    """Turn packs into loose objects, so that one can be lost."""
    for pack in sorted((repository.git_dir / "objects" / "pack").glob("*.pack")):
        content = pack.read_bytes()
        for part in pack.parent.glob(f"{pack.stem}.*"):
            part.unlink()
        repository.ask("unpack-objects", "-q", stdin=content)


def not_there(path: Path) -> None:
    """What nobody was to make."""
    assert not path.exists(), path
