"""Which programs a shell command certainly starts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.plans.quality.check_programs import programs_of, programs_of_arguments


@pytest.mark.parametrize(
    ("command", "programs"),
    [
        ("pytest -q", ("pytest",)),
        ("CI=1 FOO='a b' pytest -q tests", ("pytest",)),
        ("cd web && npm test", ("npm",)),
        ("cd web; set -e; npm ci && node x.js", ("npm",)),
        ("npm test | tee log", ("npm", "tee")),
        ("npm test > log 2>&1", ("npm",)),
        ("# a remark\nruff check .\nmypy", ("ruff",)),
        ("test -x tool || make tool", ()),
        ("test -s a.txt", ()),
        ("[ -f a ] && make", ()),
        ("./run-tests.sh", ()),
        ("if true; then make; fi", ()),
        ("for f in *; do cat $f; done", ()),
        ("$(which pytest) -q", ()),
        ("(cd web && npm test)", ()),
        ("$TOOL -q", ()),
        ('"unclosed', ()),
        ("! grep -q x a", ()),
        ("X=1", ()),
        ("", ()),
        ("true && pytest", ("pytest",)),
        ("exec pytest -q", ("pytest",)),
        ("env CI=1 pytest -q", ("env", "pytest")),
        ("env -i pytest", ("env",)),
        ("timeout 5m nice pytest", ("timeout", "nice", "pytest")),
        ("timeout -k 5 9 pytest", ("timeout",)),
        ("nohup ./run.sh", ("nohup",)),
        ("set -eu\ncd web\nnpm test\nnode x", ("npm",)),
        ("cat <<E\nnot-a-program\nE", ()),
        ("echo a \\\n  pytest", ()),
        ("python3 -m pytest; echo done", ("python3",)),
    ],
)
def test_only_what_is_certainly_started_is_named(command: str, programs: tuple[str, ...]) -> None:
    assert programs_of(command) == programs


@pytest.mark.parametrize(
    ("arguments", "programs"),
    [
        (["sh", "-c", "FOO=1 claude -p"], ("claude",)),
        (["/bin/bash", "-c", "claude -p || codex"], ()),
        (["bash", "-lc", "claude"], ()),
        (["python3", "-c", "claude"], ()),
        (["sh", "-c"], ()),
    ],
)
def test_the_line_of_a_shell_is_read_as_a_check_is(arguments: list[str], programs: tuple[str, ...]) -> None:
    assert programs_of_arguments(arguments) == programs


@given(st.text(max_size=60))
def test_any_text_is_answered_with_bare_names(command: str) -> None:
    for name in programs_of(command):
        assert "/" not in name
        assert name.strip() == name != ""
