"""Commits that plait writes itself are those that git would write."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plait.plans.errors import CallError
from plait.plans.persons import PLAIT, Person
from plait.workspace.commit_objects import write_commit
from plait.workspace.git import GitRepository
from tests.workspace.histories import DATE, History

MESSAGES = st.text(st.characters(codec="utf-8", exclude_characters="\0") | st.sampled_from("\n\t \u2028"), max_size=60)

AUTHORS = [
    PLAIT,
    Person("X_y-3", "plait@localhost"),
    Person("Ada Byron, jr", "ada@example.com"),
    Person("Åsa  O'Hara 李", "å@sub.example"),
]


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
@given(data=st.data())
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_git_makes_the_same_commit_of_the_same_words(tmp_path_factory, object_format, data) -> None:
    directory = tmp_path_factory.mktemp("r") / "repository.git"
    repository = GitRepository(directory)
    repository.ask("init", "--quiet", "--bare", f"--object-format={object_format}", str(directory))
    tree = repository.ask("mktree").text
    known = [repository.commit_tree(tree, (), str(number), date=DATE) for number in range(2)]
    parents = tuple(data.draw(st.lists(st.sampled_from(known), max_size=3)))
    message, author = data.draw(MESSAGES), data.draw(st.sampled_from(AUTHORS))
    date = data.draw(st.sampled_from([DATE, "1000000000 +0000", "1767225600 -1130"]))

    made = write_commit(repository, tree, parents, message, date=date, author=author)

    assert repository.resolve(made) == made
    repository.ask("fsck", "--strict", made)
    (directory / "objects" / made[:2] / made[2:]).unlink()
    repository = GitRepository(directory, environment={"GIT_AUTHOR_EMAIL": author.mail})
    assert repository.commit_tree(tree, parents, message, date=date, author=author.name) == made


def test_a_commit_that_is_there_is_written_once(tmp_path: Path) -> None:
    history = History.new(tmp_path / "repository.git")
    tree = history.repository.ask("mktree").text
    made = {write_commit(history.repository, tree, (), "a commit\n", date=DATE) for _ in range(3)}
    assert len(made) == 1
    assert len([*(tmp_path / "repository.git/objects").glob("??/*")]) == 2


@pytest.mark.parametrize(
    "odd",
    [
        {"message": "a\0b"},
        *({"author": Person(name, "a@b")} for name in ("a <b>", "a\nparent x", "a.", "", " a", "\ud800")),
        *({"author": Person("a", mail)} for mail in ("", "a b", "a>", "a@b.")),
        {"date": "now"},
    ],
)
def test_what_git_would_not_write_so_is_refused(tmp_path: Path, odd: dict[str, Any]) -> None:
    words: dict[str, Any] = {"message": "m\n", "author": PLAIT, "date": DATE} | odd
    with pytest.raises(CallError):
        write_commit(GitRepository(tmp_path), "1" * 40, (), **words)
