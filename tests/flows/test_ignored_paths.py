"""Patterns of a plan that mean nothing but ignored files are told before anything is paid."""

from pathlib import Path
from textwrap import dedent

import pytest

from plait.flows.inputs.ignored_paths import ignored_paths
from plait.flows.inputs.requests import read_brief
from tests.support.repositories import commit_files


def ignored(place: Path, *patterns: str, outputs: str = "") -> dict[str, str]:
    plan = f"""
        feature: f
        tasks:
          - {{id: A, role: dev, prompt: x, owns: [{", ".join(f'"{each}"' for each in patterns)}], outputs: [{outputs}]}}
    """
    return dict(ignored_paths(read_brief(dedent(plan), source="p", crew=None, folder=place), place))


def test_what_the_template_of_python_ignores_is_named_with_its_rule(repository: Path) -> None:
    commit_files(repository, {".gitignore": "*.py[cod]\nbuild/\nlib/\n*.log\n", "docs/.gitignore": "draft*\n"})
    assert ignored(repository, "web/lib/**", "web/src/**", "docs/draft.md", outputs="a/*.log, build/x.js") == {
        "web/lib/**": ".gitignore, line 3: lib/",
        "docs/draft.md": "docs/.gitignore, line 1: draft*",
        "a/*.log": ".gitignore, line 4: *.log",
        "build/x.js": ".gitignore, line 2: build/",
    }


def test_what_is_tracked_or_let_in_again_is_not_ignored(repository: Path) -> None:
    commit_files(repository, {".gitignore": "/docs/\nlib/\n!web/lib/\n"})
    assert ignored(repository, "docs/**", "web/lib/**", "lib/**") == {"lib/**": ".gitignore, line 2: lib/"}


def test_the_clone_s_own_rules_and_the_user_s_count(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "configuration"))
    file = tmp_path / "configuration/git/ignore"
    file.parent.mkdir(parents=True)
    file.write_text(".idea/\n")
    (repository / ".git/info/exclude").write_text("scratch/\n")
    found = ignored(repository, ".idea/plan.xml", "scratch/**", "src/**")
    assert found[".idea/plan.xml"] == f"{file}, line 1: .idea/"
    assert found["scratch/**"].endswith("info/exclude, line 1: scratch/")
    assert "src/**" not in found


def test_without_a_repository_nothing_is_said(tmp_path: Path) -> None:
    assert ignored(tmp_path, "lib/**") == {}
