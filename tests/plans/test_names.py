"""Names are of our own ASCII rule, and git agrees with every one that it lets through."""

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from plait.plans.names import (
    agent_branch,
    base_problem,
    check_slug,
    foreign_problem,
    integration_branch,
    salvage_branch,
    stem_of,
)

FINE_BRANCHES = (
    "main",
    "master",
    "release/1.2",
    "fix_#3",
    "feature/x/integration",
    "dependabot/npm_and_yarn/lodash-4.17.21",
    "user@home",
    "a",
    "v1.0",
    "a-b/c_d",
    "hotfix+1",
    "x=y",
    "deadbeef",
    "head",
    "refs",
    "stash/1",
)

FINE_BASES = (
    *FINE_BRANCHES,
    "größe",
    "fix(ui)!",
    "a/-b",
    "HEAD",
    "HEAD~1",
    "HEAD^^",
    "main~2^2",
    "main^",
    "v1~",
    "refs/heads/main",
    "refs/tags/v1",
    "refs/pull/12/head",
    "3f2a9c1",
    "0123456789abcdef0123456789abcdef01234567",
    "a" * 64,
)
REFUSED_BASES = (
    "",
    "-x",
    "--upload-pack=touch x",
    "..",
    "a..b",
    "@{-1}",
    "main@{1}",
    "@",
    "FETCH_HEAD",
    "ORIG_HEAD",
    "MERGE_HEAD",
    "stash",
    "refs/",
    "a.lock",
    "/a",
    "a/",
    "a//b",
    ".a",
    "a.",
    "a b",
    "a\tb",
    "a\nb",
    "a\0b",
    "a\x7fb",
    "a~1b",
    "a^{tree}",
    "^a",
    "~1",
    "a~999999999",
    "a:b",
    "a?b",
    "a*b",
    "a[b",
    "a\\b",
    "a\u202eb",
    "a" * 300,
    "\ud800",
)


@pytest.mark.parametrize("name", FINE_BASES)
def test_a_base_may_be_a_branch_a_tag_a_commit_and_what_came_before_one(name: str) -> None:
    assert base_problem(name) is None


@pytest.mark.parametrize("name", REFUSED_BASES)
def test_other_bases_are_refused_with_a_reason(name: str) -> None:
    problem = base_problem(name)
    assert problem
    assert problem.isprintable()


@pytest.mark.parametrize(
    ("base", "stem"), [("main", "main"), ("main~2", "main"), ("v1^^", "v1"), ("HEAD~1^2", "HEAD"), ("a~b", "a~b")]
)
def test_the_stem_of_a_base_is_the_name_in_it(base: str, stem: str) -> None:
    assert stem_of(base) == stem


SYNTAX = (
    "-x",
    "a..b",
    "a@{1}",
    "@{-1}",
    "a\\b",
    "a b",
    *(f"a{char}b" for char in "~^:?*["),
    "",
    ".a",
    "a/.b",
    "a.",
    "a.lock",
)
UNSEEN = ("a\tb", "a\nb", "a\0b", "a\x7fb", "a\u202eb", "a\xa0b", "a\u200bb", "\ud800")


@pytest.mark.parametrize(
    "name", [*FINE_BRANCHES, "größe", "ｆｕｌｌ", "修正/一", "fix(ui)!", "a&b", "a/-b", "a.LOCK", "a./b"]
)
def test_the_branch_of_somebody_else_may_have_any_name_that_git_takes_and_one_can_see(name: str) -> None:
    assert foreign_problem(name) is None
    assert foreign_problem(f"refs/pull/{name}") is None


@pytest.mark.parametrize("name", [*SYNTAX, *UNSEEN, "HEAD", "0123456789abcdef0123456789abcdef01234567"])
def test_the_branch_of_somebody_else_has_no_name_that_means_something_else_or_hides_something(name: str) -> None:
    for text in (name, f"refs/{name}"):
        problem = foreign_problem(text)
        assert problem
        assert problem.isprintable()


@pytest.mark.parametrize("name", ["shopping-cart", "TASK-001", "a", "9", "a_b", "x" * 64, "deadbeef"])
def test_slugs_are_given_back(name: str) -> None:
    assert check_slug(name) == name


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "is empty"),
        ("x" * 65, "has 65 characters"),
        ("api.1", "is not a name"),
        ("a/b", "is not a name"),
        ("-x", "is not a name"),
        ("_x", "is not a name"),
        ("a b", "is not a name"),
        ("ä", "is not a name"),
        ("a\n", "is not a name"),
        ("..", "is not a name"),
        ("@", "is not a name"),
        ("$(id)", "is not a name"),
        ("0" * 40, "object id"),
    ],
)
def test_other_texts_are_no_slugs(name: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        check_slug(name)


def test_branches_say_feature_role_and_task() -> None:
    assert integration_branch("cart") == "feature/cart/integration"
    assert agent_branch("cart", "backend", "TASK-002") == "feature/cart/agent/backend/TASK-002"
    assert agent_branch("cart", "backend", "TASK-002.3") == "feature/cart/agent/backend/TASK-002.3"
    assert salvage_branch("cart", "qa", "TASK-002.3", 2) == "feature/cart/salvage/qa/TASK-002.3/2"


@pytest.mark.parametrize("task", ["a..b", "a.lock", "a.0", "a.01", "a.", "../x", "a.1.2", "a.1\n"])
def test_no_branch_is_made_of_a_bad_task_id(task: str) -> None:
    with pytest.raises(ValueError, match="is not the id of a task"):
        agent_branch("cart", "backend", task)


_LIKE_NAMES = st.text(st.sampled_from("aZ09._-/#+=@,{}~^: \\\n\0é"), max_size=12) | st.text(max_size=12)


@settings(max_examples=2000, deadline=None)
@given(_LIKE_NAMES)
@example("a.lock")
@example("-x~1")
def test_an_accepted_base_is_never_an_option_a_range_or_a_path(text: str) -> None:
    if base_problem(text) is None:
        assert not text.startswith("-")
        assert text.isprintable()
        assert not any(sign in text for sign in ("..", "@{", ":", " "))


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("names")
    subprocess.run(["git", "init", "-q", "--bare", "."], cwd=place, env=_environment(place), check=True)
    return place


def _environment(home: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(home), "GIT_CONFIG_NOSYSTEM": "1"}


def _is_slug(text: str) -> bool:
    try:
        return check_slug(text) == text
    except ValueError:
        return False


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(texts=st.lists(_LIKE_NAMES, min_size=50, max_size=200))
@example(texts=[*FINE_BASES, *REFUSED_BASES, *SYNTAX, *UNSEEN, "x" * 64])
def test_git_accepts_every_name_that_the_rule_accepts(repository: Path, texts: list[str]) -> None:
    """One `git update-ref` refuses the whole batch when one name is malformed."""
    slugs = [text for text in texts if _is_slug(text)]
    names = {
        *(text for text in texts if foreign_problem(text) is None),
        *(text for text in texts if base_problem(text) is None and stem_of(text) == text and text != "HEAD"),
        *(integration_branch(slug) for slug in slugs),
        *(agent_branch(slug, slug, f"{slug}.1") for slug in slugs),
        *(salvage_branch(slug, slug, slug, 1) for slug in slugs),
    }
    commands = "".join(f"verify refs/heads/{name} {'0' * 40}\n" for name in sorted(names))
    done = subprocess.run(
        ["git", "update-ref", "--stdin"],
        cwd=repository,
        env=_environment(repository),
        input=commands,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "invalid" not in done.stderr
    assert done.returncode == 0 or "cannot lock ref" in done.stderr, done.stderr
