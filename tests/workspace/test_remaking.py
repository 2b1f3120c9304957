"""Files that a command makes anew on a chain's tip: once, only its own, and a failure is a conflict."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from plait.plans.language.merge_rules import PathRule
from plait.plans.merging.path_rules import file_rules
from plait.workspace.chains import Branch, Chain, ChainBuilder, wrap
from plait.workspace.control import Control
from plait.workspace.merging import SettledPath
from plait.workspace.remaking import Remaker
from plait.workspace.settling import Settler
from plait.workspace.trees import entries_of, write_blob
from plait.workspace.verification import Verifier
from tests.conftest import DATE, BranchWith
from tests.support.repositories import git

ADDING = "echo run >> {log}; cat parts/* > lock; echo more > other.txt; mkdir -p gen; echo 1 > gen/new"


def remaker_with(control: Control, tmp_path: Path, *variables: str) -> Remaker:
    given = dict(variable.split("=") for variable in variables)
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), **given}
    verifier = Verifier(
        control, place=tmp_path / "slots", commands=("true",), cache=tmp_path / "cache", environment=environment,
        logs=tmp_path / "logs", variables=variables,
    )  # fmt: skip
    return Remaker(control, verifier)


@pytest.fixture
def remaker(control: Control, tmp_path: Path) -> Remaker:
    return remaker_with(control, tmp_path)


@pytest.fixture
def chain_with(
    control: Control, remaker: Remaker, branch_with: BranchWith
) -> Callable[[str], tuple[Chain, list[Branch]]]:
    """The chain of A, B and C, which all have a part and a lock of their own, with this command for the lock."""
    base = branch_with("start", {"lock": "", "parts/0": "0\n"})

    branches = [
        Branch(name, branch_with(name, {"lock": f"{name}\n", f"parts/{name}": f"{name}\n"}, start="start"))
        for name in "ABC"
    ]

    def build(command: str) -> tuple[Chain, list[Branch]]:
        rules = file_rules([PathRule(paths=("lock", "gen/**", ".github/**"), regenerate=command)])
        builder = ChainBuilder(
            control.store,
            base,
            batch="b1",
            date=DATE,
            settler=Settler(rules),
            remake=lambda tree, settled: remaker.remake(tree, settled, stop=threading.Event()),
        )
        return builder.build(branches), branches

    return build


def files_in(control: Control, tree: str) -> dict[str, str]:
    repository = control.store.git_dir  # what has not landed is in plait's own store alone
    names = git(repository, "ls-tree", "-r", "--name-only", tree).split()
    return {name: git(repository, "show", f"{tree}:{name}") for name in names}


def test_a_lock_is_made_anew_once_on_the_tip_and_nothing_else_is_taken(chain_with, control, tmp_path: Path) -> None:
    log = tmp_path / "runs"
    chain, branches = chain_with(ADDING.format(log=log) + "; mkdir -p .github; echo evil > .github/x")
    files = files_in(control, chain.tree)
    assert (files["lock"], files["gen/new"]) == ("0\nA\nB\nC", "1")
    assert "other.txt" not in files, "the rule is not for it"
    assert ".github/x" not in files, "a control file that did not conflict"
    assert [link.task for link in chain.links] == ["A", "B", "C"]
    assert chain.tree == chain.links[-1].tree == control.store.tree_of(chain.tip)
    assert log.read_text().split() == ["run"]
    message = git(control.store.git_dir, "log", "-1", "--format=%B", chain.tip)
    assert message.count("Plait-Settled: lock (regenerate)") == 2
    assert [branch.tip for branch in branches][-1] in git(control.store.git_dir, "log", "-1", "--format=%P", chain.tip)
    assert control.store.tree_of(wrap(control.store, chain, branches, batch="b1", date=DATE)) == chain.tree


def test_what_was_made_is_remembered_by_the_trees_it_came_from(chain_with, remaker, tmp_path: Path) -> None:
    command = ADDING.format(log=tmp_path / "runs") + "; date +%N >> lock"
    first, second = chain_with(command)[0], chain_with(command)[0]
    assert first == second
    assert (tmp_path / "runs").read_text().split() == ["run"]
    remaker._known.clear()
    assert chain_with(command)[0] == first, "by a later run, too"
    assert (tmp_path / "runs").read_text().split() == ["run"]


def test_what_was_made_with_other_variables_is_made_anew(control, tmp_path: Path, branch_with: BranchWith) -> None:
    tree = control.store.tree_of(branch_with("start", {"lock": "1\n"}))
    (rule,) = file_rules([PathRule(paths=("lock",), regenerate='echo "$MODE" > lock')])
    settled = [SettledPath("lock", "regenerate", remake=rule)]

    for mode in ("easy", "hard"):
        made = remaker_with(control, tmp_path / mode, f"MODE={mode}").remake(tree, settled)
        assert files_in(control, made.tree)["lock"] == mode


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("echo no such package; exit 3", "`echo no such package; exit 3` failed:\nno such package"),
        ("echo '<<<<<<< x' > lock", "conflict markers"),
        ("rm -rf lock; ln -s /etc/passwd lock", "a symbolic link that leaves the repository"),
        ("rm -f lock; mkfifo lock", "a named pipe"),
    ],
)
def test_a_command_that_fails_is_a_conflict_that_says_why(chain_with, control, command, why) -> None:
    chain, _ = chain_with(command)
    assert [link.task for link in chain.links] == ["A"]
    assert [(clash.task, clash.partner, clash.paths) for clash in chain.conflicts] == [
        ("B", "A", ("lock",)),
        ("C", "A", ("lock",)),
    ]
    assert all(why in " ".join(clash.messages) for clash in chain.conflicts)
    assert files_in(control, chain.tree)["lock"] == "A"


def test_a_command_gets_the_files_as_its_arguments(chain_with, control) -> None:
    chain, _ = chain_with('for file in "$@"; do echo "made $file" > "$file"; done')
    assert files_in(control, chain.tree)["lock"] == "made lock"


def test_files_may_have_any_names_and_be_thousands(control, remaker: Remaker, branch_with: BranchWith) -> None:
    """One argument has room for 128 KiB."""
    odd = ["-rf", "a b", "a\nb", "it's $(touch gone)", '"', "\udce9"]
    paths = [*odd, *(f"snapshots/{'of a page with a long name/' * 3}{number}.snap" for number in range(2_000))]
    tree = control.store.tree_of(branch_with("start", dict.fromkeys(paths, "1\n")))
    command = 'for file in "$@"; do echo "$#" > "./$file"; done; test ! -e gone'
    (rule,) = file_rules([PathRule(paths=("**",), regenerate=command)])
    settled = [SettledPath(path, "regenerate", remake=rule) for path in paths]

    made = remaker.remake(tree, settled)

    assert (made.outcome, made.problem) == ("green", "")
    entries = entries_of(control.store, made.tree)
    assert {entries[path][1] for path in paths} == {write_blob(control.store, b"%d\n" % len(paths))}


def test_a_file_that_a_command_takes_away_is_gone(chain_with, control) -> None:
    chain, _ = chain_with("rm lock")
    assert "lock" not in files_in(control, chain.tree)


def test_without_anybody_who_runs_it_a_command_settles_nothing(control, branch_with: BranchWith) -> None:
    base = branch_with("start", {"lock": ""})
    branches = [Branch(name, branch_with(name, {"lock": f"{name}\n"}, start="start")) for name in "AB"]
    rules = file_rules([PathRule(paths=("lock",), regenerate="true")])
    chain = ChainBuilder(control.store, base, batch="b1", date=DATE, settler=Settler(rules)).build(branches)
    assert [clash.task for clash in chain.conflicts] == ["B"]


def test_a_cancelled_run_makes_nothing_and_says_so(control, remaker: Remaker, branch_with: BranchWith) -> None:
    tree = control.store.tree_of(branch_with("start", {"lock": "1\n"}))
    (rule,) = file_rules([PathRule(paths=("lock",), regenerate="sleep 60")])
    stop = threading.Event()
    stop.set()
    remade = remaker.remake(tree, [SettledPath("lock", "regenerate", remake=rule)], stop=stop)
    assert (remade.outcome, remade.failed, remade.tree) == ("cancelled", rule, tree)
