"""What a batch did is told with what was seen, and with commands that show it again."""

import json
import subprocess
from pathlib import Path

import pytest

from plait.agent_tasks.integrate import integrate
from plait.plans.tasks.outcomes import BatchOutcome, ChainBranch, Rejection, SettledFile, VerifiedTree, WeakenedTest
from plait.plans.tasks.work import BatchOrder, Candidate
from plait.show.batch_story import batch_story, repeat_rejection, repeat_verification
from plait.show.metrics import measure
from plait.show.outcome_json import batch_record
from plait.show.run_report import report_markdown
from tests.agent_tasks.batches import PLAN
from tests.conftest import DATE, BranchWith
from tests.flows.opened import opened
from tests.support.outcomes import a_batch, an_outcome
from tests.support.patience import patience

BARE = "GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1"


def run_batch(repository: Path, tips: dict[str, str]) -> BatchOutcome:
    with opened(PLAN, repository) as session, patience(20):
        branches = tuple(Candidate(task, tip, ()) for task, tip in tips.items())
        return integrate.fn(BatchOrder("batch-1", session.shop.run_id, branches, DATE), session.shop.facts).outcome


def shell(commands: tuple[str, ...], place: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", "-e", "-c", "\n".join(commands)], cwd=place, capture_output=True, text=True, check=False
    )


def test_a_batch_records_its_chain_and_every_verification(repository: Path, branch_with: BranchWith) -> None:
    tips = {
        "A": branch_with("a", {"docs/guide.md": "a\n"}),
        "BAD": branch_with("bad", {"bad.txt": "x\n"}),
        "B": branch_with("b", {"docs/guide.md": "b\n"}),
    }
    batch = run_batch(repository, tips)

    assert [(one.task, one.tip, one.commit is None) for one in batch.chain] == [
        ("A", tips["A"], False),
        ("BAD", tips["BAD"], False),
        ("B", tips["B"], True),
    ]
    assert batch.checks == ("test ! -f bad.txt",)
    assert batch.trees[0].branches == ("A", "BAD")
    verdicts = {tree.branches: tree.verdict for tree in batch.trees}
    assert verdicts[("A",)] == "green"
    assert verdicts[("BAD",)] == verdicts[("A", "BAD")] == "red"
    assert all(Path(tree.log or "").exists() for tree in batch.trees if not tree.remembered)
    assert sum(not tree.remembered for tree in batch.trees) == batch.verifications


def test_what_was_rejected_is_repeated_by_the_commands_that_are_told(
    repository: Path, branch_with: BranchWith, tmp_path: Path
) -> None:
    batch = run_batch(
        repository,
        {
            "A": branch_with("a", {"docs/guide.md": "a\n"}),
            "BAD": branch_with("bad", {"bad.txt": "x\n"}),
            "B": branch_with("b", {"docs/guide.md": "b\n"}),
        },
    )
    conflict, fails = batch.rejected
    assert (conflict.kind, fails.kind) == ("conflict", "fails-alone")

    ended = shell(repeat_rejection(batch, conflict), tmp_path)
    assert "CONFLICT (content): Merge conflict in docs/guide.md" in ended.stdout, ended.stderr
    commands = repeat_rejection(batch, fails)
    assert shell(commands[:-1], tmp_path).returncode == 0
    folder = next(path for path in tmp_path.iterdir() if (path / "bad.txt").exists())
    assert not (folder / "docs/guide.md").read_text().startswith("a")
    assert shell((f"cd {folder}", commands[-1]), tmp_path).returncode == 1
    green = next(tree for tree in batch.trees if tree.verdict == "green" and tree.branches)
    assert shell(repeat_verification(batch, green), tmp_path).returncode == 0


def test_the_commands_show_the_same_whatever_git_settings_who_types_them_has(
    repository: Path, branch_with: BranchWith, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = run_batch(
        repository,
        {"A": branch_with("a", {"docs/guide.md": "a\n"}), "B": branch_with("b", {"docs/guide.md": "b\n"})},
    )
    settings = tmp_path / "settings"
    settings.write_text("[core]\nautocrlf = true\n[merge]\nff = only\n[user]\nuseConfigOnly = true\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    for name in ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"):
        monkeypatch.delenv(name)
    for _again in range(2):
        ended = shell(repeat_rejection(batch, batch.rejected[0]), tmp_path)
        assert "CONFLICT (content): Merge conflict in docs/guide.md" in ended.stdout, ended.stderr
    green = next(tree for tree in batch.trees if tree.verdict == "green" and tree.branches)
    assert shell((*repeat_verification(batch, green), "cat docs/guide.md"), tmp_path).stdout == "a\n"


def test_a_batch_is_told_in_lines() -> None:
    batch = a_batch(
        landed=("A",),
        onto="0" * 40,
        chain=(ChainBranch(task="A", tip="1" * 40, commit="2" * 40), ChainBranch(task="B", tip="3" * 40)),
        trees=(
            VerifiedTree(branches=("A",), tree="e" * 40, verdict="green", seconds=3, log="/logs/1.log"),
            VerifiedTree(branches=(), tree="f" * 40, verdict="green", remembered=True),
            VerifiedTree(branches=("A", "C"), tree="a" * 40, verdict="red", command="make\nmore", seconds=2),
        ),
        rejected=(
            Rejection(task="B", kind="conflict", partner="A", files=("x.py",)),
            Rejection(task="C", kind="fails-alone", reason="$ make\nno"),
        ),
        objects="/store/my objects",
        settled=(SettledFile(task="A", path="CHANGES.md", by="union"),),
        weakened=(WeakenedTest(task="A", path="t.py", line=5, what="a skip was added"),),
    )
    assert batch_story(batch) == [
        "batch-1: landed in 20 s, 1 verification, landed A, at ddddddddd",
        "  merged onto 000000000: A 111111111, B 333333333 (left out)",
        "  verified A: green, 3 s, tree eeeeeeeee, /logs/1.log",
        "  verified without any branch: green, remembered, tree fffffffff",
        "  verified A and C: red by `make more`, 2 s, tree aaaaaaaaa",
        "  B waits for A: conflict in x.py",
        "    $ git init --quiet --template= batch-1-333333333 && cd batch-1-333333333",
        "    $ echo '/store/my objects' > .git/objects/info/alternates",
        f"    $ {BARE} git checkout --quiet --force --detach {'2' * 40}",
        f"    $ {BARE} git -c user.name=plait -c user.email=plait@localhost merge --no-edit {'3' * 40}",
        "  rejected C: it makes the verification fail on its own",
        "    $ git init --quiet --template= batch-1-aaaaaaaaa && cd batch-1-aaaaaaaaa",
        "    $ echo '/store/my objects' > .git/objects/info/alternates",
        f"    $ {BARE} git read-tree -u --reset {'a' * 40}",
        "    $ sh -e -c 'make",
        "    > more'",
        "  CHANGES.md of A was settled by union",
        "  look at t.py:5 of A: a skip was added",
    ]
    page = report_markdown(an_outcome(batches=(batch,)), metrics=measure(an_outcome(batches=(batch,))))
    assert "## What the batches did" in page
    assert "git read-tree -u --reset aaaa" in page
    assert "- B waits for A: conflict in x.py" in page
    assert "## Tests that ask for less than before\n\n- t.py:5 of A: a skip was added" in page
    told = json.loads(json.dumps(batch_record(batch)))
    assert told["trees"][1] == {
        "branches": [],
        "tree": "f" * 40,
        "verdict": "green",
        "command": None,
        "seconds": 0.0,
        "remembered": True,
        "log": None,
        "contracts": [],
        "repeat": [*told["trees"][1]["repeat"]],
    }
    assert told["rejected"][1]["repeat"][-1] == "sh -e -c 'make\nmore'"


def test_batches_of_older_versions_have_a_line_of_their_own() -> None:
    assert batch_story(a_batch(rejected=(Rejection(task="B", kind="conflict", partner="A", files=("x.py",)),))) == [
        "batch-1: landed in 20 s, 1 verification, at ddddddddd",
        "  B waits for A: conflict in x.py",
    ]


def test_where_no_stage_looks_at_what_was_changed_nothing_is_said_to_have_been_verified_before(
    repository: Path, branch_with: BranchWith
) -> None:
    plan = PLAN.replace("[test ! -f bad.txt]", '{stage: code, run: "true", paths: [src/**]}')
    with opened(plan, repository) as session, patience(20):
        docs = Candidate("A", branch_with("a", {"docs/guide.md": "a\n"}), ())
        batch = integrate.fn(BatchOrder("batch-1", session.shop.run_id, (docs,), DATE), session.shop.facts).outcome

    assert [(stage.name, stage.verdict) for stage in batch.stages] == [("code", "unaffected")]
    assert [(tree.verdict, tree.remembered) for tree in batch.trees] == [("unaffected", False)]
    assert f"verified A: unaffected, no stage looks at what was changed, tree {batch.trees[0].tree[:9]}" in "\n".join(
        batch_story(batch)
    )
