"""Whatever came to base in whatever order and way, what is taken back out is what came with the feature."""

from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plait.workspace.base_history import on_base
from plait.workspace.control import open_control
from plait.workspace.reverting import tree_without
from tests.support.repositories import commit_files, files_of, git, make_repository

pytestmark = pytest.mark.slow

STEPS = st.lists(
    st.tuples(st.sampled_from(["cart", "search", "person"]), st.sampled_from(["merge", "squash", "forward", "rebase"])),
    min_size=1,
    max_size=6,
)


def bring(repository: Path, who: str, way: str, number: int) -> str:
    """Work on a branch of its own comes to main; gives the file that it brings."""
    name = f"{who}-{number}.txt"
    if who == "person":
        commit_files(repository, {name: "x\n"}, message=f"by hand {number}")
        return name
    start = git(repository, "rev-list", "--max-parents=0", "main") if way == "merge" else "main"
    git(repository, "switch", "--quiet", "--detach", start)
    said = f"{who} {number}\n\nPlait-Feature: {who}\nPlait-Task: T{number}\nPlait-Spec: {number}"
    commit = commit_files(repository, {name: "x\n"}, message=said)
    git(repository, "switch", "--quiet", "main")
    match way:
        case "merge":
            git(repository, "merge", "--quiet", "--no-ff", "--no-edit", commit)
        case "squash":
            git(repository, "merge", "--quiet", "--squash", commit)
            git(repository, "commit", "--quiet", "--no-edit")
        case "forward":
            git(repository, "merge", "--quiet", "--ff-only", commit)
        case _:
            git(repository, "cherry-pick", commit)
    return name


@settings(max_examples=25, suppress_health_check=list(HealthCheck))
@given(STEPS)
def test_base_without_a_feature_has_all_that_others_brought_and_nothing_of_it(steps: list[tuple[str, str]]) -> None:
    with TemporaryDirectory() as place:
        repository, numbers = make_repository(Path(place) / "shop"), count()
        first = set(files_of(repository, "main"))
        brought = [(who, bring(repository, who, way, next(numbers))) for who, way in steps]
        control = open_control(repository, home=Path(place) / "home")
        tip = git(repository, "rev-parse", "main")

        found = on_base(control, "cart", base=tip)

        assert found.mixed == {}
        assert bool(found.stretches) == any(who == "cart" for who, _ in brought)
        tree = tree_without(control.store, tip, found.stretches, fold_case=False)
        assert isinstance(tree, str)
        assert set(control.store.ask("ls-tree", "-r", "--name-only", tree).lines) == first | {
            name for who, name in brought if who != "cart"
        }
