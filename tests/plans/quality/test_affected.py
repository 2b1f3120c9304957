"""A stage is left out only where nothing that it names was changed."""

from hypothesis import given
from hypothesis import strategies as st

from plait.plans.language.verify_stages import VerifyStage
from plait.plans.paths import matches
from plait.plans.quality.affected import unaffected

PATHS = st.sampled_from(["src/a.py", "src/b/c.py", "docs/a.md", "README.md", "Cargo.lock"])
PATTERNS = st.sampled_from(["src/**", "**/*.py", "docs/*.md", "README.md", "web/**"])
STAGES = st.builds(lambda paths: VerifyStage(run=("x",), paths=tuple(paths)), st.lists(PATTERNS, max_size=3))


@given(st.lists(STAGES | st.just("make"), max_size=5), st.frozensets(PATHS))
def test_what_is_left_out_has_paths_and_none_of_them_was_changed(checks, changed) -> None:
    for at, check in enumerate(checks):
        paths = () if isinstance(check, str) else check.paths
        touched = any(matches(path, [pattern]) for path in changed for pattern in paths)
        assert (at in unaffected(checks, changed)) == (bool(paths) and not touched)


@given(st.lists(STAGES, max_size=5), st.frozensets(PATHS), st.frozensets(PATHS))
def test_who_changes_more_runs_no_less(checks, changed, more) -> None:
    assert unaffected(checks, changed | more) <= unaffected(checks, changed)


@given(st.lists(STAGES, max_size=5), st.frozensets(PATHS))
def test_a_lock_file_is_of_interest_to_all(checks, changed) -> None:
    assert unaffected(checks, changed | {"Cargo.lock"}, setup_inputs=["*.lock"]) == frozenset()
