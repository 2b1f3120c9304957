"""The scripts that replay real repositories, on small ones whose figures are known."""

import json
from pathlib import Path

import pytest

from benchmarks import replay_history, replay_merges
from plait.workspace.git import GitRepository
from plait.workspace.merging import Conflict, merge
from tests.workspace.histories import History

BASE = "def a():\n    return 1\n"
ONE = BASE + "\n\ndef b():\n    return 2\n"
OTHER = BASE + "\n\ndef c():\n    return 3\n"
BOTH = ONE + "\n\ndef c():\n    return 3\n"


@pytest.fixture
def history(tmp_path: Path) -> History:
    """A merge that structure settles as people did, one that it settles otherwise, one that it cannot, a clean one."""
    history = History.new(tmp_path / "repository.git")
    base = history.commit({"a.py": BASE, "b.txt": "1\n"})
    first = history.commit({"a.py": BOTH}, history.commit({"a.py": ONE}, base), history.commit({"a.py": OTHER}, base))
    d = history.commit({"a.py": BOTH + "\n\ndef d():\n    return 4\n"}, first)
    e = history.commit({"a.py": BOTH + "\n\ndef e():\n    return 5\n"}, first)
    second = history.commit({"a.py": BASE}, d, e)
    text, other = history.commit({"b.txt": "2\n"}, second), history.commit({"b.txt": "3\n"}, second)
    third = history.commit({"b.txt": "4\n"}, text, other)
    history.branch("main", history.commit({"c.txt": "1\n"}, third, history.commit({"c.txt": "1\n"}, base)))
    return history


def test_merges_are_counted_by_what_settles_them(history: History, tmp_path: Path) -> None:
    tally = replay_merges.Tally()
    (tmp_path / "objects").mkdir()
    elsewhere = {"GIT_ALTERNATE_OBJECT_DIRECTORIES": str(history.repository.git_dir / "objects")}
    repository = GitRepository(history.repository.git_dir, tmp_path / "objects", elsewhere)
    for commit, ours, theirs in replay_merges.merges(repository, None):
        replay_merges.replay(repository, commit, ours, theirs, tally)
    assert (tally.merges, tally.conflicted, tally.by_structure, tally.refused) == (4, 3, 2, 0)
    assert tally.files == {".py": 2, ".txt": 1}
    assert tally.settled == {"python": 2}
    assert tally.compared == tally.whole == {replay_merges.EXACT: 1, replay_merges.OTHER: 1}
    assert sum(tally.why.values()) == 1
    assert not list((history.repository.git_dir / "objects" / "pack").glob("*.idx"))
    assert json.dumps(replay_merges.row(tmp_path, tally))


@pytest.mark.parametrize(
    ("made", "wanted", "verdict"),
    [
        (ONE, ONE, replay_merges.EXACT),
        (ONE, ONE + "# more\n", replay_merges.TREE),
        ("a = 1\nb = 2\n", "b = 2\na = 1\n", replay_merges.ORDER),
        (ONE, OTHER, replay_merges.OTHER),
        (ONE, "def (", replay_merges.OTHER),
    ],
)
def test_what_people_made_is_compared(made: str, wanted: str, verdict: str) -> None:
    assert replay_merges.compare(made.encode(), wanted.encode(), "python") == verdict


def test_a_history_comes_out_as_it_was(history: History, tmp_path: Path) -> None:
    control = replay_history.borrowing_control(history.repository.git_dir, tmp_path / "place")
    tally = replay_history.Tally()
    verifier = replay_history.verifier_of(control, tmp_path / "place", "test -f a.py && test ! -f z.py")
    replay_history.replay(control, 10, 2, verifier, tally)
    assert (tally.conflicts, tally.other_trees, tally.red) == (0, 0, 0)
    assert tally.commits == 7
    assert tally.green == tally.batches == 4
    assert "refs/heads/history" not in history.repository.refs("refs/")


def test_what_presets_settle_is_counted_by_what_the_repository_has(history: History) -> None:
    """A log is joined; a lock waits for its command; a snapshot is jest's only where jest is."""
    names = ("CHANGELOG.md", "package-lock.json", "__snapshots__/a.snap", "a.txt")
    base = history.commit(dict.fromkeys(names, "1\n"))
    sides = [history.commit(dict.fromkeys(names, f"1\n{side}\n"), base) for side in ("a", "b")]
    sides_with_jest = [history.commit({"jest.config.js": ""}, side) for side in sides]
    for (ours, theirs), more in ((sides, set()), (sides_with_jest, {"__snapshots__/a.snap"})):
        conflict = merge(history.repository, ours, theirs, attributes=b"")
        assert isinstance(conflict, Conflict)
        settled = replay_merges.settled_by_rules(history.repository, conflict)
        assert settled == {"CHANGELOG.md", "package-lock.json", *more}
