"""A settled file is taken only without new markers, and when it is what its name says."""

import pytest

from plait.plans.merging.soundness import has_new_markers, is_broken

FINE = {
    "a.json": b"{}",
    "a.jsonl": b"{}\n\n[]\n",
    "a.toml": b"a = 1",
    "a.yaml": b"a: !odd [1]\n---\nb: 2",
    "a.py": b"x=1",
}
BROKEN = {"a.json": b"{", "a.jsonl": b"{}\n{", "a.toml": b"a =", "a.yaml": b"a: [1", "a.py": b"x ="}


@pytest.mark.parametrize("path", FINE)
def test_what_does_not_parse_any_more_is_broken(path: str) -> None:
    fine, broken = FINE[path], BROKEN[path]
    assert not is_broken(path, fine, fine, fine)
    assert is_broken(path, broken, fine, broken)
    assert is_broken(path, broken, broken, fine)
    assert not is_broken(path, broken, broken, broken), "neither side parses: nothing to judge by"
    assert not is_broken("dir.json/" + path[:1], broken, fine, fine)


def test_what_nobody_can_parse_is_broken_and_not_a_crash() -> None:
    deep = b"[" * 200_000
    assert is_broken("a.json", deep, b"[]")
    assert is_broken("a.yaml", b"\xff\xfe\xfa", b"a: 1")
    assert is_broken("a.py", b"x = 1\0", b"x = 1")


def test_a_marker_that_was_there_before_is_none() -> None:
    marked = b"a\n<<<<<<< ours\nb\n=======\nc\n>>>>>>> theirs\n"
    assert has_new_markers(marked, b"a\n")
    assert not has_new_markers(marked, marked)
    assert not has_new_markers(b"Heading\n=======\n", b"")
    assert has_new_markers(b"a\n||||||| base\n", b"a\n")
