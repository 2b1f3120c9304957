"""Many questions about a history, answered from two readings of it as git answers them one by one."""

import sys
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from plait.workspace.ancestry import read_ancestry
from plait.workspace.control import open_control
from tests.workspace.histories import DATE, History

SHAPES = st.lists(st.lists(st.integers(0, 7), max_size=2, unique=True), min_size=1, max_size=8)


@settings(max_examples=15, deadline=None)
@given(shape=SHAPES, beyond=st.none() | st.integers(0, 7))
def test_what_contains_what_is_as_git_says(shape: list[list[int]], beyond: int | None) -> None:
    with tempfile.TemporaryDirectory() as place:
        history = History.with_checkout(Path(place) / "repository")
        commits: list[str] = []
        for number, parents in enumerate(shape):
            known = [commits[parent] for parent in parents if parent < number]
            message = f"commit {number}\n\nPlait-Task: T{number}\n"
            commits.append(history.commit({f"{number}.txt": "x"}, *known, message=message))
            history.branch(f"b{number}", commits[-1])
        control = open_control(Path(place) / "repository", home=Path(place) / "home")
        limit = commits[beyond] if beyond is not None and beyond < len(commits) else None

        seen = read_ancestry(control, commits, beyond=limit)

        read = [one for one in commits if limit is None or not control.store.is_ancestor(one, limit)]
        assert sorted(seen.parents) == sorted(read)
        for newer in read:
            assert [one for one in read if seen.contains(newer, one)] == [
                one for one in read if control.store.is_ancestor(one, newer)
            ]
            assert seen.trailers[newer] == {"Plait-Task": f"T{commits.index(newer)}"}


def test_a_long_history_of_others_takes_memory_by_its_length_and_not_by_its_square(tmp_path: Path) -> None:
    history = History.with_checkout(tmp_path / "repository")
    count = 8_000
    one = f"commit refs/heads/long\ncommitter T <t@example.com> {DATE}\ndata 5\nhello\n"
    history.repository.ask("fast-import", "--quiet", "--force", stdin=(one * count).encode())
    work = history.commit(
        {"a": "1"}, history.repository.resolve("refs/heads/long") or "", message="a\n\nPlait-Task: A\n"
    )
    repair = history.commit({"a": "2"}, work, message="b\n\nPlait-Task: A\n")
    control = open_control(tmp_path / "repository", home=tmp_path / "home")

    seen = read_ancestry(control, [repair], beyond=None)

    assert len(seen.parents) == count + 2
    assert seen.contains(repair, work)
    assert sum(map(sys.getsizeof, seen._reach.values())) < 40 * count
