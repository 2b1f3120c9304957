"""Presets are filled in from the commit that the feature starts from, and told before anything runs."""

from pathlib import Path

from plait.flows.inputs.filled_presets import fill_presets, shown_presets
from plait.flows.inputs.requests import Brief, read_brief
from plait.plans.language.verify_stages import commands_in
from plait.workspace.git import GitRepository
from plait.workspace.root_files import root_files
from tests.agent_tasks.batches import batch
from tests.conftest import BranchWith
from tests.flows.opened import opened
from tests.support.repositories import commit_files

PLAN = """
feature: shop
goal: Sell things.
tasks:
  - {id: A, run: "true", verify: {preset: python}}
integration:
  verify: [{preset: auto}, test -f README.md]
"""
PROJECT = {
    "setup.py": "x = 1\n",
    "tests/test_a.py": "import unittest\nclass T(unittest.TestCase):\n    def test_a(self): pass\n",
}


def brief_of(text: str = PLAN) -> Brief:
    return read_brief(text, source="plan.yaml", crew=None, folder=Path())


def test_stages_of_tasks_and_of_the_whole_come_from_base(repository: Path) -> None:
    commit_files(repository, PROJECT)
    git = GitRepository(repository / ".git")
    brief = brief_of()
    filled, told = fill_presets(brief, git, git.resolve("HEAD") or "")
    compiled, tests = "python3 -m compileall -q -x '/[.]' .", "python3 -m unittest discover -s tests"
    assert commands_in(filled.plan.integration.verify) == (compiled, tests, "test -f README.md")
    assert commands_in(filled.expansion.tasks[0].task.verify) == (compiled, tests)
    assert filled.expansion.tasks[0].spec_hash == brief.expansion.tasks[0].spec_hash
    assert told == (
        f"integration.verify: preset auto runs syntax: {compiled} · tests: {tests}",
        f"A: verify: preset python runs syntax: {compiled} · tests: {tests}",
    )


def test_where_base_has_nothing_of_it_that_is_told(repository: Path) -> None:
    filled, told = shown_presets(brief_of(), repository)
    assert filled.plan.integration.verify == ("test -f README.md",)
    assert told[1] == "A: verify: preset python finds nothing to run at base: it verifies nothing"


def test_without_a_repository_that_is_told(tmp_path: Path) -> None:
    brief, told = shown_presets(brief_of(), tmp_path)
    assert brief.plan.integration.verify
    assert "depends on the repository" in told[0]


def test_links_and_large_files_at_the_top_are_not_read(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("[tool.pytest]")
    (repository / "pyproject.toml").symlink_to(tmp_path / "secret")
    commit_files(repository, {"package.json": '{"scripts": {"test": "x"}}' + " " * 300_000, "test": "a file"})
    git = GitRepository(repository / ".git")
    files, folders = root_files(git, git.resolve("HEAD") or "")
    assert (files, folders) == ({"package.json": ""}, frozenset({"tests"}))


def test_a_mark_of_the_byte_order_does_not_hide_what_a_file_says(repository: Path) -> None:
    commit_files(repository, {"package.json": '\ufeff{"scripts": {"test": "x"}}'})
    git = GitRepository(repository / ".git")
    files, _ = root_files(git, git.resolve("HEAD") or "")
    assert files == {"package.json": '{"scripts": {"test": "x"}}'}


def test_a_run_verifies_with_the_stages_of_its_presets(repository: Path, branch_with: BranchWith) -> None:
    commit_files(repository, PROJECT)
    with opened(PLAN, repository) as session:
        assert any(notice.startswith("integration.verify: preset auto runs") for notice in session.notices)
        good = batch(session, {"A": branch_with("a", {"a.py": "x = 1\n"})})
        bad = batch(session, {"B": branch_with("b", {"b.py": "x = = 1\n"})})

    assert [stage.name for stage in good.outcome.stages] == ["syntax", "tests", ""]
    assert (bad.outcome.stages[0].name, bad.outcome.stages[0].verdict) == ("syntax", "red")
